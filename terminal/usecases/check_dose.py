"""Answer for a scanned package before the dose: right vaccine, lot, expiry, vial - kept until a person confirms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from config import tables
from domain import doses as rules
from domain import stock as vials
from domain.codes import Package, TracePackage
from domain.doses import Dose
from domain.events import DoseGiven
from domain.permissions import Permission
from domain.precheck import against
from domain.problems import Problem, Severity, block, warn
from domain.schedule.judgement import Judgement
from domain.world import utc_text
from terminal.store import children, doses, ledger, stock, visits
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb
from terminal.usecases.schedule import foresee
from terminal.usecases.visit import from_another_day


@dataclass(frozen=True)
class Choice:
    """What the person decided about the package: the lot when it was not received, a fresh vial, site, funding."""

    lot_id: str = ""
    fresh_vial: bool = False
    site: str = ""
    funding: str = ""
    kind: str = "routine"


@dataclass(frozen=True)
class Verdict:
    """The answer to a scanned package. `level` ok, look or stop; `checked_id` "" when nothing may be confirmed.

    `lots` are offered when the package was never received: the person compares and chooses.
    """

    level: Literal["ok", "look", "stop"]
    problems: tuple[Problem, ...]
    checked_id: str = ""
    dose: DoseGiven | None = None
    lots: tuple[stock.LotRow, ...] = ()


@dataclass(frozen=True)
class _Found:
    """A scanned package and what the house knows of it."""

    product: tables.Product
    lot: stock.LotRow | None
    code: str  # "" when the code names no single package
    lot_no: str = ""
    expiry_on: str = ""
    received: bool = False
    read: tuple[Problem, ...] = ()  # what reading the code left to compare


NO_CHOICE = Choice()


@verb(Permission.DOSE_RECORD)
def check_dose(
    desk: Desk, actor: Actor, visit_id: str, code: Package | TracePackage, choice: Choice = NO_CHOICE
) -> Outcome[Verdict]:
    """Check a package for the open visit. A dose that may be given is kept as "checked" until it is answered."""
    visit = visits.one(desk.store, visit_id)
    if visit is None or visit.closed_at:
        return stop(block("visit.not_open"))
    if old := from_another_day(desk, visit):
        return stop(*old)
    found = _identify(desk, code, choice)
    if isinstance(found, Verdict):
        note_refusal(desk, actor, visit.child_id, found.problems)
        return Outcome(found, found.problems)
    dose, problems = _examine(desk, visit, found, choice)
    if any(p.severity is Severity.BLOCK for p in problems):
        note_refusal(desk, actor, visit.child_id, problems)
        return Outcome(Verdict("stop", problems, dose=dose), problems)
    replaced = _replaced(desk, visit_id, dose)
    problems += tuple(warn("dose.replaced", vaccine=r.body.vaccine) for r in replaced)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        checked_id = desk.world.new_id()
        at = utc_text(entry.now + desk.shift)
        doses.hold(entry, doses.CheckedDose(checked_id, visit_id, visit.child_id, at, actor.code, dose, problems))
        for _ in replaced:
            entry.audit("dose.not_given", visit.child_id, why="replaced")
        entry.audit("dose.check", visit.child_id, codes=[p.code for p in problems])
    worst = {p.severity for p in problems} & {Severity.OVERRIDE, Severity.WARN}
    level: Literal["ok", "look", "stop"] = "stop" if Severity.OVERRIDE in worst else "look" if worst else "ok"
    return Outcome(Verdict(level, problems, checked_id, dose), problems)


def _replaced(desk: Desk, visit_id: str, dose: DoseGiven) -> list[doses.CheckedDose]:
    """Another package checked for this visit and never answered: it may have been given and forgotten."""
    held = doses.held(desk.store, visit_id=visit_id)
    return [c for c in held if (c.body.package, c.body.lot_no) != (dose.package, dose.lot_no)]


def note_refusal(desk: Desk, actor: Actor, child_id: str, problems: tuple[Problem, ...]) -> None:
    """Audit that a package was refused for a child. On the store thread."""
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        entry.audit("dose.refuse", child_id, codes=[p.code for p in problems])


def _identify(desk: Desk, code: Package | TracePackage, choice: Choice) -> _Found | Verdict:
    """Product and lot of the package; a Verdict when it is no vaccine of ours or the lot must be chosen."""
    if isinstance(code, TracePackage):
        lot = stock.lot_of_package(desk.store, code.code)
        product = tables.product(lot.product if lot else code.product)
        name = code.code
    else:
        product = tables.product(code.gtin)
        name = f"{code.gtin}:{code.serial}" if code.serial else ""
        lot = stock.lot_named(desk.store, product.vaccine, code.lot, product.maker_zh) if product else None
        lot = lot or stock.lot_of_package(desk.store, name)
    if product is None:
        return Verdict("stop", (block("package.unknown_product"),))
    received = lot is not None
    if isinstance(code, Package) and code.lot:
        expiry = code.expiry.isoformat() if code.expiry else (lot.expiry_on if lot else "")
        read = list(code.problems)
        if lot and lot.expiry_on != expiry:
            read.append(warn("lot.other_expiry", lot=code.lot, known=lot.expiry_on, given=expiry))
        return _Found(product, lot, name, code.lot, expiry, received, tuple(read))
    if lot is None and choice.lot_id:
        lot = stock.lot(desk.store, choice.lot_id)
    if lot is None or lot.product != product.prefix7:  # a lot chosen for another package is no answer for this one
        lots = tuple(r for r in stock.lots_of(desk.store, product.vaccine) if r.product == product.prefix7)
        return Verdict("stop", (block("package.choose_lot"),), lots=lots)
    return _Found(product, lot, name, lot.lot_no, lot.expiry_on, received)


def findings(
    desk: Desk, visit: visits.VisitRow, history: Sequence[Dose], hand: rules.InHand, given_on: date
) -> tuple[int, list[Problem]]:
    """The dose number, and what records and plan say now about giving what is in hand to the child of the visit on that
    day, worst first. A dose that is there twice, or before birth, is not judged besides."""
    facts = children.vitals(desk.store, (visit.child_id,))[visit.child_id]
    judged = Judgement(0, ())
    if facts.birth_on <= given_on.isoformat():
        judged = foresee(desk, visit.child_id, facts, history, hand.vaccine, given_on)
    found = rules.check(
        birth_on=facts.birth_on,
        alerts=facts.alerts,
        doses=history,
        booklet=visit.booklet,
        hand=hand,
        given_on=given_on,
        max_injections=desk.settings.programme.max_injections,
        together=judged.together,
    )
    found += against(visit.health, tables.precautions())
    number = 0
    if not any(p.code == "dose.same_day" for p in found):
        number = judged.number
        found += judged.problems
    return number or rules.number_without_rules(history, hand.vaccine), rules.worst_first(found)


def _examine(
    desk: Desk, visit: visits.VisitRow, found: _Found, choice: Choice
) -> tuple[DoseGiven, tuple[Problem, ...]]:
    product, lot = found.product, found.lot
    contents = vials.Contents(product.doses_per_vial, product.vials_per_package, product.open_hours)
    vial = vials.next_vial(stock.uses(desk.store, found.code), contents, choice.fresh_vial)
    history = doses.of_child(desk.store, visit.child_id)
    before = rules.injected(history, desk.today().isoformat())
    hand = rules.InHand(
        product.vaccine,
        found.lot_no,
        found.expiry_on,
        lot.recalled if lot else "",
        found.received,
        product.components,
        product.route,
        choice.site or rules.free_site(product.site, before, rules.INJECTION_SITES),
    )
    number, known = findings(desk, visit, history, hand, desk.today())
    problems = [*known, *found.read]
    now = desk.world.now().astimezone(desk.world.zone)
    problems += vials.check_vial(vial, contents, now) if found.code else [warn("package.uses_not_counted")]
    if desk.clock == "doubtful":
        problems.append(block("clock.doubtful", day=desk.today().isoformat()))
    dose = DoseGiven(
        visit=visit.id,
        vaccine=product.vaccine,
        dose_no=number,
        clinic=desk.clinic,
        lot=lot.id if lot else "",
        lot_no=found.lot_no,
        expiry_on=found.expiry_on,
        maker=lot.maker if lot else product.maker_zh,
        package=found.code,
        vial_no=vial.number,
        volume_ml=product.volume_ml,
        site=hand.site,
        route=product.route,
        funding=choice.funding or product.funding,
        kind=choice.kind,
        verdict=tuple(p.code for p in problems),
    )
    return dose, tuple(problems)
