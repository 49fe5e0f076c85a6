"""Hours that went with a PC: a dose is entered again from the slip the family kept."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QLineEdit, QWidget

from config import tables
from domain.codes import Code, OwnReceipt
from domain.problems import block
from terminal.ui import parts
from terminal.ui.child_pick import ChildPick, FindChildren
from terminal.ui.sheet import Choices, Day, Pick, Sheet, vaccine_options
from terminal.ui.touch_pad import wants_digits
from terminal.ui.words import Words
from terminal.usecases.enter_from_slip import SlipDose

SHORT_PX = 110


class SlipSheet(Sheet):
    """`done(child_id, slip)` records one line of a slip; child and slip stay for the next line. A scan of the slip
    gives its number, a scan of the booklet the child."""

    def __init__(
        self,
        words: Words,
        day: str,
        search: FindChildren,
        find: FindChildren,
        done: Callable[[str, SlipDose], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(words, words("ui.slip"), close, words("ui.save"))
        self._done = done
        self.body.addWidget(parts.text(words("ui.slip.how"), "muted", wrap=True))
        self.child = ChildPick(words, "ui.slip.child", search, find)
        self.receipt, self.day, self.time = QLineEdit(), Day(day), wants_digits(QLineEdit())
        self.time.setPlaceholderText("10:50")
        self.vaccine, self.number = Pick(vaccine_options(words)), wants_digits(QLineEdit())
        self.lot = QLineEdit()
        sites = [(t.code, words.name(t)) for t in tables.sites().values() if t.code != "10"]
        self.site = Choices(sites, per_row=3)
        form = self.form()
        self.line(form, "ui.slip.child", self.child)
        self.line(form, "ui.slip.receipt", self.receipt)
        when = QWidget()
        when.setLayout(parts.row(self.day, self.time))
        self.line(form, "ui.dose.given_on", when)
        self.day.setAccessibleName(words("ui.dose.given_on"))
        self.time.setAccessibleName(words("ui.slip.time"))
        which = QWidget()
        line = parts.row(self.vaccine, self.number)
        line.setStretch(0, 1)
        which.setLayout(line)
        self.line(form, "ui.stock.column.vaccine", which)
        self.vaccine.setAccessibleName(words("ui.stock.column.vaccine"))
        for field in (self.number, self.time):
            field.setFixedWidth(SHORT_PX)
        self.number.setPlaceholderText(words("ui.elsewhere.number"))
        self.number.setAccessibleName(words("ui.elsewhere.number"))
        self.line(form, "ui.dose.lot", self.lot)
        self.line(form, "ui.site", self.site)
        self.body.addStretch(1)

    def take(self, code: Code) -> bool:
        if isinstance(code, OwnReceipt):
            self.receipt.setText(code.number)
            return True
        return self.child.take(code)

    def saved(self) -> None:
        """The line is recorded: the next one of the slip."""
        self.say([])
        for field in (self.number, self.lot):
            field.clear()
        self.vaccine.choose("")
        self.vaccine.setFocus()

    def finish(self) -> None:
        if not self.child.child_id:
            self.say([block("child.not_found")])
            return
        number, time = self.number.text().strip(), self.time.text().strip()
        at = f"{self.day.text().strip()}T{time}" if time else self.day.text().strip()
        slip = SlipDose(
            self.receipt.text().strip(),
            at,
            self.vaccine.value,
            int(number) if number.isdecimal() else 0,
            self.lot.text().strip(),
            self.site.value,
        )
        self._done(self.child.child_id, slip)
