"""All children of the records by pinyin: looked through, narrowed, opened; new ones registered."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from config import tables
from domain.events import ChildRegistered
from terminal.store.children import Card
from terminal.store.children_view import ChildLine
from terminal.store.links import Link
from terminal.ui import parts, trips
from terminal.ui.identity_sheets import LinksSheet, MergeSheet, MoveHomeSheet
from terminal.ui.page_parts import Within, WorkPage, in_card
from terminal.ui.pages import COUNTER, House
from terminal.ui.record_sheet import Exchange, RecordSheet
from terminal.ui.register_sheet import RegisterSheet
from terminal.ui.sheet import Pick
from terminal.ui.table_view import Column, Table
from terminal.ui.trips import Look
from terminal.ui.words import masked
from terminal.usecases.children_list import ChildFilter, ChildList, list_children
from terminal.usecases.merge_children import merge_children, unmerge_children
from terminal.usecases.move_child import move_in, move_out
from terminal.usecases.print_booklet import print_booklet
from terminal.usecases.register_child import update_child


class ChildrenPage(WorkPage):
    """Enter opens a child on the counter, F7 shows its record here."""

    def __init__(self, house: House) -> None:
        super().__init__(house, "ui.children")
        words = house.words
        self.table: Table[ChildLine] = Table(
            words("ui.children"), self._columns(), words("ui.children.empty"), self._open, _search, lambda c: c.id
        )
        self.within = Within(words("ui.list.within"), self.table)
        self.year = Pick([("", words("ui.children.any_year"))])
        self.residence = Pick([("", words("ui.duelist.any_residence")), *_options(house, "residences")])
        self.status = Pick([("", words("ui.children.any_status")), *_options(house, "register_statuses")])
        for pick, name in (
            (self.year, "ui.children.year"),
            (self.residence, "ui.duelist.residence"),
            (self.status, "ui.children.status"),
        ):
            pick.setAccessibleName(words(name))
            pick.setToolTip(words(name))
            pick.currentIndexChanged.connect(lambda _: self.ask_list())
        self.inside.addLayout(parts.row(self.year, self.residence, self.status, 2, self.within, spacing=8))
        self.inside.addWidget(in_card(self.table), 1)
        self.action("ui.queue.open", self.table.open_chosen, "Enter", "primary")
        self.action("ui.record", self._show_chosen, "F7")
        self.action("ui.list.again", self.ask_list, "F5")
        self.row.addStretch(1)
        self.action("ui.register", self._register, "F2")

    def _columns(self) -> list[Column[ChildLine]]:
        words, desk = self.words, self.house.desk
        return [
            Column(words("ui.list.name"), lambda c: words.child(c.name), 3, key=lambda c: c.pinyin, strong=True),
            Column(words("ui.list.sex"), lambda c: words.sex(c.sex), 2),
            Column(words("ui.children.birth"), lambda c: c.birth_on, 3),
            Column(
                words("ui.list.age"),
                lambda c: words.age(c.birth_on, desk.today()),
                4,
                key=lambda c: c.birth_on,
                spare=True,
            ),
            Column(words("ui.children.code"), lambda c: c.child_code, 5),
            Column(words("ui.children.booklet"), lambda c: c.booklet, 3),
            Column(words("ui.duelist.call"), lambda c: f"{c.guardian} {masked(c.phone)}".strip(), 5),
            Column(
                words("ui.duelist.residence"), lambda c: words.name(tables.residences().get(c.residence)), 3, spare=True
            ),
            Column(
                words("ui.children.status"),
                lambda c: words.name(tables.register_statuses().get(c.register_status)),
                3,
                spare=True,
            ),
        ]

    def chosen(self) -> ChildFilter:
        return ChildFilter(self.year.value, self.residence.value, self.status.value)

    def start(self) -> None:
        self.within.setFocus()
        self.ask_list()

    def ask_list(self) -> None:
        """Ask with the filters as they stand."""
        self.do(list_children, self._show, self.chosen())

    def _show(self, found: ChildList) -> None:
        if found.chosen != self.chosen():
            return  # the answer to an older choice
        self._show_years(found.years)
        self.table.show_lines(found.lines)
        code = "ui.children.more" if found.more else "ui.children.count"
        self.facts.setText(self.words(code, count=len(found.lines)))

    def _show_years(self, years: tuple[str, ...]) -> None:
        known = {self.year.itemData(at) for at in range(self.year.count())}
        for year in years:
            if year not in known:
                self.year.addItem(year, year)

    def _open(self, child: ChildLine) -> None:
        self.house.open_child(child.id)

    def _show_chosen(self) -> None:
        line = self.table.line
        if line:
            self.show_record(line.id)

    def show_record(self, child_id: str, told: str = "") -> None:
        """The child's record in the place of the list, and above it what was just done."""

        def show(look: Look) -> None:
            self._record(look)
            if told:
                self.say(told)

        self.do(trips.record_of, show, child_id)

    def _record(self, look: Look) -> None:
        if look.child is None or look.page is None:
            return
        child_id = look.child_id
        self.open_sheet(
            RecordSheet(
                self.words,
                self.house.desk,
                look,
                self.house.services.feed(),
                partial(self._edit, child_id, look.child.card.facts),
                self.show_record,
                lambda: self.do(print_booklet, self._printed, child_id),
                lambda: self.house.open_child(child_id),
                Exchange(
                    partial(self._ask_move, look.child.card),
                    partial(self._ask_merge, look.child.card),
                    partial(self._ask_unmerge, child_id),
                ),
                self.close_sheet,
            )
        )

    def _ask_move(self, card: Card) -> None:
        """The child comes to this clinic, or leaves it."""
        verb, way = (move_out, "out") if card.facts.clinic == self.house.desk.clinic else (move_in, "in")

        def go(clinic: str, reason: str) -> None:
            self.do(verb, self._back(card.id, f"ui.move_{way}.done"), card.id, clinic, reason)

        back = partial(self.show_record, card.id)
        self.open_sheet(MoveHomeSheet(self.words, card, self.house.desk.clinic, go, back))

    def _ask_merge(self, card: Card) -> None:
        """Another record is of the same child."""

        def compare(other: str, then: Callable[[trips.Pair], None]) -> None:
            found = lambda pair: then(pair) if pair and self.sheet is sheet else None  # noqa: E731 (one line to a trip)
            self.house.tasks.run(trips.pair_of, self.house.desk, self.house.actor, card.id, other, then=found)

        def merge(goes_on: str, other: str, reason: str) -> None:
            self.do(merge_children, self._back(goes_on, "ui.merge.merged"), goes_on, other, reason)

        children, back = self.house.work.children, partial(self.show_record, card.id)
        sheet = MergeSheet(self.words, card, children.look_up, children.by_number, compare, merge, back)
        self.open_sheet(sheet)

    def _ask_unmerge(self, child_id: str) -> None:
        """The records this one is made of, to be taken apart."""

        def unmerge(link_id: str, reason: str) -> None:
            self.do(unmerge_children, self._back(child_id, "ui.unmerge.done"), link_id, reason)

        def show(found: list[tuple[Link, str]]) -> None:
            self.open_sheet(LinksSheet(self.words, found, unmerge, partial(self.show_record, child_id)))

        self.house.tasks.run(trips.links_of, self.house.desk, child_id, then=show)

    def _back(self, child_id: str, code: str) -> Callable[[object], None]:
        """Back to the record, saying that it is done."""

        return lambda _: self.show_record(child_id, self.words(code))

    def _printed(self, printer: str) -> None:
        self.house.services.wake_printer()
        self.say(self.words("ui.record.printing", printer=printer))

    def _edit(self, child_id: str, facts: ChildRegistered) -> None:
        """The form of its details; saved or left, back to the record."""

        def save(_: ChildRegistered, __: dict[str, str]) -> None:
            self.do(update_child, self._back(child_id, "ui.saved"), child_id, sheet.changes())

        back = partial(self.show_record, child_id)
        sheet = RegisterSheet(self.words, self.house.desk, _no_doubles, save, self.show_record, back, facts)
        self.open_sheet(sheet)

    def stop(self) -> None:
        """Nothing of a person is left behind."""
        super().stop()
        self.close_sheet()

    def _register(self) -> None:
        self.house.turn_to(COUNTER)
        self.house.work.children.register()


def _no_doubles(form: ChildRegistered, then: object) -> None:
    """Doubles are looked for before a child is registered, not after."""


def _options(house: House, table: str) -> list[tuple[str, str]]:
    return [(code, house.words.name(row)) for code, row in getattr(tables, table)().items()]


def _search(child: ChildLine) -> str:
    spelled = child.pinyin.replace(" ", "")
    return f"{child.name} {spelled} {child.initials} {child.child_code} {child.booklet} {child.phone}".casefold()
