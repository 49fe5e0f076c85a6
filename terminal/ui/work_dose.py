"""What is done about a dose beside recording it: another site, not given, given elsewhere, recorded wrongly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from config import tables
from domain.doses import Dose
from domain.problems import block
from domain.schedule.page import Mark, Next, usual_vaccines
from terminal.store.children import Found
from terminal.store.requests import Request
from terminal.ui import trips
from terminal.ui.amend_sheets import CORRECT, MOVE, REQUEST, CorrectSheet, DoseSheet, MoveSheet
from terminal.ui.booklet_sheet import BookletSheet
from terminal.ui.dose_sheets import DeferSheet, ReasonSheet, SiteSheet, TellSheet
from terminal.ui.schedule_words import dose_place, group_name, mark_words, next_words
from terminal.ui.verdict_strip import Said
from terminal.usecases import amend_dose
from terminal.usecases.copy_booklet import Copied, PaperDose, copy_booklet
from terminal.usecases.defer_doses import defer_doses
from terminal.usecases.desk import Outcome

if TYPE_CHECKING:
    from terminal.ui.work import Work

USUAL_VOIDS = ("ui.reason.not_given", "ui.reason.wrong_child", "ui.reason.wrong_vaccine")


class DoseWork:
    """Part of `Work`."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self._noted: object = None  # the form whose search is in the audit

    def site(self) -> None:
        """F4."""
        if self.work.verdict and self.work.verdict.dose:
            dose = self.work.verdict.dose
            chosen = replace(self.work.choice, funding=dose.funding, kind=dose.kind)
            self.work.screen.open_sheet(
                SiteSheet(self.work.words, chosen, dose.site, self.work.check_again, self.work.screen.close_sheet)
            )

    def defer(self) -> None:
        """F8."""
        visit = self.work.look.visit
        if visit is None:
            self.work.say_problems([block("visit.not_open")])
            return
        work, page = self.work, self.work.look.page
        chosen = work.verdict.dose.vaccine if work.verdict and work.verdict.dose else ""
        due = []
        for line in page.due if page else ():
            known = self._codes(line.group)
            own = [p.vaccine for p in tables.products() if p.vaccine in known]
            code = chosen if chosen in known else next(iter([*own, *known]), "")
            if code:
                due.append((code, group_name(work.words, line)))

        def save(*fields: Any) -> None:
            work.do(defer_doses, work.saved("ui.deferred"), visit.id, *fields)

        sheet = DeferSheet(work.words, work.desk.today(), due, chosen, save, work.screen.close_sheet)
        work.screen.open_sheet(sheet)

    def elsewhere(self) -> None:
        """F6: the paper booklet beside the record."""
        work, child, page = self.work, self.work.look.child, self.work.look.page
        if child is None or page is None:
            return

        def save(lines: list[PaperDose], clinic: str, reason: str) -> None:
            def then(outcome: Outcome[Copied]) -> None:
                assert outcome.value is not None
                self._copied(outcome.value)

            work.do(copy_booklet, then, child.card.id, lines, clinic, reason)

        facts, words = child.card.facts, work.words
        whose = f"{words.child(facts.name)}  {words.sex(facts.sex)}  {facts.birth_on}"
        sheet = BookletSheet(words, whose, page, child.doses, self._codes, self._usual, save, work.screen.close_sheet)
        work.screen.open_sheet(sheet)
        work.explain(work.words("ui.booklet.why"), work.words("ui.booklet.how"))

    def _copied(self, copied: Copied) -> None:
        work, sheet = self.work, self.work.screen.sheet
        if not copied.refused:
            work.screen.close_sheet()
            work.say(Said("ok", work.words("ui.booklet.saved", count=copied.saved)))
            return
        self.elsewhere()  # anew, with what is recorded now
        sheet = work.screen.sheet
        if isinstance(sheet, BookletSheet):
            sheet.tell(copied)

    def _usual(self, group: str, number: int) -> str:
        """The clinic's code for the vaccine the programme recommends for a dose of a group; "" when it names none."""
        plan, today = self.work.desk.plan, self.work.desk.today()
        doses = usual_vaccines(plan.programme(today), group)
        wanted = doses[min(number, len(doses)) - 1] if doses else ()
        known = [code for code in tables.vaccines() if plan.vaccine(code, today) in wanted]
        own = [p.vaccine for p in tables.products() if p.vaccine in known]
        return next(iter([*own, *known]), "")

    def _codes(self, group: str) -> list[str]:
        """The four-digit codes that count in a vaccine group."""
        plan, today = self.work.desk.plan, self.work.desk.today()
        return [code for code in tables.vaccines() if group in plan.groups_of(code, today)]

    def dose_chosen(self, dose: Dose, mark: Mark | None = None) -> None:
        """A dose of the history was clicked."""
        judged = mark_words(self.work.words, mark) if mark else []
        work = self.work
        sheet = DoseSheet(work.words, dose, work.desk.clinic, self._amend, work.screen.close_sheet, judged)
        work.screen.open_sheet(sheet)

        def told(about: tuple[dict[str, str], list[Request]]) -> None:
            if work.screen.sheet is sheet:
                sheet.tell(*about)

        work.tasks.run(trips.about_dose, work.desk, dose.id, then=told)

    def next_chosen(self, line: Next) -> None:
        """A dose to come was clicked: its days, and why."""
        title = f"{group_name(self.work.words, line)} · {dose_place(self.work.words, line)}"
        told = next_words(self.work.words, line)
        self.work.screen.open_sheet(TellSheet(self.work.words, title, told, self.work.screen.close_sheet))

    def _amend(self, action: str, dose: Dose) -> None:
        words, close = self.work.words, self.work.screen.close_sheet
        name = words.dose(dose.vaccine, dose.dose_no)
        if action == MOVE:

            def move(child_id: str, reason: str) -> None:
                self.work.do(amend_dose.move_dose, self.work.saved("ui.dose.move_done"), dose.id, child_id, reason)

            self.work.screen.open_sheet(
                MoveSheet(words, dose, self._search_into, self.work.children.by_number, move, close)
            )
            return
        if action == CORRECT:

            def correct(changes: dict[str, Any], reason: str) -> None:
                done = self.work.saved("ui.dose.correct_done")
                self.work.do(amend_dose.correct_dose, done, dose.id, changes, reason)

            self.work.screen.open_sheet(CorrectSheet(words, dose, correct, close))
            return
        if action == REQUEST:
            self.work.exchange.request_correction(dose)
            return
        verb = amend_dose.void_dose if action == "void" else amend_dose.dispute_dose

        def go_on(reason: str) -> None:
            self.work.do(verb, self.work.saved(f"ui.dose.{action}_done"), dose.id, reason)

        title = words(f"ui.dose.{action}") + " · " + name
        usual = USUAL_VOIDS if action == "void" else ()
        self.work.screen.open_sheet(ReasonSheet(words, title, [words(f"ui.dose.{action}_how")], usual, go_on, close))

    def _search_into(self, typed: str, then: Callable[[list[Found]], None]) -> None:
        sheet = self.work.screen.sheet

        def got(found: list[Found]) -> None:
            if found and sheet is not self._noted:
                self._noted = sheet
                self.work.children.looked(len(found))
            then(found)

        self.work.children.look_up(typed, got)
