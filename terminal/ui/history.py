"""Doses by vaccine, as they were given. No schedule yet, so no due dates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from functools import cache, reduce

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from config import tables
from domain.doses import Dose, vaccine_class
from terminal.ui.tokens import COLOURS
from terminal.ui.words import Words

FEWEST_COLUMNS = 5
ROW_PX = 31


class History(QTableWidget):
    """One row a vaccine class: those of the clinic's programme, and any other this child has had.

    `chosen` gets the dose that is clicked, or entered with Space.
    """

    def __init__(self, words: Words, chosen: Callable[[Dose], None]) -> None:
        super().__init__()
        self._words, self._chosen = words, chosen
        self.setAccessibleName(words("ui.history"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.horizontalHeader().setHighlightSections(False)
        self.cellClicked.connect(self._open)
        self.show_doses(None, today="")

    def show_doses(self, doses: Iterable[Dose] | None, today: str) -> None:
        """Replace what is shown; doses of `today` are marked. None: there is no child."""
        rows = {} if doses is None else _rows(doses)
        columns = max([FEWEST_COLUMNS, *(max(places, default=0) for places in rows.values())])
        self.clear()
        self.setRowCount(len(rows))
        self.setColumnCount(columns + 1)
        headings = [self._words("ui.history.dose", number=n) for n in range(1, columns + 1)]
        self.setHorizontalHeaderLabels([self._words("ui.history.vaccine"), *headings])
        for at, (class_code, places) in enumerate(rows.items()):
            self.setItem(at, 0, QTableWidgetItem(class_name(self._words, class_code)))
            for column, dose in places.items():
                self.setItem(at, column, self._item(dose, today))
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.setCurrentCell(-1, -1)

    def _item(self, dose: Dose, today: str) -> QTableWidgetItem:
        words = self._words
        elsewhere = dose.facts.get("elsewhere", "")
        mark = {"disputed": "?", "voided": "×", "moved": "→"}.get(dose.state) or ("○" if elsewhere else "✓")
        item = QTableWidgetItem(f"{mark} {words('ui.today') if dose.given_on == today else dose.given_on}")
        item.setData(Qt.ItemDataRole.UserRole, dose)
        item.setToolTip(words.dose(dose.vaccine, dose.dose_no))
        colour = {"disputed": "warn", "voided": "muted", "moved": "muted"}.get(dose.state)
        item.setForeground(QColor(COLOURS[colour or ("muted" if elsewhere else "ok")]))
        font = item.font()
        font.setStrikeOut(not dose.counts)
        font.setBold(dose.given_on == today and dose.counts)
        item.setFont(font)
        if dose.given_on == today and dose.counts:
            item.setBackground(QColor(COLOURS["ok_tint"]))
        item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{item.toolTip()} {dose.given_on}")
        return item

    def _open(self, at: int, column: int) -> None:
        item = self.item(at, column)
        dose = item.data(Qt.ItemDataRole.UserRole) if item else None
        if dose is not None:
            self._chosen(dose)

    def keyPressEvent(self, event: object) -> None:
        if event.key() == Qt.Key.Key_Space and self.currentItem():  # type: ignore[attr-defined]
            self._open(self.currentRow(), self.currentColumn())
        else:
            super().keyPressEvent(event)  # type: ignore[arg-type]


def programme() -> list[str]:
    """The classes of the products this clinic gives under the programme."""
    return sorted({vaccine_class(p.vaccine) for p in tables.products() if p.funding == "nip"})


@cache
def class_name(words: Words, class_code: str) -> str:
    """A class by what its vaccines in the clinic's products have in common, else by the first of its codes."""
    used = dict.fromkeys(p.vaccine for p in tables.products() if vaccine_class(p.vaccine) == class_code)
    codes = list(used) or [v.code4 for v in tables.vaccines().values() if v.class2 == class_code][:1]
    rows = [row for code in codes if (row := tables.vaccines().get(code))]
    short = "/".join(dict.fromkeys(row.abbr.partition("-")[0] for row in rows))
    if words.language == "zh_CN":
        return f"{reduce(_shared, [row.name_zh.partition('(')[0] for row in rows] or [class_code])} {short}".strip()
    return short or next((row.name_en for row in rows), class_code)


def _shared(one: str, other: str) -> str:
    """The longest piece of text in both: 脊灰 of 脊灰灭活 and 二价脊灰减毒."""
    match = SequenceMatcher(None, one, other, autojunk=False).find_longest_match()
    return one[match.a : match.a + match.size] or one


def _rows(doses: Iterable[Dose]) -> dict[str, dict[int, Dose]]:
    """class -> column -> dose; a dose stands under its number, or in the next free column.

    A dose that no longer counts is shown where no other stands.
    """
    rows: dict[str, dict[int, Dose]] = {code: {} for code in programme()}
    for dose in sorted(doses, key=lambda d: (not d.counts, d.given_on, d.id)):
        places = rows.setdefault(vaccine_class(dose.vaccine), {})
        column = max(1, min(dose.dose_no, 9))
        while column in places:
            column += 1
        places[column] = dose
    return rows
