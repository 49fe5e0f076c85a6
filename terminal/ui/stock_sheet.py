"""Receive stock by scanning, every package of one lot once; and who received a lot."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QLineEdit

from config import tables
from domain.codes import Code, Package, TracePackage
from terminal.ui import parts
from terminal.ui.sheet import Day, Sheet
from terminal.ui.table_view import Column, Table
from terminal.ui.words import Words
from terminal.usecases.lot_recipients import RecipientLine, Recipients


class ReceiveSheet(Sheet):
    """Every scanned package of one lot is counted once; F10 receives them."""

    wide = True

    def __init__(
        self,
        words: Words,
        done: Callable[[list[Package | TracePackage], str, str], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(words, words("ui.fridge.receive"), close, words("ui.stock.done"))
        self._done = done
        self._codes: list[Package | TracePackage] = []
        self.body.addWidget(parts.text(words("ui.stock.how"), "muted", wrap=True))
        self._product, self._count = parts.text("", "heading", wrap=True), parts.text("", "lead")
        undo = parts.Button(words("ui.stock.clear"), self.start_again, kind="quiet")
        self.body.addLayout(parts.row(self._product, 1, self._count, undo))
        self.lot, self.expiry = QLineEdit(), Day()
        form = self.form()
        self.line(form, "ui.dose.lot", self.lot)
        self.line(form, "ui.dose.expiry", self.expiry)
        self.body.addStretch(1)
        self._show()

    def take(self, code: Code) -> bool:
        """A package joins the others; nothing else is meant for this form."""
        if not isinstance(code, (Package, TracePackage)):
            return False
        if code not in self._codes or (isinstance(code, Package) and not code.serial):
            self._codes.append(code)
        if isinstance(code, Package):
            self.lot.setText(code.lot or self.lot.text())
            self.expiry.setText(code.expiry.isoformat() if code.expiry else self.expiry.text())
        self._show()
        return True

    def start_again(self) -> None:
        """Forget what was scanned."""
        self._codes = []
        self.lot.clear()
        self.expiry.clear()
        self.say([])
        self._show()

    def finish(self) -> None:
        self._done(list(self._codes), self.lot.text().strip(), self.expiry.text().strip())

    def _show(self) -> None:
        names = {_name(self.words, code) for code in self._codes}
        self._product.setText(" / ".join(sorted(names)) or self.words("ui.stock.nothing"))
        self._count.setText(self.words("ui.stock.count", count=len(self._codes)))
        self.done_button.setEnabled(bool(self._codes))


class RecipientsSheet(Sheet):
    """Who received a lot, to be called when it is recalled. Enter opens a child."""

    wide = True

    def __init__(
        self, words: Words, found: Recipients, open_child: Callable[[str], None], close: Callable[[], None]
    ) -> None:
        lot = found.lot
        title = words("ui.fridge.who_of", vaccine=words.vaccine(lot.vaccine), lot=lot.lot_no, count=len(found.lines))
        super().__init__(words, title, close)
        columns: list[Column[RecipientLine]] = [
            Column(words("ui.list.name"), lambda one: words.child(one.name), 3, strong=True),
            Column(words("ui.list.sex"), lambda one: words.sex(one.sex), 2),
            Column(words("ui.children.birth"), lambda one: one.birth_on, 3),
            Column(words("ui.fridge.phone"), lambda one: one.phone, 3),
            Column(words("ui.fridge.given"), lambda one: _given(words, one), 5, key=lambda one: one.doses[0].given_on),
            Column(words("ui.elsewhere.clinic"), lambda one: words.clinic(one.doses[-1].clinic), 3),
        ]
        self.table: Table[RecipientLine] = Table(
            title, columns, words("ui.fridge.nobody"), lambda one: open_child(one.child_id)
        )
        self.table.show_lines(found.lines)
        self.body.addWidget(self.table, 1)


def _given(words: Words, line: RecipientLine) -> str:
    return ", ".join(words("ui.fridge.dose", number=dose.dose_no, day=dose.given_on) for dose in line.doses)


def _name(words: Words, code: Package | TracePackage) -> str:
    named = code.product if isinstance(code, TracePackage) else code.gtin
    product = tables.product(named)
    if product is None:
        return named
    maker = product.maker_zh if words.language == "zh_CN" else product.maker_en
    return f"{words.vaccine(product.vaccine)} · {maker}"
