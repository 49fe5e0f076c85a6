"""What the pages beside the counter share: a heading, a place for words, a middle, and keys at the bottom.

A form takes the place of the middle, as on the counter; Esc puts it away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from domain.codes import Code
from domain.problems import Problem
from terminal.ui import parts
from terminal.ui.pages import House, Page
from terminal.ui.parts import Button
from terminal.ui.sheet import Sheet
from terminal.ui.table_view import Table
from terminal.ui.tokens import GAP, TARGET_PX
from terminal.usecases.desk import Outcome

T = TypeVar("T")
NARROW_PX = 1290  # below this the keys' words are smaller
ACTION_PX = 56


class WorkPage(Page):
    """A page with a `head`, a `middle` and a row of `actions`. `words` and `do` are what every one needs."""

    def __init__(self, house: House, title: str) -> None:
        super().__init__(house, title)
        self.words = house.words
        self.sheet: Sheet | None = None
        self._keys: dict[int, Button] = {}
        self._under_way = False
        self.title = parts.text(house.words(title), "heading")
        self.facts = parts.Elided("", "muted")
        self.head = parts.row(self.title, self.facts, spacing=GAP)
        self.head.setStretch(1, 1)
        self.note = _Note()
        self.middle, inside = QWidget(), QVBoxLayout()
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(GAP)
        self.middle.setLayout(inside)
        self.inside = inside
        self._bar = QWidget()
        self.row = QHBoxLayout(self._bar)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(10)
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(18, 14, 18, 16)
        self._whole.setSpacing(GAP)
        self._whole.addLayout(self.head)
        self._whole.addWidget(self.note)
        self._whole.addWidget(self.middle, 1)
        self._whole.addWidget(self._bar)

    def action(
        self,
        code: str,
        pressed: Callable[[], object],
        key: str = "",
        kind: str = "plain",
        row: QHBoxLayout | None = None,
    ) -> Button:
        """A button at the bottom, or in another row; its key works wherever the focus is on this page."""
        button = Button(self.words(code), pressed, key, kind)
        button.setMinimumHeight(TARGET_PX if row else ACTION_PX)
        if key:
            self._keys[int(getattr(Qt.Key, f"Key_{'Return' if key == 'Enter' else key}"))] = button
        (row or self.row).addWidget(button)
        return button

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = int(Qt.Key.Key_Return if event.key() == Qt.Key.Key_Enter else event.key())
        button = self._keys.get(key)
        if key == Qt.Key.Key_Escape and self.sheet:
            self.close_sheet()
        elif key == Qt.Key.Key_F10 and self.sheet:  # from wherever the focus is
            self.sheet.keyPressEvent(event)
        elif button and self.sheet is None and button.isEnabled() and not event.isAutoRepeat():
            button.click()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        parts.restyle(self._bar, narrow="yes" if self.width() < NARROW_PX else "no")

    def stop(self) -> None:
        self.note.quiet()

    def open_sheet(self, sheet: Sheet) -> None:
        """A form in the place of the middle."""
        self._drop_sheet()
        self.sheet = sheet
        self._show_rest(False)
        self.note.quiet()
        self._whole.insertWidget(2, sheet, 1)
        sheet.show()
        fields: list[QLineEdit] = list(sheet.findChildren(QLineEdit))
        (next((f for f in fields if f.isVisibleTo(sheet)), None) or sheet).setFocus()

    def close_sheet(self) -> None:
        if self.sheet:
            self._drop_sheet()
            self._show_rest(True)
            self.setFocus()

    def _show_rest(self, on: bool) -> None:
        """What a form takes the place of: all but the title."""
        in_head = (self.head.itemAt(at).widget() for at in range(1, self.head.count()))
        for part in (self.middle, self._bar, *filter(None, in_head)):
            part.setVisible(on)

    def _drop_sheet(self) -> None:
        if self.sheet:
            self._whole.removeWidget(self.sheet)
            self.sheet.hide()
            self.sheet.deleteLater()
            self.sheet = None

    def take(self, code: Code) -> bool:
        """An open form may use a scan."""
        return bool(self.sheet and self.sheet.take(code))

    def do(self, verb: Callable[..., Outcome[T]], then: Callable[[T], object], *args: Any) -> None:
        """Do a verb as who sits here; what stops it is said in the open form, or on the page."""

        def done(outcome: Outcome[T]) -> None:
            if outcome.value is None:
                self.say_problems(outcome.problems)
                return
            then(outcome.value)
            if outcome.problems:
                self.note.add(" ".join(self.words.problem(p) for p in outcome.problems))

        self.house.tasks.run(verb, self.house.desk, self.house.actor, *args, then=done)

    def ask(self, work: Callable[..., T], then: Callable[[T], None], *args: Any) -> None:
        """Look anew in the background; while one look is under way no other begins."""
        if not self._under_way:
            self._under_way = True
            self.house.tasks.run(work, *args, then=then, after=self._answered)

    def _answered(self) -> None:
        self._under_way = False

    def say(self, text: str, tone: str = "ok") -> None:
        """Words above the middle, for a while."""
        self.note.say(text, tone)

    def say_problems(self, problems: Iterable[Problem]) -> None:
        problems = list(problems)
        if self.sheet:
            self.sheet.say(problems)
        else:
            self.say(" ".join(self.words.problem(p) for p in problems), "stop")


class _Note(QFrame):
    """One answer in words; it goes after a while, so that it is not taken for the answer to what comes next."""

    SHOWN_MS = 12_000

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "note")
        self._label = parts.text("", wrap=True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 10, 16, 10)
        layout.addWidget(self._label)
        self._end = QTimer(self, singleShot=True, interval=self.SHOWN_MS)
        self._end.timeout.connect(self.hide)
        self.hide()

    @property
    def said(self) -> str:
        """What is said now, "" when nothing is."""
        return self._label.text() if not self.isHidden() else ""

    def say(self, text: str, tone: str) -> None:
        mark = {"ok": "✓ ", "look": "! ", "stop": "✗ "}.get(tone, "")
        self._label.setText(mark + text)
        self.setAccessibleName(text)
        parts.restyle(self, tone=tone)
        self.show()
        if tone == "stop":
            self._end.stop()
        else:
            self._end.start()

    def add(self, text: str) -> None:
        """What should be looked at beside what was just said."""
        self.say(f"{self.said.removeprefix('✓ ')} {text}".strip(), "look")

    def quiet(self) -> None:
        self._end.stop()
        self.hide()


class Within(QLineEdit):
    """The field that searches within a table: Enter opens the first line found, the arrows go to the lines."""

    def __init__(self, name: str, table: Table[Any]) -> None:
        super().__init__()
        self.setPlaceholderText(name)
        self.setAccessibleName(name)
        self.setClearButtonEnabled(True)
        self.setMinimumWidth(200)
        self.setMaximumWidth(320)
        self._table = table
        self.textChanged.connect(table.narrow)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._table.open_chosen()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._table.setFocus()
            self._table.keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)


def in_card(table: QWidget) -> QFrame:
    """A table on a white panel."""
    frame, layout = parts.card()
    layout.setContentsMargins(12, 8, 12, 8)
    layout.addWidget(table)
    return frame


class Facts(QFrame):
    """A white panel of named values, such as "unsent: 12"; a value may have a colour that says how it is."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setProperty("kind", "card")
        self.setAccessibleName(title)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(20, 16, 20, 16)
        outer.setSpacing(10)
        outer.addWidget(parts.text(title, "strong"))
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        outer.addLayout(self._grid)
        outer.addStretch(1)
        self.below = outer
        self._shown: list[tuple[str, str, str]] = []

    def show_facts(self, *facts: tuple[str, str, str]) -> None:
        """(name, value, tone) from top to bottom. tone: "" plain, ok, look or stop; a mark goes with the colour."""
        if list(facts) == self._shown:
            return
        self._shown = list(facts)
        parts.clear(self._grid)
        for at, (name, value, tone) in enumerate(facts):
            label = parts.text(value, _TONE_KINDS[tone], wrap=True)
            label.setAccessibleName(f"{name} {value}")
            self._grid.addWidget(parts.text(name, "muted"), at, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(label, at, 1, Qt.AlignmentFlag.AlignTop)

    @property
    def shown(self) -> dict[str, str]:
        """name -> value, as shown."""
        return {name: value for name, value, _ in self._shown}


_TONE_KINDS = {"": "body", "ok": "good", "look": "attention", "stop": "wrong"}
