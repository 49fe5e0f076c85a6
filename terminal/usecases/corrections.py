"""Ask the clinic of a dose to correct it, by a day; answer what another clinic asks of ours."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from domain import workdays
from domain.doses import is_day
from domain.events import CorrectionAnswered, CorrectionRequested
from domain.permissions import Permission
from domain.problems import Problem, block
from terminal.store import doses, ledger, requests
from terminal.usecases.amend_dose import wrong_fields
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb

ANSWER_DAYS = 10  # working days; this house's own


def usual_due(desk: Desk) -> date:
    """The day an answer is due when nobody says another."""
    return workdays.after(desk.today(), ANSWER_DAYS)


@verb(Permission.DOSE_DISPUTE)
def request_correction(
    desk: Desk, actor: Actor, dose_id: str, reason: str, due: str = "", fields: dict[str, Any] | None = None
) -> Outcome[str]:
    """Ask another clinic to correct its dose, `fields` being what it should say, or to void it. The request's id.

    `due` is an ISO day after today, "" for the usual one.
    """
    dose = doses.one(desk.store, dose_id)
    if dose is None or not dose.counts:
        return stop(block("dose.not_found"))
    if dose.is_of(desk.clinic):
        return stop(block("dose.own_clinic"))
    due, fields = due or usual_due(desk).isoformat(), fields or {}
    problems = _cannot_ask(desk, dose_id, reason, due) or (wrong_fields(desk, dose, fields) if fields else [])
    if problems:
        return stop(*problems)
    body = CorrectionRequested(dose_id, reason.strip(), due, fields)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        request_id = entry.fact("correction.requested", dose.child_id, body, desk.stated_now())
        requests.add(entry, request_id, dose.child_id, body, desk.clinic)
        entry.audit("correction.request", dose.child_id, dose=dose_id, fields=sorted(fields))
    return Outcome(request_id)


def _cannot_ask(desk: Desk, dose_id: str, reason: str, due: str) -> list[Problem]:
    if not reason.strip():
        return [block("reason.missing", "reason")]
    if not is_day(due) or due <= desk.today().isoformat():
        return [block("correction.bad_due", "due", due=due)]
    asked = [one for one in requests.of_dose(desk.store, dose_id) if one.asked_by == desk.clinic and not one.outcome]
    return [block("correction.asked", due=asked[0].due)] if asked else []


@verb(Permission.CORRECTION_ANSWER)
def answer_request(
    desk: Desk, actor: Actor, request_id: str, outcome: Literal["done", "declined"], reason: str = ""
) -> Outcome[str]:
    """Answer one about a dose of this clinic: done, once it was corrected, voided or moved; or declined, and why."""
    request = requests.one(desk.store, request_id)
    dose = doses.one(desk.store, request.dose_id) if request else None
    if request is None or request.outcome:
        return stop(block("correction.not_open"))
    if dose is None or not dose.is_of(desk.clinic):
        return stop(block("dose.other_clinic"))
    if outcome == "declined" and not reason.strip():
        return stop(block("reason.missing", "reason"))
    if outcome == "done" and not requests.changed_since(desk.store, request):
        return stop(block("correction.not_done"))
    body = CorrectionAnswered(request_id, outcome, reason.strip())
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        fact_id = entry.fact("correction.answered", request.child_id, body, desk.stated_now())
        requests.answer(entry, body)
        entry.audit("correction.answer", request.child_id, request=request_id, outcome=outcome)
    return Outcome(fact_id)
