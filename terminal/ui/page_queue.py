"""The waiting room: who arrived, waits, is called, stays for observation with a running clock, is done."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QPushButton

from domain.codes import Code, PersonCode
from domain.world import from_utc_text
from terminal.store.children import Found
from terminal.ui.page_parts import WorkPage, in_card
from terminal.ui.pages import House
from terminal.ui.search_box import SearchBox
from terminal.ui.table_view import Column, Table
from terminal.ui.tokens import TARGET_PX
from terminal.usecases import queue
from terminal.usecases.find_child import find_child
from terminal.usecases.queue import STATES, Room, State, Waiting

_TONES: dict[State, str] = {
    "left": "warn",
    "called": "accent",
    "waiting": "ink",
    "arrived": "ink",
    "observing": "ok",
    "done": "muted",
}
_CALLABLE: tuple[State, ...] = ("waiting", "arrived")


class QueuePage(WorkPage):
    """Enter opens a child on the counter. At the pre-check's desk a scan puts the child into the queue."""

    def __init__(self, house: House) -> None:
        super().__init__(house, "ui.queue")
        words = house.words
        self._now = house.desk.world.now()
        self._precheck = False
        self.box = SearchBox(words, self._search, self._found, house.work.children.looked, self)
        self.box.setPlaceholderText(words("ui.queue.find"))
        self.box.setAccessibleName(words("ui.queue.find"))
        self.box.setFixedHeight(TARGET_PX)
        self.desk_of_precheck = QPushButton(words("ui.queue.precheck"))
        self.desk_of_precheck.setProperty("kind", "choice")
        self.desk_of_precheck.setCheckable(True)
        self.desk_of_precheck.setAccessibleName(words("ui.queue.precheck"))
        self.desk_of_precheck.setToolTip(words("ui.queue.precheck_how"))
        self.desk_of_precheck.clicked.connect(lambda on: self.do(queue.set_precheck, self._set_precheck, on))
        self.head.addWidget(self.desk_of_precheck)
        self.head.addWidget(self.box)
        self.table: Table[Waiting] = Table(
            words("ui.queue"), self._columns(), words("ui.queue.empty"), self._open, same=lambda w: w.child_id
        )
        self.inside.addWidget(in_card(self.table), 1)
        self._open_button = self.action("ui.queue.open", self.table.open_chosen, "Enter", "primary")
        self._call_button = self.action("ui.queue.call", self._call, "F5")
        self._leave_button = self.action("ui.queue.leave", self._leave, "F8")
        self.row.addStretch(1)
        self.action("ui.queue.arrive", self.box.setFocus, "F2")
        self.table.selectionModel().currentRowChanged.connect(self._enable)
        self._clock = QTimer(self, interval=1000)
        self._clock.timeout.connect(self._tick)
        self._enable()

    def _columns(self) -> list[Column[Waiting]]:
        words, desk = self.words, self.house.desk
        return [
            Column(words("ui.queue.state"), self._state, 3, lambda w: _TONES[w.state], lambda w: STATES.index(w.state)),
            Column(
                words("ui.list.name"), lambda w: words.child(w.place.name), 4, key=lambda w: w.place.pinyin, strong=True
            ),
            Column(words("ui.list.sex"), lambda w: words.sex(w.place.sex), 2),
            Column(
                words("ui.list.age"),
                lambda w: words.age(w.place.birth_on, desk.today()),
                3,
                key=lambda w: w.place.birth_on,
            ),
            Column(words("ui.queue.since"), self._since, 3, key=lambda w: w.since),
            Column(words("ui.queue.clock"), self._clock_of, 3, lambda w: _TONES[w.state], lambda w: w.until or w.since),
            Column(words("ui.queue.doses"), lambda w: str(w.place.doses or ""), 2, key=lambda w: w.place.doses),
        ]

    def _state(self, line: Waiting) -> str:
        return self.words(f"ui.queue.is_{line.state}")

    def _since(self, line: Waiting) -> str:
        at = from_utc_text(line.since).astimezone(self.house.desk.world.zone)
        return at.strftime("%H:%M") if line.state != "left" else at.strftime("%Y-%m-%d")

    def _clock_of(self, line: Waiting) -> str:
        if line.state == "observing":
            left = queue.left_s(line, self._now)
            return self.words("ui.queue.left", clock=f"{left // 60}:{left % 60:02d}")
        if line.state == "done":
            return self.words("ui.queue.may_go") if line.place.doses else ""
        if line.state == "left":
            return self.words("ui.queue.close_it")
        waited = max(0, int((self._now - from_utc_text(line.since)).total_seconds())) // 60
        return self.words("ui.queue.waited", minutes=waited)

    def start(self) -> None:
        self._clock.start()
        self.table.setFocus()
        self.do(queue.enter_room, self._show)

    def stop(self) -> None:
        super().stop()
        self._clock.stop()
        self.box.clear()

    def refresh(self) -> None:
        self.ask(queue.read_room, self._show, self.house.desk)

    def _tick(self) -> None:
        """The clocks run; who has stayed long enough is asked of the store."""
        before, self._now = self._now, self.house.desk.world.now()
        over = any(w.state == "observing" and _ended(w, before, self._now) for w in self.table.lines.shown)
        if over:
            self.refresh()
        self.table.viewport().update()

    def _show(self, room: Room) -> None:
        self._now = self.house.desk.world.now()
        self.table.show_lines(room.lines)
        self._set_precheck(room.precheck)
        counts = [(state, room.count(state)) for state in STATES]
        told = [self.words("ui.queue.count", state=self.words(f"ui.queue.is_{s}"), count=n) for s, n in counts if n]
        self.facts.setText(" · ".join(told))
        if self.table.line is None and room.lines:
            self.table.selectRow(0)
        self._enable()

    def _set_precheck(self, on: bool) -> None:
        self._precheck = on
        self.desk_of_precheck.setChecked(on)

    def _enable(self) -> None:
        line = self.table.line
        self._open_button.setEnabled(line is not None)
        self._call_button.setEnabled(any(w.state in _CALLABLE for w in self.table.lines.shown))
        self._leave_button.setEnabled(line is not None and not line.place.visit_id)

    def _open(self, line: Waiting) -> None:
        """On the counter; one who waited is called by it."""
        if line.state in _CALLABLE:
            self.do(queue.call, lambda _: self.house.open_child(line.child_id), line.child_id)
        else:
            self.house.open_child(line.child_id)

    def _call(self) -> None:
        """The chosen one, or who waits longest."""
        line = self.table.line
        if line is None or line.state not in _CALLABLE:
            line = next((w for state in _CALLABLE for w in self.table.lines.shown if w.state == state), None)
        if line:
            self.do(queue.call, self._called, line.child_id)

    def _called(self, line: Waiting) -> None:
        self.say(self.words("ui.queue.called", name=self.words.child(line.place.name)))
        self.refresh()

    def _leave(self) -> None:
        if self.table.line:
            self.do(queue.leave, lambda _: self.refresh(), self.table.line.child_id)

    def take(self, code: Code) -> bool:
        """At the pre-check's desk a child's number is an arrival."""
        if not self._precheck or not isinstance(code, PersonCode):
            return super().take(code)
        self.do(find_child, self._scanned, code.value)
        return True

    def _scanned(self, found: list[str]) -> None:
        if len(found) == 1:
            self._arrive(found[0])
        else:
            self.say(self.words("ui.queue.several", count=len(found)), "look")

    def _search(self, typed: str) -> None:
        def show(found: list[Found]) -> None:
            self.box.show_found(typed, found)

        self.house.work.children.look_up(typed, show)

    def _found(self, child_id: str, results: int) -> None:
        self.house.work.children.looked(results)
        self._arrive(child_id)

    def _arrive(self, child_id: str) -> None:
        def arrived(line: Waiting) -> None:
            name, state = self.words.child(line.place.name), self.words(f"ui.queue.is_{line.state}")
            self.say(self.words("ui.queue.arrived", name=name, state=state))
            self.table.setFocus()
            self.refresh()

        self.do(queue.arrive, arrived, child_id)


def _ended(line: Waiting, before: datetime, now: datetime) -> bool:
    return before < from_utc_text(line.until) <= now
