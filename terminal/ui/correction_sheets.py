"""A dose of another clinic is doubted: ask for a correction, or answer what another clinic asks of ours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QSizePolicy, QWidget

from domain.doses import Dose
from domain.problems import block
from terminal.ui import parts
from terminal.ui.amend_sheets import CorrectSheet
from terminal.ui.sheet import Choices, Day, Reason, Sheet
from terminal.ui.words import Words

if TYPE_CHECKING:
    from terminal.usecases.exchange_view import RequestLine

SPANS = (("ui.defer.week", 7), ("ui.defer.fortnight", 14), ("ui.defer.month", 28))


class RequestSheet(CorrectSheet):
    """What the clinic of the dose should write instead; nothing changed asks it to void the dose."""

    title, done_words = "ui.dose.request", "ui.dose.request_done"
    reason_first = True  # it is asked always, a change is not

    def __init__(
        self,
        words: Words,
        dose: Dose,
        today: date,
        due: date,
        done: Callable[[dict[str, Any], str, str], None],
        close: Callable[[], None],
    ) -> None:
        self._send = done
        holder, self.due = QWidget(), Day(due.isoformat())
        spans = [(words(code), (today + timedelta(days=days)).isoformat()) for code, days in SPANS]
        buttons = [parts.Button(name, partial(self.due.setText, day), kind="quiet") for name, day in spans]
        holder.setLayout(parts.row(self.due, *buttons))
        super().__init__(words, dose, self._told, close, [("ui.dose.request_due", holder)])
        self.due.setAccessibleName(words("ui.dose.request_due"))
        self.body.insertWidget(
            0, parts.text(words("ui.dose.request_long", clinic=words.clinic(dose.clinic)), "muted", wrap=True)
        )

    def _told(self, changes: dict[str, Any], reason: str) -> None:
        self._send(changes, reason, self.due.text().strip())

    def finish(self) -> None:
        self._done(self.changes(), self.reason.text())


class AnswerSheet(Sheet):
    """Another clinic asks us to correct a dose of ours. `done(outcome, reason)`: as_asked, done or declined."""

    def __init__(
        self, words: Words, line: RequestLine, done: Callable[[str, str], None], close: Callable[[], None]
    ) -> None:
        name = words.dose(line.dose.vaccine, line.dose.dose_no) if line.dose else ""
        title = " · ".join(filter(None, [words("ui.inbox.answer_one"), words.child(line.name), name]))
        super().__init__(words, title, close, words("ui.inbox.send"))
        self._done = done
        asked = line.request
        form = self.form()
        facts = [
            ("ui.inbox.from", words.clinic(asked.asked_by)),
            ("ui.dose.request_due", asked.due),
            ("ui.dose.given_on", line.dose.given_on if line.dose else ""),
            ("ui.reason", asked.reason),
            ("ui.inbox.wanted", wanted_words(words, asked.fields, line.dose)),
        ]
        for code, value in facts:
            if value:
                told = parts.text(value, wrap=True)
                told.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
                form.addRow(parts.text(words(code), "muted"), told)
        ways = ["as_asked"] if asked.fields and line.dose and line.dose.counts else []
        ways += ["done", "declined"]
        self.outcome = Choices([(way, words(f"ui.inbox.way.{way}")) for way in ways], ways[0])
        self.reason = Reason(words)
        self.line(form, "ui.inbox.answer", self.outcome)
        self.line(form, "ui.reason", self.reason)
        self.body.addWidget(parts.text(words("ui.inbox.way_how"), "muted", wrap=True))
        self.body.addStretch(1)

    def finish(self) -> None:
        if self.outcome.value == "declined" and not self.reason.text().strip():
            self.say([block("reason.missing")])
        else:
            self._done(self.outcome.value, self.reason.text().strip())


FIELDS = {
    "given_on": "ui.dose.given_on",
    "dose_no": "ui.elsewhere.number",
    "site": "ui.site",
    "lot_no": "ui.dose.lot",
    "expiry_on": "ui.dose.expiry",
}


def wanted_words(words: Words, fields: dict[str, Any], dose: Dose | None = None) -> str:
    """What a dose should say instead, field by field, beside what it says now when the dose is here."""
    told = []
    for field, new in fields.items():
        name = words(FIELDS[field]) if field in FIELDS else field
        old = {"given_on": dose.given_on, "dose_no": dose.dose_no, **dose.facts}.get(field, "") if dose else ""
        shown = [words.site(str(value)) if field == "site" else str(value) for value in (old, new)]
        told.append(f"{name} {' → '.join(filter(None, shown))}")
    return "; ".join(told)
