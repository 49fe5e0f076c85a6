"""Who received a lot: doses as they stand now, moved ones followed, merged children once."""

from __future__ import annotations

from domain.events import DoseGiven
from terminal.store import doses, ledger
from terminal.store.stock import LotRow
from terminal.usecases.amend_dose import correct_dose, move_dose, void_dose
from terminal.usecases.lot_recipients import Recipients, recipients_of_lot
from terminal.usecases.merge_children import merge_children
from tests.fakes.stories import ELSEWHERE, HEPB3, Story, codes, made

WHY = "核对后更正"


def received(clinic: Story, lot_id: str) -> Recipients:
    return made(recipients_of_lot(clinic.desk, clinic.doctor, lot_id))


def children_of(clinic: Story, lot_id: str) -> set[str]:
    return {line.child_id for line in received(clinic, lot_id).lines}


def given_far(clinic: Story, child: str, lot: LotRow, maker: str) -> str:
    """A dose of that lot told by another clinic."""

    def tell() -> str:
        with ledger.tell(clinic.desk.store, clinic.world, "exchange") as entry:
            body = DoseGiven("", lot.vaccine, 1, ELSEWHERE, lot_no=lot.lot_no, maker=maker)
            dose_id = entry.fact("dose.given", child, body, "2026-06-02")
            doses.add(entry, dose_id, child, body, "2026-06-02")
            return dose_id

    return clinic.desk.store.run(tell)


def test_only_doses_that_stand_are_recipients(clinic: Story) -> None:
    lot, boxes = clinic.receive(HEPB3, 5)
    kept, voided, wrong, right, corrected = (clinic.child() for _ in range(5))
    clinic.give(kept, boxes[0])
    made(void_dose(clinic.desk, clinic.doctor, clinic.give(voided, boxes[1]).id, WHY))
    made(move_dose(clinic.desk, clinic.doctor, clinic.give(wrong, boxes[2]).id, right, WHY))
    away = clinic.give(corrected, boxes[3])
    assert children_of(clinic, lot.id) == {kept, right, corrected}
    made(correct_dose(clinic.desk, clinic.doctor, away.id, {"lot_no": "L9999"}, WHY))
    assert children_of(clinic, lot.id) == {kept, right}
    made(correct_dose(clinic.desk, clinic.doctor, away.id, {"lot_no": lot.lot_no}, WHY))
    assert children_of(clinic, lot.id) == {kept, right, corrected}


def test_doses_of_other_clinics_count_by_number_and_maker(clinic: Story) -> None:
    lot, _ = clinic.receive(HEPB3)
    same, unnamed, other_maker = (clinic.child() for _ in range(3))
    given_far(clinic, same, lot, lot.maker)
    given_far(clinic, unnamed, lot, "")
    given_far(clinic, other_maker, lot, "另一家")
    assert children_of(clinic, lot.id) == {same, unnamed}


def test_a_merged_child_is_called_once_with_all_its_doses(clinic: Story) -> None:
    lot, (box,) = clinic.receive(HEPB3)
    keep, other = clinic.child(), clinic.child()
    clinic.give(keep, box)
    given_far(clinic, other, lot, lot.maker)
    made(merge_children(clinic.desk, clinic.doctor, keep, other, WHY))
    (line,) = received(clinic, lot.id).lines
    assert (line.child_id, len(line.doses), line.phone[:3]) == (keep, 2, "139")
    assert [row["children"] for row in clinic.audit("lot.recipients")] == [1]


def test_who_may_list_them(clinic: Story) -> None:
    lot, _ = clinic.receive(HEPB3)
    assert codes(recipients_of_lot(clinic.desk, clinic.nurse, lot.id).problems) == ["denied.stock.recall"]
    assert codes(recipients_of_lot(clinic.desk, clinic.doctor, "no lot").problems) == ["lot.not_here"]
    assert received(clinic, lot.id).lines == ()
