"""Breaking mixed Chinese and Latin text into lines. Pure; widths come from the caller."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

# A Latin word holds together; every other character may stand alone (GB/T 15834: which punctuation may not begin
# or end a line).
NOT_FIRST = "，。、：；！？）》」』】〕”’…·,.:;!?)]}%℃"
NOT_LAST = "（《「『【〔“‘([{"
_PIECE = re.compile(
    rf"[{re.escape(NOT_LAST)}]*(?:[!-~\u00a1-\u024f\u0370-\u03ff]+|.)[{re.escape(NOT_FIRST)}]*", re.DOTALL
)


def wrap(text: str, width: float, advance: Callable[[str], float]) -> list[str]:
    """The lines of `text`, none wider than `width`; "\\n" begins a new one. At least one line, maybe empty."""
    return [line for paragraph in text.split("\n") for line in _paragraph(paragraph, width, advance)]


def _paragraph(text: str, width: float, advance: Callable[[str], float]) -> list[str]:
    lines, line, used = [], "", 0.0
    for piece in _pieces(text, width, advance):
        needed = sum(map(advance, piece))
        if line and used + needed > width:
            lines.append(line.rstrip())
            line, used = "", 0.0
            if piece.isspace():
                continue
        line, used = line + piece, used + needed
    return [*lines, line.rstrip()]


def _pieces(text: str, width: float, advance: Callable[[str], float]) -> Iterator[str]:
    """Unbreakable pieces; one wider than the line is given character by character."""
    for piece in _PIECE.findall(text):
        if sum(map(advance, piece)) > width:
            yield from piece
        else:
            yield piece
