"""A child's record to read, away from the counter: who it is, the booklet's page, what was not given and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout

from domain.doses import Dose
from domain.schedule.page import Mark, Next
from terminal.store.doses import NotGiven
from terminal.ui import parts
from terminal.ui.history import History
from terminal.ui.person_panel import PersonPanel
from terminal.ui.schedule_words import group_name, mark_words, next_words
from terminal.ui.services import FeedState
from terminal.ui.sheet import Sheet
from terminal.ui.tokens import GAP
from terminal.ui.trips import Look
from terminal.ui.words import Words
from terminal.usecases.desk import Desk

HIGH_PX = 230  # of the booklet's page, before it scrolls


@dataclass(frozen=True)
class Exchange:
    """What the record's keys do about whose record it is."""

    move: Callable[[], None]
    merge: Callable[[], None]
    unmerge: Callable[[], None]


class RecordSheet(Sheet):
    """`edit` opens the form of the child's details, `to_counter` the child in the chair, `print_record` the paper;
    `open_child` is told of a brother or sister; `move`, `merge` and `unmerge` are asked for by their keys, the last
    only of a record made of several. A touched dose tells how it was judged."""

    wide = True

    def __init__(
        self,
        words: Words,
        desk: Desk,
        look: Look,
        feed: FeedState,
        edit: Callable[[], None],
        open_child: Callable[[str], None],
        print_record: Callable[[], None],
        to_counter: Callable[[], None],
        exchange: Exchange,
        close: Callable[[], None],
    ) -> None:
        assert look.child is not None and look.page is not None
        super().__init__(words, words("ui.record"), close, words("ui.record.to_counter"))
        self._to_counter = to_counter
        self.child_id = look.child_id
        self.heading.hide()  # the name is larger
        self.person = PersonPanel(desk, words, edit, open_child)
        self.person.show_child(look.child)
        self.person.show_known(look.child.card, feed)
        self.history = History(
            words, lambda code: desk.plan.groups_of(code, desk.today()), self._tell_dose, self._tell_next
        )
        self.history.setMinimumHeight(HIGH_PX)
        self.history.show_page(look.page, look.child.doses, desk.today())
        self.told = parts.text(words("ui.record.touch"), "muted", wrap=True)
        beside = QHBoxLayout()
        beside.setSpacing(GAP)
        beside.addWidget(self.person, 37)
        right = parts.card()
        right[1].addWidget(self.history, 1)
        right[1].addWidget(self.told)
        for line in self._not_given(look.child.not_given):
            right[1].addWidget(parts.text(line, "small", wrap=True))
        beside.addWidget(right[0], 86)
        self.body.addLayout(beside, 1)
        away = look.child.card.facts.clinic == desk.clinic
        self._keys = {
            Qt.Key.Key_F4: parts.Button(words("ui.move_out" if away else "ui.move_in"), exchange.move, "F4"),
            Qt.Key.Key_F6: parts.Button(words("ui.merge"), exchange.merge, "F6"),
            Qt.Key.Key_F8: parts.Button(words("ui.unmerge"), exchange.unmerge, "F8"),
            Qt.Key.Key_F9: parts.Button(words("ui.record.print"), print_record, "F9"),
        }
        self._keys[Qt.Key.Key_F8].setVisible(look.merged)
        for at, button in enumerate(self._keys.values(), 1):
            self.bottom.insertWidget(at, button)
        for button in (self.cancel_button, self.done_button, *self._keys.values()):
            button.squeeze(True)
        parts.restyle(self, narrow="yes")

    def _not_given(self, lines: Iterable[NotGiven]) -> list[str]:
        words = self.words
        return [
            " · ".join(
                filter(
                    None,
                    [
                        words(f"ui.defer.{one.outcome}"),
                        words.short(one.vaccine),
                        one.reason,
                        one.until and words("ui.due.until", day=one.until),
                    ],
                )
            )
            for one in lines
        ]

    def _tell_dose(self, dose: Dose, mark: Mark | None) -> None:
        told = mark_words(self.words, mark) if mark else []
        self.told.setText("\n".join([f"{self.words.dose(dose.vaccine, dose.dose_no)} · {dose.given_on}", *told]))

    def _tell_next(self, line: Next) -> None:
        self.told.setText("\n".join([group_name(self.words, line), *next_words(self.words, line)]))

    def finish(self) -> None:
        self._to_counter()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        button = self._keys.get(Qt.Key(event.key()))
        if button and button.isVisible() and not event.isAutoRepeat():
            button.click()
        else:
            super().keyPressEvent(event)
