"""Parts side by side that go on in the next line where there is no more room."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

SPACE = 6


class Flow(QWidget):
    """As high as its lines; `show_parts` replaces what is in it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[QWidget] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_parts(self, parts: Sequence[QWidget]) -> None:
        """Take these over; those before go."""
        for part in self._parts:
            part.deleteLater()
        self._parts = list(parts)
        for part in self._parts:
            part.setParent(self)
            part.show()
        self._place()

    def _place(self) -> None:
        x = y = line = 0
        for part in self._parts:
            part.ensurePolished()
            hint = part.sizeHint()
            if x and x + hint.width() > self.width():
                x, y, line = 0, y + line + SPACE, 0
            part.setGeometry(x, y, hint.width(), hint.height())
            x, line = x + hint.width() + SPACE, max(line, hint.height())
        self.setFixedHeight(y + line)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()
