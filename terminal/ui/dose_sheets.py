"""Forms about a dose: why, where, which lot, not given, given elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtWidgets import QLineEdit

from config import tables
from domain.problems import block
from terminal.store.stock import LotRow
from terminal.ui import parts
from terminal.ui.sheet import Choices, Day, Pick, Sheet, vaccine_options
from terminal.ui.words import Words
from terminal.usecases.check_dose import Choice


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
        self.reason = QLineEdit()
        self.reason.setAccessibleName(words("ui.reason"))
        self.reason.setPlaceholderText(words("ui.reason.hint"))
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
            label = words("ui.lots.line", lot=lot.lot_no, day=lot.expiry_on, maker=lot.maker)
            label += "  " + words("ui.lots.recalled") if lot.recalled else ""
            self.body.addWidget(parts.Button(label, partial(done, lot.id)))
        if not lots:
            self.body.addWidget(parts.text(words("ui.lots.none"), "muted", wrap=True))
        self.body.addStretch(1)


class DeferSheet(Sheet):
    """Not given: deferred, contraindicated or refused (F8)."""

    def __init__(
        self, words: Words, vaccine: str, done: Callable[[str, str, str, str], None], close: Callable[[], None]
    ) -> None:
        super().__init__(words, words("ui.defer"), close, words("ui.save"))
        self._done = done
        self.vaccine = Pick(vaccine_options(words), vaccine)
        outcomes = ("deferred", "contraindicated", "refused")
        self.outcome = Choices([(o, words(f"ui.defer.{o}")) for o in outcomes])
        self.reason, self.until = QLineEdit(), Day()
        form = self.form()
        self.line(form, "ui.defer.outcome", self.outcome)
        self.line(form, "ui.vaccine", self.vaccine)
        self.line(form, "ui.reason", self.reason)
        self.line(form, "ui.defer.until", self.until)
        self.body.addStretch(1)

    def finish(self) -> None:
        self._done(self.vaccine.value, self.outcome.value, self.reason.text(), self.until.text())
