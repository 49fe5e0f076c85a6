"""One table for every list of the house: only what is in sight is put into words, so 7,000 rows stand at once.

Enter, Space, or a touch opens the line; a heading sorts; `narrow` keeps the lines that hold what was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QTableView

from terminal.ui.tokens import COLOURS, TARGET_PX

R = TypeVar("R")
NARROW_PX = 1000  # below this the spare columns are left out
Index = QModelIndex | QPersistentModelIndex


def _plain(_: Any) -> str:
    return ""


def _itself(line: Any) -> Any:
    return line


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column. `cell` gives a line's words, `tone` a colour of the look ("" plain), `key` what it sorts by
    (the words where None), `weight` its share of the width. A `spare` one is left out where there is little room."""

    heading: str
    cell: Callable[[R], str]
    weight: int = 1
    tone: Callable[[R], str] = _plain
    key: Callable[[R], Any] | None = None
    strong: bool = False
    spare: bool = False


class Lines(QAbstractTableModel, Generic[R]):
    """The lines of a table; `search` gives the text, in lower case, by which a line is found."""

    def __init__(self, columns: Sequence[Column[R]], search: Callable[[R], str]) -> None:
        super().__init__()
        self.columns = columns
        self._search, self._typed = search, ""
        self._all: Sequence[R] = ()
        self._texts: list[str] | None = None  # made when somebody searches
        self.shown: list[R] = []
        self._sorted: tuple[int, bool] | None = None
        self._bold = QFont()
        self._bold.setBold(True)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self.shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        column, line = self.columns[index.column()], self.shown[index.row()]
        if role == Qt.ItemDataRole.DisplayRole or role == Qt.ItemDataRole.ToolTipRole:
            return column.cell(line)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{column.heading} {column.cell(line)}"
        if role == Qt.ItemDataRole.ForegroundRole:
            tone = column.tone(line)
            return QColor(COLOURS[tone]) if tone else None
        if role == Qt.ItemDataRole.FontRole and column.strong:
            return self._bold
        return None

    def headerData(self, at: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and way == Qt.Orientation.Horizontal:
            mark = "" if self._sorted is None or self._sorted[0] != at else " ▾" if self._sorted[1] else " ▴"
            return self.columns[at].heading + mark
        return None

    def show(self, lines: Sequence[R]) -> None:
        """Put other lines in the place of these; what was typed and sorted by still holds."""
        self._all, self._texts = lines, None
        self._arrange()

    def narrow(self, typed: str) -> None:
        """Keep the lines that hold every word typed."""
        self._typed = typed.casefold().strip()
        self._arrange()

    def sort(self, at: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:  # noqa: ARG002 (it turns by itself)
        """By this column; again, the other way round; a third time, as the lines came."""
        before = self._sorted
        self._sorted = (at, False) if before is None or before[0] != at else (at, True) if not before[1] else None
        self._arrange()

    def _found(self, words: list[str]) -> list[R]:
        if not words:
            return list(self._all)
        if self._texts is None:
            self._texts = [self._search(line) for line in self._all]
        pairs = zip(self._texts, self._all, strict=True)
        return [line for text, line in pairs if all(word in text for word in words)]

    def _arrange(self) -> None:
        self.beginResetModel()
        self.shown = self._found(self._typed.split())
        if self._sorted:
            column, backwards = self.columns[self._sorted[0]], self._sorted[1]
            self.shown.sort(key=column.key or column.cell, reverse=backwards)
        self.endResetModel()


class Table(QTableView, Generic[R]):
    """`chosen(line)` opens one; None for a table that is only read. `empty` is said where there is no line:
    what is not there, and what to do. `same` is what a line keeps while the rest of it changes, such as an id."""

    def __init__(
        self,
        name: str,
        columns: Sequence[Column[R]],
        empty: str,
        chosen: Callable[[R], object] | None = None,
        search: Callable[[R], str] = _plain,
        same: Callable[[R], Any] = _itself,
    ) -> None:
        super().__init__()
        self._same = same
        self.setAccessibleName(name)
        self.lines: Lines[R] = Lines(columns, search)
        self._chosen, self.empty = chosen, empty
        self.setModel(self.lines)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(TARGET_PX)
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.setMinimumHeight(36)
        header.sectionClicked.connect(lambda at: self._keeping(lambda: self.lines.sort(at)))
        self.clicked.connect(lambda index: self._open(index.row()))

    def show_lines(self, lines: Sequence[R]) -> None:
        """Show these; the line that was chosen stays chosen."""
        self._keeping(lambda: self.lines.show(lines))

    def narrow(self, typed: str) -> None:
        """Search within; the first line found is chosen."""
        self.lines.narrow(typed)
        if typed and self.lines.shown:
            self.selectRow(0)

    @property
    def line(self) -> R | None:
        """The chosen line."""
        at = self.currentIndex().row()
        return self.lines.shown[at] if 0 <= at < len(self.lines.shown) else None

    def open_chosen(self) -> None:
        """What Enter does."""
        self._open(self.currentIndex().row())

    def _keeping(self, change: Callable[[], None]) -> None:
        before, place = self.line, self.verticalScrollBar().value()
        change()
        if before is not None:
            wanted = self._same(before)
            at = next((at for at, line in enumerate(self.lines.shown) if self._same(line) == wanted), None)
            if at is not None:
                self.selectRow(at)
        self.verticalScrollBar().setValue(place)

    def _open(self, at: int) -> None:
        if self._chosen and 0 <= at < len(self.lines.shown):
            self._chosen(self.lines.shown[at])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._chosen:
            if self.line is not None and not event.isAutoRepeat():
                self.open_chosen()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up) and self.line is None and self.lines.shown:
            self.selectRow(0)
        elif event.key() in _MOVES:
            super().keyPressEvent(event)
        else:
            event.ignore()  # a key of the page or of the window

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        width = self.viewport().width()
        shown = {at: c.weight for at, c in enumerate(self.lines.columns) if width >= NARROW_PX or not c.spare}
        for at in range(len(self.lines.columns)):
            self.setColumnHidden(at, at not in shown)
        for at, weight in shown.items():
            self.setColumnWidth(at, width * weight // sum(shown.values()))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.lines.shown:
            painter = QPainter(self.viewport())
            painter.setPen(QColor(COLOURS["muted"]))
            place = self.viewport().rect().adjusted(24, 24, -24, -24)
            painter.drawText(place, Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap, self.empty)


_MOVES = (
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
)
