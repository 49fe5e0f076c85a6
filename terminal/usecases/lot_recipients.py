"""Who received a lot, to be called when it is recalled: doses as they stand, each child once."""

from __future__ import annotations

from dataclasses import dataclass

from domain.doses import Dose
from domain.permissions import Permission
from domain.problems import block
from terminal.store import children, doses, ledger, links, stock, stock_view
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb


@dataclass(frozen=True)
class RecipientLine:
    """A child who received the lot, with its doses of it, oldest first, and the first phone."""

    child_id: str
    name: str
    sex: str
    birth_on: str
    phone: str
    doses: tuple[Dose, ...]


@dataclass(frozen=True)
class Recipients:
    """The lot and everybody known here who received it, by day."""

    lot: stock.LotRow
    lines: tuple[RecipientLine, ...]


@verb(Permission.STOCK_RECALL, reads=True)
def recipients_of_lot(desk: Desk, actor: Actor, lot_id: str) -> Outcome[Recipients]:
    """Every child with a dose of the lot, ours and copied or told by other clinics; audited with how many."""
    lot = stock.lot(desk.store, lot_id)
    if lot is None:
        return stop(block("lot.not_here"))
    heads = links.heads(desk.store, stock_view.touched_by(desk.store, lot.lot_no))
    lines = [line for head in heads if (line := _line(desk, head, lot))]
    lines.sort(key=lambda line: (line.doses[0].given_on, line.name, line.child_id))
    ledger.note(desk.store, desk.world, actor.code, "lot.recipients", lot_id, children=len(lines))
    return Outcome(Recipients(lot, tuple(lines)))


def _line(desk: Desk, child_id: str, lot: stock.LotRow) -> RecipientLine | None:
    """None when no dose of the lot stands: voided, moved on, corrected to another."""
    given = tuple(dose for dose in doses.of_child(desk.store, child_id) if dose.counts and _of(lot, dose))
    card = children.card(desk.store, child_id)
    if not given or card is None:
        return None
    facts = card.facts
    phone = next((guardian.phone for guardian in facts.guardians if guardian.phone), "")
    return RecipientLine(child_id, facts.name, facts.sex, facts.birth_on, phone, given)


def _of(lot: stock.LotRow, dose: Dose) -> bool:
    """The lot by its own id, or by number and vaccine; a maker named otherwise is another's lot of that number."""
    if dose.facts["lot_id"] == lot.id and "lot_no" not in dose.corrected:
        return True
    same = dose.facts["lot_no"] == lot.lot_no and dose.vaccine == lot.vaccine
    return same and dose.facts["maker"] in ("", lot.maker)
