"""The bundled font (Noto Sans CJK SC, subset): what it can draw, and its sizes."""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageFont

FONTS = Path(__file__).with_name("fonts")


@cache
def face(dots: int) -> ImageFont.FreeTypeFont:
    """The font at `dots` to the em; loaded once. Basic layout: the same picture whatever shaping library is there."""
    from PIL import ImageFont  # noqa: PLC0415 (the window asks for the font's files alone)

    return ImageFont.truetype(FONTS / "NotoSansCJKsc-subset.otf", dots, layout_engine=ImageFont.Layout.BASIC)


@cache
def coverage() -> tuple[tuple[int, int], ...]:
    """Closed ranges of code points the font draws, rising; made with the font by fonts/make_subset.py."""
    lines = (FONTS / "coverage.txt").read_text(encoding="ascii").split()
    return tuple((int(first, 16), int(last, 16)) for first, _, last in (line.partition("-") for line in lines))


def draws(char: str) -> bool:
    """Whether the font has a picture of `char`."""
    place = bisect_right(coverage(), (ord(char), 0x110000)) - 1
    return place >= 0 and ord(char) <= coverage()[place][1]


def missing(text: str) -> str:
    """The characters of `text` that would print as an empty box, each once, in order; "" when all can be printed."""
    return "".join(dict.fromkeys(char for char in text if char != "\n" and not draws(char)))


@cache
def advance(char: str, dots: int) -> float:
    """How far the pen moves for one character, in dots."""
    return face(dots).getlength(char)
