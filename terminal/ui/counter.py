"""The counter's page: where everything stands, and which key does what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from domain.problems import Problem
from domain.schedule import page as booklet
from terminal.ui import parts
from terminal.ui.due_cards import DueCards
from terminal.ui.history import History
from terminal.ui.pages import House, Page
from terminal.ui.parts import Button
from terminal.ui.person_panel import PersonPanel
from terminal.ui.schedule_words import group_name
from terminal.ui.sheet import Sheet
from terminal.ui.start_sheets import UnansweredSheet
from terminal.ui.tokens import GAP
from terminal.ui.verdict_strip import VerdictStrip
from terminal.ui.visit_card import VisitCard
from terminal.usecases.find_child import OpenChild

NARROW_PX = 1160  # below this the keys' words are smaller
_BY_TAB = (Qt.FocusPolicy.TabFocus, Qt.FocusPolicy.StrongFocus, Qt.FocusPolicy.WheelFocus)
SHORT_PX = 520  # below this the height belongs to the history
NARROWEST_PX = 900  # below this the words stand without their keys


class Counter(Page):
    """The page of the child in the chair."""

    def __init__(self, house: House) -> None:
        super().__init__(house, "ui.counter")
        words, work = house.words, house.work
        self._desk, self._words, self.work = house.desk, words, work
        self.sheet: Sheet | None = None
        self._beneath: Sheet | None = None  # the form that comes back after the one asked in between
        self.strip = VerdictStrip()
        self.person = PersonPanel(house.desk, words, work.children.edit, work.children.open_child)
        self.visit = VisitCard(words, work.children.open_visit)
        self.due = DueCards(words, house.desk.plan, work.doses.next_chosen)
        self.history = History(words, self._groups, work.doses.dose_chosen, work.doses.next_chosen)
        self._optional = parts.Elided("", "small")
        self._shown: object = None  # of the person, and of the history: what has not changed is not built again
        self._history_shown: object = None
        self._actions: dict[int, Button] = {}
        self._build()

    def start(self) -> None:
        """The keys are the counter's."""
        self.setFocus()

    def _build(self) -> None:
        main = QVBoxLayout(self)
        main.setContentsMargins(18, 14, 18, 16)
        main.setSpacing(GAP)
        main.addWidget(self.strip)
        middle = QHBoxLayout()
        middle.setSpacing(GAP)
        main.addLayout(middle, 1)
        middle.addWidget(self.person, 37)
        right = QWidget()
        self._right = QVBoxLayout(right)
        self._right.setContentsMargins(0, 0, 0, 0)
        self._right.setSpacing(GAP)
        self._right.addWidget(self.due)
        self._right.addWidget(self.visit)
        self._history_card, layout = parts.card()
        layout.setContentsMargins(12, 8, 12, 8)
        layout.addWidget(self.history)
        layout.addWidget(self._optional)
        self._right.addWidget(self._history_card, 1)
        middle.addWidget(right, 86)
        self._action_bar = QWidget()
        self._action_bar.setLayout(self._action_row())
        main.addWidget(self._action_bar)

    def _action_row(self) -> QHBoxLayout:
        work, key = self.work, Qt.Key
        rows: tuple[tuple[Qt.Key, str, Callable[[], None], str], ...] = (
            (key.Key_Return, "ui.action.record", work.confirm, "Enter"),
            (key.Key_F4, "ui.action.site", work.doses.site, "F4"),
            (key.Key_F8, "ui.action.defer", work.doses.defer, "F8"),
            (key.Key_F6, "ui.action.elsewhere", work.doses.elsewhere, "F6"),
            (key.Key_F9, "ui.action.reprint", work.children.reprint, "F9"),
            (key.Key_F12, "ui.action.finish", work.children.finish, "F12"),
        )
        layout = QHBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        for code, words, pressed, name in rows:
            if code == key.Key_F12:
                layout.addStretch(1)
            kind = "primary" if code == key.Key_Return else "plain"
            button = Button(self._words(words), pressed, name, kind)
            button.setMinimumHeight(56)
            self._actions[int(code)] = button
            layout.addWidget(button)
        self._keys: dict[int, Callable[[], None]] = {int(code): pressed for code, _, pressed, _ in rows}
        self._keys[int(key.Key_F2)] = work.children.open_visit
        self._keys[int(key.Key_F7)] = work.exchange.look_elsewhere
        return layout

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no field used."""
        if not self.press(event):
            super().keyPressEvent(event)

    def press(self, event: QKeyEvent) -> bool:
        """Do what a key stands for; whether it stands for anything. Enter in a field, or on a button with another
        meaning, never records a dose."""
        key = event.key()
        if key == Qt.Key.Key_Enter:
            key = Qt.Key.Key_Return
        button, pressed = self._actions.get(int(key)), self._keys.get(int(key))
        at = self.window().focusWidget()
        elsewhere = isinstance(at, QLineEdit) or (isinstance(at, Button) and at.key != "Enter")
        kept = elsewhere and key == Qt.Key.Key_Return
        if key == Qt.Key.Key_Escape:
            self.close_sheet()
        elif key == Qt.Key.Key_F10 and self.sheet:  # from wherever the focus is
            self.sheet.keyPressEvent(event)
        elif pressed and not kept and (button is None or button.isEnabled()) and not event.isAutoRepeat():
            pressed()
        else:
            return False
        return True

    def holds(self, widget: QWidget | None) -> bool:
        """Whether this is the page or a part of it."""
        return widget is self or (widget is not None and self.isAncestorOf(widget))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        width = self.width()
        narrow = "most" if width < NARROWEST_PX else "yes" if width < NARROW_PX else "no"
        for button in self._actions.values():
            button.squeeze(narrow != "no")
        self._optional.setMaximumHeight(0 if self.height() < SHORT_PX else 10_000)
        parts.restyle(self._action_bar, narrow=narrow)

    def refresh(self, by_itself: bool = False) -> None:
        """Show the child, the visit and the doses as `work.look` has them. `by_itself`: nobody asked, so whoever types
        or stands somewhere by the keys stays there."""
        look, day = self.work.look, self._desk.today()
        at = self.window().focusWidget()
        shown = _unaged(look.child) if look.child else None, look.elsewhere, day
        self.show_known()
        if shown != self._shown:
            self._shown = shown
            self.person.show_child(look.child, look.elsewhere)
        given = look.page, look.child.doses if look.child else (), day
        if given != self._history_shown:
            self._history_shown = given
            self.history.show_page(*given)
            self._show_optional(look.page)
        self._show_visit()
        self._enable()
        self._order_focus()
        gone = self.window().focusWidget() is not at
        if self.sheet is None and not isinstance(self.window().focusWidget(), QLineEdit) and (gone or not by_itself):
            self.setFocus()

    def show_known(self) -> None:
        """How fresh the child's record is, and whether the region is being asked."""
        look = self.work.look
        asking = bool(look.child_id) and self.work.exchange.asking == look.child_id
        self.person.show_known(look.child.card if look.child else None, self.work.services.feed(), asking)

    def _show_visit(self) -> None:
        """The cards of what is due, and how the visit stands; a form has the place of both."""
        look, verdict = self.work.look, self.work.verdict
        hand, level = (verdict.dose, verdict.level) if verdict else (None, "plain")
        born = look.child.card.facts.birth_on if look.child else ""
        refused = look.child.not_given if look.child else ()
        self.due.show_due(look.page, born, self._desk.today(), look.given, hand, level, refused)
        self.person.show_hand(hand.vaccine if hand else "")
        if look.child is None:
            self.visit.show_nothing()
        elif look.visit is None and self.work.observe_until:
            self.visit.show_closed(self.work.observe_until, self.work.next_visit())
        elif look.visit is None:
            self.visit.ask(look.child_id)
        else:
            self.visit.show_visit(look.visit, bool(look.given or hand))
        if self.sheet:
            self.visit.hide()
            self.due.hide()

    def _show_optional(self, page: booklet.Page | None) -> None:
        """Quietly: what the family may choose and pay for."""
        names = [group_name(self._words, n) for n in (page.nexts if page else ()) if n.standing == "offered"]
        listed = self._words("ui.and").join(dict.fromkeys(names))
        self._optional.setText(self._words("ui.history.optional", vaccines=listed) if names else "")
        self._optional.setVisible(bool(names))

    def _groups(self, vaccine: str) -> frozenset[str]:
        return self._desk.plan.groups_of(vaccine, self._desk.today())

    def _enable(self) -> None:
        look, verdict, key = self.work.look, self.work.verdict, Qt.Key
        free = not self.asks
        on = {
            key.Key_Return: verdict is not None and self.sheet is None,
            key.Key_F4: verdict is not None and self.sheet is None,
            key.Key_F8: look.visit is not None and free,
            key.Key_F6: look.child is not None and free,
            key.Key_F9: look.child is not None and free,
            key.Key_F12: look.visit is not None and self.sheet is None,
        }
        for code, enabled in on.items():
            self._actions[int(code)].setEnabled(enabled)

    @property
    def asks(self) -> bool:
        """Whether a dose without an answer is asked about, be it beneath another form."""
        return isinstance(self._beneath or self.sheet, UnansweredSheet)

    def open_sheet(self, sheet: Sheet) -> None:
        """Put a form in the place of the history, or over the whole width. It replaces another one; one that is asked
        in between gives the place back."""
        if not sheet.between:
            self._drop_beneath()
        elif self.sheet and not self.sheet.between:
            self._beneath, self.sheet = self.sheet, None
            self._beneath.hide()
        self._drop_sheet()
        self._place_sheet(sheet)

    def _place_sheet(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.person.setVisible(not sheet.wide)
        self._action_bar.setVisible(not sheet.wide)
        self.visit.hide()
        self.due.hide()
        self._history_card.hide()
        self._right.addWidget(sheet, 1)
        sheet.show()
        self._enable()
        fields: list[QLineEdit] = list(sheet.findChildren(QLineEdit))
        first = next((f for f in fields if f.isVisibleTo(sheet)), None)
        (first or sheet).setFocus()

    def _order_focus(self) -> None:
        """Tab goes as the eye does, also over what was put in later: search, rail, strip, person, visit, keys."""
        shell = self.work.shell
        areas = (
            shell.search,
            shell.rail,
            self.strip,
            self.person,
            self.due,
            self.visit,
            self.history,
            self._action_bar,
        )
        ordered: list[QWidget] = []
        for area in areas:
            inside: list[QWidget] = [area, *area.findChildren(QWidget)]
            ordered += [part for part in inside if part.focusPolicy() in _BY_TAB]
        for before, after in pairwise(ordered):
            QWidget.setTabOrder(before, after)

    def close_sheet(self, answered: bool = False) -> None:
        """Back to the child; a question that must be answered stays until it is."""
        if self.sheet is None or (isinstance(self.sheet, UnansweredSheet) and not answered):
            return
        self._drop_sheet()
        if self._beneath:
            back, self._beneath = self._beneath, None
            self._place_sheet(back)
            return
        self.person.show()
        self._action_bar.show()
        self._history_card.show()
        self.work.say_again()
        self.refresh()
        self.setFocus()
        self.work.exchange.catch_up()

    def close_sheets(self) -> None:
        """The same, and nothing comes back but a question that must be answered."""
        if not self.asks:
            self._drop_beneath()
        self.close_sheet()

    def _drop_beneath(self) -> None:
        if self._beneath:
            self._beneath.deleteLater()
            self._beneath = None

    def _drop_sheet(self) -> None:
        if self.sheet:
            self._right.removeWidget(self.sheet)
            self.sheet.hide()
            self.sheet.deleteLater()
            self.sheet = None

    def sheet_says(self, problems: Sequence[Problem]) -> None:
        """What stops the open form."""
        if self.sheet:
            refuse = getattr(self.sheet, "refuse", self.sheet.say)
            refuse(problems)


def _unaged(opened: OpenChild) -> object:
    """What the panel is made of: that it was heard again changes nothing but the line below."""
    card = msgspec.structs.replace(opened.card, known_at="", known_from="")
    return card, opened.siblings, opened.alike
