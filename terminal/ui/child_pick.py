"""Another child for a form: searched by anything, or scanned; the one found alone is chosen."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QListWidget, QListWidgetItem, QWidget

from domain.codes import Code, PersonCode
from terminal.store.children import Found
from terminal.ui import parts
from terminal.ui.tokens import TARGET_PX
from terminal.ui.words import Words, masked

FindChildren = Callable[[str, Callable[[list[Found]], None]], None]
ROWS = 2  # in sight; the others are a scroll away


def _nothing(_: str) -> None:
    pass


class ChildPick(QWidget):
    """`search(typed, then)` while typing, `find(number, then)` for a scan; `chosen(child_id)` is told of Enter or a
    touch. `without` is the child it is not about."""

    def __init__(
        self,
        words: Words,
        name: str,
        search: FindChildren,
        find: FindChildren,
        chosen: Callable[[str], None] = _nothing,
        without: str = "",
    ) -> None:
        super().__init__()
        self._words, self._find, self._chosen, self._without = words, find, chosen, without
        self.typed, self.found = QLineEdit(), QListWidget()
        self.typed.setPlaceholderText(words("ui.search"))
        self.typed.setAccessibleName(words(name))
        self.typed.textEdited.connect(lambda text: search(text, self._show))
        self.typed.returnPressed.connect(self._choose)
        self.found.setAccessibleName(words("ui.search_results"))
        self.found.setFixedHeight(ROWS * (TARGET_PX + 1) + 4)
        self.found.itemClicked.connect(lambda _: self._choose())
        self.found.itemActivated.connect(lambda _: self._choose())  # Enter
        self.found.hide()
        layout = parts.column(self, spacing=6)
        layout.addWidget(self.typed)
        layout.addWidget(self.found)

    @property
    def child_id(self) -> str:
        """Who is chosen, "" for nobody."""
        item = self.found.currentItem()
        return str(item.data(Qt.ItemDataRole.UserRole)) if item else ""

    def take(self, code: Code) -> bool:
        """Whether the code is a person's number."""
        if isinstance(code, PersonCode):
            self._find(code.value, self._show)
            return True
        return False

    def _show(self, found: list[Found]) -> None:
        self.found.clear()
        for line in found:
            if line.id != self._without:
                told = (self._words.child(line.name), self._words.sex(line.sex), line.birth_on, masked(line.phone))
                item = QListWidgetItem("   ".join(filter(None, told)))
                item.setData(Qt.ItemDataRole.UserRole, line.id)
                self.found.addItem(item)
        self.found.setVisible(self.found.count() > 0)
        if self.found.count() == 1:
            self.found.setCurrentRow(0)

    def _choose(self) -> None:
        if self.found.currentItem() is None and self.found.count():
            self.found.setCurrentRow(0)
        if self.child_id:
            self._chosen(self.child_id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()), 0)
        if step and self.found.count():
            self.found.setCurrentRow(max(0, min(self.found.count() - 1, self.found.currentRow() + step)))
        else:
            super().keyPressEvent(event)
