"""Confirm a checked dose - one Enter - or say that it was not given."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from config import tables
from domain import stock as vials
from domain.doses import Dose, vaccine_class
from domain.events import DoseDeferred, DoseGiven, StockUsed
from domain.permissions import Permission, require
from domain.problems import Problem, block, stops
from terminal.store import children, doses, ledger, stock, visits
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb

MEDICAL = ("dose.contraindicated", "dose.allergy")  # overridden by who may answer for it; the rest by any nurse


@dataclass(frozen=True)
class Recorded:
    """A dose that is on disk."""

    dose: Dose


@verb(Permission.DOSE_RECORD)
def record_dose(
    desk: Desk, actor: Actor, checked_id: str, reasons: dict[str, str] | None = None, given_at: str = ""
) -> Outcome[Recorded]:
    """Record the checked dose. Its id was born with the check, so that a second Enter finds it recorded.

    `reasons`: problem code -> why the person goes on. `given_at`: the local time it was given when that was not
    now (after a power cut). All rows are one transaction; when this returns, the dose is on disk.
    """
    already = doses.one(desk.store, checked_id)
    if already:
        return Outcome(Recorded(already))
    checked = next(iter(doses.held(desk.store, checked_id)), None)
    if checked is None:
        return stop(block("dose.nothing_checked"))
    problems = _still(desk, actor, checked, reasons or {})
    if problems:
        return stop(*problems)
    used = {code: why for code, why in (reasons or {}).items() if any(p.code == code for p in checked.problems)}
    body = msgspec.structs.replace(checked.body, giver=actor.code, overrides=used)
    stated = given_at or desk.stated_now()
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        dose_id = entry.fact("dose.given", checked.child_id, body, stated, fact_id=checked_id)
        doses.add(entry, dose_id, checked.child_id, body, stated)
        if body.lot:
            event_id = entry.fact("stock.used", body.lot, StockUsed(dose_id))
            stock.move(entry, event_id, body.lot, "used", -1, body.package, body.vial_no, dose_id)
        doses.release(entry, checked_id)
        entry.audit("dose.record", checked.child_id, dose=dose_id, overrides=sorted(used))
    recorded = doses.one(desk.store, dose_id)
    assert recorded is not None
    return Outcome(Recorded(recorded), checked.problems)


def _still(desk: Desk, actor: Actor, checked: doses.CheckedDose, reasons: dict[str, str]) -> list[Problem]:
    """What stops the dose now: no reason given, no permission to override, or the world moved on since the check."""
    visit = visits.one(desk.store, checked.visit_id)
    if visit is None or visit.closed_at:
        return [block("visit.not_open")]
    found = stops(checked.problems, [code for code, why in reasons.items() if why.strip()])
    if not found and any(p.code in MEDICAL for p in checked.problems):
        found += require(actor.grades, Permission.DOSE_OVERRIDE)
    return found + _moved_on(desk, checked)


def _moved_on(desk: Desk, checked: doses.CheckedDose) -> list[Problem]:
    """The same class today, or the vial gone, since the check."""
    body, found = checked.body, []
    for dose in doses.of_child(desk.store, checked.child_id):
        same = vaccine_class(dose.vaccine) == vaccine_class(body.vaccine)
        if dose.counts and same and dose.given_on == desk.today().isoformat():
            found.append(block("dose.same_day", vaccine=body.vaccine))
    lot = stock.lot(desk.store, body.lot) if body.lot else None
    if lot and lot.recalled:
        found.append(block("lot.recalled", lot=lot.lot_no, reason=lot.recalled))
    product = tables.product(lot.product) if lot else None
    known = {p.code for p in checked.problems}
    if body.package and product:
        contents = vials.Contents(product.doses_per_vial, product.vials_per_package, product.open_hours)
        drawn = [u for u in stock.uses(desk.store, body.package) if u.vial_no == body.vial_no]
        left = contents.doses_per_vial - sum(u.doses for u in drawn)
        if left < 1 and "package.used_up" not in known:
            found.append(block("dose.check_again"))
    return found


@verb(Permission.DOSE_RECORD)
def dismiss_checked(desk: Desk, actor: Actor, checked_id: str) -> Outcome[str]:
    """The checked dose was not given: nothing is recorded, the answer is audited."""
    checked = next(iter(doses.held(desk.store, checked_id)), None)
    if checked is None:
        return stop(block("dose.nothing_checked"))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        doses.release(entry, checked_id)
        entry.audit("dose.not_given", checked.child_id)
    return Outcome(checked_id)


@verb(Permission.VISIT)
def defer_dose(
    desk: Desk, actor: Actor, visit_id: str, vaccine: str, outcome: str, reason: str, until: str = ""
) -> Outcome[str]:
    """Not given: deferred (暂缓), contraindicated (禁忌) or refused (家长拒绝), with a reason."""
    visit = visits.one(desk.store, visit_id)
    if visit is None or visit.closed_at:
        return stop(block("visit.not_open"))
    if outcome not in ("deferred", "contraindicated", "refused") or vaccine not in tables.vaccines():
        return stop(block("dose.bad_deferral"))
    if not reason.strip():
        return stop(block("reason.missing", "reason"))
    body = DoseDeferred(visit_id, vaccine, outcome, reason, until)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        fact_id = entry.fact("dose.deferred", visit.child_id, body, desk.stated_now())
        row = msgspec.structs.asdict(body)
        doses.add_deferral(entry, fact_id, visit.child_id, row | {"visit_id": row.pop("visit")})
        entry.audit("dose.defer", visit.child_id, outcome=outcome)
    return Outcome(fact_id)


@verb(Permission.DOSE_RECORD)
def transcribe_dose(
    desk: Desk, actor: Actor, child_id: str, given_on: str, vaccine: str, dose_no: int, elsewhere: str, lot_no: str = ""
) -> Outcome[Dose]:
    """Enter a dose given elsewhere, copied from the paper booklet and marked as such."""
    card = children.card(desk.store, child_id)
    if card is None:
        return stop(block("child.not_found"))
    if vaccine not in tables.vaccines():
        return stop(block("vaccine.unknown", "vaccine", vaccine=vaccine))
    if not card.facts.birth_on <= given_on <= desk.today().isoformat():
        return stop(block("dose.date_impossible", "given_on", given=given_on, birth=card.facts.birth_on))
    same = [d for d in doses.of_child(desk.store, child_id) if d.counts and d.given_on == given_on]
    if any(vaccine_class(d.vaccine) == vaccine_class(vaccine) for d in same):
        return stop(block("dose.same_day", vaccine=vaccine))
    body = DoseGiven(visit="", vaccine=vaccine, dose_no=dose_no, clinic="", lot_no=lot_no, elsewhere=elsewhere or "?")
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        dose_id = entry.fact("dose.given", child_id, body, given_on)
        doses.add(entry, dose_id, child_id, body, given_on)
        entry.audit("dose.transcribe", child_id, dose=dose_id)
    return Outcome(doses.one(desk.store, dose_id))
