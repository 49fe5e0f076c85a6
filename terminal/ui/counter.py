"""The counter's screen: where everything stands, and which key does what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from domain.problems import Problem
from drivers.scan import Report, ScanEvent, ScanLost, StateChange
from terminal.store.papers import Job
from terminal.ui import parts, trips
from terminal.ui.history import History
from terminal.ui.icons import icon
from terminal.ui.parts import Button
from terminal.ui.person_panel import PersonPanel
from terminal.ui.search_box import SearchBox
from terminal.ui.services import Condition, Services
from terminal.ui.sheet import Sheet
from terminal.ui.start_sheets import UnansweredSheet
from terminal.ui.tasks import Tasks
from terminal.ui.tokens import GAP
from terminal.ui.top_bar import TopBar
from terminal.ui.verdict_strip import VerdictStrip
from terminal.ui.visit_card import VisitCard
from terminal.ui.words import Words
from terminal.ui.work import Work
from terminal.usecases.desk import Actor, Desk

NARROW_PX = 1240  # below this the keys' words are smaller
STANDING_MS = 2000  # how often unsent facts and slips that ask are counted


class Counter(QFrame):
    """One signed-in person's screen; thrown away at lock, and every personal datum with it."""

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
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAccessibleName(words("ui.counter"))
        self._desk, self._services, self._words, self._tasks, self._lock = desk, services, words, tasks, lock
        self.work = work = Work(desk, services, words, actor, tasks, self, painted)
        self.sheet: Sheet | None = None
        self.search = SearchBox(words, work.children.search, work.children.open_child, work.children.looked, self)
        self.top = TopBar(desk, words, self.search)
        self.strip = VerdictStrip()
        self.person = PersonPanel(desk, words, work.children.edit)
        self.visit = VisitCard(words, work.children.open_visit)
        self.history = History(words, work.doses.dose_chosen)
        self._bars = QVBoxLayout()
        self._bars.setSpacing(8)
        self._asking: tuple[str, ...] | None = None
        self._tell_standing = False  # somebody pressed Upload and waits for words
        self._shown: object = None  # of the person, and of the history: what has not changed is not built again
        self._history_shown: object = None
        self._actions: dict[int, Button] = {}
        self._build()
        self._clock = QTimer(self, interval=1000)
        self._clock.timeout.connect(self.tick)
        self._clock.start()
        self._watch = QTimer(self, interval=STANDING_MS)
        self._watch.timeout.connect(self.ask_standing)
        self._watch.start()
        self.show_nurse(actor.name)
        self.tick()
        self.refresh()

    def start(self) -> None:
        """Once it is on the screen: ask about doses without an answer, count what is unsent."""
        self.setFocus()
        self.ask_standing()
        self.work.seat.ask_unanswered()

    def stop(self) -> None:
        """Nothing more is asked for this screen, which is about to go."""
        self.search.clear()
        self._clock.stop()
        self._watch.stop()

    def _build(self) -> None:
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        page.addWidget(self.top)
        below = QHBoxLayout()
        below.setSpacing(0)
        self._rail_bar = self._rail()
        below.addWidget(self._rail_bar)
        page.addLayout(below, 1)
        main = QVBoxLayout()
        main.setContentsMargins(18, 14, 18, 16)
        main.setSpacing(GAP)
        below.addLayout(main, 1)
        main.addLayout(self._bars)
        main.addWidget(self.strip)
        middle = QHBoxLayout()
        middle.setSpacing(GAP)
        main.addLayout(middle, 1)
        middle.addWidget(self.person, 37)
        right = QWidget()
        self._right = QVBoxLayout(right)
        self._right.setContentsMargins(0, 0, 0, 0)
        self._right.setSpacing(GAP)
        self._right.addWidget(self.visit)
        self._history_card, layout = parts.card()
        layout.setContentsMargins(12, 8, 12, 8)
        layout.addWidget(self.history)
        self._right.addWidget(self._history_card, 1)
        middle.addWidget(right, 86)
        self._action_bar = QWidget()
        self._action_bar.setLayout(self._action_row())
        main.addWidget(self._action_bar)

    def _rail(self) -> QFrame:
        """What can be done without a child."""
        rail = QFrame()
        rail.setProperty("kind", "rail")
        layout = QVBoxLayout(rail)
        layout.setContentsMargins(8, 10, 8, 10)
        layout.setSpacing(4)
        entries = (
            ("counter", "ui.rail.counter", self.close_sheet),
            ("child", "ui.rail.child", self.work.children.register),
            ("stock", "ui.rail.stock", self.work.seat.stock),
            ("upload", "ui.rail.upload", self._upload),
            ("lock", "ui.rail.lock", self._lock),
        )
        for name, code, pressed in entries:
            button = QToolButton()
            button.setProperty("kind", "rail")
            button.setText(self._words(code))
            button.setAccessibleName(self._words(code))
            button.setIcon(icon(name, "accent" if name == "counter" else "muted"))
            button.setIconSize(QSize(24, 24))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setFixedSize(QSize(67, 62))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, do=pressed: do())
            if name == "counter":
                button.setCheckable(True)
                button.setChecked(True)
                button.clicked.connect(lambda _=False, b=button: b.setChecked(True))
            if name == "lock":
                layout.addStretch(1)
            layout.addWidget(button)
        rail.setFixedWidth(84)
        return rail

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
        return layout

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no field used. Enter in a field never records a dose."""
        key = event.key()
        if key == Qt.Key.Key_Enter:
            key = Qt.Key.Key_Return
        button, pressed = self._actions.get(int(key)), self._keys.get(int(key))
        typing = isinstance(self.focusWidget(), QLineEdit) and key == Qt.Key.Key_Return
        if key == Qt.Key.Key_Escape:
            self.close_sheet()
        elif pressed and not typing and (button is None or button.isEnabled()) and not event.isAutoRepeat():
            pressed()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        parts.restyle(self._action_bar, narrow="yes" if self.width() < NARROW_PX else "no")

    def report(self, report: Report) -> None:
        """What a scanner says."""
        if isinstance(report, ScanEvent):
            self.work.scan(report)
        elif isinstance(report, ScanLost):
            self.work.lost(report)
        elif isinstance(report, StateChange):
            self.top.device_changed(report.device, report.state, report.detail)

    def refresh(self) -> None:
        """Show the child, the visit and the doses as `work.look` has them."""
        look, verdict = self.work.look, self.work.verdict
        today = self._desk.today().isoformat()
        shown = (look.child.card, look.child.siblings) if look.child else None, today
        if shown != self._shown:
            self._shown = shown
            self.person.show_child(look.child)
        given = look.child.doses if look.child else None, today
        if given != self._history_shown:
            self._history_shown = given
            self.history.show_doses(*given)
        if look.child is None:
            self.visit.show_nothing()
        elif look.visit is None and self.work.observe_until:
            self.visit.show_closed(self.work.observe_until)
        elif look.visit is None:
            self.visit.ask(look.child_id)
        else:
            hand, level = (verdict.dose, verdict.level) if verdict else (None, "plain")
            self.visit.show_visit(look.visit, look.given, hand, level)
        if self.sheet:
            self.visit.hide()
        self._enable()
        self._order_focus()
        if self.sheet is None and not isinstance(self.focusWidget(), QLineEdit):
            self.setFocus()

    def _enable(self) -> None:
        look, verdict, key = self.work.look, self.work.verdict, Qt.Key
        free = not isinstance(self.sheet, UnansweredSheet)
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

    def open_sheet(self, sheet: Sheet) -> None:
        """Put a form in the place of the history, or over the whole width; it replaces another one."""
        self._drop_sheet()
        self.sheet = sheet
        self.person.setVisible(not sheet.wide)
        self._action_bar.setVisible(not sheet.wide)
        self.visit.hide()
        self._history_card.hide()
        self._right.addWidget(sheet, 1)
        sheet.show()
        self._enable()
        fields: list[QLineEdit] = list(sheet.findChildren(QLineEdit))
        first = next((f for f in fields if f.isVisibleTo(sheet)), None)
        (first or sheet).setFocus()

    def _order_focus(self) -> None:
        """Tab goes as the eye does, also over what was put in later: search, rail, strip, person, visit, keys."""
        areas = (self.search, self._rail_bar, self.strip, self.person, self.visit, self.history, self._action_bar)
        ordered: list[QWidget] = []
        for area in areas:
            inside: list[QWidget] = [area, *area.findChildren(QWidget)]
            ordered += [part for part in inside if part.focusPolicy() & Qt.FocusPolicy.TabFocus]
        for before, after in pairwise(ordered):
            QWidget.setTabOrder(before, after)

    def close_sheet(self, answered: bool = False) -> None:
        """Back to the child; a question that must be answered stays until it is."""
        if self.sheet is None or (isinstance(self.sheet, UnansweredSheet) and not answered):
            return
        self._drop_sheet()
        self.person.show()
        self._action_bar.show()
        self._history_card.show()
        self.work.say_again()
        self.refresh()
        self.setFocus()

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

    def show_nurse(self, name: str) -> None:
        self.top.show_nurse(name)

    def tick(self) -> None:
        """Each second: the clock, and how the printer is."""
        self.top.tick()
        self.top.show_printer(self._services.printer())

    def ask_standing(self) -> None:
        """Count what is unsent and look for slips that ask; the answer comes later."""
        self._tasks.run(trips.standing, self._desk, then=self._show_standing)

    def _show_standing(self, standing: trips.Standing) -> None:
        told = self.top.show_unsent(standing.unsent, self._services.sync(), self._services.backed_up_at())
        if self._tell_standing and self.work.verdict is None:  # an answer that Enter confirms stays in sight
            self.work.explain(*told)
        self._tell_standing = False
        faults = [c for c in (self._services.printer(), self._services.sync()) if c.level == "stop" and c.code]
        asking = (*(job.id for job in standing.uncertain), *(c.code for c in faults), self._desk.clock)
        if asking != self._asking:
            self._asking = asking
            self._show_bars(standing.uncertain, faults)

    def _upload(self) -> None:
        """Upload now, and say how it stands: what waits and why, the last answer, the age of the backup."""
        self._services.upload_now()
        self._tell_standing = True
        self.ask_standing()

    def _show_bars(self, jobs: Sequence[Job], faults: Sequence[Condition]) -> None:
        """Above the strip: what is broken and what to do; quiet questions: the date, a slip that may be on paper."""
        parts.clear(self._bars)
        words = self._words
        for fault in faults:
            self._add_bar(words(fault.code, **fault.params), [])
        if self._desk.clock == "doubtful":
            day = self._desk.today().isoformat()
            button = Button(words("ui.clock.ask"), self.work.seat.ask_date, kind="quiet")
            self._add_bar(words("clock.doubtful", day=day), [button])
        for job in jobs[:2]:
            yes = Button(
                words("ui.print.is_there"), partial(self.work.children.answer_print, job.id, True), kind="quiet"
            )
            no = Button(
                words("ui.print.not_there"), partial(self.work.children.answer_print, job.id, False), kind="quiet"
            )
            self._add_bar(words("ui.print.uncertain", number=job.receipt), [yes, no])

    def _add_bar(self, text: str, buttons: Sequence[Button]) -> None:
        bar = QFrame()
        bar.setProperty("kind", "bar")
        layout = parts.row(parts.text(text, wrap=True), *buttons)
        layout.setStretch(0, 1)
        layout.setContentsMargins(16, 6, 8, 6)
        bar.setLayout(layout)
        bar.setAccessibleName(text)
        self._bars.addWidget(bar)
