"""The real window without a screen, over a real desk: scans, keys, and waiting until all work is done."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from config.texts import Language
from drivers.scan import Report, ScanEvent
from terminal.store.children import Card
from terminal.ui.app import build
from terminal.ui.counter import Counter
from terminal.ui.services import Services
from terminal.ui.shell import Shell
from tests.fakes.desk import NURSE, NURSE_PIN, TestDesk

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
DEADLINE_MS = 10_000
SCANNER = "counter"


class Screen:
    """A window in use. `counter` is there once somebody signed in."""

    __test__ = False

    def __init__(self, qtbot: QtBot, on: TestDesk, language: Language = "zh_CN", services: Services | None = None):
        self.qtbot, self.on = qtbot, on
        _, self.window = build(on.desk, services or Services(on.desk.store.submit), language)
        qtbot.addWidget(self.window)
        self.window.show()
        qtbot.waitExposed(self.window)

    @property
    def counter(self) -> Counter:
        assert self.window.counter is not None
        return self.window.counter

    @property
    def shell(self) -> Shell:
        assert self.window.shell is not None
        return self.window.shell

    def settle(self) -> None:
        """Until nothing is under way and all of it is painted."""

        def still() -> None:
            assert not self.window.tasks.busy
            assert self.window.counter is None or not self.window.counter.work.turns.busy

        self.qtbot.waitUntil(still, timeout=DEADLINE_MS)

    def sign_in(self, code: str = NURSE, pin: str = NURSE_PIN) -> None:
        form = self.window.sign_in
        assert form is not None
        form.code.setText(code)
        form.pin.setText(pin)
        QTest.keyClick(form.pin, Qt.Key.Key_Return)
        self.settle()

    def scan(self, *payloads: str) -> None:
        """Scans as the drivers report them, one right after the other."""
        self.report(*(ScanEvent(SCANNER, p, "", datetime.now(UTC), time.monotonic()) for p in payloads))

    def report(self, *reports: Report) -> None:
        """Whatever the drivers report."""
        for report in reports:
            self.window.pump.post(report)
        self.qtbot.waitUntil(lambda: not self.window.pump.waiting, timeout=DEADLINE_MS)
        self.settle()

    def press(self, key: Qt.Key) -> None:
        """A key to whatever has the focus."""
        QTest.keyClick(self.window.focusWidget() or self.window, key)
        self.settle()

    @property
    def said(self) -> str:
        """All the strip says."""
        said = self.counter.strip.said
        return f"{said.title} {said.detail}"

    @property
    def tone(self) -> str:
        return self.counter.strip.said.tone


def shown_texts(widget: QWidget) -> list[str]:
    """Everything a widget and its children show or say to a screen reader."""
    texts = []
    for part in (widget, *widget.findChildren(QWidget)):
        for name in ("text", "placeholderText", "toolTip", "accessibleName", "windowTitle"):
            value = getattr(part, name, str)()
            if isinstance(value, str) and value:
                texts.append(value)
    return texts


def booklet(card: Card) -> str:
    """What is scanned to open a child."""
    return card.identifier("booklet")


def with_visit(screen: Screen, card: Card) -> None:
    """The child is scanned and its visit opened."""
    screen.scan(booklet(card))
    screen.press(Qt.Key.Key_F2)


def click(within: QWidget, name: str) -> None:
    """The one button whose name begins so."""
    buttons = [b for b in within.findChildren(QAbstractButton) if b.accessibleName().startswith(name)]
    assert len(buttons) == 1, [b.accessibleName() for b in within.findChildren(QAbstractButton)]
    buttons[0].click()


def type_in(field: QWidget, text: str) -> None:
    """As if typed: the field's own checks run."""
    assert isinstance(field, QLineEdit)
    field.setText(text)
    field.textEdited.emit(text)
