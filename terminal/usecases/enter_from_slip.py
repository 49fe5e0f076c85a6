"""A dose this clinic gave whose record went with a PC that died: entered again from the family's slip, and marked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from config import tables
from domain.doses import Dose, can_be, is_day, vaccine_class
from domain.events import DoseGiven, StockUsed
from domain.permissions import Permission
from domain.problems import Problem, block
from terminal.store import children, doses, ledger, stock
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb
from terminal.usecases.schedule import as_judged, given_twice, renew_forecast

MARK = "dose.from_slip"  # among a dose's verdict and, with the slip's number, among its overrides


@dataclass(frozen=True)
class SlipDose:
    """A dose as the slip has it: its number, the local day or minute it was given, vaccine and number of the dose; lot,
    site and the code of who gave it when they can be read."""

    receipt: str
    given_at: str
    vaccine: str
    dose_no: int
    lot_no: str = ""
    site: str = ""
    giver: str = ""


@verb(Permission.DOSE_RECORD)
def enter_from_slip(desk: Desk, actor: Actor, child_id: str, slip: SlipDose) -> Outcome[Dose]:
    """Record the dose as this clinic's own, given when the slip says. A lot of ours gives up the dose in the book.

    Should the lost record arrive after all, the two are told as a possible double.
    """
    card = children.card(desk.store, child_id)
    if card is None:
        return stop(block("child.not_found"))
    day, history = slip.given_at[:10], doses.of_child(desk.store, child_id)
    problems = _wrong(desk, card.facts.birth_on, slip) or given_twice(desk, child_id, history, slip.vaccine, day)
    if problems or _entered(history, slip):
        return stop(*(problems or [block("dose.slip_entered", receipt=slip.receipt)]))
    lot = next((lot for lot in stock.lots_of(desk.store, slip.vaccine) if lot.lot_no == slip.lot_no), None)
    body = _body(desk, slip, lot)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        dose_id = entry.fact("dose.given", child_id, body, slip.given_at)
        doses.add(entry, dose_id, child_id, body, slip.given_at)
        if lot:
            event_id = entry.fact("stock.used", lot.id, StockUsed(dose_id))
            stock.move(entry, event_id, lot.id, "used", -1, "", 0, dose_id)
        children.heard_of(entry, child_id)
        page = renew_forecast(entry, desk, child_id)
        entry.audit("dose.from_slip", child_id, dose=dose_id, receipt=slip.receipt)
    return Outcome(doses.one(desk.store, dose_id), tuple(as_judged(page, dose_id, slip.dose_no)))


def _body(desk: Desk, slip: SlipDose, lot: stock.LotRow | None) -> DoseGiven:
    return DoseGiven(
        visit="",
        vaccine=slip.vaccine,
        dose_no=slip.dose_no,
        clinic=desk.clinic,
        giver=slip.giver,
        lot=lot.id if lot else "",
        lot_no=slip.lot_no,
        expiry_on=lot.expiry_on if lot else "",
        maker=lot.maker if lot else "",
        site=slip.site,
        verdict=(MARK,),
        overrides={MARK: slip.receipt},
        elsewhere=desk.settings.clinic.name,
    )


def _wrong(desk: Desk, birth_on: str, slip: SlipDose) -> list[Problem]:
    if not slip.receipt.strip():
        return [block("dose.no_slip_number", "receipt")]
    if slip.vaccine not in tables.vaccines():
        return [block("vaccine.unknown", "vaccine", vaccine=slip.vaccine)]
    if slip.site and slip.site not in tables.sites():
        return [block("dose.bad_value", "site", what="site")]
    if not can_be("dose_no", slip.dose_no):
        return [block("dose.bad_value", "dose_no", what="dose_no")]
    if not _is_when(slip.given_at) or not birth_on <= slip.given_at[:10] <= desk.today().isoformat():
        return [block("dose.date_impossible", "given_at", given=slip.given_at[:10], birth=birth_on)]
    return []


def _is_when(text: str) -> bool:
    """A day, or a day and the minute."""
    try:
        return is_day(text) or bool(datetime.strptime(text, "%Y-%m-%dT%H:%M"))
    except ValueError:
        return False


def _entered(history: list[Dose], slip: SlipDose) -> bool:
    """Whether the same line of the same slip counts already, under whatever day."""
    return any(
        dose.counts
        and vaccine_class(dose.vaccine) == vaccine_class(slip.vaccine)
        and json.loads(dose.facts["overrides"]).get(MARK) == slip.receipt
        for dose in history
    )
