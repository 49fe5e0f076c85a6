"""The visit above the history: the questions before it opens, then how it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtGui import QDoubleValidator
from PySide6.QtWidgets import QFrame, QLineEdit, QPushButton, QWidget

from terminal.store.visits import VisitRow
from terminal.ui import parts
from terminal.ui.touch_pad import wants_digits
from terminal.ui.words import Words

QUESTIONS = ("unwell", "allergy", "reaction")  # asked before each visit; the answer yes is the trouble
FEVER_C = (34.0, 43.0)


@dataclass(frozen=True)
class Precheck:
    """What was asked before the visit. `health` holds only what was asked; `booklet` "seen" or "not_seen"."""

    health: dict[str, Any]
    informed: bool
    booklet: str


class Question(QPushButton):
    """A question with three states: not asked, no trouble, trouble. A click goes on to the next."""

    def __init__(self, words: Words, code: str) -> None:
        super().__init__()
        self._words, self._code = words, code
        self.setProperty("kind", "choice")
        self.setCheckable(True)
        self.answer: bool | None = None
        self.clicked.connect(self._turn)
        self._draw()

    def _turn(self) -> None:
        self.answer = {None: False, False: True, True: None}[self.answer]
        self._draw()

    def clear(self) -> None:
        """Not asked."""
        if self.answer is not None:
            self.answer = None
            self._draw()

    def _draw(self) -> None:
        state = {None: "asked_not", False: "no", True: "yes"}[self.answer]
        self.setText(self._words(f"ui.health.{self._code}.{state}"))
        self.setAccessibleName(self.text())
        self.setChecked(self.answer is not None)
        parts.restyle(self, tone="look" if self.answer else "ok")


class VisitCard(QFrame):
    """Shown for the child on the screen; hidden when there is none. Its parts are made once and filled anew."""

    def __init__(self, words: Words, open_visit: Callable[[], None]) -> None:
        super().__init__()
        self.setProperty("kind", "page")
        self._words = words
        self._temperature = wants_digits(QLineEdit())
        self._temperature.textEdited.connect(self._point)
        self._questions = {code: Question(words, code) for code in QUESTIONS}
        self._informed, self._booklet = _toggle(words("ui.visit.informed")), _toggle(words("ui.visit.booklet_seen"))
        self._state = parts.Elided("", "small")
        self._written = _toggle(words("ui.visit.row_written"))
        self._title, self._how = parts.text("", "strong", wrap=True), parts.text("", "muted", wrap=True)
        self._asking_for = ""
        self._written_for = ""
        self._asked, self._open, self._closed = self._ask_frame(open_visit), QWidget(), self._closed_frame()
        standing = parts.row(self._state, 1, self._written)
        self._open.setLayout(standing)
        layout = parts.column(self)
        for frame in (self._asked, self._open, self._closed):
            layout.addWidget(frame)
        self.show_nothing()

    def _ask_frame(self, open_visit: Callable[[], None]) -> QFrame:
        words = self._words
        frame, layout = parts.card()
        self._temperature.setPlaceholderText(words("ui.health.temperature"))
        self._temperature.setAccessibleName(words("ui.health.temperature"))
        self._temperature.setFixedWidth(self.fontMetrics().horizontalAdvance(words("ui.health.temperature")) + 40)
        validator = QDoubleValidator(*FEVER_C, 1)
        validator.setNotation(QDoubleValidator.Notation.StandardNotation)
        self._temperature.setValidator(validator)
        layout.addLayout(parts.row(*self._questions.values(), 1, self._temperature))
        button = parts.Button(words("ui.action.open_visit"), open_visit, "F2", "primary")
        layout.addLayout(parts.row(self._informed, self._booklet, 1, button))
        return frame

    def _point(self, typed: str) -> None:
        """365 becomes 36.5: the pad has no point, and nobody misses it on the keys."""
        if len(typed) == 3 and typed.isdecimal():
            self._temperature.setText(f"{typed[:2]}.{typed[2]}")

    def _closed_frame(self) -> QFrame:
        frame, layout = parts.card()
        layout.addWidget(self._title)
        layout.addWidget(self._how)
        return frame

    def ask(self, child_id: str) -> None:
        """The questions before a visit; answers already given for this child stay."""
        if self._asking_for != child_id:
            self._forget()
            self._asking_for = child_id
        self._show(self._asked)

    def precheck(self) -> Precheck:
        """The answers so far."""
        health: dict[str, Any] = {code: q.answer for code, q in self._questions.items() if q.answer is not None}
        if self._temperature.hasAcceptableInput():
            health["temperature_c"] = float(self._temperature.text())
        return Precheck(health, self._informed.isChecked(), "seen" if self._booklet.isChecked() else "not_seen")

    def show_visit(self, visit: VisitRow, begun: bool) -> None:
        """The open visit: what was asked; `begun` once a package was scanned."""
        words = self._words
        self._forget()
        told = [
            words("ui.visit.informed") if visit.informed else "",
            words("ui.visit.booklet_seen") if visit.booklet == "seen" else "",
            *[words(f"ui.health.{code}.yes") for code in QUESTIONS if visit.health.get(code)],
        ]
        if "temperature_c" in visit.health:
            told.insert(0, f"{visit.health['temperature_c']:g} °C")
        self._state.setText(words("ui.visit.open") + "".join(f" · {t}" for t in told if t))
        if self._written_for != visit.id:
            self._written_for = visit.id
            self._written.setChecked(False)
        self._written.setVisible(begun)
        self._show(self._open)

    def show_closed(self, observe_until: str, next_visit: str) -> None:
        """The visit that was just closed: until when the child stays, when it comes again."""
        self._forget()
        self._title.setText(self._words("ui.visit.closed", time=observe_until))
        self._how.setText("\n".join(filter(None, [next_visit, self._words("ui.visit.closed_how")])))
        self._show(self._closed)

    def row_written(self) -> str:
        """How the booklet's row was written: "hand", or "" when nobody said."""
        return "hand" if self._written.isChecked() else ""

    def show_nothing(self) -> None:
        """Nothing of a child stays."""
        self._forget()
        for label in (self._state, self._title, self._how):
            label.setText("")
        self._show(None)

    def _forget(self) -> None:
        """The answers of the child before."""
        if not self._asking_for:
            return
        self._asking_for = ""
        self._temperature.clear()
        for question in self._questions.values():
            question.clear()
        for toggle in (self._informed, self._booklet):
            toggle.setChecked(False)

    def _show(self, frame: QWidget | None) -> None:
        for one in (self._asked, self._open, self._closed):
            one.setVisible(one is frame)
        self.setVisible(frame is not None)


def _toggle(words: str) -> QPushButton:
    button = QPushButton(words)
    button.setProperty("kind", "choice")
    button.setCheckable(True)
    button.setAccessibleName(words)
    return button
