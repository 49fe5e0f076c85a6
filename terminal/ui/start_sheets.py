"""Questions before the work goes on: was it given, which day is it, which child, who takes the seat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial

from PySide6.QtWidgets import QLineEdit, QWidget

from domain.problems import Problem, Severity, block
from domain.world import from_utc_text
from terminal.store.children import Card
from terminal.store.doses import CheckedDose
from terminal.ui import parts
from terminal.ui.pads import NumberPad
from terminal.ui.sheet import Day, Reason, Sheet
from terminal.ui.words import Words
from terminal.usecases.desk import Desk


class UnansweredSheet(Sheet):
    """After a restart or a lock: a dose was checked and nobody said whether it was given. Asked until it is answered.

    `not_yet`, while the check still holds: the syringe is in the hand; the child comes back with the dose waiting.
    """

    wide = True

    def __init__(
        self,
        words: Words,
        desk: Desk,
        checked: CheckedDose,
        card: Card,
        given: Callable[[CheckedDose, dict[str, str], str], None],
        not_given: Callable[[CheckedDose], None],
        not_yet: Callable[[CheckedDose], None] | None = None,
    ) -> None:
        super().__init__(words, words("ui.unanswered"), lambda: None)
        self.checked = checked
        self.cancel_button.hide()
        at = from_utc_text(checked.at).astimezone(desk.world.zone)
        when = at.strftime("%Y-%m-%d %H:%M")
        self.body.addWidget(parts.text(words.child(card.facts.name), "name"))
        self.body.addWidget(parts.text(f"{words.sex(card.facts.sex)} · {card.facts.birth_on}", "lead"))
        self.body.addWidget(parts.text(words.dose(checked.body.vaccine, checked.body.dose_no), "heading"))
        self.body.addWidget(parts.text(words("ui.unanswered.how", when=when, who=checked.actor), wrap=True))
        self._overrides = [p for p in checked.problems if p.severity is Severity.OVERRIDE]
        self.reason = Reason(words)
        for problem in self._overrides:
            self.body.addWidget(parts.text(words.problem(problem), "hint", wrap=True))
        if self._overrides:
            self.body.addWidget(self.reason)
        stated = at.strftime("%Y-%m-%dT%H:%M")
        yes = parts.Button(words("ui.unanswered.given"), lambda: self._given(given, stated), kind="primary")
        no = parts.Button(words("ui.unanswered.not_given"), lambda: not_given(checked))
        answers: list[QWidget | int] = [yes, no]
        if not_yet:
            answers.append(parts.Button(words("ui.unanswered.not_yet"), lambda: not_yet(checked)))
        self.body.addLayout(parts.row(*answers, 1))
        self.body.addStretch(1)

    def _given(self, given: Callable[[CheckedDose, dict[str, str], str], None], stated: str) -> None:
        reason = self.reason.text().strip()
        if self._overrides and not reason:
            self.say([block("reason.missing")])
        else:
            given(self.checked, {p.code: reason for p in self._overrides}, stated)


class ClockSheet(Sheet):
    """A person says what day it is."""

    between = True

    def __init__(self, words: Words, today: str, done: Callable[[date], None], close: Callable[[], None]) -> None:
        super().__init__(words, words("ui.clock"), close, words("ui.clock.done"))
        self._done = done
        self.body.addWidget(parts.text(words("ui.clock.how", day=today), wrap=True))
        self.day = Day(today)
        self.line(self.form(), "ui.clock.day", self.day)
        self.body.addStretch(1)

    def finish(self) -> None:
        try:
            self._done(date.fromisoformat(self.day.text()))
        except ValueError:
            self.say([block("clock.impossible_day", day=self.day.text())])


class WhichChildSheet(Sheet):
    """A number stands on several children: the person chooses."""

    def __init__(
        self,
        words: Words,
        cards: Sequence[Card],
        problems: Sequence[Problem],
        done: Callable[[str], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(words, words("ui.which_child"), close)
        for problem in problems:
            self.body.addWidget(parts.text(words.problem(problem), wrap=True))
        for card in cards:
            facts = card.facts
            label = f"{words.child(facts.name)}  {words.sex(facts.sex)}  {facts.birth_on}"
            self.body.addWidget(parts.Button(label, partial(done, card.id)))
        self.body.addStretch(1)


class PinSheet(Sheet):
    """Another nurse takes the seat: her badge was scanned, the PIN is asked, the visit stays."""

    between = True

    def __init__(self, words: Words, code: str, done: Callable[[str, str], None], close: Callable[[], None]) -> None:
        super().__init__(words, words("ui.hand_over", code=code), close, words("ui.sign_in"))
        self._code, self._done = code, done
        self.pin = QLineEdit()
        self.pin.setEchoMode(QLineEdit.EchoMode.Password)
        self.pin.returnPressed.connect(self.finish)
        self.line(self.form(), "ui.sign_in.pin", self.pin)
        self.body.addLayout(parts.row(NumberPad(words), 1))
        self.body.addStretch(1)

    def finish(self) -> None:
        pin = self.pin.text()
        self.pin.clear()  # a second Enter is no second try
        if pin:
            self._done(self._code, pin)

    def refuse(self, problems: Sequence[Problem]) -> None:
        """Say what stops it; the PIN is typed again."""
        self.say(problems)
        self.pin.clear()
        self.pin.setFocus()


class EmergencyCodeSheet(Sheet):
    """A new code for the envelope, shown once: to be written down or printed, and sealed."""

    wide = True

    def __init__(self, words: Words, code: str, close: Callable[[], None]) -> None:
        super().__init__(words, words("ui.emergency.new"), close)
        self.body.addWidget(parts.text(code, "name"))
        self.body.addWidget(parts.text(words("emergency.paper"), wrap=True))
        self.body.addStretch(1)
