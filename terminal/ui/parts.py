"""Small parts every screen is made of."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from terminal.ui.tokens import TARGET_PX


def restyle(widget: QWidget, **properties: str) -> None:
    """Set the properties the style sheet chooses by, and draw anew."""
    changed = False
    for name, value in properties.items():
        changed |= widget.property(name) != value
        widget.setProperty(name, value)
    if changed:
        for part in (widget, *widget.findChildren(QWidget)):
            part.style().unpolish(part)
            part.style().polish(part)


def text(words: str = "", kind: str = "body", wrap: bool = False) -> QLabel:
    """A label in plain text: what was scanned or typed is never read as markup."""
    label = QLabel(words)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("kind", kind)
    label.setWordWrap(wrap)
    if wrap:
        label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return label


def asked(words: str) -> QLabel:
    """What stands before a field, level with it."""
    label = text(words, "muted")
    label.setMinimumHeight(TARGET_PX)
    return label


def card(kind: str = "card") -> tuple[QFrame, QVBoxLayout]:
    """A white panel with a line around it."""
    frame = QFrame()
    frame.setProperty("kind", kind)
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(16, 14, 16, 14)
    layout.setSpacing(8)
    return frame, layout


def row(*parts: QWidget | int, spacing: int = 8) -> QHBoxLayout:
    """Widgets side by side; a number is a stretch."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for part in parts:
        if isinstance(part, int):
            layout.addStretch(part)
        else:
            layout.addWidget(part)
    return layout


def column(of: QWidget, margins: tuple[int, int, int, int] = (0, 0, 0, 0), spacing: int = 8) -> QVBoxLayout:
    """The layout of a widget whose parts stand below each other."""
    layout = QVBoxLayout(of)
    layout.setContentsMargins(*margins)
    layout.setSpacing(spacing)
    return layout


def clear(layout: QLayout) -> None:
    """Take everything out of a layout."""
    while layout.count():
        item = layout.takeAt(0)
        inner, widget = item.layout(), item.widget()
        if inner is not None:
            clear(inner)
        if widget is not None:
            widget.setParent(None)
            widget.deleteLater()


def _labels(widget: QWidget) -> list[QLabel]:
    return list(widget.findChildren(QLabel))


class Button(QPushButton):
    """A button with its key beside the words. `kind`: plain, primary, quiet, tab."""

    def __init__(self, words: str, pressed: Callable[[], object], key: str = "", kind: str = "plain") -> None:
        super().__init__()
        self.key = key
        self.setProperty("kind", kind)
        self.setAccessibleName(f"{words} {key}".strip())
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._inner = row(text(words, "button"), spacing=8)
        if key:
            self._inner.addWidget(text(key, "key"))
        self._inner.setContentsMargins(14, 0, 14, 0)
        self._inner.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setLayout(self._inner)
        for part in _labels(self):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.clicked.connect(lambda: pressed())

    def rename(self, words: str) -> None:
        """Other words for the same key."""
        _labels(self)[0].setText(words)
        self.setAccessibleName(f"{words} {self.key}".strip())
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        inner = self._inner.sizeHint()
        return QSize(inner.width(), max(inner.height(), TARGET_PX))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def squeeze(self, narrow: bool) -> None:
        """Less air around the words where there is little room."""
        side = 8 if narrow else 14
        self._inner.setContentsMargins(side, 0, side, 0)
        self.updateGeometry()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        for part in _labels(self):
            restyle(part, off="no" if self.isEnabled() else "yes")


class Elided(QLabel):
    """One line of text that is cut with … where there is no room; the tooltip has all of it."""

    def __init__(self, words: str = "", kind: str = "body") -> None:
        super().__init__()
        self.setProperty("kind", kind)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.setText(words)

    def setText(self, words: str) -> None:
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setToolTip(words)
        super().setText(words)

    def sizeHint(self) -> QSize:
        """Nothing takes no line."""
        return super().sizeHint() if self.text() else QSize(0, 0)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height() if self.text() else 0)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 (Qt's signature)
        painter = QPainter(self)
        line = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        self.style().drawItemText(
            painter, self.rect(), int(Qt.AlignmentFlag.AlignVCenter), self.palette(), True, line, self.foregroundRole()
        )
