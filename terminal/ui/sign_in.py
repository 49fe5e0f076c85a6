"""Who works here: code and PIN. A scanned badge fills the code, never the PIN."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QPushButton, QVBoxLayout

from config.settings import Settings
from config.texts import LANGUAGES, Language
from terminal.ui import parts
from terminal.ui.words import Words


class SignIn(QFrame):
    """`enter(code, pin)` is asked to sign in; `language(chosen)` changes the language of the window."""

    def __init__(
        self,
        settings: Settings,
        words: Words,
        enter: Callable[[str, str], None],
        language: Callable[[Language], None],
        why: str = "",
    ) -> None:
        super().__init__()
        self.setProperty("kind", "page")
        self._words, self._enter = words, enter
        self.code, self.pin = QLineEdit(), QLineEdit()
        self.code.setAccessibleName(words("ui.sign_in.code"))
        self.pin.setAccessibleName(words("ui.sign_in.pin"))
        self.pin.setEchoMode(QLineEdit.EchoMode.Password)
        self.code.returnPressed.connect(self.pin.setFocus)
        self.pin.returnPressed.connect(self._go)
        self._said = parts.text(why, "problem", wrap=True)
        self._said.setMinimumHeight(40)
        frame, layout = parts.card()
        frame.setFixedWidth(420)
        layout.setContentsMargins(32, 28, 32, 28)
        layout.setSpacing(8)
        layout.addWidget(parts.text(words("ui.brand"), "name"))
        layout.addWidget(parts.text(f"{settings.clinic.name} · {words('ui.desk', desk=settings.desk)}", "muted", True))
        layout.addSpacing(16)
        for name, field in (("ui.sign_in.code", self.code), ("ui.sign_in.pin", self.pin)):
            layout.addWidget(parts.text(words(name), "muted"))
            layout.addWidget(field)
        layout.addWidget(self._said)
        self.button = parts.Button(words("ui.sign_in"), self._go, "Enter", "primary")
        layout.addWidget(self.button)
        layout.addWidget(parts.text(words("ui.sign_in.badge"), "small", wrap=True))
        layout.addSpacing(8)
        layout.addLayout(parts.row(1, *[_language(chosen, words, language) for chosen in LANGUAGES], 1))
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        outer.addWidget(frame, 0, Qt.AlignmentFlag.AlignHCenter)
        outer.addStretch(3)

    def _go(self) -> None:
        if self.code.text() and self.pin.text():
            self.button.setEnabled(False)
            self._enter(self.code.text().strip(), self.pin.text())

    def badge(self, code: str) -> None:
        """A badge was scanned: its code is filled in and the PIN asked."""
        self.code.setText(code)
        self.pin.clear()
        self.pin.setFocus()
        self.say("")

    def refuse(self, why: str) -> None:
        self.button.setEnabled(True)
        self.pin.clear()
        self.pin.setFocus()
        self.say(why)

    def say(self, why: str) -> None:
        self._said.setText(why)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        (self.pin if self.code.text() else self.code).setFocus()


def _language(chosen: Language, words: Words, change: Callable[[Language], None]) -> QPushButton:
    name = words(f"ui.language.{chosen}")
    button = QPushButton(name)
    button.setProperty("kind", "choice")
    button.setCheckable(True)
    button.setChecked(words.language == chosen)
    button.setAccessibleName(name)
    button.clicked.connect(lambda: change(chosen))
    return button
