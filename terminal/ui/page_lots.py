"""The lots in the fridge by the book: what is left, what is open, what expires; received by scanning, stopped here."""

from __future__ import annotations

from config import tables
from domain.codes import Code, Package, TracePackage
from domain.permissions import Permission, allowed
from terminal.store.stock import LotRow
from terminal.ui.dose_sheets import ReasonSheet
from terminal.ui.page_parts import Within, WorkPage, in_card
from terminal.ui.pages import House
from terminal.ui.stock_sheet import ReceiveSheet, RecipientsSheet
from terminal.ui.table_view import Column, Table
from terminal.usecases.list_lots import STANDINGS, LotLine, Standing, list_lots
from terminal.usecases.lot_recipients import Recipients, recipients_of_lot
from terminal.usecases.receive_stock import recall_lot, receive_stock

USUAL_RECALLS = ("ui.reason.recall_notice", "ui.reason.cold_chain")
_TONES: dict[Standing, str] = {"recalled": "bad", "expired": "bad", "soon": "warn", "good": "ok", "used_up": "muted"}


class LotsPage(WorkPage):
    """A scanned package begins a delivery."""

    def __init__(self, house: House) -> None:
        super().__init__(house, "ui.fridge")
        words = house.words
        self.table: Table[LotLine] = Table(
            words("ui.fridge"),
            self._columns(),
            words("ui.fridge.empty"),
            search=self._search,
            same=lambda line: line.lot.id,
        )
        self.within = Within(words("ui.list.within"), self.table)
        self.head.addWidget(self.within)
        self.inside.addWidget(in_card(self.table), 1)
        may_receive = allowed(house.actor.grades, Permission.STOCK_RECEIVE)
        may_recall = allowed(house.actor.grades, Permission.STOCK_RECALL)
        self._receive_button = self.action("ui.fridge.receive", self.receive, "F2", "primary")
        self._receive_button.setEnabled(may_receive)
        self._recall_button = self.action("ui.stock.recall", self._ask_recall, "F8")
        self._recall_button.setVisible(may_recall)
        self._who_button = self.action("ui.fridge.who", self._ask_who, "F7")
        self._who_button.setVisible(may_recall)
        self.row.addStretch(1)
        self.action("ui.list.again", self.refresh, "F5")
        self.table.selectionModel().currentRowChanged.connect(self._enable)
        self._enable()

    def _columns(self) -> list[Column[LotLine]]:
        words = self.words
        return [
            Column(words("ui.stock.column.vaccine"), lambda line: words.short(line.lot.vaccine), 5, strong=True),
            Column(words("ui.stock.column.lot"), lambda line: line.lot.lot_no, 3),
            Column(
                words("ui.stock.column.expiry"), lambda line: line.lot.expiry_on, 3, lambda line: _TONES[line.standing]
            ),
            Column(
                words("ui.fridge.state"),
                lambda line: words(f"ui.fridge.is_{line.standing}"),
                3,
                lambda line: _TONES[line.standing],
                lambda line: STANDINGS.index(line.standing),
            ),
            Column(words("ui.stock.column.left"), lambda line: str(line.left), 3, key=lambda line: line.left),
            Column(words("ui.fridge.opened"), self._opened, 3, key=lambda line: line.open_vials),
            Column(words("ui.stock.column.maker"), self._maker, 3, spare=True),
        ]

    def _opened(self, line: LotLine) -> str:
        if not line.open_vials:
            return ""
        return self.words("ui.fridge.open_vials", vials=line.open_vials, doses=line.open_doses)

    def _maker(self, line: LotLine) -> str:
        product = tables.product(line.lot.product)
        return product.maker_en if product and self.words.language == "en" else line.lot.maker

    def _search(self, line: LotLine) -> str:
        return f"{self.words.vaccine(line.lot.vaccine)} {line.lot.lot_no} {self._maker(line)}".casefold()

    def start(self) -> None:
        self.table.setFocus()
        self.refresh()

    def stop(self) -> None:
        """No name stays behind."""
        super().stop()
        if isinstance(self.sheet, RecipientsSheet):
            self.close_sheet()

    def refresh(self) -> None:
        if self.sheet is None:
            self.ask(list_lots, self._show, self.house.desk)

    def _show(self, lines: tuple[LotLine, ...]) -> None:
        self.table.show_lines(lines)
        counts = [(s, sum(line.standing == s for line in lines)) for s in ("recalled", "expired", "soon")]
        told = [self.words("ui.fridge.count", count=sum(line.left > 0 for line in lines))]
        told += [self.words("ui.queue.count", state=self.words(f"ui.fridge.is_{s}"), count=n) for s, n in counts if n]
        self.facts.setText(" · ".join(told))
        self._enable()

    def _enable(self) -> None:
        line = self.table.line
        self._recall_button.setEnabled(line is not None and not line.lot.recalled)
        self._who_button.setEnabled(line is not None)

    def take(self, code: Code) -> bool:
        if self.sheet is None and isinstance(code, (Package, TracePackage)) and self._receive_button.isEnabled():
            self.receive()
        return super().take(code)

    def receive(self) -> None:
        """The form that counts scanned packages."""
        self.open_sheet(ReceiveSheet(self.words, self._receive, self.close_sheet))

    def _receive(self, codes: list[Package | TracePackage], lot_no: str, expiry_on: str) -> None:
        outcome_sheet = self.sheet

        def received(lot: LotRow) -> None:
            name = self.words.vaccine(lot.vaccine)
            if isinstance(outcome_sheet, ReceiveSheet) and self.sheet is outcome_sheet:
                outcome_sheet.start_again()
            self.close_sheet()
            self.say(self.words("ui.stock.received", vaccine=name, lot=lot.lot_no))
            self.refresh()

        self.do(receive_stock, received, codes, lot_no, expiry_on)

    def _ask_who(self) -> None:
        """Everybody who received the chosen lot."""
        line = self.table.line
        if line:
            self.do(recipients_of_lot, self._show_who, line.lot.id)

    def _show_who(self, found: Recipients) -> None:
        self.open_sheet(RecipientsSheet(self.words, found, self.house.open_child, self.close_sheet))

    def _ask_recall(self) -> None:
        line = self.table.line
        if line is None:
            return
        fields = {"vaccine": self.words.vaccine(line.lot.vaccine), "lot": line.lot.lot_no}

        def recalled(_: LotRow) -> None:
            self.close_sheet()
            self.say(self.words("ui.stock.recalled", **fields))
            self.refresh()

        def go_on(reason: str) -> None:
            self.do(recall_lot, recalled, line.lot.id, reason)

        title, how = self.words("ui.stock.recall_lot", **fields), self.words("ui.stock.recall_how")
        self.open_sheet(ReasonSheet(self.words, title, [how], USUAL_RECALLS, go_on, self.close_sheet))
