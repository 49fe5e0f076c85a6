"""A form that takes the place of the history: nothing modal, Esc leaves it, F10 finishes it, a scan may fill it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import cast

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen, QPolygonF, QShowEvent, QWheelEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFormLayout,
    QFrame,
    QGridLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStyledItemDelegate,
    QVBoxLayout,
    QWidget,
)

from config import tables
from domain.codes import Code
from domain.doses import vaccine_class
from domain.problems import Problem
from terminal.ui import parts
from terminal.ui.flow import Flow
from terminal.ui.tokens import COLOURS
from terminal.ui.touch_pad import wants_digits
from terminal.ui.words import Words

REASON_LENGTH = 200


class Sheet(QFrame):
    """One form. `wide`: it needs no person beside it and takes the whole width. `between`: it is asked in the midst of
    other work, which comes back after it.

    Subclasses fill `body` and set `done`, the work of F10; without it there is no button for it.
    """

    wide = False
    between = False

    def __init__(self, words: Words, title: str, close: Callable[[], None], done_words: str = "") -> None:
        super().__init__()
        self.setProperty("kind", "card")
        self.setAccessibleName(title)
        self.words, self.close_sheet = words, close
        inside = QWidget()
        self.body = QVBoxLayout(inside)
        self.body.setContentsMargins(20, 4, 20, 8)
        self.body.setSpacing(10)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inside)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        if not self.wide:  # a wide one is made for the smallest window; at 200 % there may be less
            area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.said = parts.text("", "problem", wrap=True)
        self.done_button = parts.Button(done_words or words("ui.save"), self.finish, "F10", "primary")
        self.done_button.setVisible(bool(done_words))
        self.cancel_button = parts.Button(words("ui.cancel"), close, "Esc")
        self.heading = parts.text(title, "heading", wrap=True)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 16, 1, 14)
        top, self.bottom = parts.row(self.heading), parts.row(self.cancel_button, 1, self.done_button)
        for line in (top, self.bottom):
            line.setContentsMargins(20, 0, 20, 0)
        outer.addLayout(top)
        outer.addWidget(area, 1)
        self.said.setContentsMargins(20, 0, 20, 0)
        outer.addWidget(self.said)
        outer.addLayout(self.bottom)
        self.said.hide()

    def showEvent(self, event: QShowEvent) -> None:
        """Tab goes over what is asked first, then over the buttons below it."""
        super().showEvent(event)
        every = cast("list[QWidget]", self.findChildren(QWidget))
        inside = [one for one in every if one.focusPolicy() & Qt.FocusPolicy.TabFocus and one.window() is self.window()]
        last = (self.cancel_button, self.done_button)
        for before, after in pairwise([*(part for part in inside if part not in last), *last]):
            QWidget.setTabOrder(before, after)

    def finish(self) -> None:
        """F10."""

    def take(self, code: Code) -> bool:  # noqa: ARG002 (the base takes nothing)
        """Whether this form uses the scanned code itself."""
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self.close_sheet()
        elif key == Qt.Key.Key_F10 and self.done_button.isVisible() and self.done_button.isEnabled():
            self.finish()
        else:
            super().keyPressEvent(event)

    def say(self, problems: Iterable[Problem]) -> None:
        """Show what stops the form."""
        lines = [self.words.problem(p) for p in problems]
        self.said.setText("\n".join(lines))
        self.said.setVisible(bool(lines))

    def form(self) -> QFormLayout:
        """A new form inside the sheet."""
        form = QFormLayout()
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.body.addLayout(form)
        return form

    def line(self, form: QFormLayout, code: str, field: QWidget | None = None) -> QWidget:
        """Add a named field to a form; a text field when none is given."""
        field = field or QLineEdit()
        field.setAccessibleName(self.words(code))
        form.addRow(parts.asked(self.words(code)), field)
        return field


class Day(QLineEdit):
    """A date; eight digits become YYYY-MM-DD while typing."""

    def __init__(self, value: str = "") -> None:
        super().__init__(value)
        self.setPlaceholderText("2026-05-19")
        self.setMaxLength(10)
        wants_digits(self)
        self.textEdited.connect(self._dash)

    def _dash(self, typed: str) -> None:
        digits = re.sub(r"\D", "", typed)
        if len(digits) == 8:
            self.setText(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")


class Reason(QLineEdit):
    """Why, in a person's words: as many as fit into the record."""

    def __init__(self, words: Words) -> None:
        super().__init__()
        self.setAccessibleName(words("ui.reason"))
        self.setPlaceholderText(words("ui.reason.hint"))
        self.setMaxLength(REASON_LENGTH)


