"""Open and close a visit: health questions, informing, the paper booklet; one slip at the end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any

from config import tables
from config.texts import say
from domain.codes import receipt_text
from domain.documents import Document
from domain.doses import Dose
from domain.events import ReceiptIssued, ReceiptVoided, VisitClosed, VisitOpened
from domain.permissions import Permission
from domain.problems import Problem, block, warn
from domain.schedule.page import comes_on, next_visit
from domain.slips import SlipDose, VisitFacts, visit_slip
from domain.world import from_utc_text, utc_text
from terminal.store import children, doses, leases, ledger, papers, staff, visits
from terminal.store.ledger import Entry
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb
from terminal.usecases.register_child import give_code
from terminal.usecases.schedule import page_of

OBSERVE = timedelta(minutes=30)  # 预防接种工作规范: stay 30 minutes after the last dose


@dataclass(frozen=True)
class ClosedVisit:
    """A closed visit. `receipt` is "" when no dose was given; `observe_until` a UTC instant."""

    visit_id: str
    receipt: str
    observe_until: str


@verb(Permission.VISIT)
def open_visit(
    desk: Desk,
    actor: Actor,
    child_id: str,
    health: dict[str, Any] | None = None,
    informed: bool = False,
    booklet: str = "",
) -> Outcome[visits.VisitRow]:
    """Open a visit, or give the one already open for this child today."""
    if children.card(desk.store, child_id) is None:
        return stop(block("child.not_found"))
    give_code(desk, actor, child_id)  # one registered while the lease was empty gets its number now
    standing = visits.open_of(desk.store, child_id)
    if standing:
        old = from_another_day(desk, standing)
        return stop(*old) if old else Outcome(standing)
    body = VisitOpened(desk.clinic, desk.settings.desk, health or {}, informed, booklet)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        visit_id = entry.fact("visit.opened", child_id, body, desk.stated_now())
        visits.add(entry, visit_id, child_id, body)
        children.heard_of(entry, child_id)
        entry.audit("visit.open", child_id)
    return Outcome(visits.one(desk.store, visit_id))


def from_another_day(desk: Desk, visit: visits.VisitRow) -> list[Problem]:
    """A visit left open on another day: its health questions do not hold for today. A day by the PC's own clock or by
    the one a person confirmed is today's."""
    day = from_utc_text(visit.opened_at).astimezone(desk.world.zone).date()
    return [] if day in (desk.today(), desk.world.today()) else [block("visit.from_another_day", day=day.isoformat())]


@verb(Permission.VISIT)
def close_visit(desk: Desk, actor: Actor, visit_id: str, row: str = "") -> Outcome[ClosedVisit]:
    """Close a visit; with doses given, number one slip for all of them and queue it for printing.

    `row`: how the booklet's row was written (hand, printed, none). Stops while a checked dose waits for its answer.
    """
    visit = visits.one(desk.store, visit_id)
    if visit is None or visit.closed_at:
        return stop(block("visit.not_open"))
    if doses.held(desk.store, visit_id=visit_id):
        return stop(block("visit.dose_unanswered"))
    given = _given(desk, visit)
    number, until = "", _observe_until(given)
    problems: list[Problem] = []
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        body = VisitClosed(visit_id, row, until)
        entry.fact("visit.closed", visit.child_id, body, desk.stated_now())
        visits.close(entry, body)
        if given:
            number, problems = _issue(entry, desk, visit, given, until)
        entry.audit("visit.close", visit.child_id, doses=len(given))
    return Outcome(ClosedVisit(visit_id, number, until), tuple(problems))


def renew_slip(entry: Entry, desk: Desk, visit_id: str) -> None:
    """A dose of a closed visit was voided, corrected or moved: its slip is void, a new one tells what stands."""
    visit = visits.one(desk.store, visit_id) if visit_id else None
    number = papers.receipt_of(desk.store, visit_id) if visit else ""
    if visit is None or not number:
        return
    reason = "dose.amended"
    papers.void_receipt(entry, number, reason)
    entry.fact("receipt.voided", visit.child_id, ReceiptVoided(number, reason), desk.stated_now())
    given = _given(desk, visit)
    if given:
        _issue(entry, desk, visit, given, visit.observe_until)


def renew_slips(entry: Entry, desk: Desk, child_id: str, visit_id: str = "") -> None:
    """A dose went or has another day: the slip of its visit is renewed, and what the family was given today, which may
    name another next visit now."""
    midnight = utc_text(datetime.combine(desk.world.today(), time(), desk.world.zone))
    for one in dict.fromkeys((visit_id, *visits.closed_since(desk.store, child_id, midnight))):
        renew_slip(entry, desk, one)


