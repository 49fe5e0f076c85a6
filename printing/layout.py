"""Where a document's blocks stand on the strip of paper: a 1-bit picture, the same for the same document."""

from __future__ import annotations

import io
from typing import assert_never

import segno
from PIL import Image, ImageChops, ImageDraw

from domain.documents import Align, Block, Document, Pair, Qr, Rule, Text
from domain.problems import Problem, warn
from printing import font
from printing.wrap import wrap

DOTS = {1: 24, 2: 36, 3: 56}  # em in dots by Text.size; 24 dots are 3 mm at 203 dpi
GAP = 8  # dots between blocks
LEADING = 1.35  # line height by em
QR_MODULE = 6  # dots; 0.75 mm, read at arm's length
QR_BORDER = 4  # modules of white, ISO/IEC 18004
REPRINT = "补打 REPRINT {}"  # when a document marked as a copy brings no label of its own

WHITE, BLACK = 255, 0


def check(document: Document) -> list[Problem]:
    """What the font cannot draw, as one `print.missing_glyph` warning. Ask before promising a slip."""
    lost = font.missing("".join(words for block in _marked(document) for words in _words(block)))
    codes = " ".join(f"U+{ord(char):04X}" for char in lost)
    return [warn("print.missing_glyph", chars=lost, codes=codes)] if lost else []


def draw(document: Document, width: int) -> Image.Image:
    """The document as a picture `width` dots wide (a multiple of 8), black on white, mode "1"."""
    return stack(strips(document, width), width)


def strips(document: Document, width: int, scale: int = 1) -> list[Image.Image]:
    """The document's blocks from top to bottom, each as wide as the paper; `scale` dots for each of a slip's."""
    column = _label_column(document, width, scale)
    drawn = [_strip(block, width, column, scale) for block in document.blocks]
    if document.copy_no:
        drawn.insert(_middle(drawn), _banner(_label(document), width, scale))
    return drawn


def stack(drawn: list[Image.Image], width: int, scale: int = 1) -> Image.Image:
    """Strips one below the other."""
    gap = GAP * scale
    sheet = Image.new("1", (width, sum(strip.height + gap for strip in drawn) + gap), WHITE)
    top = gap
    for strip in drawn:
        sheet.paste(strip, (0, top))
        top += strip.height + gap
    return sheet


def _label(document: Document) -> str:
    return document.reprint_label or REPRINT.format(document.copy_no)


def _marked(document: Document) -> tuple[Block, ...]:
    return (*document.blocks, Text(_label(document))) if document.copy_no else document.blocks


def _words(block: Block) -> tuple[str, ...]:
    match block:
        case Text():
            return (block.text,)
        case Pair():
            return block.label, block.value
        case Qr():
            return (block.caption,)
        case Rule():
            return ()
        case _:
            assert_never(block)


def _strip(block: Block, width: int, column: int, scale: int) -> Image.Image:
    match block:
        case Text():
            return _text(block.text, width, DOTS[block.size] * scale, block.align, block.bold * scale)
        case Pair():
            return _pair(block, width, column, DOTS[1] * scale)
        case Rule():
            return Image.new("1", (width, 2 * scale), BLACK)
        case Qr():
            return _qr(block, width, scale)
        case _:
            assert_never(block)


def _text(text: str, width: int, dots: int, align: Align = "left", bold: int = 0) -> Image.Image:
    lines = wrap(text, width - bold, lambda char: font.advance(char, dots))
    height = round(dots * LEADING)
    strip = Image.new("1", (width, height * len(lines)), WHITE)
    pen = ImageDraw.Draw(strip)
    for row, line in enumerate(lines):
        spare = width - bold - sum(font.advance(char, dots) for char in line)
        left = {"left": 0.0, "center": spare / 2, "right": spare}[align]
        for shift in range(1 + bold):  # bold is drawn again, one dot further to the right for each
            pen.text((int(left) + shift, row * height), line, fill=BLACK, font=font.face(dots))
    return strip


def _label_column(document: Document, width: int, scale: int) -> int:
    """The labels' common width with the space after it; a long label takes 2/5 of the paper and is wrapped."""
    labels = [block.label for block in document.blocks if isinstance(block, Pair)]
    dots = DOTS[1] * scale
    widest = max((sum(font.advance(char, dots) for char in label) for label in labels), default=0)
    return min(int(widest) + dots // 2, width * 2 // 5)


def _pair(pair: Pair, width: int, column: int, dots: int) -> Image.Image:
    label = _text(pair.label, column - dots // 4, dots)
    value = _text(pair.value, width - column, dots)
    strip = Image.new("1", (width, max(label.height, value.height)), WHITE)
    strip.paste(label, (0, 0))
    strip.paste(value, (column, 0))
    return strip


def _qr(qr: Qr, width: int, enlarged: int) -> Image.Image:
    """The code in the middle, modules as large as fit up to QR_MODULE, error correction M."""
    code = segno.make(qr.data, error="m", micro=False, boost_error=False)
    scale = min(QR_MODULE * enlarged, width // code.symbol_size(border=QR_BORDER)[0])
    png = io.BytesIO()
    code.save(png, kind="png", scale=scale, border=QR_BORDER)
    picture = Image.open(png).convert("1")
    caption = _text(qr.caption, width, DOTS[1] * enlarged, "center") if qr.caption else Image.new("1", (width, 0))
    strip = Image.new("1", (width, picture.height + caption.height), WHITE)
    strip.paste(picture, ((width - picture.width) // 2, 0))
    strip.paste(caption, (0, picture.height))
    return strip


def _middle(strips: list[Image.Image]) -> int:
    """Between which two strips half of the paper is reached: a mark there is not lost with a torn edge."""
    half, seen = sum(strip.height for strip in strips) / 2, 0
    for place, strip in enumerate(strips):
        if seen + strip.height / 2 >= half:
            return place
        seen += strip.height
    return len(strips)


def _banner(words: str, width: int, scale: int) -> Image.Image:
    """White on black across the whole paper."""
    text = _text(words, width, DOTS[3] * scale, "center", bold=scale)
    strip = Image.new("1", (width, text.height + GAP * scale), BLACK)
    strip.paste(ImageChops.invert(text), (0, GAP * scale // 2))
    return strip
