"""Confirm a checked dose - one Enter - or say that it was not given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from config import tables
from domain.doses import Dose, InHand, can_be, is_day
from domain.events import DoseGiven, StockUsed
from domain.permissions import Permission
from domain.problems import Problem, Severity, block, stops
from domain.world import from_utc_text
from terminal.store import children, doses, ledger, stock, visits
from terminal.usecases.check_dose import findings
from terminal.usecases.desk import Actor, Desk, Outcome, missing_right, stop, verb
from terminal.usecases.schedule import as_judged, given_twice, renew_as_foreseen, renew_forecast

HOLDS = timedelta(minutes=30)  # so long after its check a dose may have been given; opened vials live no longer either
# Overridden by who may answer for it; the rest by any nurse.
MEDICAL = ("dose.contraindicated", "dose.allergy", "schedule.contraindicated")


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
    if already and already.counts:
        return Outcome(Recorded(already))
    checked = _checked(desk, checked_id)
    if checked is None:
        return stop(block("dose.nothing_checked"))
    stated = given_at or desk.stated_now()
    late = _check_time(desk, checked, stated)
    if late:
        return stop(*late)
    answers = {code: why.strip() for code, why in (reasons or {}).items() if why.strip()}
    stopped = _since(desk, checked, stated) or _unanswered(desk, actor, checked, answers)
    if stopped:
        _refuse(desk, actor, checked, stopped)
        return stop(*stopped)
    used = {p.code: answers[p.code] for p in checked.problems if p.code in answers}
    clock = "" if desk.clock == "sure" else desk.clock
    body = msgspec.structs.replace(checked.body, giver=actor.code, overrides=used, clock=clock)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        dose_id = entry.fact("dose.given", checked.child_id, body, stated, fact_id=checked_id)
        doses.add(entry, dose_id, checked.child_id, body, stated)
        if body.lot or body.package:  # a package of a lot never received is counted too
            event_id = entry.fact("stock.used", body.lot, StockUsed(dose_id)) if body.lot else dose_id
            stock.move(entry, event_id, body.lot, "used", -1, body.package, body.vial_no, dose_id)
        doses.release(entry, checked_id)
        renew_as_foreseen(entry, desk, checked.child_id, body.vaccine, stated[:10])
        entry.audit("dose.record", checked.child_id, dose=dose_id, overrides=sorted(used))
    recorded = doses.one(desk.store, dose_id)
    assert recorded is not None
    return Outcome(Recorded(recorded), checked.problems)


def _checked(desk: Desk, checked_id: str) -> doses.CheckedDose | None:
    return next((c for c in doses.held(desk.store) if c.id == checked_id), None)


def _check_time(desk: Desk, checked: doses.CheckedDose, stated: str) -> list[Problem]:
    """The dose must have been given soon after its check: vial, expiry and health were right at that moment."""
    if desk.clock == "doubtful":
        return [block("clock.doubtful", day=desk.today().isoformat())]
    try:
        given = datetime.strptime(stated, "%Y-%m-%dT%H:%M").replace(tzinfo=desk.world.zone)
    except ValueError:
        return [block("dose.bad_time", "given_at")]
    if given.date() > desk.today():  # the hour of a PC that lost its clock is no measure
        return [block("dose.bad_time", "given_at")]
    apart = abs(given - from_utc_text(checked.at))
    minutes = int(apart.total_seconds() // 60)
    return [block("dose.check_too_old", minutes=minutes)] if apart > HOLDS else []


def _since(desk: Desk, checked: doses.CheckedDose, stated: str) -> list[Problem]:
    """What stops the dose and was not said at the check: a dose or alert noted since, a recall, the vial gone."""
    visit = visits.one(desk.store, checked.visit_id)
    if visit is None or visit.closed_at:
        return [block("visit.not_open")]
    body = checked.body
    lot = stock.lot(desk.store, body.lot) if body.lot else None
    product = _product(body, lot)
    recalled = lot.recalled if lot else ""
    components = product.components if product else ()
    hand = InHand(body.vaccine, body.lot_no, body.expiry_on, recalled, True, components, body.route, body.site)
    history = doses.of_child(desk.store, visit.child_id)
    _, found = findings(desk, visit, history, hand, datetime.fromisoformat(stated).date())
    new = [p for p in found if p.severity in (Severity.BLOCK, Severity.OVERRIDE) and p not in checked.problems]
    if product and body.package and not any(p.code == "package.used_up" for p in checked.problems):
        drawn = [u for u in stock.uses(desk.store, body.package) if u.vial_no == body.vial_no]
        if sum(u.doses for u in drawn) >= product.doses_per_vial:
            new.append(block("dose.check_again"))
    return new


def _product(body: DoseGiven, lot: stock.LotRow | None) -> tables.Product | None:
    """The product of a package by its lot, else by its name: trace code, or GTIN and serial."""
    code, _, serial = body.package.partition(":")
    return tables.product(lot.product if lot else code if serial else code[:7])


def _unanswered(desk: Desk, actor: Actor, checked: doses.CheckedDose, answers: dict[str, str]) -> list[Problem]:
    """An override without its reason, or no permission to give one."""
    found = stops(checked.problems, answers)
    if not found and any(p.code in MEDICAL and p.severity is Severity.OVERRIDE for p in checked.problems):
        found = missing_right(desk, actor, Permission.DOSE_OVERRIDE)
    return found


def _refuse(desk: Desk, actor: Actor, checked: doses.CheckedDose, stopped: list[Problem]) -> None:
    """Note the refusal; an override that is new joins the check, so that the next Enter can answer it."""
    new = tuple(p for p in stopped if p.severity is Severity.OVERRIDE and p not in checked.problems)
    verdict = tuple(dict.fromkeys((*checked.body.verdict, *(p.code for p in new))))
    body = msgspec.structs.replace(checked.body, verdict=verdict)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        if new:
            problems = (*checked.problems, *new)
            doses.hold(entry, msgspec.structs.replace(checked, body=body, problems=problems))
        entry.audit("dose.refuse", checked.child_id, codes=[p.code for p in stopped])


@verb(Permission.DOSE_RECORD)
def dismiss_checked(desk: Desk, actor: Actor, checked_id: str) -> Outcome[str]:
    """The checked dose was not given: nothing is recorded, the answer is audited."""
    checked = _checked(desk, checked_id)
    if checked is None:
        return stop(block("dose.nothing_checked"))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        doses.release(entry, checked_id)
        entry.audit("dose.not_given", checked.child_id)
    return Outcome(checked_id)


@verb(Permission.DOSE_RECORD)
def transcribe_dose(
    desk: Desk, actor: Actor, child_id: str, given_on: str, vaccine: str, dose_no: int, elsewhere: str, lot_no: str = ""
) -> Outcome[Dose]:
    """Enter a dose given elsewhere, copied from the paper booklet and marked as such.

    What was typed stays; what the plan makes of it is told.
    """
    card = children.card(desk.store, child_id)
    if card is None:
        return stop(block("child.not_found"))
    if vaccine not in tables.vaccines():
        return stop(block("vaccine.unknown", "vaccine", vaccine=vaccine))
    if not is_day(given_on) or not card.facts.birth_on <= given_on <= desk.today().isoformat():
        return stop(block("dose.date_impossible", "given_on", given=given_on, birth=card.facts.birth_on))
    if not can_be("dose_no", dose_no):
        return stop(block("dose.bad_value", "dose_no", what="dose_no"))
    twice = given_twice(desk, child_id, doses.of_child(desk.store, child_id), vaccine, given_on)
    if twice:
        return stop(*twice)
    body = DoseGiven(visit="", vaccine=vaccine, dose_no=dose_no, clinic="", lot_no=lot_no, elsewhere=elsewhere or "?")
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        dose_id = entry.fact("dose.given", child_id, body, given_on)
        doses.add(entry, dose_id, child_id, body, given_on)
        children.heard_of(entry, child_id)
        page = renew_forecast(entry, desk, child_id)
        entry.audit("dose.transcribe", child_id, dose=dose_id)
    return Outcome(doses.one(desk.store, dose_id), tuple(as_judged(page, dose_id, dose_no)))
