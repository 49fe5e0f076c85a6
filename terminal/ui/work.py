"""The work at the counter, step by step: each scan and key becomes one trip, its answer goes to the screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from config import tables
from domain.codes import PersonCode, StaffBadge, classify
from domain.problems import Problem, Severity, block, warn
from domain.schedule.page import next_visit
from drivers.scan import ScanEvent, ScanLost
from terminal.ui import trips
from terminal.ui.dose_sheets import LotSheet, ReasonSheet
from terminal.ui.parts import Button
from terminal.ui.person_panel import is_twin, visit_elsewhere
from terminal.ui.schedule_words import group_name, visit_words
from terminal.ui.services import Services
from terminal.ui.start_sheets import WhichChildSheet
from terminal.ui.tasks import Tasks, Turns
from terminal.ui.trips import Look, Scanned
from terminal.ui.verdict_strip import Said, say_check, say_code, say_problems
from terminal.ui.words import Words
from terminal.ui.work_child import ChildWork
from terminal.ui.work_dose import DoseWork
from terminal.ui.work_exchange import ExchangeWork
from terminal.ui.work_seat import SeatWork
from terminal.usecases import record_dose
from terminal.usecases.check_dose import NO_CHOICE, Choice, Verdict
from terminal.usecases.desk import Actor, Desk, Outcome
from terminal.usecases.scan_routing import Answer, scan_rules

if TYPE_CHECKING:
    from terminal.ui.counter import Counter
    from terminal.ui.shell import Shell

USUAL_OVERRIDES = ("ui.reason.physician", "ui.reason.compared", "ui.reason.guardian_asks")


class Work:
    """What is on the screen and what Enter would record. `painted(mono)` is told which scan an answer belongs to.

    `children`, `doses`, `exchange` and `seat` hold the work beside the common path.
    """

    def __init__(
        self,
        desk: Desk,
        services: Services,
        words: Words,
        actor: Actor,
        tasks: Tasks,
        shell: Shell,
        painted: Callable[[float], None],
    ) -> None:
        self.desk, self.services, self.words, self.actor = desk, services, words, actor
        self.tasks, self.turns, self.shell, self._painted = tasks, Turns(tasks), shell, painted
        self.children, self.doses, self.seat = ChildWork(self), DoseWork(self), SeatWork(self)
        self.exchange = ExchangeWork(self)
        self.look = Look()
        self.verdict: Verdict | None = None  # of the package in hand; Enter confirms this one and no other
        self.choice = NO_CHOICE
        self.observe_until = ""  # local time, after the visit of the child on the screen was closed
        self.unknown: PersonCode | None = None  # scanned last and on no record here; may be looked up elsewhere
        self._said: tuple[Said, Verdict | None] = (Said("plain", ""), None)
        self.package: ScanEvent | None = None  # scanned last; answered anew when a choice changes

    @property
    def screen(self) -> Counter:
        """The page all of this is shown on."""
        return self.shell.counter

    def scan(self, event: ScanEvent) -> None:
        """A code was scanned. What is garbled or unfinished is shown and not acted on."""
        if event.code:
            self.turns.take(lambda: self._unread(block(event.code, device=event.device), event.mono))
        else:
            self.turns.take(lambda: self._scan(event))

    def lost(self, lost: ScanLost) -> None:
        self.turns.take(lambda: self._unread(warn(lost.code, device=lost.device), 0.0))

    def _unread(self, problem: Problem, mono: float) -> None:
        """Nobody knows what was scanned last: a package that waits is scanned again before Enter."""
        self.verdict = None
        self.say_problems([problem])
        self.screen.refresh()
        self._painted(mono)

    def _scan(self, event: ScanEvent) -> Any:
        badge = isinstance(classify(event.payload, scan_rules(self.desk, event.device), event.symbology), StaffBadge)
        if not badge and self.answer_first():
            self._painted(event.mono)
            return None
        if self.screen.sheet:
            rules = scan_rules(self.desk, event.device)
            if self.screen.sheet.take(classify(event.payload, rules, event.symbology)):
                self._painted(event.mono)
                return None
        choice = self.choice if self.package and self.package.payload == event.payload else NO_CHOICE
        return trips.scan, (self.desk, self.actor, event, self.look.child_id, choice), self.answered

    def answer_first(self) -> bool:
        """Whether a dose without an answer is asked about; then nothing else is done, and the strip says so."""
        if self.screen.asks:
            self.say(Said("stop", self.words("ui.unanswered.first")))
        return self.screen.asks

    def answered(self, got: Scanned) -> None:
        answer, before = got.answer, self.look.child_id
        self.shell.end_search()
        if got.look.child_id != before:
            self.show_new_child(got.look, got.closed)
            self.exchange.renew()
        self.look = got.look
        if answer.badge:
            self.seat.ask_pin(answer.badge)
        elif got.several:
            done = self.children.open_child
            sheet = WhichChildSheet(self.words, got.several, answer.problems, done, self.screen.close_sheet)
            self.screen.open_sheet(sheet)
        elif answer.verdict:
            self.answer_package(got.event, answer.verdict)
        elif answer.problems:
            if not (answer.child_id or isinstance(answer.code, StaffBadge)):
                self.verdict = None  # what was scanned last is not what was checked
            self._say_unread(answer)
        elif self.verdict:
            self._say_verdict(self.verdict)
        elif answer.child_id == before:
            self.say_child()
        self.screen.refresh()
        self._painted(got.event.mono)

    def _say_unread(self, answer: Answer) -> None:
        """What stops a scan that is no package for the child; a person's number may be known elsewhere."""
        unknown = any(p.code == "child.unknown_number" for p in answer.problems)
        self.say(
            say_problems(self.words, answer.problems, say_code(self.words, answer.code)),
            unknown=answer.code if unknown and isinstance(answer.code, PersonCode) else None,
        )

    def show_new_child(self, look: Look, closed: Outcome[Any] | None) -> None:
        self.look, self.verdict, self.choice, self.package = look, None, NO_CHOICE, None
        self.observe_until = ""
        self.screen.close_sheets()
        self.say_child()
        if closed and closed.value:
            self.children.after_visit()

    def say_child(self) -> None:
        words, look = self.words, self.look
        if look.child is None:
            self.say(Said("plain", words("ui.verdict.idle"), words("ui.verdict.idle_how")))
        elif look.held and self.verdict is None:
            self.say_held()
        elif look.visit:
            self.say(Said("plain", words("ui.verdict.scan_package"), words("ui.verdict.visit_open")))
        elif look.elsewhere:
            self.say(Said("look", visit_elsewhere(words, self.desk, look.elsewhere), words("ui.visit.elsewhere_how")))
        else:
            self.say(Said("plain", words("ui.verdict.precheck"), words("ui.verdict.precheck_how")))

    def next_visit(self) -> str:
        """When the child on the screen comes again, and for what; "" when nothing is to come."""
        page, today = self.look.page, self.desk.today()
        day = next_visit(page, today) if page else None
        return visit_words(self.words, page.nexts, day, today) if page and day else ""

    def next_dose(self, vaccine: str) -> str:
        """The next dose of what was just given, or that its course is complete."""
        page, today = self.look.page, self.desk.today()
        groups = self.desk.plan.groups_of(vaccine, today)
        lines = [n for n in page.nexts if n.group in groups] if page else []
        coming = next((n for n in lines if n.recommended_on), None)
        if coming and coming.recommended_on:
            name, day = group_name(self.words, coming), coming.recommended_on.isoformat()
            return self.words("ui.verdict.next_dose", vaccine=name, number=coming.number, day=day)
        return self.words("ui.verdict.complete", vaccine=group_name(self.words, lines[0])) if lines else ""

    def say_held(self) -> None:
        """A dose was checked before and waits: scan it again, or say that it was not given."""
        held = self.look.held
        if held:
            name = self.words.dose(held.body.vaccine, held.body.dose_no)
            self.say(Said("look", self.words("ui.verdict.held", dose=name), self.words("ui.verdict.held_how")))

    def answer_package(self, event: ScanEvent, verdict: Verdict) -> None:
        if self.package is None or self.package.payload != event.payload:
            self.choice = NO_CHOICE
        self.package = event
        self.verdict = verdict if verdict.checked_id else None
        self.screen.close_sheets()
        self._say_verdict(verdict)
        if any(p.code == "clock.doubtful" for p in verdict.problems):
            self.seat.ask_date()
        elif any(p.code == "package.choose_lot" for p in verdict.problems):
            self.screen.open_sheet(LotSheet(self.words, verdict.lots, self._choose_lot, self.screen.close_sheet))

    def _say_verdict(self, verdict: Verdict) -> None:
        self.say(say_check(self.words, self._person(), verdict.dose, verdict.level, verdict.problems), verdict)

    def _person(self) -> str:
        """Who the package was checked for, as the verdict names the child."""
        child = self.look.child
        if child is None:
            return ""
        facts, words = child.card.facts, self.words
        mixed_up = [o for o in child.siblings if is_twin(child.card, o)] + child.alike
        others = "".join(words("ui.person.is_not", name=words.child(o.name), day=o.birth_on) for o in mixed_up)
        return f"{words.child(facts.name)} {words.sex(facts.sex)} {facts.birth_on}{others}"

    def check_again(self, choice: Choice) -> None:
        """The package in hand, answered anew with another choice."""
        self.choice = choice
        self.screen.close_sheet()
        if self.package:
            event = msgspec.structs.replace(self.package, mono=0.0)  # an answer to a button is no scan to measure
            self.turns.take(
                lambda: (trips.scan, (self.desk, self.actor, event, self.look.child_id, choice), self.answered)
            )

    def _choose_lot(self, lot_id: str) -> None:
        self.check_again(replace(self.choice, lot_id=lot_id))

    def fresh_vial(self) -> None:
        """A new vial is opened although the last holds doses by the book."""
        self.check_again(replace(self.choice, fresh_vial=True))

    def confirm(self) -> None:
        """Enter: record the dose that was checked, as the screen shows it now."""
        verdict = self.verdict
        if verdict is None or self.screen.sheet:
            return
        if self.exchange.just_changed:
            self.services.sound("look")
            return
        overrides = [p for p in verdict.problems if p.severity is Severity.OVERRIDE]
        if not overrides:
            self._record(verdict, {})
            return

        def go_on(reason: str) -> None:
            self._record(verdict, {p.code: reason for p in overrides})

        about = [self.words.problem(p) for p in overrides]
        title = self.words("ui.override")
        self.screen.open_sheet(ReasonSheet(self.words, title, about, USUAL_OVERRIDES, go_on, self.screen.close_sheet))

    def _record(self, verdict: Verdict, reasons: dict[str, str]) -> None:
        def turn() -> Any:
            if self.verdict is not verdict:
                return None  # the screen has moved on since the key
            return self.trip(record_dose.record_dose, self._recorded, verdict.checked_id, reasons)

        self.turns.take(turn)

    def _recorded(self, outcome: Outcome[record_dose.Recorded]) -> None:
        if outcome.value is None:
            if self.verdict and self.look.held:  # what was noted since the check is to be answered with it
                self.verdict = replace(self.verdict, problems=self.look.held.problems)
            self.say_problems(list(outcome.problems), self.verdict)
            if self.screen.sheet:
                self.screen.sheet.say(outcome.problems)
            if any(p.code == "dose.check_too_old" for p in outcome.problems):
                self.seat.ask_unanswered()
            return
        dose = outcome.value.dose
        self.verdict, self.choice, self.package = None, NO_CHOICE, None
        self.screen.close_sheet()
        name, time = self.words.dose(dose.vaccine, dose.dose_no), self.desk.local_now().strftime("%H:%M")
        how = " ".join(filter(None, [self.next_dose(dose.vaccine), self.words("ui.verdict.saved_how")]))
        self.say(Said("ok", self.words("ui.verdict.saved", dose=name, time=time), how))

    def not_given(self) -> None:
        """The checked dose was not given."""
        held = self.look.held
        if held:
            still = partial(self._waits, held.id)
            self.do(record_dose.dismiss_checked, lambda _: self._dismissed(), held.id, still=still)

    def _waits(self, checked_id: str) -> bool:
        return self.look.held is not None and self.look.held.id == checked_id

    def _dismissed(self) -> None:
        self.verdict, self.choice, self.package = None, NO_CHOICE, None
        self.say_child()

    def trip(self, verb: Callable[..., Outcome[Any]], then: Callable[[Any], None], *args: Any) -> Any:
        def finish(got: tuple[Outcome[Any], Look]) -> None:
            outcome, self.look = got
            if self.verdict and not self._waits(self.verdict.checked_id):
                self.verdict = None  # it has its answer
            then(outcome)
            self.screen.refresh()

        return trips.do, (self.desk, self.look.child_id, verb, self.actor, *args), finish

    def do(
        self,
        verb: Callable[..., Outcome[Any]],
        then: Callable[[Any], None],
        *args: Any,
        still: Callable[[], bool] = lambda: True,
    ) -> None:
        """Do a verb. What stops it is said in the open form, or in the strip.

        When its turn comes, the form it was asked in must be open and `still` hold: a key that bounced does it once.
        """
        sheet = self.screen.sheet

        def checked(outcome: Outcome[Any]) -> None:
            if outcome.ok:
                then(outcome)
            elif self.screen.sheet:
                self.screen.sheet_says(outcome.problems)
            else:
                self.say_problems(list(outcome.problems))

        def turn() -> Any:
            wanted = (sheet is None or self.screen.sheet is sheet) and still()
            return self.trip(verb, checked, *args) if wanted else None

        self.turns.take(turn)

    def saved(self, code: str) -> Callable[[Outcome[Any]], None]:
        """Close the form and say that it is done, with what the person has to look at now."""

        def then(outcome: Outcome[Any]) -> None:
            self.screen.close_sheet()
            told = " ".join(self.words.problem(p) for p in outcome.problems)
            self.say(Said("look" if told else "ok", self.words(code), told))

        return then

    def say_again(self) -> None:
        """The last answer, after a form stood in its place."""
        self._show(*self._said)

    def explain(self, title: str, how: str) -> None:
        """What a form is for, in the strip for as long as it is open."""
        self.screen.strip.show_said(Said("plain", title, how))

    def say_problems(self, problems: list[Problem], verdict: Verdict | None = None) -> None:
        self.say(say_problems(self.words, problems), verdict)

    def say(self, said: Said, verdict: Verdict | None = None, unknown: PersonCode | None = None) -> None:
        """Put an answer into the strip, with the buttons it needs."""
        self._said, self.unknown = (said, verdict), unknown
        self._show(said, verdict)
        self.services.sound(said.tone)

    def _show(self, said: Said, verdict: Verdict | None) -> None:
        words, buttons = self.words, self.exchange.offers()
        problems = {p.code: p.severity for p in verdict.problems} if verdict else {}
        if verdict and Severity.OVERRIDE in problems.values() and verdict.checked_id:
            buttons.append(Button(words("ui.action.override"), self.confirm, "Enter", "quiet"))
        if verdict and verdict.dose and _multi_dose(verdict.dose.vaccine) and not self.choice.fresh_vial:
            buttons.append(Button(words("ui.action.fresh_vial"), self.fresh_vial, kind="quiet"))
        if (self.look.held and said.tone != "ok") or (verdict and verdict.checked_id):
            buttons.append(Button(words("ui.action.not_given"), self.not_given, kind="quiet"))
        self.screen.strip.show_said(said, buttons)


def _multi_dose(vaccine: str) -> bool:
    """Whether the clinic has this vaccine in vials of several doses: then the nurse may open a new one."""
    return any(p.vaccine == vaccine and p.doses_per_vial > 1 for p in tables.products())
