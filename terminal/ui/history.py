"""The booklet's page: a row for each vaccine, what was given for each dose, or the day it will be due."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
)

from domain.doses import Dose
from domain.schedule.page import Cell, Mark, Next, Page, Row
from terminal.ui import schedule_words as told
from terminal.ui.tokens import BODY_PX, COLOURS
from terminal.ui.words import Words

FEWEST_COLUMNS = 5
LINE_PX, FONT_PX = 20, 14
ROW_PX = 29
NARROW_PX = 720  # below this a day is written without its century, and words below it
SHOWN = Qt.ItemDataRole.UserRole + 1
OPENS = Qt.ItemDataRole.UserRole
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_SIGNS = {"valid": "✓", "early": "✓", "late": "✓", "invalid": "×", "repeated": "＋", "unjudged": "✓"}
_PENS = {name: QPen(QColor(colour)) for name, colour in COLOURS.items()}
_ALIGNED = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
_TONES = {"valid": "ok", "early": "warn", "late": "ok", "invalid": "bad", "repeated": "warn", "unjudged": "muted"}


@dataclass(frozen=True)
class Line:
    """One line of a cell. `tone` a colour of the look."""

    words: str
    tone: str = "ink"
    strong: bool = False
    struck: bool = False


@dataclass(frozen=True)
class Shown:
    """What a cell shows; `tint` a colour behind it."""

    lines: tuple[Line, ...] = ()
    tint: str = ""


class _Drawer(QStyledItemDelegate):
    """Draws the lines of a cell and the rule under the row."""

    def __init__(self, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._view = view
        self._fonts: dict[tuple[int, bool, bool], tuple[QFont, QFontMetrics]] = {}

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        place: QRect = option.rect  # type: ignore[attr-defined]  # not in the stubs of Qt
        view = option.widget  # type: ignore[attr-defined]  # nor this
        shown: Shown = index.data(SHOWN) or Shown()
        painter.save()
        chosen = view.hasFocus() and view.currentIndex() == index
        tint = "accent_tint" if chosen else shown.tint
        if tint:
            painter.fillRect(place.adjusted(0, 1, 0, -1), QColor(COLOURS[tint]))
        painter.setPen(_PENS["line"])
        painter.drawLine(place.bottomLeft(), place.bottomRight())
        height = place.height() // max(1, len(shown.lines))
        for at, line in enumerate(shown.lines):
            font, metrics = self._font(line, FONT_PX - view.narrow)
            painter.setFont(font)
            painter.setPen(_PENS[line.tone])
            left = 5 if view.narrow else 10
            box = QRect(place.left() + left, place.top() + at * height, place.width() - left - 1, height)
            words = metrics.elidedText(line.words, Qt.TextElideMode.ElideRight, box.width())
            painter.drawText(box, _ALIGNED, words)
        painter.restore()

    def _font(self, line: Line, px: int) -> tuple[QFont, QFontMetrics]:
        """Kept: a page has two hundred lines."""
        kind = (px, line.strong, line.struck)
        if kind not in self._fonts:
            font = QFont(self._view.font())
            font.setPixelSize(px)
            font.setBold(line.strong)
            font.setStrikeOut(line.struck)
            self._fonts[kind] = font, QFontMetrics(font)
        return self._fonts[kind]


class History(QTableWidget):
    """The rows of the page, then doses no rule is about; self-paid rows only where a course was begun.

    `groups(vaccine)` gives the vaccine groups of a four-digit code. `dose_chosen` gets the dose and its mark that is
    clicked, or entered with Space; `next_chosen` a dose to come.
    """

    def __init__(
        self,
        words: Words,
        groups: Callable[[str], frozenset[str]],
        dose_chosen: Callable[[Dose, Mark | None], None],
        next_chosen: Callable[[Next], None],
    ) -> None:
        super().__init__()
        self._words, self._groups = words, groups
        self._dose_chosen, self._next_chosen = dose_chosen, next_chosen
        self._doses: Mapping[str, Dose] = {}
        self._today = date.min
        self._page: Page | None = None
        self.narrow = False
        self._room = 0  # pixels of words in a cell
        self.setAccessibleName(words("ui.history"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setItemDelegate(_Drawer(self))
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(1)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.horizontalHeader().setHighlightSections(False)
        self.cellClicked.connect(self._open)
        self.show_page(None, (), date.min)

    def show_page(self, page: Page | None, doses: Iterable[Dose], today: date) -> None:
        """Replace what is shown. None: there is no child."""
        self._page, self._doses, self._today = page, {d.id: d for d in doses}, today
        self._build()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.narrow = self.viewport().width() < NARROW_PX
        if event.oldSize().width() != event.size().width():
            self._build()

    def _build(self) -> None:
        page = self._page
        stood = (self.currentRow(), self.currentColumn()) if self.hasFocus() else (-1, -1)
        rows = [r for r in page.rows if r.concerns] if page else []
        gone, loose = self._sort_out(page, rows) if page else ({}, {})
        columns = max([FEWEST_COLUMNS, *(len(r.cells) for r in rows), *map(len, loose.values())])
        self.clear()
        self.setRowCount(len(rows) + len(loose))
        self.setColumnCount(columns + 1)
        headings = [self._words("ui.history.dose", number=n) for n in range(1, columns + 1)]
        self.setHorizontalHeaderLabels([self._words("ui.history.vaccine"), *headings])
        names = [told.group_name(self._words, row.next) for row in rows]
        first = self._first_width([*names, *map(self._words.short, loose)])
        self._room = (self.viewport().width() - first) // columns - 12
        for at, row in enumerate(rows):
            self._put_name(at, names[at])
            for cell in row.cells:
                self._put_cell(at, row, cell, gone.get((at, cell.number), []))
            self._fit(at)
        for at, (name, shown) in enumerate(loose.items(), len(rows)):
            self._put_name(at, self._words.short(name))
            for column, one in enumerate(shown, 1):
                line = self._mark(one) if isinstance(one, Mark) else _struck(one)
                self._put(at, column, Shown(tuple(self._lines(line))), one)
            self._fit(at)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(0, first)
        self.setCurrentCell(*stood)

    def _sort_out(
        self, page: Page, rows: Sequence[Row]
    ) -> tuple[dict[tuple[int, int], list[Dose]], dict[str, list[Mark | Dose]]]:
        """Voided and moved doses by row and number; and by vaccine, what has no place in any row."""
        gone: dict[tuple[int, int], list[Dose]] = {}
        loose: dict[str, list[Mark | Dose]] = {}
        for mark in page.loose:
            if mark.dose_id in self._doses:
                loose.setdefault(self._doses[mark.dose_id].vaccine, []).append(mark)
        for dose in (d for d in self._doses.values() if not d.counts):
            groups = self._groups(dose.vaccine)
            places = [
                (at, cell.number)
                for at, row in enumerate(rows)
                for cell in row.cells
                if row.next.group in groups and cell.number == dose.dose_no
            ]
            if places:
                gone.setdefault(places[0], []).append(dose)
            else:
                loose.setdefault(dose.vaccine, []).append(dose)
        return gone, loose

    def _first_width(self, names: Iterable[str]) -> int:
        width = max((self.fontMetrics().horizontalAdvance(name) for name in names), default=80)
        return min(width + 26, 118 if self.narrow else 190)

    def _put_name(self, at: int, name: str) -> None:
        self._put(at, 0, Shown((Line(name),)), None)
        item = self.item(at, 0)
        if item:
            item.setToolTip(name)

    def _fit(self, at: int) -> None:
        """High enough for its fullest cell."""
        items = [self.item(at, column) for column in range(self.columnCount())]
        lines = max(len(item.data(SHOWN).lines) for item in items if item)
        self.setRowHeight(at, ROW_PX if lines < 2 else 6 + LINE_PX * lines)

    def _put_cell(self, at: int, row: Row, cell: Cell, gone: list[Dose]) -> None:
        lines = [line for mark in cell.marks for line in self._lines(self._mark(mark))]
        lines += [line for dose in gone for line in self._lines(_struck(dose))]
        today_on = any(mark.given_on == self._today for mark in cell.marks)
        tint = "ok_tint" if today_on else ""
        opens: object = cell.marks[-1] if cell.marks else gone[-1] if gone else None
        if cell.standing != "given" and cell.on:
            is_next = cell.number == row.next.number
            line, tint = self._to_come(cell, row.next, is_next)
            lines += self._lines(line)
            opens = opens or (row.next if is_next else None)
        if lines:
            self._put(at, cell.number, Shown(tuple(lines), tint), opens)

    def _to_come(self, cell: Cell, line: Next, is_next: bool) -> tuple[Line, str]:
        words, day = self._words, str(cell.on)
        if not is_next or cell.standing == "later":
            return Line(day, "muted"), ""
        if line.put_off and line.put_off > self._today:
            return Line(words("ui.history.put_off", day=line.put_off), "warn", strong=True), "warn_tint"
        if cell.standing == "overdue":
            return Line(words("ui.history.overdue", day=line.past_due_on), "warn", strong=True), "warn_tint"
        return Line(words("ui.today"), "ok", strong=True), "ok_tint"

    def _mark(self, mark: Mark) -> Line:
        words, dose = self._words, self._doses.get(mark.dose_id)
        disputed = dose is not None and dose.state == "disputed"
        elsewhere = dose is not None and bool(dose.facts.get("elsewhere") or dose.facts.get("told_by"))
        sign = "?" if disputed else "○" if elsewhere and _SIGNS[mark.kind] == "✓" else _SIGNS[mark.kind]
        is_today = mark.given_on == self._today
        day = words("ui.today") if is_today else mark.given_on.isoformat()
        kind = "" if mark.kind == "valid" else words(f"ui.mark.{mark.kind}")
        tone = "warn" if disputed else _TONES[mark.kind]
        return Line(" ".join(filter(None, [sign, day, kind])), tone, strong=is_today)

    def _lines(self, line: Line) -> list[Line]:
        """Words that do not fit go on in a line of their own; in a narrow table the day leaves out its century."""
        found = _DAY.search(line.words)
        fits = self.fontMetrics().horizontalAdvance(line.words) * FONT_PX / BODY_PX <= self._room
        if not found or (fits and not self.narrow):
            return [line]
        before, after = line.words[: found.start()].strip(), line.words[found.end() :].strip()
        day = found[0][2:] if self.narrow else found[0]
        sign = f"{before} " if len(before) == 1 else ""
        words = ["" if sign else before, f"{sign}{day}", after]
        return [replace(line, words=one) for one in words if one]

    def _put(self, at: int, column: int, shown: Shown, opens: object) -> None:
        item = QTableWidgetItem()
        item.setData(SHOWN, shown)
        item.setData(OPENS, opens)
        said = " ".join(line.words for line in shown.lines)
        if isinstance(opens, Mark):
            dose = self._doses.get(opens.dose_id)
            name = [self._words.dose(dose.vaccine, dose.dose_no)] if dose else []
            item.setToolTip("\n".join([*name, *told.mark_words(self._words, opens)]))
        elif isinstance(opens, Next):
            item.setToolTip("\n".join(told.next_words(self._words, opens)))
        item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{said} {item.toolTip()}".strip())
        self.setItem(at, column, item)

    def texts(self) -> list[str]:
        """Every line it shows, row by row."""
        cells = [self.item(at, column) for at in range(self.rowCount()) for column in range(self.columnCount())]
        return [line.words for item in cells if item for line in item.data(SHOWN).lines]

    def _open(self, at: int, column: int) -> None:
        item = self.item(at, column)
        opens = item.data(OPENS) if item else None
        if isinstance(opens, Mark):
            dose = self._doses.get(opens.dose_id)
            if dose:
                self._dose_chosen(dose, opens)
        elif isinstance(opens, Dose):
            self._dose_chosen(opens, None)
        elif isinstance(opens, Next):
            self._next_chosen(opens)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and self.currentItem():
            self._open(self.currentRow(), self.currentColumn())
        else:
            super().keyPressEvent(event)


def _struck(dose: Dose) -> Line:
    return Line(f"× {dose.given_on}", "muted", struck=True)
