"""What is done about a child and a visit: open, register, change, close with its slip, print again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from domain.events import ChildRegistered
from domain.people import Candidate, Likeness
from domain.problems import Problem, block
from terminal.store.children import Card, Found
from terminal.ui import trips
from terminal.ui.register_sheet import NUMBERS, RegisterSheet
from terminal.ui.trips import Look
from terminal.ui.verdict_strip import Said
from terminal.usecases.desk import Outcome
from terminal.usecases.find_child import look_up, note_search
from terminal.usecases.print_again import answer_print, reprint_slip
from terminal.usecases.register_child import doubles, register_child, update_child
from terminal.usecases.visit import ClosedVisit, close_visit, open_visit

if TYPE_CHECKING:
    from terminal.ui.work import Work


class ChildWork:
    """Part of `Work`."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self._noted: object = None  # the form whose look at others is in the audit

    def open_visit(self) -> None:
        """F2: open the visit of the child on the screen; with nobody there, register a child. Not while a form is open:
        what was typed there would go."""
        if self.work.screen.sheet:
            return
        if self.work.look.child is None:
            self.register()
        elif self.work.observe_until:
            self.work.observe_until = ""
            self.work.say_child()
            self.work.screen.refresh()
        elif self.work.look.visit is None:
            asked = self.work.screen.visit.precheck()
            fields = (self.work.look.child_id, asked.health, asked.informed, asked.booklet)
            self.work.do(open_visit, self._visit_opened, *fields)

    def _visit_opened(self, _: Outcome[Any]) -> None:
        self.work.say_child()

    def finish(self) -> None:
        """F12: close the visit; one slip for all its doses."""
        visit = self.work.look.visit
        if visit and not self.work.screen.sheet:
            fields = (visit.id, self.work.screen.visit.row_written())
            self.work.do(close_visit, self._closed, *fields, still=partial(self._is_open, visit.id))

    def _is_open(self, visit_id: str) -> bool:
        visit = self.work.look.visit
        return visit is not None and visit.id == visit_id

    def _closed(self, outcome: Outcome[ClosedVisit]) -> None:
        closed = outcome.value
        assert closed is not None
        if not closed.receipt:
            self.work.say(Said("ok", self.work.words("ui.visit.closed_empty")))
            return
        until = datetime.fromisoformat(closed.observe_until).astimezone(self.work.desk.world.zone)
        self.work.observe_until = until.strftime("%H:%M")
        told = " ".join(self.work.words.problem(p) for p in outcome.problems)
        title = self.work.words("ui.visit.closed", time=self.work.observe_until)
        slip = told or self.work.words("ui.visit.slip", number=closed.receipt)
        self.work.say(Said("ok", title, " ".join(filter(None, [slip, self.work.next_visit()]))))
        self.after_visit()

    def after_visit(self) -> None:
        self.work.services.wake_printer()
        self.work.services.wake_sync()
        self.work.shell.ask_standing()

    def reprint(self) -> None:
        """F9; a key that bounced prints one copy."""
        if self.work.look.child_id and not self.work.turns.busy:
            self.work.do(reprint_slip, self._reprinted, self.work.look.child_id)

    def _reprinted(self, outcome: Outcome[str]) -> None:
        self.work.services.wake_printer()
        self.work.say(Said("ok", self.work.words("ui.reprinted", number=outcome.value)))

    def answer_print(self, job_id: str, printed: bool) -> None:
        """The slip that may be on paper: it is, or it is printed again."""

        def then(_: Outcome[bool]) -> None:
            self.work.services.wake_printer()
            self.work.shell.ask_standing()

        self.work.do(answer_print, then, job_id, printed)

    def register(self) -> None:
        """The form for a new child."""
        words, close = self.work.words, self.work.screen.close_sheet
        sheet = RegisterSheet(words, self.work.desk, self._look_for_doubles, self._register, self.open_child, close)
        sheet.heading.hide()  # the strip says it
        if self.work.unknown and self.work.unknown.kind in NUMBERS:
            sheet.put(self.work.unknown.kind, self.work.unknown.value)
        self.work.screen.open_sheet(sheet)
        self.work.explain(words("ui.register"), words("ui.register.how"))

    def edit(self) -> None:
        """The form with what is known of the child on the screen."""
        if self.work.look.child:
            facts, close = self.work.look.child.card.facts, self.work.screen.close_sheet
            self.work.screen.open_sheet(
                RegisterSheet(
                    self.work.words, self.work.desk, self._look_for_doubles, self._update, self.open_child, close, facts
                )
            )

    def _look_for_doubles(
        self, form: ChildRegistered, then: Callable[[list[tuple[Candidate, Likeness]]], None]
    ) -> None:
        sheet = self.work.screen.sheet

        def got(found: list[tuple[Candidate, Likeness]]) -> None:
            if sheet is None or self.work.screen.sheet is not sheet:
                return  # the form was left between its last key and this answer
            if found and sheet is not self._noted:
                self._noted = sheet
                self.looked(len(found))
            then(found)

        self.work.tasks.run(doubles, self.work.desk, form, then=got)

    def _register(self, form: ChildRegistered, reasons: dict[str, str]) -> None:
        def then(outcome: Outcome[Card]) -> None:
            assert outcome.value is not None
            self.open_child(outcome.value.id, told=outcome.problems, registered=True)

        self.work.do(register_child, then, form, reasons)

    def _update(self, form: ChildRegistered, reasons: dict[str, str]) -> None:  # noqa: ARG002 (as the form calls it)
        sheet = self.work.screen.sheet
        assert isinstance(sheet, RegisterSheet)
        self.work.do(update_child, self.work.saved("ui.saved"), self.work.look.child_id, sheet.changes())

    def open_child(
        self, child_id: str, results: int = 0, told: tuple[Problem, ...] = (), registered: bool = False
    ) -> None:
        """Open a child by choice, not by scan; a dose that waits keeps the screen. Of one that was `registered` just
        now nobody else knows."""

        def then(got: tuple[Outcome[Any], Look, Outcome[Any] | None]) -> None:
            outcome, look, closed = got
            if not outcome.ok:
                self.work.say_problems(list(outcome.problems))
                return
            self.work.show_new_child(look, closed)
            if not registered:
                self.work.exchange.renew()
            loud = [p for p in told if p.code == "child.no_code_left"]
            if loud:
                self.work.say_problems(loud)
            self.work.screen.refresh()

        def turn() -> Any:
            if self.work.answer_first():
                return None
            if self.work.look.held and self.work.look.child_id != child_id:
                self.work.say_problems([block("scan.other_child_waits")])
                return None
            before = self.work.look.child_id
            if results:
                return trips.open_found, (self.work.desk, self.work.actor, child_id, before, results), then
            return trips.open_child, (self.work.desk, self.work.actor, child_id, before), then

        self.work.turns.take(turn)

    def search(self, typed: str) -> None:
        """While typing in the box of the top bar."""
        box = self.work.shell.search
        self.look_up(typed, lambda found: box.show_found(typed, found))

    def look_up(self, typed: str, then: Callable[[list[Found]], None]) -> None:
        """Lines for what is typed, for one who may see them."""

        def got(outcome: Outcome[list[Found]]) -> None:
            if outcome.value is None:
                self.work.say_problems(list(outcome.problems))
            else:
                then(outcome.value)

        self.work.tasks.run(look_up, self.work.desk, self.work.actor, typed, then=got)

    def by_number(self, number: str, then: Callable[[list[Found]], None]) -> None:
        """The same for a number that was scanned."""
        self.work.tasks.run(trips.by_number, self.work.desk, self.work.actor, number, then=then)

    def looked(self, results: int) -> None:
        """A search that showed names and opened no child is in the audit too."""
        self.work.tasks.run(note_search, self.work.desk, self.work.actor, results, then=lambda _: None)
