"""Vaccines not given for one reason: a child with fever gets none of them today."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from config import tables
from domain.doses import is_day, vaccine_class
from domain.events import DoseDeferred
from domain.permissions import Permission
from domain.problems import Problem, block
from terminal.store import doses, ledger, visits
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb

OUTCOMES = ("deferred", "contraindicated", "refused")


@verb(Permission.VISIT)
def defer_doses(
    desk: Desk, actor: Actor, visit_id: str, vaccines: Sequence[str], outcome: str, reason: str, until: str = ""
) -> Outcome[list[str]]:
    """Not given: deferred (暂缓), contraindicated (禁忌) or refused (家长拒绝), with a reason. A fact for each vaccine,
    all in one transaction.

    It is the answer to a checked package of the same class as well: nothing waits for Enter any more.
    """
    visit = visits.one(desk.store, visit_id)
    if visit is None or visit.closed_at:
        return stop(block("visit.not_open"))
    if wrong := _check(desk, vaccines, outcome, reason, until):
        return stop(wrong)
    classes = {vaccine_class(vaccine) for vaccine in vaccines}
    waits = [c for c in doses.held(desk.store, visit_id=visit_id) if vaccine_class(c.body.vaccine) in classes]
    facts = []
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        for vaccine in vaccines:
            body = DoseDeferred(visit_id, vaccine, outcome, reason, until)
            facts.append(entry.fact("dose.deferred", visit.child_id, body, desk.stated_now()))
            row = msgspec.structs.asdict(body)
            doses.add_deferral(entry, facts[-1], visit.child_id, row | {"visit_id": row.pop("visit")})
            entry.audit("dose.defer", visit.child_id, outcome=outcome)
        for checked in waits:
            doses.release(entry, checked.id)
            entry.audit("dose.not_given", visit.child_id, why=outcome)
    return Outcome(facts)


def _check(desk: Desk, vaccines: Sequence[str], outcome: str, reason: str, until: str) -> Problem | None:
    """What is wrong with the answer."""
    if outcome not in OUTCOMES or not vaccines or any(vaccine not in tables.vaccines() for vaccine in vaccines):
        return block("dose.bad_deferral")
    if until and not is_day(until):
        return block("dose.bad_value", "until", what="until")
    if until and until <= desk.today().isoformat():
        return block("dose.until_over", "until", until=until)
    return None if reason.strip() else block("reason.missing", "reason")
