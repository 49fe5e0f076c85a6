"""The pad of digits that comes up under a field for dates and numbers when a finger touches it, and only then."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint
from PySide6.QtGui import QInputDevice, QMouseEvent
from PySide6.QtWidgets import QApplication, QFrame, QLineEdit, QWidget

from terminal.ui import parts
from terminal.ui.pads import NumberPad
from terminal.ui.words import Words

EDGE_PX = 8


class TouchPad(QFrame):
    """Lies over the window it belongs to; one for each window."""

    def __init__(self, window: QWidget, words: Words) -> None:
        super().__init__(window)
        self.setProperty("kind", "card")
        self.setAccessibleName(words("ui.pad"))
        parts.column(self, (10, 10, 10, 10)).addWidget(NumberPad(words))
        self.hide()

    def show_for(self, field: QLineEdit) -> None:
        """Below the field, or above it where there is no room; never outside the window."""
        window = field.window()
        self.adjustSize()
        corner = field.mapTo(window, QPoint(0, field.height() + EDGE_PX))
        top = corner.y()
        if top + self.height() > window.height():
            top = field.mapTo(window, QPoint(0, 0)).y() - self.height() - EDGE_PX
        left = min(corner.x(), window.width() - self.width() - EDGE_PX)
        self.move(max(EDGE_PX, left), max(EDGE_PX, top))
        self.show()
        self.raise_()


class _Watch(QObject):
    """Looks at the fields that want digits."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind in (QEvent.Type.MouseButtonRelease, QEvent.Type.FocusOut, QEvent.Type.Hide):
            assert isinstance(watched, QLineEdit)
            pad = watched.window().findChild(TouchPad)
            if pad and kind != QEvent.Type.MouseButtonRelease:
                pad.hide()
            elif pad and isinstance(event, QMouseEvent) and by_finger(event):
                pad.show_for(watched)
        return False


def by_finger(event: QMouseEvent) -> bool:
    """Whether the press came from a touch screen."""
    device = event.device()
    return device is not None and device.type() == QInputDevice.DeviceType.TouchScreen


def wants_digits(field: QLineEdit) -> QLineEdit:
    """The field, with the pad of digits for a finger."""
    app = QApplication.instance()
    assert app is not None
    watch = app.findChild(_Watch) or _Watch(app)
    field.installEventFilter(watch)
    return field
