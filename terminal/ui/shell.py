"""One signed-in person's screen: the bar on top, the rail, quiet bars, and the page that is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from domain.codes import classify
from domain.permissions import Permission, allowed
from drivers.scan import Report, ScanEvent, ScanLost, StateChange
from terminal.store.papers import Job
from terminal.ui import parts, trips
from terminal.ui.counter import Counter
from terminal.ui.pages import COUNTER, ENTRIES, Entry, Heard, House, Page
from terminal.ui.parts import Button
from terminal.ui.rail import Rail
from terminal.ui.search_box import SearchBox
from terminal.ui.services import Condition, Services
from terminal.ui.tasks import Tasks
from terminal.ui.top_bar import TopBar
from terminal.ui.verdict_strip import Said
from terminal.ui.words import Words
from terminal.ui.work import Work
from terminal.usecases.desk import Actor, Desk
from terminal.usecases.scan_routing import scan_rules
from terminal.usecases.staff_emergency import EmergencyUse, is_emergency

STANDING_MS = 2000  # how often unsent facts and slips that ask are counted, and others' facts of the child seen
MOST_BARS = 2  # so many leave the smallest window its keys and some of the history


@dataclass(frozen=True)
class Bar:
    """One line above the page, with the buttons that answer it."""

    text: str
    answers: tuple[tuple[str, Callable[[], object]], ...] = ()
    tone: str = "look"


class Shell(QFrame):
    """Thrown away at lock, and every personal datum with it. The counter's page is always there: scans end on it."""

    def __init__(
        self,
        desk: Desk,
        services: Services,
        words: Words,
        actor: Actor,
        tasks: Tasks,
        painted: Callable[[float], None],
        lock: Callable[[], None],
    ) -> None:
        super().__init__()
        self.setProperty("kind", "page")
        self._desk, self._services, self._words, self._tasks, self._painted = desk, services, words, tasks, painted
        self.work = work = Work(desk, services, words, actor, tasks, self, painted)
        self._heard: dict[str, Heard] = {}
        self._house = House(
            desk, services, words, tasks, work, self.open_child, self.turn_to, self.ask_standing, lambda: self._heard
        )
        self.counter = Counter(self._house)
        self.search = SearchBox(
            words, work.children.search, self.open_child, work.children.looked, self, self.look_elsewhere
        )
        self.top = TopBar(desk, words, self.search)
        self.rail = Rail(words, self.turn_to, lock)
        self._lock = lock
        self._pages: dict[str, Page] = {COUNTER: self.counter}
        self.entries: tuple[Entry, ...] = ()
        self._asking: tuple[object, ...] | None = None
        self.ticked: Callable[[], None] = lambda: None
        self._build()
        self._clock = QTimer(self, interval=1000)
        self._clock.timeout.connect(self.tick)
        self._watch = QTimer(self, interval=STANDING_MS)
        self._watch.timeout.connect(self.ask_standing)
        self.current = COUNTER
        self.show_actor(actor)
        self.tick()
        self.counter.refresh()

    def _build(self) -> None:
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.top)
        below = QHBoxLayout()
        below.setSpacing(0)
        whole.addLayout(below, 1)
        below.addWidget(self.rail)
        main = QVBoxLayout()
        main.setSpacing(0)
        below.addLayout(main, 1)
        self._bars = QVBoxLayout()
        self._bars.setSpacing(8)
        main.addLayout(self._bars)
        holder = QWidget()
        self._stack = QStackedLayout(holder)
        self._stack.addWidget(self.counter)
        main.addWidget(holder, 1)

    def start(self) -> None:
        """Once it is on the screen: ask about doses without an answer, count what is unsent."""
        self._clock.start()
        self._watch.start()
        self.counter.start()
        self.ask_standing()
        self.work.seat.ask_unanswered()

    def stop(self) -> None:
        """Nothing more is asked for this screen, which is about to go."""
        self.search.clear()
        self._clock.stop()
        self._watch.stop()
        for page in self._pages.values():
            page.stop()

    def show_actor(self, actor: Actor) -> None:
        """Who sits here now; pages made for another person go."""
        self.top.show_nurse(actor.name)
        self._show(COUNTER)
        for name in [n for n in self._pages if n != COUNTER]:
            page = self._pages.pop(name)
            self._stack.removeWidget(page)
            page.deleteLater()
        self.entries = tuple(e for e in ENTRIES if e.allowed(actor.grades))
        self.rail.show_entries(self.entries, self.current)

    def turn_to(self, name: str) -> None:
        """Somebody chose a line of the rail. A dose without an answer keeps the counter on the screen."""
        entry = next((e for e in self.entries if e.name == name), None)
        if entry is None or self.counter.asks:
            self._show(COUNTER)
        else:
            if self.current == name == COUNTER:
                self.counter.close_sheet()
            self._show(name)

    def _show(self, name: str) -> None:
        if name != self.current:
            self._pages[self.current].stop()
            self.current = name
            page = self._page(name)
            self._stack.setCurrentWidget(page)
            page.start()
            page.setFocus()
        self.rail.show_current(name)

    def _page(self, name: str) -> Page:
        if name not in self._pages:
            page = next(e for e in self.entries if e.name == name).make(self._house)
            self._pages[name] = page
            self._stack.addWidget(page)
        return self._pages[name]

    def open_child(self, child_id: str, results: int = 0) -> None:
        """From any page: the child on the counter; `results` of the search it was found by."""
        self._show(COUNTER)
        self.work.children.open_child(child_id, results)

    def look_elsewhere(self, typed: str) -> None:
        """From the search box: a number that nobody has here."""
        self._show(COUNTER)
        self.work.exchange.look_elsewhere(typed)

    def end_search(self) -> None:
        """A scan was answered: what was being typed is over, and the keys are the counter's again."""
        self.search.clear()
        if self.search.hasFocus():
            (self.counter.sheet or self.counter).setFocus()

    def fault(self, title: str, rest: str) -> None:
        """A verb failed; nothing was saved."""
        self._show(COUNTER)
        self.counter.strip.show_said(Said("stop", title, rest))

    def report(self, report: Report) -> None:
        """What a scanner says. The open page may use a scan; any other turns to the counter."""
        self._note(report)
        if isinstance(report, StateChange):
            self.top.device_changed(report.device, report.state, report.detail)
        elif isinstance(report, ScanLost):
            self._show(COUNTER)
            self.work.lost(report)
        elif isinstance(report, ScanEvent):
            if self.current != COUNTER:
                if self._taken(report):
                    self._painted(report.mono)
                    return
                self._show(COUNTER)
            self.work.scan(report)

    def _note(self, report: Report) -> None:
        """What the devices' page shows of a scanner."""
        known = self._heard.get(report.device, Heard())
        if isinstance(report, StateChange):
            known = replace(known, state=report.state, detail=report.detail)
        elif isinstance(report, ScanEvent):
            known = replace(known, scan_at=report.wall, symbology=report.symbology, length=len(report.payload))
        self._heard[report.device] = known

    def _taken(self, event: ScanEvent) -> bool:
        if self._pages[self.current].hear(event):
            return True
        if event.code:
            return False
        code = classify(event.payload, scan_rules(self._desk, event.device), event.symbology)
        return self._pages[self.current].take(code)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys no page used: Ctrl and a digit open a page; the counter's keys work wherever the focus is on it."""
        place = event.key() - Qt.Key.Key_1
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            if event.key() == Qt.Key.Key_L:
                self._lock()
            elif 0 <= place < len(self.entries):
                self.turn_to(self.entries[place].name)
        elif event.key() == Qt.Key.Key_Escape and self.current != COUNTER:
            self._show(COUNTER)
        elif self.current == COUNTER and not self.counter.holds(self.focusWidget()):
            self.counter.press(event)
        else:
            super().keyPressEvent(event)

    def tick(self) -> None:
        """Each second: the clock, how the printer is, whose programme this is."""
        self.ticked()
        self.top.tick()
        self.top.show_printer(self._services.printer())

    def ask_standing(self) -> None:
        """Count what is unsent and look for slips that ask; the answer comes later. The open page looks anew too, and
        the child on the screen when others told of it."""
        if self.current != COUNTER:
            self._pages[self.current].refresh()
        self._tasks.run(trips.standing, self._desk, self.work.look.child_id, then=self._show_standing)

    def _show_standing(self, standing: trips.Standing) -> None:
        self._words.clinics = standing.clinics
        self.work.exchange.catch_sight(standing.child_id, standing.upto)
        self.counter.show_known()
        self.rail.show_count("inbox", standing.waiting.open, late=standing.waiting.overdue > 0)
        feed = self._services.feed()
        self.top.show_unsent(standing.unsent, self._services.sync(), self._services.backed_up_at(), feed)
        faults = [c for c in (self._services.printer(), self._services.sync()) if c.level == "stop" and c.code]
        manages = allowed(self.work.actor.grades, Permission.STAFF_MANAGE)
        envelope = standing.emergency if manages else EmergencyUse(sealed=True)
        glass = (self.work.actor.code, str(envelope))
        filling = feed.first_load and not feed.people_done
        asking = (filling, *(job.id for job in standing.uncertain), *(c.code for c in faults), self._desk.clock, *glass)
        if asking != self._asking:
            self._asking = asking
            loading = [Bar(self._words("ui.sync.filling"))] if filling else []
            bars = [*self._broken(faults), *loading, *self._questions(standing.uncertain), *self._envelope(envelope)]
            self._show_bars(bars)

    def _show_bars(self, bars: Sequence[Bar]) -> None:
        """Above the page, only so many that the keys below stay in sight; the others come when these are answered."""
        parts.clear(self._bars)
        for bar in bars[:MOST_BARS]:
            last = bar is bars[:MOST_BARS][-1] and len(bars) > MOST_BARS
            more = self._words("ui.bars.more", count=len(bars) - MOST_BARS) if last else ""
            self._add_bar(bar, f"{bar.text} {more}".rstrip())
        self._bars.setContentsMargins(18, 14 if bars else 0, 18, 0)

    def _broken(self, faults: Sequence[Condition]) -> Iterator[Bar]:
        """Loudly that somebody sits here by the sealed code; what is broken and what to do."""
        if is_emergency(self.work.actor):
            yield Bar(self._words("ui.emergency.bar", account=self.work.actor.code), tone="stop")
        for fault in faults:
            yield Bar(self._words(fault.code, **fault.params))

    def _questions(self, jobs: Sequence[Job]) -> Iterator[Bar]:
        """Quietly: the date, a slip that may be on paper."""
        words, children = self._words, self.work.children
        if self._desk.clock == "doubtful":
            day = self._desk.today().isoformat()
            yield Bar(words("clock.doubtful", day=day), ((words("ui.clock.ask"), self.work.seat.ask_date),))
        for job in jobs:
            yes = words("ui.print.is_there"), partial(children.answer_print, job.id, True)
            no = words("ui.print.not_there"), partial(children.answer_print, job.id, False)
            yield Bar(words("ui.print.uncertain", number=job.receipt), (yes, no))

    def _envelope(self, envelope: EmergencyUse) -> Iterator[Bar]:
        """To who manages staff: a use of the sealed code waits for a review, or there is no code."""
        words, seat = self._words, self.work.seat
        for use in envelope.used[:1]:
            review = words("ui.emergency.review"), partial(seat.review_emergency, use)
            yield Bar(words("ui.emergency.used", account=use[1], name=use[2]), (review,))
        if not envelope.sealed and not envelope.used:
            yield Bar(words("emergency.not_sealed"), ((words("ui.emergency.new"), seat.renew_emergency),))

    def _add_bar(self, said: Bar, text: str) -> None:
        bar = QFrame()
        bar.setProperty("kind", "bar")
        bar.setProperty("tone", said.tone)
        buttons = [Button(name, pressed, kind="quiet") for name, pressed in said.answers]
        layout = parts.row(parts.text(text, wrap=True), *buttons)
        layout.setStretch(0, 1)
        layout.setContentsMargins(16, 6, 8, 6)
        bar.setLayout(layout)
        bar.setAccessibleName(text)
        self._bars.addWidget(bar)
