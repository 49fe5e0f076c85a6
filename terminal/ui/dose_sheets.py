"""Forms about a dose: why, where, which lot, not given, given elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial

from PySide6.QtWidgets import QWidget

from config import tables
from domain.problems import Problem, block
from terminal.store.stock import LotRow
from terminal.ui import parts
from terminal.ui.flow import Flow
from terminal.ui.sheet import Choices, Day, Pick, Reason, Several, Sheet, vaccine_options
from terminal.ui.words import Words
from terminal.usecases.check_dose import Choice

REASONS = {
    "deferred": ("ui.reason.fever", "ui.reason.ill", "ui.reason.medicine", "ui.reason.other_vaccine"),
    "contraindicated": ("ui.reason.allergy", "ui.reason.reaction", "ui.reason.immune_weak"),
    "refused": ("ui.reason.guardian_refuses", "ui.reason.guardian_later", "ui.reason.guardian_elsewhere"),
}
SPANS = (("ui.defer.week", 7), ("ui.defer.fortnight", 14), ("ui.defer.month", 28))


class TellSheet(Sheet):
    """Lines to read, and nothing to do."""

    def __init__(self, words: Words, title: str, lines: Sequence[str], close: Callable[[], None]) -> None:
        super().__init__(words, title, close)
        for line in lines:
            self.body.addWidget(parts.text(line, wrap=True))
        self.body.addStretch(1)


class ReasonSheet(Sheet):
    """Why a person goes on: the usual reasons to tap, or any other in words."""

    def __init__(
        self,
        words: Words,
        title: str,
        about: Sequence[str],
        usual: Sequence[str],
        done: Callable[[str], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(words, title, close, words("ui.reason.done"))
        self._done = done
        for line in about:
            self.body.addWidget(parts.text(line, wrap=True))
        self.reason = Reason(words)
        for code in usual:
            text = words(code)
            self.body.addLayout(parts.row(parts.Button(text, partial(self.reason.setText, text), kind="quiet"), 1))
        self.body.addWidget(self.reason)
        self.body.addStretch(1)

    def finish(self) -> None:
        if self.reason.text().strip():
            self._done(self.reason.text().strip())
        else:
            self.say([block("reason.missing")])


class SiteSheet(Sheet):
    """Another site, funding or kind for the dose in hand (F4)."""

    def __init__(
        self, words: Words, chosen: Choice, site: str, done: Callable[[Choice], None], close: Callable[[], None]
    ) -> None:
        super().__init__(words, words("ui.site"), close, words("ui.site.done"))
        self._done, self._chosen = done, chosen
        sites = [(t.code, words.name(t)) for t in tables.sites().values() if t.code != "10"]
        self.site = Choices(sites, site, per_row=3)
        self.funding = Choices([(f, words(f"ui.funding.{f}")) for f in ("nip", "self")], chosen.funding)
        kinds = ("routine", "catch_up", "campaign", "emergency")
        self.kind = Choices([(k, words(f"ui.kind.{k}")) for k in kinds], chosen.kind)
        form = self.form()
        self.line(form, "ui.site", self.site)
        self.line(form, "ui.funding", self.funding)
        self.line(form, "ui.kind", self.kind)
        self.body.addStretch(1)

    def finish(self) -> None:
        old = self._chosen
        self._done(Choice(old.lot_id, old.fresh_vial, self.site.value, self.funding.value, self.kind.value))


class LotSheet(Sheet):
    """The package was never received: the person compares and chooses its lot."""

    def __init__(
        self, words: Words, lots: Sequence[LotRow], done: Callable[[str], None], close: Callable[[], None]
    ) -> None:
        super().__init__(words, words("ui.lots"), close)
        self.body.addWidget(parts.text(words("ui.lots.compare"), wrap=True))
        for lot in lots:
            label = words("ui.lots.line", lot=lot.lot_no, day=lot.expiry_on, maker=words.maker(lot.maker))
            label += "  " + words("ui.lots.recalled") if lot.recalled else ""
            self.body.addWidget(parts.Button(label, partial(done, lot.id)))
        if not lots:
            self.body.addWidget(parts.text(words("ui.lots.none"), "muted", wrap=True))
        self.body.addStretch(1)


class DeferSheet(Sheet):
    """Not given: deferred, contraindicated or refused (F8), for one vaccine or for several at once.

    `due` are the vaccines that may be tapped, `chosen` the one in hand; any other is in the list below.
    """

    def __init__(
        self,
        words: Words,
        today: date,
        due: Sequence[tuple[str, str]],
        chosen: str,
        done: Callable[[list[str], str, str, str], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(words, words("ui.defer"), close, words("ui.save"))
        self._done, self._today = done, today
        self.outcome = Choices([(o, words(f"ui.defer.{o}")) for o in REASONS])
        self.outcome.changed.connect(lambda *_: self._show_reasons())
        self.due = Several(due, (chosen,) if chosen else ())
        listed = chosen if chosen not in dict(due) else ""
        self.vaccine = Pick(vaccine_options(words), listed)
        self.reason, self.until = Reason(words), Day()
        self._usual = Flow()
        form = self.form()
        self.line(form, "ui.defer.outcome", self.outcome)
        if due:
            self.line(form, "ui.due", self.due)
        self.line(form, "ui.reason", self.reason)
        form.addRow("", self._usual)
        spans = [parts.Button(words(code), partial(self._in_days, days), kind="quiet") for code, days in SPANS]
        holder = QWidget()
        holder.setLayout(parts.row(self.until, *spans))
        self.line(form, "ui.defer.until", holder)
        self.until.setAccessibleName(words("ui.defer.until"))
        self.line(form, "ui.defer.other", self.vaccine)
        self.body.addStretch(1)

    def _show_reasons(self) -> None:
        """The usual reasons of the outcome, to tap."""
        said = [self.words(code) for code in REASONS.get(self.outcome.value, ())]
        self._usual.show_parts([parts.Button(t, partial(self.reason.setText, t), kind="quiet") for t in said])

    def _vaccines(self) -> list[str]:
        return list(dict.fromkeys([*self.due.values, *filter(None, [self.vaccine.value])]))

    def refuse(self, problems: Sequence[Problem]) -> None:
        """What stops one vaccine stops all: said so, that nobody takes the others for saved."""
        self.say(problems)
        count = len(self._vaccines())
        if count > 1:
            self.said.setText(f"{self.said.text()}\n{self.words('ui.defer.none_saved', count=count)}")

    def _in_days(self, days: int) -> None:
        self.until.setText((self._today + timedelta(days=days)).isoformat())

    def finish(self) -> None:
        vaccines = self._vaccines()
        if vaccines:
            self._done(vaccines, self.outcome.value, self.reason.text(), self.until.text())
        else:
            self.say([block("dose.bad_deferral")])
