"""All children of the records by pinyin: looked through, narrowed, opened; new ones registered."""

from __future__ import annotations

from config import tables
from terminal.store.children_view import ChildLine
from terminal.ui import parts
from terminal.ui.page_parts import Within, WorkPage, in_card
from terminal.ui.pages import COUNTER, House
from terminal.ui.sheet import Pick
from terminal.ui.table_view import Column, Table
from terminal.ui.words import masked
from terminal.usecases.children_list import ChildFilter, ChildList, list_children


class ChildrenPage(WorkPage):
    """Enter opens a child on the counter."""

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
                3,
                key=lambda c: c.birth_on,
                spare=True,
            ),
            Column(words("ui.children.code"), lambda c: c.child_code, 6),
            Column(words("ui.children.booklet"), lambda c: c.booklet, 4),
            Column(words("ui.duelist.call"), lambda c: f"{c.guardian} {masked(c.phone)}".strip(), 5),
            Column(
                words("ui.duelist.residence"), lambda c: words.name(tables.residences().get(c.residence)), 2, spare=True
            ),
            Column(
                words("ui.children.status"),
                lambda c: words.name(tables.register_statuses().get(c.register_status)),
                2,
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

    def _register(self) -> None:
        self.house.turn_to(COUNTER)
        self.house.work.children.register()


def _options(house: House, table: str) -> list[tuple[str, str]]:
    return [(code, house.words.name(row)) for code, row in getattr(tables, table)().items()]


def _search(child: ChildLine) -> str:
    spelled = child.pinyin.replace(" ", "")
    return f"{child.name} {spelled} {child.initials} {child.child_code} {child.booklet} {child.phone}".casefold()
