"""Breaking lines, whatever the text."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from printing import font, layout
from printing.wrap import wrap
from tests.fakes.printer_slips import RARE

CHARS = "接种疫苗，。、（）《》“”·：；！？℃ abcXYZ0129-/.,:()%éǎμ" + RARE


@given(
    text=st.text(st.sampled_from(CHARS + "\n"), max_size=120),
    width=st.sampled_from([200, 384, 560, 576]),
    size=st.sampled_from(sorted(layout.DOTS)),
)
@example(text="abc    def  ，，，，，，，，，，，，，，，，，，，，，，，，", width=200, size=3)
def test_no_line_is_wider_than_the_paper_and_nothing_but_spaces_is_lost(text: str, width: int, size: int) -> None:
    dots = layout.DOTS[size]
    lines = wrap(text, width, lambda char: font.advance(char, dots))
    assert all(sum(font.advance(char, dots) for char in line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace("\n", "").replace(" ", "")
    assert len(lines) >= text.count("\n") + 1
