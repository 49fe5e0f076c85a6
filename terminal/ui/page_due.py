"""Who is due and who is overdue, by group, age, residence and day; each line opens its child, all of it prints."""

from __future__ import annotations

from datetime import date

from PySide6.QtWidgets import QWidget

from config import tables
from domain.schedule.dates import shift
from terminal.store.forecasts import DueChild, DueFilter, DueItem
from terminal.ui import parts
from terminal.ui.page_parts import Within, WorkPage, in_card
from terminal.ui.pages import House
from terminal.ui.sheet import Choices, Day, Pick
from terminal.ui.table_view import Column, Table
from terminal.ui.words import masked
from terminal.usecases.due_list import DueList, list_due, print_due

AGES = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 6), (6, 18))  # years, the second not included


class DuePage(WorkPage):
    """Each choice asks anew; every look is audited with how many children it showed."""

    def __init__(self, house: House) -> None:
        super().__init__(house, "ui.duelist")
        words = house.words
        self.table: Table[DueChild] = Table(
            words("ui.duelist"),
            self._columns(),
            words("ui.duelist.empty"),
            self._open,
            self._search,
            lambda c: c.child_id,
        )
        self.within = Within(words("ui.list.within"), self.table)
        standings = (("", "both"), ("overdue", "overdue"), ("due", "due"))
        self.standing = Choices([(s, words(f"ui.duelist.{name}")) for s, name in standings], "")
        self.standing.setAccessibleName(words("ui.duelist.standing"))
        self.head.addWidget(self.standing)
        self.head.addWidget(self.within)
        self.group = Pick(self._groups())
        self.age = Pick([("", words("ui.duelist.any_age")), *((f"{a}-{b}", self._age(a, b)) for a, b in AGES)])
        residences = [(code, words.name(row)) for code, row in tables.residences().items()]
        self.residence = Pick([("", words("ui.duelist.any_residence")), *residences])
        phones = (("", "any"), ("known", "known"), ("missing", "missing"))
        self.phone = Pick([(p, words(f"ui.duelist.phone_{name}")) for p, name in phones])
        self.day = Day(house.desk.today().isoformat())
        self._filters()
        self.inside.addWidget(in_card(self.table), 1)
        self.action("ui.queue.open", self.table.open_chosen, "Enter", "primary")
        self.action("ui.list.again", self.ask_list, "F5")
        self.row.addStretch(1)
        self.print_button = self.action("ui.duelist.print", self._print, "F9")

    def _filters(self) -> None:
        words = self.words
        named: list[tuple[QWidget, str, int]] = [
            (self.group, "ui.duelist.group", 3),
            (self.age, "ui.list.age", 2),
            (self.residence, "ui.duelist.residence", 2),
            (self.phone, "ui.duelist.phone", 2),
            (self.day, "ui.duelist.day", 0),
        ]
        line = parts.row(spacing=8)
        for widget, name, stretch in named:
            widget.setAccessibleName(words(name))
            widget.setToolTip(words(name))
            line.addWidget(widget, stretch)
        self.day.setFixedWidth(130)
        self.inside.addLayout(line)
        self.standing.changed.connect(lambda _, on: self.ask_list() if on else None)
        for pick in (self.group, self.age, self.residence, self.phone):
            pick.currentIndexChanged.connect(lambda _: self.ask_list())
        self.day.editingFinished.connect(self.ask_list)

    def _groups(self) -> list[tuple[str, str]]:
        groups = self.house.desk.plan.programme(self.house.desk.today()).vaccine_groups.values()
        zh = self.words.language == "zh_CN"
        named = [(g.code, (g.name_zh if zh else g.name_en) or g.code) for g in sorted(groups, key=lambda g: g.place)]
        return [("", self.words("ui.duelist.any_group")), *named]

    def _age(self, begin: int, end: int) -> str:
        return self.words("ui.duelist.ages", begin=begin, end=end)

    def _columns(self) -> list[Column[DueChild]]:
        words, desk = self.words, self.house.desk
        return [
            Column(words("ui.list.name"), lambda c: words.child(c.name), 3, key=lambda c: c.pinyin, strong=True),
            Column(
                words("ui.list.age"),
                lambda c: words.age(c.birth_on, desk.today()),
                3,
                key=lambda c: c.birth_on,
                spare=True,
            ),
            Column(words("ui.duelist.state"), self._state, 4, _tone, _since),
            Column(words("ui.duelist.what"), self._what, 7),
            Column(words("ui.duelist.call"), lambda c: f"{c.guardian} {masked(c.phone)}".strip(), 4),
            Column(
                words("ui.duelist.residence"), lambda c: words.name(tables.residences().get(c.residence)), 2, spare=True
            ),
        ]

    def _state(self, child: DueChild) -> str:
        """The longest of the child's doses."""
        day = self.chosen().on or self.house.desk.today()
        overdue = [i.overdue_on for i in child.items if i.standing == "overdue"]
        since = date.fromisoformat(min(overdue or [i.due_on for i in child.items]))
        return self.words("ui.duelist.is_overdue" if overdue else "ui.duelist.is_due", days=(day - since).days)

    def _what(self, child: DueChild) -> str:
        return self.words("ui.and").join(self._item(item) for item in child.items)

    def _item(self, item: DueItem) -> str:
        name = (item.name_zh if self.words.language == "zh_CN" else item.name_en) or item.group
        told = self.words("ui.duelist.item", vaccine=name, number=item.number)
        return told if not item.outcome else f"{told} ({self.words(f'ui.defer.{item.outcome}')})"

    def _search(self, child: DueChild) -> str:
        initials = "".join(syllable[0] for syllable in child.pinyin.split())
        told = (child.name, child.pinyin.replace(" ", ""), initials, child.child_code, child.phone)
        return " ".join(told).casefold()

    def chosen(self) -> DueFilter:
        """What the filters say. A day that is none is today."""
        today = self.house.desk.today()
        try:
            on = date.fromisoformat(self.day.text())
        except ValueError:
            on = today
        begin, _, end = self.age.value.partition("-")
        return DueFilter(
            standing=self.standing.value,  # type: ignore[arg-type]  # one of the choices above
            group=self.group.value,
            on=on,
            born_from=shift(on, f"1 day - {end} years", "month_end") if end else None,
            born_to=shift(on, f"0 days - {begin} years", "month_end") if end else None,
            residences=(self.residence.value,) if self.residence.value else (),
            phone=self.phone.value,  # type: ignore[arg-type]  # the choices are the three words
        )

    def start(self) -> None:
        self.table.setFocus()
        self.ask_list()

    def ask_list(self) -> None:
        """Ask with the filters as they stand."""
        self.do(list_due, self._show, self.chosen())

    def _show(self, found: DueList) -> None:
        if found.chosen != self.chosen():
            return  # the answer to an older choice
        self.table.show_lines(found.children)
        if self.table.line is None and found.children:
            self.table.selectRow(0)
        self.print_button.setEnabled(bool(found.children))
        self.facts.setText(self.words("ui.duelist.count", overdue=found.overdue, due=found.due))

    def _open(self, child: DueChild) -> None:
        self.house.open_child(child.child_id)

    def _print(self) -> None:
        def queued(children: int) -> None:
            self.house.services.wake_printer()
            self.say(self.words("ui.duelist.printing", count=children))

        self.do(print_due, queued, self.chosen())


def _tone(child: DueChild) -> str:
    return "warn" if any(i.standing == "overdue" for i in child.items) else "ok"


def _since(child: DueChild) -> tuple[str, str]:
    """Overdue before due, the longest first."""
    overdue = min((i.overdue_on for i in child.items if i.overdue_on), default="9")
    return overdue, min(i.due_on for i in child.items)
