"""Forms about a dose: why, where, which lot, not given, given elsewhere, and what was recorded wrongly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtWidgets import QLineEdit, QListWidget, QListWidgetItem

from config import tables
from domain.codes import Code, PersonCode
from domain.doses import Dose
from domain.problems import block
from terminal.store.children import Found
from terminal.store.stock import LotRow
from terminal.ui import parts
from terminal.ui.sheet import Choices, Day, Pick, Sheet, vaccine_options
from terminal.ui.words import Words, masked
from terminal.usecases.check_dose import Choice

DISPUTE, MOVE, VOID = "dispute", "move", "void"


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


class ElsewhereSheet(Sheet):
    """A dose given elsewhere, copied from the booklet (F6)."""

    def __init__(
        self,
        words: Words,
        done: Callable[[str, str, int, str, str], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(words, words("ui.elsewhere"), close, words("ui.save"))
        self._done = done
        self.vaccine, self.day = Pick(vaccine_options(words)), Day()
        self.number = Choices([(str(n), str(n)) for n in range(1, 7)], "1")
        form = self.form()
        self.line(form, "ui.vaccine", self.vaccine)
        self.line(form, "ui.elsewhere.day", self.day)
        self.line(form, "ui.elsewhere.number", self.number)
        self.clinic = QLineEdit()
        self.line(form, "ui.elsewhere.clinic", self.clinic)
        self.lot = QLineEdit()
        self.line(form, "ui.elsewhere.lot", self.lot)
        self.body.addWidget(parts.text(words("ui.elsewhere.hint"), "small", wrap=True))
        self.body.addStretch(1)

    def finish(self) -> None:
        number = int(self.number.value or 1)
        self._done(self.day.text(), self.vaccine.value, number, self.clinic.text().strip(), self.lot.text().strip())


class DoseSheet(Sheet):
    """One recorded dose: what was recorded, and what can be done if it is wrong."""

    def __init__(
        self, words: Words, dose: Dose, clinic: str, act: Callable[[str, Dose], None], close: Callable[[], None]
    ) -> None:
        super().__init__(words, words.dose(dose.vaccine, dose.dose_no), close)
        facts = dose.facts
        form = self.form()
        for code, value in (
            ("ui.dose.given_on", dose.given_on),
            ("ui.dose.lot", facts["lot_no"]),
            ("ui.dose.expiry", facts["expiry_on"]),
            ("ui.dose.maker", facts["maker"]),
            ("ui.site", words.site(facts["site"])),
            ("ui.dose.route", words.route(facts["route"])),
            ("ui.dose.giver", facts["giver"]),
            ("ui.dose.elsewhere", facts["elsewhere"]),
            ("ui.dose.state", "" if dose.state == "given" else words(f"ui.state.{dose.state}")),
        ):
            if value:
                form.addRow(parts.text(words(code), "muted"), parts.text(value, wrap=True))
        actions = (VOID, MOVE) if dose.clinic in ("", clinic) else (DISPUTE,)
        for action in actions if dose.counts else ():
            button = parts.Button(words(f"ui.dose.{action}"), partial(act, action, dose), kind="quiet")
            line = parts.row(button, parts.text(words(f"ui.dose.{action}_how"), "muted", wrap=True))
            line.setStretch(1, 1)
            self.body.addLayout(line)
        self.body.addStretch(1)


class MoveSheet(Sheet):
    """The dose went into another child: scan or search for that child, then say why."""

    def __init__(
        self,
        words: Words,
        dose: Dose,
        search: Callable[[str, Callable[[list[Found]], None]], None],
        find: Callable[[str, Callable[[list[Found]], None]], None],
        done: Callable[[str, str], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(
            words, words("ui.move", dose=words.dose(dose.vaccine, dose.dose_no)), close, words("ui.move.done")
        )
        self._search, self._find, self._done = search, find, done
        self.body.addWidget(parts.text(words("ui.move.how"), wrap=True))
        self.typed, self.reason, self.found = QLineEdit(), QLineEdit(), QListWidget()
        self.typed.setPlaceholderText(words("ui.search"))
        self.typed.textEdited.connect(lambda text: search(text, self._show))
        self.found.setAccessibleName(words("ui.search_results"))
        self.found.setMinimumHeight(140)
        form = self.form()
        self.line(form, "ui.move.child", self.typed)
        form.addRow(self.found)
        self.line(form, "ui.reason", self.reason)

    def _show(self, found: list[Found]) -> None:
        self.found.clear()
        for line in found:
            item = QListWidgetItem(f"{self.words.child(line.name)}   {line.birth_on}   {masked(line.phone)}")
            item.setData(0x100, line.id)
            self.found.addItem(item)
        if len(found) == 1:
            self.found.setCurrentRow(0)

    def take(self, code: Code) -> bool:
        if isinstance(code, PersonCode):
            self._find(code.value, self._show)
            return True
        return False

    def finish(self) -> None:
        item = self.found.currentItem()
        if item is None:
            self.say([block("child.not_found")])
        else:
            self._done(str(item.data(0x100)), self.reason.text())
