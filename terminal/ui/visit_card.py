"""The visit above the history: the questions before it opens, then how it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtGui import QDoubleValidator
from PySide6.QtWidgets import QFrame, QLineEdit, QPushButton, QVBoxLayout

from terminal.store.visits import VisitRow
from terminal.ui import parts
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

    def _draw(self) -> None:
        state = {None: "asked_not", False: "no", True: "yes"}[self.answer]
        self.setText(self._words(f"ui.health.{self._code}.{state}"))
        self.setAccessibleName(self.text())
        self.setChecked(self.answer is not None)
        parts.restyle(self, tone="look" if self.answer else "ok")


class VisitCard(QFrame):
    """Shown for the child on the screen; hidden when there is none."""

    def __init__(self, words: Words, open_visit: Callable[[], None]) -> None:
        super().__init__()
        self.setProperty("kind", "page")
        self._words, self._open_visit = words, open_visit
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        self._questions: dict[str, Question] = {}
        self._temperature: QLineEdit | None = None
        self._informed: QPushButton | None = None
        self._booklet: QPushButton | None = None
        self._asking_for = ""
        self._written_of = ("", False)  # visit, and whether its row in the booklet was written by hand

    def ask(self, child_id: str) -> None:
        """The questions before a visit; answers already given for this child stay."""
        if self._asking_for == child_id:
            return
        self.show_nothing()
        self._asking_for = child_id
        words = self._words
        frame, layout = parts.card()
        self._temperature = QLineEdit()
        self._temperature.setPlaceholderText("36.5")
        self._temperature.setAccessibleName(words("ui.health.temperature"))
        self._temperature.setFixedWidth(90)
        validator = QDoubleValidator(*FEVER_C, 1)
        validator.setNotation(QDoubleValidator.Notation.StandardNotation)
        self._temperature.setValidator(validator)
        self._questions = {code: Question(words, code) for code in QUESTIONS}
        self._informed, self._booklet = _toggle(words("ui.visit.informed")), _toggle(words("ui.visit.booklet_seen"))
        asked = parts.text(words("ui.visit.before"), "strong")
        degrees = parts.text(words("ui.health.temperature"), "muted")
        layout.addLayout(parts.row(asked, 1, *self._questions.values(), degrees, self._temperature))
        button = parts.Button(words("ui.action.open_visit"), self._open_visit, "F2", "primary")
        layout.addLayout(parts.row(self._informed, self._booklet, 1, button))
        self._layout.addWidget(frame)
        self.show()

    def precheck(self) -> Precheck:
        """The answers so far."""
        health: dict[str, Any] = {code: q.answer for code, q in self._questions.items() if q.answer is not None}
        if self._temperature and self._temperature.hasAcceptableInput():
            health["temperature_c"] = float(self._temperature.text())
        informed = bool(self._informed and self._informed.isChecked())
        return Precheck(health, informed, "seen" if self._booklet and self._booklet.isChecked() else "not_seen")

    def show_visit(self, visit: VisitRow, begun: bool) -> None:
        """The open visit: what was asked; `begun` once a package was scanned."""
        self.show_nothing()
        words = self._words
        told = [
            words("ui.visit.informed") if visit.informed else "",
            words("ui.visit.booklet_seen") if visit.booklet == "seen" else "",
            *[words(f"ui.health.{code}.yes") for code in QUESTIONS if visit.health.get(code)],
        ]
        if "temperature_c" in visit.health:
            told.insert(0, f"{visit.health['temperature_c']:g} °C")
        state = words("ui.visit.open") + "".join(f" · {t}" for t in told if t)
        line = parts.row(parts.Elided(state, "small"), 1)
        if begun:
            line.addWidget(self._written_toggle(visit.id))
        self._layout.addLayout(line)
        self.show()

    def show_closed(self, observe_until: str, next_visit: str) -> None:
        """The visit that was just closed: until when the child stays, when it comes again."""
        self.show_nothing()
        how = "\n".join(filter(None, [next_visit, self._words("ui.visit.closed_how")]))
        self._say(self._words("ui.visit.closed", time=observe_until), how)
        self.show()

    def _say(self, title: str, how: str) -> None:
        frame, layout = parts.card()
        layout.addWidget(parts.text(title, "strong", wrap=True))
        layout.addWidget(parts.text(how, "muted", wrap=True))
        self._layout.addWidget(frame)

    def row_written(self) -> str:
        """How the booklet's row was written: "hand", or "" when nobody said."""
        return "hand" if self._written_of[1] else ""

    def _written_toggle(self, visit_id: str) -> QPushButton:
        if self._written_of[0] != visit_id:
            self._written_of = (visit_id, False)
        button = _toggle(self._words("ui.visit.row_written"))
        button.setChecked(self._written_of[1])
        button.setProperty("scale", "small")
        button.toggled.connect(lambda on: setattr(self, "_written_of", (visit_id, on)))
        return button

    def show_nothing(self) -> None:
        parts.clear(self._layout)
        self._questions = {}
        self._temperature = self._informed = self._booklet = None
        self._asking_for = ""
        self.hide()


def _toggle(words: str) -> QPushButton:
    button = QPushButton(words)
    button.setProperty("kind", "choice")
    button.setCheckable(True)
    button.setAccessibleName(words)
    return button
