"""Void, correct, move to the other child, dispute: each a new fact that names the old one."""

from __future__ import annotations

from typing import Any

from config import tables
from domain.doses import CORRECTABLE, Dose, can_be
from domain.events import DoseCorrected, DoseDisputed, DoseMoved, DoseVoided, StockUsed
from domain.permissions import Permission
from domain.problems import Problem, block
from domain.schedule.page import Page
from domain.world import from_utc_text
from terminal.store import children, doses, doubles, ledger, stock
from terminal.usecases.desk import Actor, Desk, Outcome, missing_right, stop, verb
from terminal.usecases.schedule import as_judged, counted_anew, given_twice, page_of, renew_forecast
from terminal.usecases.visit import renew_slip, renew_slips


def _find(desk: Desk, actor: Actor, dose_id: str, reason: str) -> Dose | Problem:
    """The dose, if this person may change it: of this clinic or transcribed, their own of today or any by grade."""
    dose = doses.one(desk.store, dose_id)
    if dose is None or not dose.counts:
        return block("dose.not_found")
    if not reason.strip():
        return block("reason.missing", "reason")
    if not dose.is_of(desk.clinic):
        return block("dose.other_clinic")
    recorded = from_utc_text(dose.facts["recorded_at"]).astimezone(desk.world.zone).date()
    own_today = dose.facts["recorded_by"] == actor.code and recorded == desk.world.today()
    missing = [] if own_today else missing_right(desk, actor, Permission.DOSE_VOID_ANY)
    return missing[0] if missing else dose


@verb(Permission.DOSE_VOID_OWN_TODAY)
def void_dose(desk: Desk, actor: Actor, dose_id: str, reason: str) -> Outcome[Dose]:
    """The dose was not given as recorded; the use of the vial is given back."""
    dose = _find(desk, actor, dose_id, reason)
    if isinstance(dose, Problem):
        return stop(dose)
    body, before = DoseVoided(dose_id, reason), page_of(desk, dose.child_id)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        fact_id = entry.fact("dose.voided", dose.child_id, body, desk.stated_now())
        doses.add_change(entry, fact_id, dose_id, "voided", body)
        if dose.facts["lot_id"] or dose.facts["package"]:
            lot_id, drawn = dose.facts["lot_id"], _drawn_for(desk, dose)
            event_id = entry.fact("stock.used", lot_id, StockUsed(drawn, -1)) if lot_id else fact_id
            stock.move(entry, event_id, lot_id, "returned", 1, dose.facts["package"], dose.facts["vial_no"], drawn)
        doubles.look(entry.store, [dose.child_id], entry.at)
        after = renew_forecast(entry, desk, dose.child_id)
        renew_slips(entry, desk, dose.child_id, dose.facts["visit_id"])
        entry.audit("dose.void", dose.child_id, dose=dose_id)
    return Outcome(doses.one(desk.store, dose_id), _others(desk, dose, before, after))


def _others(desk: Desk, dose: Dose, before: Page | None, after: Page) -> tuple[Problem, ...]:
    """What became of the child's other doses."""
    history = [d for d in doses.of_child(desk.store, dose.child_id) if d.id != dose.id]
    return tuple(counted_anew(before, after, history))


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
    problems = wrong_fields(desk, dose, changes)
    if problems:
        return stop(*problems)
    old = {"given_on": dose.given_on, "dose_no": dose.dose_no, **dose.facts}
    fields = {name: (old[name], new) for name, new in changes.items() if old[name] != new}
    if not fields:
        return Outcome(dose)
    body, before = DoseCorrected(dose_id, fields, reason), page_of(desk, dose.child_id)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        fact_id = entry.fact("dose.corrected", dose.child_id, body, desk.stated_now())
        doses.add_change(entry, fact_id, dose_id, "corrected", body)
        doubles.look(entry.store, [dose.child_id], entry.at)
        after = renew_forecast(entry, desk, dose.child_id)
        if "given_on" in fields:
            renew_slips(entry, desk, dose.child_id, dose.facts["visit_id"])
        else:
            renew_slip(entry, desk, dose.facts["visit_id"])
        entry.audit("dose.correct", dose.child_id, dose=dose_id, fields=sorted(fields))
    corrected = doses.one(desk.store, dose_id)
    assert corrected is not None
    judged = as_judged(after, dose_id, corrected.dose_no)
    return Outcome(corrected, (*judged, *_others(desk, dose, before, after)))


def wrong_fields(desk: Desk, dose: Dose, changes: dict[str, Any]) -> list[Problem]:
    """What is wrong with a correction: a field that is none, a value that cannot be, a day before birth or taken."""
    names = [name for name in changes if name not in CORRECTABLE]
    if names or not changes:
        return [block("dose.not_correctable", what=", ".join(names))]
    known = {"site": tables.sites(), "route": tables.routes(), "kind": tables.dose_kinds(), "funding": ("nip", "self")}
    for name, new in changes.items():
        if not can_be(name, new) or (name in ("site", "route", "funding") and new not in known[name]):
            return [block("dose.bad_value", name, what=name)]
    day = changes.get("given_on", dose.given_on)
    if day == dose.given_on:
        return []
    card = children.card(desk.store, dose.child_id)
    assert card is not None
    if not card.facts.birth_on <= day <= desk.today().isoformat():
        return [block("dose.date_impossible", "given_on", given=day, birth=card.facts.birth_on)]
    others = [d for d in doses.of_child(desk.store, dose.child_id) if d.id != dose.id]
    return given_twice(desk, dose.child_id, others, dose.vaccine, day)


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
    twice = given_twice(desk, to_child, doses.of_child(desk.store, to_child), dose.vaccine, dose.given_on)
    if twice:
        return stop(*twice)
    body, before = DoseMoved(dose_id, to_child, reason), page_of(desk, dose.child_id)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        new_id = entry.fact("dose.moved", dose.child_id, body, desk.stated_now())
        doses.add_moved(entry, new_id, dose, to_child)
        doses.add_change(entry, new_id, dose_id, "moved", body)
        doubles.look(entry.store, [dose.child_id, to_child], entry.at)
        after = renew_forecast(entry, desk, dose.child_id)
        page = renew_forecast(entry, desk, to_child)
        renew_slips(entry, desk, dose.child_id, dose.facts["visit_id"])
        renew_slips(entry, desk, to_child)
        entry.audit("dose.move", dose.child_id, dose=dose_id, to=to_child)
    judged = as_judged(page, new_id, dose.dose_no)
    return Outcome(doses.one(desk.store, new_id), (*judged, *_others(desk, dose, before, after)))


@verb(Permission.DOSE_DISPUTE)
def dispute_dose(desk: Desk, actor: Actor, dose_id: str, reason: str) -> Outcome[Dose]:
    """Doubt another clinic's dose; it still counts until its own clinic answers."""
    dose = doses.one(desk.store, dose_id)
    if dose is None or not dose.counts:
        return stop(block("dose.not_found"))
    if not reason.strip():
        return stop(block("reason.missing", "reason"))
    if dose.is_of(desk.clinic):
        return stop(block("dose.own_clinic"))
    body = DoseDisputed(dose_id, reason)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        fact_id = entry.fact("dose.disputed", dose.child_id, body, desk.stated_now())
        doses.add_change(entry, fact_id, dose_id, "disputed", body)
        entry.audit("dose.dispute", dose.child_id, dose=dose_id)
    return Outcome(doses.one(desk.store, dose_id))
