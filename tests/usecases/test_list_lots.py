"""The fridge by the book."""

from __future__ import annotations

from terminal.usecases.list_lots import LotLine, list_lots
from terminal.usecases.receive_stock import recall_lot
from tests.fakes.stories import BCG, HEPB, OPV, Story, made


def lots(clinic: Story) -> dict[str, LotLine]:
    return {line.lot.lot_no: line for line in clinic.desk.store.run(list_lots, clinic.desk)}


def test_each_lot_stands_by_what_it_needs(clinic: Story):
    clinic.receive(HEPB, lot="EXPIRED", expiry="2026-11-22")
    clinic.receive(HEPB, lot="TODAY", expiry="2026-11-23")
    clinic.receive(HEPB, lot="LATER", expiry="2028-01-01")
    recalled, _ = clinic.receive(HEPB, lot="RECALLED")
    made(recall_lot(clinic.desk, clinic.doctor, recalled.id, "通知"))
    found = lots(clinic)
    assert {no: found[no].standing for no in ("EXPIRED", "TODAY", "LATER", "RECALLED")} == {
        "EXPIRED": "expired",
        "TODAY": "soon",
        "LATER": "good",
        "RECALLED": "recalled",
    }
    assert list(found)[:3] == ["RECALLED", "EXPIRED", "TODAY"], "what must be seen first"


def test_an_opened_vial_counts_until_its_time_is_over(clinic: Story):
    child = clinic.child(born="2026-11-22")
    _, (box, *_) = clinic.receive(BCG, lot="B1")
    clinic.give(child, box)
    line = lots(clinic)["B1"]
    assert (line.left, line.open_vials, line.open_doses) == (24, 1, 4)
    clinic.later(minutes=31)
    assert lots(clinic)["B1"].open_vials == 0, "BCG keeps half an hour"


def test_a_vial_of_one_dose_is_never_open_and_an_empty_lot_is_used_up(clinic: Story):
    child = clinic.child(born="2026-11-22")
    _, (box, *_) = clinic.receive(HEPB, lot="ONE")
    clinic.give(child, box)
    line = lots(clinic)["ONE"]
    assert (line.left, line.open_vials, line.standing) == (0, 0, "used_up")
    assert lots(clinic)["20260401"].open_vials == 0, OPV
