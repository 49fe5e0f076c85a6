"""What a slip looks like: the font, breaking lines, and pictures held dot by dot."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
import zxingcpp
from PIL import Image

from domain.documents import Document, Pair, Qr, Rule, Text
from printing import font, layout
from printing.wrap import wrap
from tests.fakes.printer_slips import QR, RARE, SLIP

GOLDEN = Path(__file__).parents[1] / "data" / "printing"
COPY = msgspec.structs.replace(SLIP, copy_no=2, reprint_label="补打 2")


def test_the_font_has_rare_names_and_says_what_it_lacks() -> None:
    assert font.missing(RARE + "王Wáng 0123456789·（），。：℃μ①\n") == ""
    assert font.missing("a\ue000b😀\ue000\t") == "\ue000😀\t"


def test_the_baked_coverage_is_the_font_s() -> None:
    """A character outside the coverage draws the same empty box as any other; one inside does not."""
    box = font.face(24).getmask("\ue000")
    assert bytes(font.face(24).getmask("😀")) == bytes(box)
    assert all(bytes(font.face(24).getmask(char)) != bytes(box) for char in RARE + "接种")
    assert font.advance("\u4e00", 24) == 24


def test_check_names_the_characters_once() -> None:
    assert layout.check(SLIP) == []
    bad = Document("slip", (Text("王\ue000"), Pair("😀", "\ue000"), Rule(), Qr("\ue000", "")))
    (problem,) = layout.check(bad)
    assert problem.code == "print.missing_glyph"
    assert problem.params == {"chars": "\ue000😀", "codes": "U+E000 U+1F600"}


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, [""]),
        ("一二三四五", 4, ["一二", "三四", "五"]),
        ("一二，三四", 4, ["一", "二，", "三四"]),  # no line begins with a comma
        ("一二（三）", 6, ["一二", "（三）"]),  # nor ends with an opening bracket
        ("ab cdef gh", 5, ["ab", "cdef", "gh"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),  # longer than the paper
        ("至 2028-05-31", 12, ["至", "2028-05-31"]),
        ("a\n\nb", 5, ["a", "", "b"]),
    ],
)
def test_lines_break_where_a_reader_expects(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width, lambda char: 2 if ord(char) > 0x2E7F else 1) == lines


@pytest.mark.parametrize("width", [384, 576])
def test_no_line_is_wider_than_the_paper(width: int) -> None:
    for block in SLIP.blocks:
        if isinstance(block, Text):
            dots = layout.DOTS[block.size]
            lines = wrap(block.text, width, lambda char: font.advance(char, dots))  # noqa: B023 - used at once
            assert all(sum(font.advance(char, dots) for char in line) <= width for line in lines)


@pytest.mark.parametrize(
    ("name", "document", "width"), [("slip", SLIP, 576), ("slip-narrow", SLIP, 384), ("reprint", COPY, 576)]
)
def test_a_slip_is_the_same_dot_by_dot(name: str, document: Document, width: int) -> None:
    """With UPDATE_GOLDEN=1 the pictures are drawn anew: look at them before committing."""
    picture, path = layout.draw(document, width), GOLDEN / f"{name}.png"
    if os.environ.get("UPDATE_GOLDEN"):
        picture.save(path, optimize=True)
    with Image.open(path) as golden:
        assert golden.size == picture.size
        assert golden.convert("1").tobytes() == picture.tobytes()


def test_the_qr_code_is_read_from_the_slip() -> None:
    for width in (384, 576):
        (found,) = zxingcpp.read_barcodes(layout.draw(SLIP, width).convert("L"))
        assert (found.text, found.format) == (QR, zxingcpp.BarcodeFormat.QRCode)


def test_a_reprint_is_marked_in_its_middle_across_the_paper() -> None:
    plain, copy = layout.draw(SLIP, 576), layout.draw(COPY, 576)
    added = copy.height - plain.height
    black = [row for row in range(copy.height) if not any(copy.crop((0, row, 20, row + 1)).tobytes())]
    assert added > 60 and copy.height * 0.3 < black[len(black) // 2] < copy.height * 0.7
    bare = msgspec.structs.replace(SLIP, copy_no=3)
    assert layout.draw(bare, 576).height > plain.height, "marked even when the document brings no words for it"


def test_a_code_too_long_for_any_qr_is_refused() -> None:
    with pytest.raises(ValueError):
        layout.draw(Document("slip", (Qr("x" * 5000),)), 576)
