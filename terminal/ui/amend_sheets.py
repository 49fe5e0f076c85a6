"""A dose that was recorded wrongly: what was recorded, and the forms that correct it or move it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtWidgets import QLineEdit, QWidget

from config import tables
from domain.codes import Code
from domain.doses import Dose
from domain.problems import block
from terminal.store.requests import Request
from terminal.ui import parts
from terminal.ui.child_pick import ChildPick, FindChildren
from terminal.ui.sheet import Choices, Day, Reason, Sheet
from terminal.ui.words import Words

CORRECT, DISPUTE, MOVE, REQUEST, VOID = "correct", "dispute", "move", "request", "void"


class DoseSheet(Sheet):
    """One recorded dose: what was recorded, and what can be done if it is wrong."""

    def __init__(
        self,
        words: Words,
        dose: Dose,
        clinic: str,
        act: Callable[[str, Dose], None],
        close: Callable[[], None],
        judged: Sequence[str] = (),
    ) -> None:
        super().__init__(words, words.dose(dose.vaccine, dose.dose_no), close)
        self._dose, facts = dose, dose.facts
        self.giver = parts.text(facts["giver"], wrap=True)  # by code until the name comes
        form = self.form()
        for code, value in (
            ("ui.dose.given_on", dose.given_on),
            ("ui.dose.lot", facts["lot_no"]),
            ("ui.dose.expiry", facts["expiry_on"]),
            ("ui.dose.maker", words.maker(facts["maker"])),
            ("ui.site", words.site(facts["site"])),
            ("ui.dose.route", words.route(facts["route"])),
            ("ui.dose.giver", facts["giver"]),
            ("ui.dose.elsewhere", facts["elsewhere"] or ("" if dose.is_of(clinic) else words.clinic(dose.clinic))),
            ("ui.dose.state", "" if dose.state == "given" else words(f"ui.state.{dose.state}")),
            ("ui.dose.judged", "\n".join(judged)),
        ):
            if value:
                told = self.giver if code == "ui.dose.giver" else parts.text(value, wrap=True)
                form.addRow(parts.text(words(code), "muted"), told)
        actions = (CORRECT, VOID, MOVE) if dose.is_of(clinic) else (REQUEST, DISPUTE)
        for action in actions if dose.counts else ():
            button = parts.Button(words(f"ui.dose.{action}"), partial(act, action, dose), kind="quiet")
            line = parts.row(button, parts.text(words(f"ui.dose.{action}_how"), "muted", wrap=True))
            line.setStretch(1, 1)
            self.body.addLayout(line)
        self._asked = parts.text("", "muted", wrap=True)
        self._asked.hide()
        self.body.addWidget(self._asked)
        self.body.addStretch(1)

    def tell(self, names: dict[str, str], requests: Sequence[Request]) -> None:
        """The giver by name, and what was asked about the dose and answered; both come a moment later."""
        code = self._dose.facts["giver"]
        self.giver.setText(names.get(code, code))
        told = [self._request(one) for one in requests]
        self._asked.setText("\n".join(told))
        self._asked.setVisible(bool(told))

    def _request(self, one: Request) -> str:
        words = self.words
        by, day = words.clinic(one.asked_by), one.asked_at[:10]
        asked = words("ui.dose.was_asked", clinic=by, day=day, reason=one.reason, due=one.due)
        if not one.outcome:
            return f"{asked} {words('ui.dose.no_answer')}"
        return f"{asked} {words(f'ui.dose.answer_{one.outcome}')} {one.answer}".strip()


class MoveSheet(Sheet):
    """The dose went into another child: scan or search for that child, then say why."""

    def __init__(
        self,
        words: Words,
        dose: Dose,
        search: FindChildren,
        find: FindChildren,
        done: Callable[[str, str], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(
            words, words("ui.move", dose=words.dose(dose.vaccine, dose.dose_no)), close, words("ui.move.done")
        )
        self._done = done
        self.body.addWidget(parts.text(words("ui.move.how"), wrap=True))
        self.child, self.reason = ChildPick(words, "ui.move.child", search, find, without=dose.child_id), Reason(words)
        form = self.form()
        self.line(form, "ui.move.child", self.child)
        self.line(form, "ui.reason", self.reason)

    def take(self, code: Code) -> bool:
        return self.child.take(code)

    def finish(self) -> None:
        if self.child.child_id:
            self._done(self.child.child_id, self.reason.text())
        else:
            self.say([block("child.not_found")])


class CorrectSheet(Sheet):
    """The dose was given, a detail of it was written wrongly; only what differs is sent, with the reason. `first` are
    named fields that stand on top."""

    title, done_words = "ui.dose.correct", "ui.save"
    reason_first = False

    def __init__(
        self,
        words: Words,
        dose: Dose,
        done: Callable[[dict[str, Any], str], None],
        close: Callable[[], None],
        first: Sequence[tuple[str, QWidget]] = (),
    ) -> None:
        name = words.dose(dose.vaccine, dose.dose_no)
        super().__init__(words, f"{words(self.title)} · {name}", close, words(self.done_words))
        self._done = done
        self._old = {"given_on": dose.given_on, "dose_no": dose.dose_no} | {
            field: dose.facts[field] for field in ("site", "lot_no", "expiry_on")
        }
        self.given_on, self.dose_no = Day(dose.given_on), QLineEdit(str(dose.dose_no))
        sites = [(t.code, words.name(t)) for t in tables.sites().values() if t.code != "10"]
        self.site = Choices(sites, dose.facts["site"], per_row=3)
        self.lot_no, self.expiry_on = QLineEdit(dose.facts["lot_no"]), Day(dose.facts["expiry_on"])
        self.reason = Reason(words)
        form = self.form()
        if self.reason_first:
            self.line(form, "ui.reason", self.reason)
        for code, field in first:
            self.line(form, code, field)
        self.line(form, "ui.dose.given_on", self.given_on)
        self.line(form, "ui.elsewhere.number", self.dose_no)
        self.line(form, "ui.site", self.site)
        self.line(form, "ui.dose.lot", self.lot_no)
        self.line(form, "ui.dose.expiry", self.expiry_on)
        if not self.reason_first:
            self.line(form, "ui.reason", self.reason)
        self.body.addStretch(1)

    def changes(self) -> dict[str, Any]:
        """The fields that differ from the record, by their names there."""
        number = self.dose_no.text().strip()
        new = {
            "given_on": self.given_on.text().strip(),
            "dose_no": int(number) if number.isdecimal() else number,
            "site": self.site.value,
            "lot_no": self.lot_no.text().strip(),
            "expiry_on": self.expiry_on.text().strip(),
        }
        return {field: value for field, value in new.items() if value != self._old[field]}

    def finish(self) -> None:
        changes = self.changes()
        if changes:
            self._done(changes, self.reason.text())
        else:
            self.say([block("dose.nothing_changed")])
