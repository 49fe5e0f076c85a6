"""Void, correct, move to the other child, dispute: each a new fact that names the old one."""

from __future__ import annotations

from typing import Any

from domain.doses import CORRECTABLE, Dose
from domain.events import DoseCorrected, DoseDisputed, DoseMoved, DoseVoided, StockUsed
from domain.permissions import Permission, require
from domain.problems import Problem, block
from terminal.store import children, doses, ledger, stock
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb


def _find(desk: Desk, actor: Actor, dose_id: str, reason: str) -> Dose | Problem:
    """The dose, if this person may change it: of this clinic or transcribed, their own of today or any by grade."""
    dose = doses.one(desk.store, dose_id)
    if dose is None or not dose.counts:
        return block("dose.not_found")
    if not reason.strip():
        return block("reason.missing", "reason")
    if dose.clinic not in ("", desk.clinic):
        return block("dose.other_clinic")
    own_today = dose.facts["giver"] == actor.code and dose.given_on == desk.today().isoformat()
    missing = [] if own_today else require(actor.grades, Permission.DOSE_VOID_ANY)
    return missing[0] if missing else dose


@verb(Permission.DOSE_VOID_OWN_TODAY)
def void_dose(desk: Desk, actor: Actor, dose_id: str, reason: str) -> Outcome[Dose]:
    """The dose was not given as recorded; the use of the vial is given back."""
    dose = _find(desk, actor, dose_id, reason)
    if isinstance(dose, Problem):
        return stop(dose)
    body = DoseVoided(dose_id, reason)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        fact_id = entry.fact("dose.voided", dose.child_id, body, desk.stated_now())
        doses.add_change(entry, fact_id, dose_id, "voided", body)
        if dose.facts["lot_id"]:
            lot_id, drawn = dose.facts["lot_id"], _drawn_for(desk, dose)
            event_id = entry.fact("stock.used", lot_id, StockUsed(drawn, -1))
            stock.move(entry, event_id, lot_id, "returned", 1, dose.facts["package"], dose.facts["vial_no"], drawn)
        entry.audit("dose.void", dose.child_id, dose=dose_id)
    return Outcome(doses.one(desk.store, dose_id))


def _drawn_for(desk: Desk, dose: Dose) -> str:
    """The dose id under which the vial was used: the first of a chain of moves."""
    while dose.facts["moved_from"]:
        before = doses.one(desk.store, dose.facts["moved_from"])
        assert before is not None
        dose = before
    return dose.id


@verb(Permission.DOSE_VOID_OWN_TODAY)
def correct_dose(desk: Desk, actor: Actor, dose_id: str, changes: dict[str, Any], reason: str) -> Outcome[Dose]:
    """Change what may be changed of a dose; vaccine, child and package are a void and a new dose."""
    dose = _find(desk, actor, dose_id, reason)
    if isinstance(dose, Problem):
        return stop(dose)
    wrong = [name for name in changes if name not in CORRECTABLE]
    if wrong or not changes:
        return stop(block("dose.not_correctable", field=", ".join(wrong)))
    card = children.card(desk.store, dose.child_id)
    assert card is not None
    if "given_on" in changes and not card.facts.birth_on <= str(changes["given_on"]) <= desk.today().isoformat():
        return stop(block("dose.date_impossible", "given_on", given=changes["given_on"], birth=card.facts.birth_on))
    old = {"given_on": dose.given_on, "dose_no": dose.dose_no, **dose.facts}
    body = DoseCorrected(dose_id, {name: (old[name], new) for name, new in changes.items()}, reason)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        fact_id = entry.fact("dose.corrected", dose.child_id, body, desk.stated_now())
        doses.add_change(entry, fact_id, dose_id, "corrected", body)
        entry.audit("dose.correct", dose.child_id, dose=dose_id, fields=sorted(changes))
    return Outcome(doses.one(desk.store, dose_id))


@verb(Permission.DOSE_VOID_OWN_TODAY)
def move_dose(desk: Desk, actor: Actor, dose_id: str, to_child: str, reason: str) -> Outcome[Dose]:
    """The dose went into another child: it ends here and begins there, linked; stock is untouched."""
    dose = _find(desk, actor, dose_id, reason)
    if isinstance(dose, Problem):
        return stop(dose)
    other = children.card(desk.store, to_child)
    if other is None or to_child == dose.child_id:
        return stop(block("child.not_found"))
    if dose.given_on < other.facts.birth_on:
        return stop(block("dose.before_birth", birth=other.facts.birth_on, given=dose.given_on))
    body = DoseMoved(dose_id, to_child, reason)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        new_id = entry.fact("dose.moved", dose.child_id, body, desk.stated_now())
        doses.add_moved(entry, new_id, dose, to_child)
        doses.add_change(entry, new_id, dose_id, "moved", body)
        entry.audit("dose.move", dose.child_id, dose=dose_id, to=to_child)
    return Outcome(doses.one(desk.store, new_id))


@verb(Permission.DOSE_DISPUTE)
def dispute_dose(desk: Desk, actor: Actor, dose_id: str, reason: str) -> Outcome[Dose]:
    """Doubt another clinic's dose; it still counts until its own clinic answers."""
    dose = doses.one(desk.store, dose_id)
    if dose is None or not dose.counts:
        return stop(block("dose.not_found"))
    if not reason.strip():
        return stop(block("reason.missing", "reason"))
    if dose.clinic in ("", desk.clinic):
        return stop(block("dose.own_clinic"))
    body = DoseDisputed(dose_id, reason)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        fact_id = entry.fact("dose.disputed", dose.child_id, body, desk.stated_now())
        doses.add_change(entry, fact_id, dose_id, "disputed", body)
        entry.audit("dose.dispute", dose.child_id, dose=dose_id)
    return Outcome(doses.one(desk.store, dose_id))
