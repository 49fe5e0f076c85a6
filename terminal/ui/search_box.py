"""One box for name, pinyin initials, phone or any number; the answers drop down while typing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QListWidget, QListWidgetItem, QWidget

from terminal.store.children import Found
from terminal.ui.tokens import TARGET_PX
from terminal.ui.words import Words, masked

DELAY_MS = 60  # between the last key and the search
ROW_PX = TARGET_PX + 1


class SearchBox(QLineEdit):
    """`search(typed)` is called while typing and answers with `show_found`; `chosen(child_id, results)` opens a child,
    `looked(results)` is told of a search that opened none: names were seen all the same. `elsewhere(typed)` asks the
    region for a number that nobody has here.

    The answers lie over `screen`, and go with it.
    """

    def __init__(
        self,
        words: Words,
        search: Callable[[str], None],
        chosen: Callable[[str, int], None],
        looked: Callable[[int], None],
        screen: QWidget,
        elsewhere: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self._elsewhere = elsewhere
        self._looked = looked
        self._seen: int | None = None  # the most lines this search has shown
        self._words, self._search, self._chosen, self._screen = words, search, chosen, screen
        self.setPlaceholderText(words("ui.search"))
        self.setAccessibleName(words("ui.search"))
        self.setMinimumWidth(230)
        self.setMaximumWidth(340)
        self.setFixedHeight(TARGET_PX)
        self.setClearButtonEnabled(True)
        self.found = QListWidget(screen)
        self.found.setAccessibleName(words("ui.search_results"))
        self.found.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.found.hide()
        self.found.itemClicked.connect(self._open)
        self._delay = QTimer(self, singleShot=True, interval=DELAY_MS)
        self._delay.timeout.connect(lambda: self._search(self.text()))
        self.textEdited.connect(lambda: self._delay.start())
        self.textChanged.connect(lambda typed: None if typed else self._end())

    def place_list(self) -> None:
        """Put the list under the box, on top of the screen it belongs to."""
        screen = self._screen
        corner = self.mapTo(screen, self.rect().bottomLeft())
        rows = min(8, max(1, self.found.count()))
        width = max(self.width(), 520)
        left = min(corner.x(), screen.width() - width - 8)
        self.found.setGeometry(left, corner.y() + 6, width, rows * ROW_PX + 4)
        self.found.show()
        self.found.raise_()

    def show_found(self, typed: str, found: Sequence[Found]) -> None:
        """The answer to what is still in the box; an older answer is dropped."""
        if typed != self.text() or not typed.strip():
            return
        self._seen = max(len(found), self._seen or 0)
        self.found.clear()
        for line in found:
            item = QListWidgetItem(self._line(line))
            item.setData(Qt.ItemDataRole.UserRole, line.id)
            self.found.addItem(item)
        if not found:
            nothing = QListWidgetItem(self._words("ui.search_nothing"))
            nothing.setFlags(Qt.ItemFlag.NoItemFlags)
            self.found.addItem(nothing)
            if self._elsewhere and any(char.isdigit() for char in typed):
                self.found.addItem(self._words("ui.elsewhere.look_key"))
                self.found.setCurrentRow(1)
        else:
            self.found.setCurrentRow(0)
        self.place_list()

    def _line(self, found: Found) -> str:
        words = self._words
        return "   ".join(
            filter(
                None,
                [
                    words.child(found.name),
                    words.sex(found.sex),
                    found.birth_on,
                    found.child_code,
                    masked(found.phone),
                ],
            )
        )

    def _open(self, item: QListWidgetItem) -> None:
        child_id = item.data(Qt.ItemDataRole.UserRole)
        if child_id:
            results = self._seen or self.found.count()
            self._seen = None
            self.clear()
            self._chosen(child_id, results)
        elif self._elsewhere:
            self._elsewhere(self.text())

    def clear(self) -> None:
        super().clear()
        self._end()

    def _end(self) -> None:
        """The search is over; when it showed anything and opened nothing, that is told."""
        self._delay.stop()
        self.found.clear()
        self.found.hide()
        if self._seen is not None:
            seen, self._seen = self._seen, None
            self._looked(seen)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, row = event.key(), self.found.currentRow()
        if key == Qt.Key.Key_Escape:
            self.clear()
            self.clearFocus()
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up) and self.found.isVisible():
            step = 1 if key == Qt.Key.Key_Down else -1
            self.found.setCurrentRow(max(0, min(self.found.count() - 1, row + step)))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            item = self.found.currentItem()
            if self.found.isVisible() and item:
                self._open(item)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        QTimer.singleShot(150, self.found, self.found.hide)  # after the click that chose a line
