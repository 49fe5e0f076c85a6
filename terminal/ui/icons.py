"""The rail's pictures: lines on a 24 x 24 grid, drawn in any colour."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF

from terminal.ui.tokens import COLOURS

# Each picture is a list of lines; a line is a list of points.
SHAPES: dict[str, list[Sequence[tuple[float, float]]]] = {
    "counter": [
        [(14, 3), (21, 10)],
        [(18, 6), (15, 9)],
        [(11, 6), (18, 13), (10, 21), (3, 14), (11, 6)],
        [(6.5, 17.5), (3, 21)],
        [(8, 9), (11, 12)],
    ],
    "child": [
        [(9, 4), (15, 4), (16, 7), (15, 10), (9, 10), (8, 7), (9, 4)],
        [(4, 21), (5, 16), (8, 13), (16, 13), (19, 16), (20, 21)],
    ],
    "queue": [[(9, 5), (21, 5)], [(9, 12), (21, 12)], [(9, 19), (21, 19)], *([(3, y), (5.5, y)] for y in (5, 12, 19))],
    "due": [
        [(4, 5), (20, 5), (20, 21), (4, 21), (4, 5)],
        [(4, 10), (20, 10)],
        [(8, 2.5), (8, 6.5)],
        [(16, 2.5), (16, 6.5)],
        [(8.5, 15.5), (11, 18), (15.5, 13)],
    ],
    "devices": [
        [(7, 9), (7, 3), (17, 3), (17, 9)],
        [(7, 17), (3, 17), (3, 9), (21, 9), (21, 17), (17, 17)],
        [(7, 14), (17, 14), (17, 21), (7, 21), (7, 14)],
    ],
    "settings": [
        *([(3, y), (x - 2, y)] for x, y in ((16, 6), (8, 12), (14, 18))),
        *([(x + 2, y), (21, y)] for x, y in ((16, 6), (8, 12), (14, 18))),
        *([(x - 2, y), (x, y - 2), (x + 2, y), (x, y + 2), (x - 2, y)] for x, y in ((16, 6), (8, 12), (14, 18))),
    ],
    "stock": [
        [(12, 2.5), (20.5, 7), (20.5, 17), (12, 21.5), (3.5, 17), (3.5, 7), (12, 2.5)],
        [(3.5, 7), (12, 11.5), (20.5, 7)],
        [(12, 11.5), (12, 21.5)],
    ],
    "inbox": [
        [(3, 13), (6, 4), (18, 4), (21, 13), (21, 20), (3, 20), (3, 13)],
        [(3, 13), (8, 13), (9.5, 16), (14.5, 16), (16, 13), (21, 13)],
    ],
    "upload": [[(7, 21), (7, 4)], [(3, 8), (7, 4), (11, 8)], [(17, 3), (17, 20)], [(13, 16), (17, 20), (21, 16)]],
    "lock": [
        [(5, 11), (19, 11), (19, 21), (5, 21), (5, 11)],
        [(8, 11), (8, 6), (10, 3), (14, 3), (16, 6), (16, 11)],
        [(12, 15), (12, 17)],
    ],
}


def icon(name: str, colour: str = "muted", size: int = 24) -> QIcon:
    """The picture `name` in one of the look's colours."""
    scale = 3  # drawn large, so that it stays sharp on dense screens
    pixmap = QPixmap(size * scale, size * scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(size * scale / 24, size * scale / 24)
    pen = QPen(QColor(COLOURS[colour]), 1.7)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    for line in SHAPES[name]:
        painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in line]))
    painter.end()
    pixmap.setDevicePixelRatio(scale)
    return QIcon(pixmap)
