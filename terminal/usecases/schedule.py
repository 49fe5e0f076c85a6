"""A child before the clinic's immunization programme: the booklet's page, and the forecast kept beside the record."""

from __future__ import annotations

from datetime import date

from domain.permissions import Permission
from domain.problems import Problem, block, warn
from domain.schedule.advice import Page, case_of, read_page
from domain.schedule.case import Case
from terminal.store import children, doses, forecasts
from terminal.store.ledger import Entry
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb


@verb(Permission.CHILD_VIEW)
def read_child_page(desk: Desk, actor: Actor, child_id: str) -> Outcome[Page]:  # noqa: ARG001 (a verb's)
    """The booklet's page of a child on the screen, whose view is audited already."""
    case = case_on(desk, child_id, desk.today())
    return stop(block("child.not_found")) if case is None else Outcome(read_page(desk.plan, case))


def case_on(desk: Desk, child_id: str, day: date) -> Case | None:
    """The child as a case of the plan on that day; None when there is no such child. On any thread."""
    facts = children.vitals(desk.store, (child_id,)).get(child_id)
    given = doses.histories(desk.store, (child_id,))[child_id]
    return case_of(child_id, facts, given, desk.plan, day) if facts else None


def renew_forecast(entry: Entry, desk: Desk, child_id: str) -> Page:
    """Reckon a child anew after a fact about it, in the fact's own transaction."""
    day = desk.today()
    case = case_on(desk, child_id, day)
    assert case is not None
    page = read_page(desk.plan, case)
    reckoned = forecasts.reckon(child_id, page)
    forecasts.renew(entry.store, reckoned, desk.plans.stamp(day), day, forecasts.last_fact(entry.store))
    return page


def as_judged(page: Page, dose_id: str, number: int) -> list[Problem]:
    """What the page makes of a dose that was copied or moved with this number: it does not count, or under another."""
    shown = [(cell, mark) for row in page.rows for cell in row.cells for mark in cell.marks if mark.dose_id == dose_id]
    if not shown:
        return []
    if all(not mark.number for _, mark in shown):
        return [warn("dose.does_not_count")]
    counted = {cell.number for cell, mark in shown if mark.number}
    return [] if number in counted else [warn("dose.other_number", typed=number, counted=max(counted))]