class Choices(QWidget):
    """A few values side by side, of which one is chosen; each is a large button."""

    def __init__(self, options: Sequence[tuple[str, str]], chosen: str = "", per_row: int = 0) -> None:
        super().__init__()
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._values: dict[QPushButton, str] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(6)
        per_row = per_row or len(options) or 1
        for at, (value, words) in enumerate(options):
            button = QPushButton(words)
            button.setProperty("kind", "choice")
            button.setCheckable(True)
            button.setAccessibleName(words)
            button.setChecked(value == chosen)
            self._group.addButton(button)
            self._values[button] = value
            grid.addWidget(button, at // per_row, at % per_row)
        self.changed = self._group.buttonToggled

    @property
    def value(self) -> str:
        """The chosen value, "" for none."""
        return next((value for button, value in self._values.items() if button.isChecked()), "")

    def choose(self, value: str) -> None:
        for button, of in self._values.items():
            if of == value:
                button.setChecked(True)


class Several(Flow):
    """Values of which any number may be chosen; each is a large button. They wrap."""

    def __init__(self, options: Sequence[tuple[str, str]], chosen: Sequence[str] = ()) -> None:
        super().__init__()
        self._buttons: dict[str, QPushButton] = {}
        for value, words in options:
            button = QPushButton(words)
            button.setProperty("kind", "choice")
            button.setCheckable(True)
            button.setAccessibleName(words)
            button.setChecked(value in chosen)
            self._buttons[value] = button
        self.show_parts(list(self._buttons.values()))

    def choose_all(self) -> None:
        for button in self._buttons.values():
            button.setChecked(True)

    @property
    def values(self) -> list[str]:
        return [value for value, button in self._buttons.items() if button.isChecked()]


class Pick(QComboBox):
    """A longer list; `value` is the code behind the words."""

    def __init__(self, options: Iterable[tuple[str, str]], chosen: str = "") -> None:
        super().__init__()
        for value, words in options:
            self.addItem(words, value)
        self.setMaxVisibleItems(11)
        self._opened = False
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(10)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.choose(chosen)

    @property
    def value(self) -> str:
        return str(self.currentData() or "")

    def wheelEvent(self, event: QWheelEvent) -> None:
        """A wheel scrolls the form; it never changes what was chosen."""
        event.ignore()

    def showPopup(self) -> None:
        """Its lines are as high as a finger: a list of Qt's own takes no height from the style sheet."""
        if not self._opened:
            self._opened = True
            self.setItemDelegate(QStyledItemDelegate(self))
        super().showPopup()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The style sheet takes the arrow away; this one stands for it."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(COLOURS["muted"]), 1.6))
        x, y = self.width() - 20, self.height() / 2 - 2
        painter.drawPolyline(QPolygonF([QPointF(x, y), QPointF(x + 5, y + 5), QPointF(x + 10, y)]))

    def choose(self, value: str) -> None:
        self.setCurrentIndex(max(0, self.findData(value)))


def vaccine_options(words: Words) -> list[tuple[str, str]]:
    """All vaccines, those of the clinic's own products first."""
    own = list(dict.fromkeys(p.vaccine for p in tables.products()))
    classes = {vaccine_class(p.vaccine) for p in tables.products() if p.funding == "nip"}
    rest = sorted(set(tables.vaccines()) - set(own), key=lambda c: (vaccine_class(c) not in classes, c))
    return [("", words("ui.choose")), *[(code, f"{words.vaccine(code)}  {code}") for code in [*own, *rest]]]
