"""Receive stock by scanning, and what is in the fridge by the book; a lot of it can be recalled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLineEdit, QTableWidget, QTableWidgetItem

from config import tables
from domain.codes import Code, Package, TracePackage
from domain.problems import block
from terminal.store.stock import LotRow
from terminal.ui import parts
from terminal.ui.sheet import Day, Sheet
from terminal.ui.tokens import TARGET_PX
from terminal.ui.words import Words

COLUMNS = ("vaccine", "lot", "expiry", "maker", "left")
RECALL_COLUMN = len(COLUMNS)


class StockSheet(Sheet):
    """Every scanned package of one lot is counted once; F10 receives them.

    `recall(lot)` is asked to stop a lot; None for who may not.
    """

    wide = True

    def __init__(
        self,
        words: Words,
        done: Callable[[list[Package | TracePackage], str, str], None],
        recall: Callable[[LotRow], None] | None,
        close: Callable[[], None],
    ) -> None:
        super().__init__(words, words("ui.stock"), close, words("ui.stock.done"))
        self._done, self._recall = done, recall
        self._codes: list[Package | TracePackage] = []
        self._product, self._count = parts.text("", "heading", wrap=True), parts.text("", "lead")
        undo = parts.Button(words("ui.stock.clear"), self.start_again, kind="quiet")
        self.body.addLayout(parts.row(self._product, 1, self._count, undo))
        self.lot, self.expiry = QLineEdit(), Day()
        form = self.form()
        self.line(form, "ui.dose.lot", self.lot)
        self.line(form, "ui.dose.expiry", self.expiry)
        self.body.addWidget(parts.text(words("ui.stock.on_hand"), "strong"))
        self._table = _table(words)
        self.body.addWidget(self._table, 1)
        self._show()

    def take(self, code: Code) -> bool:
        """A package joins the others."""
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
        names = {self._name(code) for code in self._codes}
        self._product.setText(" / ".join(sorted(names)) or self.words("ui.stock.nothing"))
        self._count.setText(self.words("ui.stock.count", count=len(self._codes)))
        self.done_button.setEnabled(bool(self._codes))

    def _name(self, code: Package | TracePackage) -> str:
        named = code.product if isinstance(code, TracePackage) else code.gtin
        product = tables.product(named)
        if product is None:
            return named
        maker = product.maker_zh if self.words.language == "zh_CN" else product.maker_en
        return f"{self.words.vaccine(product.vaccine)} · {maker}"

    def show_on_hand(self, lots: Sequence[tuple[LotRow, int]], today: str) -> None:
        """The book of lots; expired and recalled ones say so."""
        self._table.setRowCount(0)  # the buttons of the rows before go with them
        self._table.setRowCount(len(lots))
        for at, (lot, left) in enumerate(lots):
            state = self.words("ui.lots.recalled") if lot.recalled else ""
            state = state or (self.words("ui.lots.expired") if lot.expiry_on < today else "")
            cells = (
                self.words.vaccine(lot.vaccine),
                lot.lot_no,
                f"{lot.expiry_on} {state}".strip(),
                lot.maker,
                str(left),
            )
            for column, words in enumerate(cells):
                self._table.setItem(at, column, QTableWidgetItem(words))
            if self._recall and not lot.recalled:
                button = parts.Button(self.words("ui.stock.recall"), partial(self._ask_recall, lot), kind="quiet")
                button.setAccessibleName(f"{self.words('ui.stock.recall')} {lot.lot_no}")
                self._table.setCellWidget(at, RECALL_COLUMN, button)

    def _ask_recall(self, lot: LotRow) -> None:
        """Asked in a form of its own; packages scanned and not yet received would be lost."""
        if self._codes:
            self.say([block("stock.receive_first")])
        elif self._recall:
            self._recall(lot)


def _table(words: Words) -> QTableWidget:
    table = QTableWidget(0, len(COLUMNS) + 1)
    table.setAccessibleName(words("ui.stock.on_hand"))
    table.setHorizontalHeaderLabels([*(words(f"ui.stock.column.{name}") for name in COLUMNS), ""])
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    table.setShowGrid(False)
    table.setMinimumHeight(160)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(TARGET_PX)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
    return table


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


def _name(words: Words, code: Package | TracePackage) -> str:
    named = code.product if isinstance(code, TracePackage) else code.gtin
    product = tables.product(named)
    if product is None:
        return named
    maker = product.maker_zh if words.language == "zh_CN" else product.maker_en
    return f"{words.vaccine(product.vaccine)} · {maker}"
