"""Makes the bundled font from Debian's fonts-noto-cjk; run by hand, the results are committed.

    apt-get install fonts-noto-cjk && python3 -m venv ft && ft/bin/pip install fonttools
    ft/bin/python printing/fonts/make_subset.py

Writes beside itself: NotoSansCJKsc-subset.otf, and coverage.txt with the ranges of code points the font draws.
"""

from __future__ import annotations

import os
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

SOURCE = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
SIMPLIFIED_CHINESE = 2  # number of the face in the collection
HERE = Path(__file__).parent
RANGES = (
    (0x0020, 0x007E),  # ASCII
    (0x00A0, 0x017F),  # Latin-1, Latin Extended-A (pinyin)
    (0x01CD, 0x01DC),  # pinyin tone marks
    (0x0370, 0x03FF),  # Greek, for names of products
    (0x2000, 0x206F),  # punctuation
    (0x2070, 0x218F),  # superscripts, currency, letterlike, number forms
    (0x2190, 0x22FF),  # arrows, mathematics
    (0x2460, 0x27BF),  # enclosed numbers, box drawing, shapes, dingbats
    (0x3000, 0x30FF),  # CJK symbols, kana
    (0x3200, 0x33FF),  # enclosed and squared CJK
    (0x3400, 0x4DBF),  # Extension A
    (0x4E00, 0x9FFF),  # unified ideographs
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0xFE10, 0xFE4F),  # vertical and compatibility forms
    (0xFF00, 0xFFEF),  # fullwidth and halfwidth
    (0x20000, 0x2CEAF),  # Extensions B to E: those simplified Chinese has
)


def ranges(points: list[int]) -> list[tuple[int, int]]:
    """Sorted code points as closed ranges."""
    found: list[tuple[int, int]] = []
    for point in points:
        if found and point == found[-1][1] + 1:
            found[-1] = (found[-1][0], point)
        else:
            found.append((point, point))
    return found


def main() -> None:
    os.environ["SOURCE_DATE_EPOCH"] = "0"  # the same bytes each time
    font = TTFont(SOURCE, fontNumber=SIMPLIFIED_CHINESE)
    wanted = {point for first, last in RANGES for point in range(first, last + 1)}
    points = wanted & font.getBestCmap().keys()
    options = subset.Options(layout_features=[], hinting=False, name_IDs=["*"], notdef_outline=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=points)
    subsetter.subset(font)
    font.save(HERE / "NotoSansCJKsc-subset.otf")
    lines = [f"{first:04X}-{last:04X}\n" for first, last in ranges(sorted(font.getBestCmap()))]
    (HERE / "coverage.txt").write_text("".join(lines), encoding="ascii")


if __name__ == "__main__":
    main()
