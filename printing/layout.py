"""Where a document's blocks stand on the paper: a one-bit picture, black on white, as wide as the printer prints."""

from __future__ import annotations

import re

import segno
from PIL import Image, ImageDraw

from domain.documents import Block, Document, Pair, Qr, Rule, Text
from printing import font

SIZES = {1: 24, 2: 34, 3: 52}  # dots of an em at 203 dpi: 3.0, 4.3 and 6.5 mm
_LEADING, _GAP, _MARGIN = 1.35, 6, 8
_QR_MODULE, _QUIET = 6, 4  # dots; modules (ISO/IEC 18004)
_LABEL_SHARE = 0.36  # of the width: the value of a pair begins here
_WORD = re.compile(r"[A-Za-z0-9.,:;/%+·@_-]+\s?|.", re.DOTALL)


def picture(document: Document, dots: int) -> Image.Image:
    """The whole slip, mode "1", `dots` wide; the reprint mark stands large in the middle."""
    strips = [_strip(block, dots) for block in document.blocks]
    if document.copy_no:
        mark = Text(document.reprint_label, size=3, bold=True, align="center")
        strips[len(strips) // 2 : len(strips) // 2] = [_strip(b, dots) for b in (Rule(), mark, Rule())]
    height = sum(s.height for s in strips) + _GAP * (len(strips) + 1)
    sheet = Image.new("1", (dots, height), 1)
    y = _GAP
    for strip in strips:
        sheet.paste(strip, (0, y))
        y += strip.height + _GAP
    return sheet


def _strip(block: Block, dots: int) -> Image.Image:
    match block:
        case Text():
            return _text(block, dots)
        case Pair():
            return _pair(block, dots)
        case Qr():
            return _qr(block, dots)
        case Rule():
            strip = Image.new("1", (dots, 3), 1)
            ImageDraw.Draw(strip).line((_MARGIN, 1, dots - _MARGIN, 1), fill=0, width=2)
            return strip


def _text(block: Text, dots: int) -> Image.Image:
    em = SIZES[block.size]
    lines = wrap(block.text, dots - 2 * _MARGIN, em)
    strip = Image.new("1", (dots, _line_height(em) * len(lines)), 1)
    for number, line in enumerate(lines):
        free = dots - 2 * _MARGIN - _width(line, em)
        x = _MARGIN + {"left": 0.0, "center": free / 2, "right": free}[block.align]
        _write(strip, (round(x), number * _line_height(em)), line, em, block.bold)
    return strip


def _pair(block: Pair, dots: int) -> Image.Image:
    em, start = SIZES[1], round(dots * _LABEL_SHARE)
    labels = wrap(block.label, start - 2 * _MARGIN, em)
    values = wrap(block.value, dots - start - _MARGIN, em)
    strip = Image.new("1", (dots, _line_height(em) * max(len(labels), len(values))), 1)
    for x, lines in ((_MARGIN, labels), (start, values)):
        for number, line in enumerate(lines):
            _write(strip, (x, number * _line_height(em)), line, em, False)
    return strip


def _qr(block: Qr, dots: int) -> Image.Image:
    matrix = segno.make_qr(block.data, error="m").matrix
    side = (len(matrix) + 2 * _QUIET) * _QR_MODULE
    caption = wrap(block.caption, dots - 2 * _MARGIN, SIZES[1]) if block.caption else []
    strip = Image.new("1", (dots, side + _line_height(SIZES[1]) * len(caption)), 1)
    draw, left = ImageDraw.Draw(strip), (dots - side) // 2 + _QUIET * _QR_MODULE
    for row, cells in enumerate(matrix):
        for column, dark in enumerate(cells):
            if dark:
                x, y = left + column * _QR_MODULE, (row + _QUIET) * _QR_MODULE
                draw.rectangle((x, y, x + _QR_MODULE - 1, y + _QR_MODULE - 1), fill=0)
    for number, line in enumerate(caption):
        x = round((dots - _width(line, SIZES[1])) / 2)
        _write(strip, (x, side + number * _line_height(SIZES[1])), line, SIZES[1], False)
    return strip


def wrap(text: str, width: float, em: int) -> list[str]:
    """Lines no wider than `width`: Chinese breaks anywhere, Latin words and numbers stay whole where they fit."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for piece in _WORD.findall(paragraph):
            if line and _width(line + piece.rstrip(), em) > width:
                lines.append(line.rstrip())
                line = ""
            while _width(piece, em) > width and len(piece) > 1:  # a word longer than the paper
                fits = max(n for n in range(1, len(piece) + 1) if n == 1 or _width(piece[:n], em) <= width)
                lines.append(piece[:fits])
                piece = piece[fits:]
            line += piece
        lines.append(line.rstrip())
    return lines


def _width(text: str, em: int) -> float:
    return sum(font.advance(char, em) for char in text)


def _line_height(em: int) -> int:
    return round(em * _LEADING)


def _write(strip: Image.Image, at: tuple[int, int], text: str, em: int, bold: bool) -> None:
    draw = ImageDraw.Draw(strip)
    draw.fontmode = "1"
    x, y = float(at[0]), at[1] - round(em * 0.12)
    for char in text:
        draw.text((round(x), y), char, font=font.face(em), fill=0)
        if bold:
            draw.text((round(x) + 1, y), char, font=font.face(em), fill=0)
        x += font.advance(char, em)