def _given(desk: Desk, visit: visits.VisitRow) -> list[Dose]:
    """The counting doses of the visit that stayed with its child."""
    return [d for d in doses.of_visit(desk.store, visit.id) if d.child_id == visit.child_id]


def _observe_until(given: list[Dose]) -> str:
    """30 minutes after the last dose, a UTC instant; "" without one."""
    last = max((str(d.facts["recorded_at"]) for d in given), default="")
    return utc_text(from_utc_text(last) + OBSERVE) if last else ""


def _issue(
    entry: Entry, desk: Desk, visit: visits.VisitRow, given: list[Dose], until: str
) -> tuple[str, list[Problem]]:
    """Number one slip for these doses, keep it and queue it; gives the number and what the nurse should know."""
    number = leases.take_number(entry, "receipt") or f"T{entry.epoch[:8].upper()}-{entry.seq}"
    entry.fact("receipt.issued", visit.child_id, ReceiptIssued(visit.id, number, len(given)), desk.stated_now())
    document = _slip(desk, visit, given, number, until)
    papers.add_receipt(entry, number, visit.id, document)
    printer = next((p for p in desk.settings.printers if p.role == "slip"), None)
    if printer is None:
        return number, [warn("print.no_printer")]
    expires = utc_text(entry.now + timedelta(seconds=printer.receipt_ttl_s))
    papers.queue_document(entry, document, printer.name, number, expires)
    entry.audit("print.slip", number)
    return number, _undrawable(document)


def _undrawable(document: Document) -> list[Problem]:
    """A name with a character that the printer's font lacks: the slip is written by hand."""
    from printing import layout  # noqa: PLC0415 (the slip's pictures are the printer's thread's load)

    return layout.check(document)


def _slip(desk: Desk, visit: visits.VisitRow, given: list[Dose], number: str, until: str) -> Document:
    """Who gave the doses and when, whoever closes the visit."""
    card = children.card(desk.store, visit.child_id)
    assert card is not None
    names = {row.code: row.name for row in staff.everyone(desk.store)}
    givers = dict.fromkeys(names.get(d.facts["giver"], d.facts["giver"]) for d in given)
    local = from_utc_text(until).astimezone(desk.world.zone)
    next_on, next_doses = _next_visit(desk, visit.child_id)
    facts = VisitFacts(
        clinic=desk.settings.clinic.name,
        desk=desk.settings.desk,
        child_name=card.facts.name,
        sex=card.facts.sex,
        birth_on=card.facts.birth_on,
        child_code=card.identifier("child_code"),
        doses=tuple(_line(desk, d) for d in given),
        given_at=max(str(d.facts["stated"]) for d in given).replace("T", " "),
        giver=" ".join(givers),
        observe_until=local.strftime("%H:%M"),
        receipt=number,
        qr=receipt_text(number, desk.clinic),
        next_on=next_on,
        next_doses=next_doses,
        notice="" if desk.approved else say(desk.settings.language, "slip.demonstration"),
    )
    return visit_slip(facts, partial(say, desk.settings.language))


def _next_visit(desk: Desk, child_id: str) -> tuple[str, tuple[str, ...]]:
    """From when the family is to come again, and for what."""
    today = desk.today()
    page = page_of(desk, child_id)
    day = next_visit(page, today) if page else None
    if page is None or day is None:
        return "", ()
    zh = desk.settings.language == "zh_CN"
    return day.isoformat(), tuple(
        say(desk.settings.language, "slip.dose", vaccine=one.name_zh if zh else one.name_en, dose_no=one.number)
        for one in page.nexts
        if comes_on(one, today) == day
    )


def _line(desk: Desk, dose: Dose) -> SlipDose:
    known = tables.vaccines().get(dose.vaccine)
    zh = desk.settings.language == "zh_CN"
    facts = dose.facts
    site, route = tables.sites().get(facts["site"]), tables.routes().get(facts["route"])
    return SlipDose(
        vaccine=(known.name_zh if zh else known.name_en) if known else dose.vaccine,
        dose_no=dose.dose_no,
        lot_no=facts["lot_no"],
        expiry_on=facts["expiry_on"],
        maker=facts["maker"],
        site=(site.name_zh if zh else site.name_en) if site else facts["site"],
        route=(route.name_zh if zh else route.name_en) if route else facts["route"],
        volume_ml=facts["volume_ml"],
    )
