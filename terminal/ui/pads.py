"""A pad of digits for a touch screen: it types into the field that has the focus, as the keys would."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QGridLayout, QLineEdit, QPushButton, QWidget

from terminal.ui.words import Words

KEY_PX = 64


class NumberPad(QWidget):
    """Digits, back and Enter. Its buttons never take the focus from the field."""

    def __init__(self, words: Words) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(8)
        digit = Qt.Key.Key_0.value
        keys = [(str(n), Qt.Key(digit + n), str(n)) for n in (1, 2, 3, 4, 5, 6, 7, 8, 9)]
        keys += [("⌫", Qt.Key.Key_Backspace, words("ui.pad.back")), ("0", Qt.Key.Key_0, "0")]
        keys += [("⏎", Qt.Key.Key_Return, "Enter")]
        for at, (shown, key, name) in enumerate(keys):
            button = QPushButton(shown)
            button.setProperty("kind", "pad")
            button.setAccessibleName(name)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setFixedSize(KEY_PX, KEY_PX - 8)
            button.clicked.connect(partial(self._press, key, shown if shown.isdigit() else ""))
            grid.addWidget(button, at // 3, at % 3)

    def _press(self, key: Qt.Key, text: str) -> None:
        field = self.window().focusWidget()
        if isinstance(field, QLineEdit):
            for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
                QApplication.sendEvent(field, QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, text))
