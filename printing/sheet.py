"""A document on sheets of paper, as a PDF for a laser printer: drawn by the same layout and font as a slip."""

from __future__ import annotations

import io

from PIL import Image

from domain.documents import Document
from printing import layout

MM = {"A5": (148, 210), "A4": (210, 297)}  # ISO 216
MARGIN_MM = 12
SCALE = 2  # dots of a sheet for one of a slip
DPI = 203 * SCALE


def render(document: Document, media: str) -> bytes:
    """As many sheets as it takes; black on white, one bit a dot."""
    width, height = (_dots(side - 2 * MARGIN_MM) for side in MM[media])
    whole = (_dots(MM[media][0]), _dots(MM[media][1]))
    pages = []
    for drawn in _sheets(layout.strips(document, width, SCALE), height):
        page = Image.new("1", whole, layout.WHITE)
        page.paste(layout.stack(drawn, width, SCALE), (_dots(MARGIN_MM), _dots(MARGIN_MM)))
        pages.append(page)
    pdf = io.BytesIO()
    pages[0].save(pdf, "PDF", resolution=DPI, save_all=True, append_images=pages[1:])
    return pdf.getvalue()


def _sheets(strips: list[Image.Image], height: int) -> list[list[Image.Image]]:
    """The strips, divided so that each sheet's fit; one that is higher than a sheet is cut."""
    gap = layout.GAP * SCALE
    room = height - 2 * gap
    pieces = [
        strip.crop((0, top, strip.width, min(top + room, strip.height)))
        for strip in strips
        for top in range(0, max(strip.height, 1), room)
    ]
    sheets: list[list[Image.Image]] = [[]]
    used = gap
    for piece in pieces:
        if sheets[-1] and used + piece.height + gap > height:
            sheets.append([])
            used = gap
        sheets[-1].append(piece)
        used += piece.height + gap
    return sheets


def _dots(mm: float) -> int:
    return round(mm / 25.4 * DPI)
