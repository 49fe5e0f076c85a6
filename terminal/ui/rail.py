"""The rail at the left: the pages this person may open, each with its key, and the lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QToolButton, QVBoxLayout

from terminal.ui import parts
from terminal.ui.icons import icon
from terminal.ui.pages import Entry
from terminal.ui.tokens import COLOURS
from terminal.ui.words import Words

WIDTH, LINE_PX, LEAST_PX = 84, 62, 42
LOCK_KEY = "Ctrl+L"
MOST_SHOWN = 100  # a count from here on is shown as 99+


class _Line(QToolButton):
    """A line of the rail, with the digit of its key in one corner and, where something waits, its count in another."""

    def __init__(self, words: str, corner: str) -> None:
        super().__init__()
        self._words, self._corner = words, corner
        self._count = 0
        self._late = False
        self.setText(words)
        self.setAccessibleName(words)

    def show_count(self, count: int, late: bool) -> None:
        """Quietly in grey; in amber when something is overdue. 0 is not shown."""
        if (count, late) != (self._count, self._late):
            self._count, self._late = count, late
            self.setAccessibleName(f"{self._words} {count}" if count else self._words)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter, font = QPainter(self), self.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(QColor(COLOURS["muted"]))
        painter.drawText(self.rect().adjusted(0, 5, -7, 0), int(Qt.AlignmentFlag.AlignRight), self._corner)
        if self._count:
            self._paint_count(painter)

    def _paint_count(self, painter: QPainter) -> None:
        words = str(self._count) if self._count < MOST_SHOWN else f"{MOST_SHOWN - 1}+"
        words += " !" if self._late else ""
        place = QRect(3, 3, max(18, painter.fontMetrics().horizontalAdvance(words) + 8), 17)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(COLOURS["warn" if self._late else "line"]))
        painter.setBrush(QColor(COLOURS["warn_tint" if self._late else "grey_tint"]))
        painter.drawRoundedRect(place, 8, 8)
        painter.setPen(QColor(COLOURS["warn" if self._late else "ink"]))
        painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), words)


class Rail(QFrame):
    """`chosen(name)` is told of a page, `lock()` of the lock."""

    def __init__(self, words: Words, chosen: Callable[[str], None], lock: Callable[[], None]) -> None:
        super().__init__()
        self.setProperty("kind", "rail")
        self.setFixedWidth(WIDTH)
        self._words, self._chosen, self._lock = words, chosen, lock
        self._buttons: dict[str, tuple[_Line, str]] = {}
        self._below: list[_Line] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(8, 10, 8, 10)
        self._layout.setSpacing(4)

    def show_entries(self, entries: Sequence[Entry], current: str) -> None:
        """Replace the buttons."""
        parts.clear(self._layout)
        self._buttons = {}
        for at, entry in enumerate(entries, 1):
            button = self._add(entry.name, f"Ctrl+{at}", partial(self._chosen, entry.name), str(at))
            button.setCheckable(True)
            self._buttons[entry.name] = (button, entry.icon)
        self._layout.addStretch(1)
        self._below = [self._add("lock", LOCK_KEY, self._lock)]
        self._below[0].setIcon(icon("lock"))
        self.show_current(current)
        self._fit()

    def _add(self, name: str, key: str, pressed: Callable[[], None], corner: str = "") -> _Line:
        words = self._words(f"ui.rail.{name}")
        button = _Line(words, corner)
        button.setProperty("kind", "rail")
        button.setToolTip(f"{words}  {key}")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setFixedWidth(67)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda _=False: pressed())
        self._layout.addWidget(button)
        return button

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """As high as there is room for: at 200 % the lines move together."""
        lines = [button for button, _ in self._buttons.values()] + self._below
        room = (self.height() - 20) // max(1, len(lines)) - self._layout.spacing()
        high = max(LEAST_PX, min(LINE_PX, room))
        for line in lines:
            line.setFixedHeight(high)
            line.setIconSize(QSize(24, 24) if high == LINE_PX else QSize(18, 18))
            parts.restyle(line, tight="no" if high == LINE_PX else "yes")

    def show_count(self, name: str, count: int, late: bool = False) -> None:
        """How much waits on a page; `late` when a day has passed."""
        if name in self._buttons:
            self._buttons[name][0].show_count(count, late)

    def show_current(self, current: str) -> None:
        """Mark the page that is open."""
        for name, (button, picture) in self._buttons.items():
            button.setChecked(name == current)
            button.setIcon(icon(picture, "accent" if name == current else "muted"))
