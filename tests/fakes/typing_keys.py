"""Keys as the system hands them to a window: each with its own time, so that speed needs no waiting."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QInputMethodEvent, QKeyEvent, QWindow
from PySide6.QtWidgets import QWidget

_NAMED = {"\r": Qt.Key.Key_Return, "\t": Qt.Key.Key_Tab, " ": Qt.Key.Key_Space}


class Keys:
    """A keyboard, or a scanner that is one. `gap_ms` between two keys; the clock goes on from call to call."""

    def __init__(self, window: QWindow) -> None:
        self.window, self.clock_ms = window, 1_000_000

    def type(self, text: str, gap_ms: int, first_ms: int = 1000) -> None:
        """`text`, "\\r" for Enter; `first_ms` after what came before."""
        for at, char in enumerate(text):
            self.clock_ms += gap_ms if at else first_ms
            self._stroke(
                _NAMED.get(char, Qt.Key(ord(char.upper())) if char != "\x1d" else Qt.Key.Key_BracketRight), char
            )

    def press(self, key: Qt.Key, after_ms: int = 1000, *, repeats: bool = False) -> None:
        self.clock_ms += after_ms
        self._stroke(key, "", repeats=repeats)

    def hold_down(self, char: str, times: int) -> None:
        """One key held, as the system repeats it every 33 ms."""
        key = Qt.Key(ord(char.upper()))
        self.clock_ms += 1000
        self._send(QEvent.Type.KeyPress, key, char)
        for _ in range(times):
            self.clock_ms += 33
            self._send(QEvent.Type.KeyPress, key, char, repeats=True)
        self._send(QEvent.Type.KeyRelease, key, char)

    def _stroke(self, key: Qt.Key, text: str, *, repeats: bool = False) -> None:
        self._send(QEvent.Type.KeyPress, key, text, repeats=repeats)
        self._send(QEvent.Type.KeyRelease, key, text)

    def _send(self, kind: QEvent.Type, key: Qt.Key, text: str, *, repeats: bool = False) -> None:
        held = Qt.KeyboardModifier.ControlModifier if text == "\x1d" else Qt.KeyboardModifier.NoModifier
        event = QKeyEvent(kind, key, held, text, repeats)
        event.setTimestamp(self.clock_ms)
        QCoreApplication.sendEvent(self.window, event)


def compose(field: QWidget, preedit: str = "", commit: str = "") -> None:
    """What an input method tells the field that has the focus."""
    event = QInputMethodEvent(preedit, [])
    event.setCommitString(commit)
    QCoreApplication.sendEvent(field, event)
