"""A scripted hand on the real window: keys and looks from another thread, one at a time, as a person would."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QApplication

from terminal.ui.window import MainWindow

T = TypeVar("T")
KEYS = {"Enter": Qt.Key.Key_Return, **{f"F{n}": Qt.Key(Qt.Key.Key_F1.value + n - 1) for n in range(1, 13)}}
_LOOK_EVERY_S = 0.002


class Hand(QObject):
    """Lives on the main thread; its methods are called on the script's thread."""

    _asked = Signal(object, object)

    def __init__(self, window: MainWindow, patience_s: float = 30.0) -> None:
        super().__init__(window)
        self.window = window
        self._patience_s = patience_s
        self._asked.connect(self._do, Qt.ConnectionType.QueuedConnection)

    @Slot(object, object)
    def _do(self, work: Callable[[], Any], answer: Future[Any]) -> None:
        try:
            answer.set_result(work())
        except Exception as fault:  # noqa: BLE001 (handed to the script, which raises it)
            answer.set_exception(fault)

    def call(self, work: Callable[[], T]) -> T:
        """Run `work` on the main thread and give its result."""
        answer: Future[T] = Future()
        self._asked.emit(work, answer)
        return answer.result(self._patience_s)

    def press(self, key: str) -> None:
        """One key, to whatever has the focus; then wait until the window has done its work."""
        code = KEYS[key]

        def post() -> None:
            to = self.window.focusWidget() or self.window
            for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
                QApplication.sendEvent(to, QKeyEvent(kind, code, Qt.KeyboardModifier.NoModifier))

        self.call(post)
        self.settle()

    def click(self, words: str) -> None:
        """The button with these words, as a finger would."""

        def find() -> QAbstractButton | None:
            button: QAbstractButton
            for button in self.window.findChildren(QAbstractButton):
                if button.accessibleName() == words and button.isVisible() and button.isEnabled():
                    return button
            return None

        self.until(find)
        self.call(lambda: find().click())  # type: ignore[union-attr]  # it was found a line above
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is under way."""
        self.until(lambda: not self._busy())

    def _busy(self) -> bool:
        counter = self.window.counter
        return self.window.tasks.busy or bool(counter and counter.work.turns.busy)

    def until(self, seen: Callable[[], object]) -> None:
        """Look until `seen` on the main thread says so. Raises TimeoutError after the patience given."""
        pause = threading.Event()
        for _ in range(int(self._patience_s / _LOOK_EVERY_S)):
            if self.call(seen):
                return
            pause.wait(_LOOK_EVERY_S)
        raise TimeoutError("the window did not come to it")
