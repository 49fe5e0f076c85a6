"""A child before the clinic's immunization programme: the booklet's page, and the forecast kept beside the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from domain.doses import Dose, repeated
from domain.events import ChildRegistered
from domain.problems import Problem, warn
from domain.schedule.case import Case, Given
from domain.schedule.judgement import CANDIDATE, Judgement, judge
from domain.schedule.page import Page, read_page
from domain.schedule.record import case_of
from terminal.store import children, doses, forecasts
from terminal.store.forecasts import Reckoned
from terminal.store.ledger import Entry
from terminal.usecases.desk import Desk


def page_of(desk: Desk, child_id: str) -> Page | None:
    """The booklet's page as it stands today, with what was put off; None when there is no such child. On any thread."""
    today = desk.today()
    case = case_on(desk, child_id, today)
    if case is None:
        return None
    put_off = {
        group: date.fromisoformat(one.until)
        for one in doses.not_given(desk.store, child_id)
        if one.outcome == "deferred" and one.until > today.isoformat()
        for group in desk.plan.groups_of(one.vaccine, today)
    }
    return read_page(desk.plan, case, put_off)


def case_on(desk: Desk, child_id: str, day: date) -> Case | None:
    """The child as a case of the plan on that day; None when there is no such child. On any thread."""
    facts = children.vitals(desk.store, (child_id,)).get(child_id)
    given = doses.histories(desk.store, (child_id,))[child_id]
    return case_of(child_id, facts, given, desk.plan, day) if facts else None


@dataclass(frozen=True)
class Foreseen:
    """What the plan said of a vaccine in hand, and the forecast once it is given: reckoned at the check, used at Enter.

    `of`: child, vaccine, day and the last fact the child's forecast knew of; a fact that came since makes it void.
    """

    of: tuple[str, str, date, int | None]
    judgement: Judgement
    after: Reckoned


def foresee(
    desk: Desk, child_id: str, facts: ChildRegistered, history: Sequence[Dose], vaccine: str, day: date
) -> Judgement:
    """What the plan says of giving a vaccine (four-digit code) to the child on that day."""
    of = (child_id, vaccine, day, forecasts.looked_at(desk.store, child_id))
    if desk.foreseen is None or desk.foreseen.of != of:
        case = case_of(child_id, facts, history, desk.plan, day)
        given = Given(day, vaccine=desk.plan.vaccine(vaccine, day) or vaccine, ref=CANDIDATE)  # as it is judged
        after = read_page(desk.plan, msgspec.structs.replace(case, doses=(*case.doses, given)))
        desk.foreseen = Foreseen(of, judge(desk.plan, case, vaccine), forecasts.reckon(child_id, after))
    return desk.foreseen.judgement


def given_twice(desk: Desk, child_id: str, history: Sequence[Dose], vaccine: str, day: str) -> list[Problem]:
    """A dose of the same class counts on that day already, and the plan does not give the two together."""
    twice = repeated(history, vaccine, day)
    facts = children.vitals(desk.store, (child_id,)).get(child_id) if twice else None
    if facts is None:
        return twice
    so_far = [dose for dose in history if dose.given_on <= day]
    case = case_of(child_id, facts, so_far, desk.plan, date.fromisoformat(day))
    return [] if judge(desk.plan, case, vaccine).together else twice


def renew_forecast(entry: Entry, desk: Desk, child_id: str) -> Page:
    """Reckon a child anew after a fact about it, in the fact's own transaction."""
    case = case_on(desk, child_id, desk.today())
    assert case is not None
    page = read_page(desk.plan, case)
    _keep(entry, desk, forecasts.reckon(child_id, page))
    return page


def renew_as_foreseen(entry: Entry, desk: Desk, child_id: str, vaccine: str, day: str) -> None:
    """After a dose given as it was checked the forecast is what was foreseen; otherwise it is reckoned anew."""
    of = (child_id, vaccine, desk.today(), forecasts.looked_at(entry.store, child_id))
    if desk.foreseen and desk.foreseen.of == of and day == desk.today().isoformat():
        _keep(entry, desk, desk.foreseen.after)
    else:
        renew_forecast(entry, desk, child_id)


def _keep(entry: Entry, desk: Desk, reckoned: Reckoned) -> None:
    day = desk.today()
    forecasts.renew(entry.store, reckoned, desk.plans.stamp(day), day, forecasts.last_fact(entry.store))


def as_judged(page: Page, dose_id: str, number: int) -> list[Problem]:
    """What the page makes of a dose that was copied or moved with this number: it does not count, or under another."""
    shown = [(cell, mark) for row in page.rows for cell in row.cells for mark in cell.marks if mark.dose_id == dose_id]
    if not shown:
        return []
    if all(not mark.number for _, mark in shown):
        return [warn("dose.does_not_count")]
    counted = {cell.number for cell, mark in shown if mark.number}
    return [] if number in counted else [warn("dose.other_number", typed=number, counted=max(counted))]


def counted_anew(before: Page | None, after: Page, history: Sequence[Dose]) -> list[Problem]:
    """The doses that agreed with the page before a change and do not after it: each is recorded under a number, which
    stays until a person corrects it."""
    found = []
    for dose in (d for d in history if d.counts):
        known = as_judged(before, dose.id, dose.dose_no) if before else []
        for told in as_judged(after, dose.id, dose.dose_no) if not known else []:
            named = {"vaccine": dose.vaccine, "day": dose.given_on, **told.params}
            found.append(warn("dose.counts_otherwise" if told.params else "dose.counts_no_more", **named))
    return found
