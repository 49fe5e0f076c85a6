"""Doses whose record went with a PC that died, entered again from the slip: ours, marked, once."""

from __future__ import annotations

import dataclasses
import json

from terminal.store import stock
from terminal.usecases.amend_dose import void_dose
from terminal.usecases.enter_from_slip import SlipDose, enter_from_slip
from tests.fakes.desk import CLINIC, HEPB_BOX
from tests.fakes.stories import HEPB3, Story, codes, made

SLIP = SlipDose("00010012", "2026-11-23T08:50", "0201", 1, lot_no="L2026", site="1", giver="N200")


def test_a_dose_from_a_slip_is_ours_and_marked_and_leaves_the_lot(clinic: Story) -> None:
    child = clinic.child()
    lot, _ = clinic.receive(HEPB3, 2)
    slip = dataclasses.replace(SLIP, vaccine=lot.vaccine)
    before = dict((one.id, left) for one, left in clinic.read(stock.on_hand))[lot.id]
    dose = made(enter_from_slip(clinic.desk, clinic.nurse, child, slip))
    assert (dose.clinic, dose.given_on, dose.facts["stated"]) == (CLINIC, "2026-11-23", "2026-11-23T08:50")
    assert (dose.facts["lot_id"], dose.facts["expiry_on"], dose.facts["giver"]) == (lot.id, "2028-03-17", "N200")
    assert json.loads(dose.facts["overrides"]) == {"dose.from_slip": "00010012"}
    assert dose.facts["elsewhere"] == clinic.desk.settings.clinic.name
    after = dict((one.id, left) for one, left in clinic.read(stock.on_hand))[lot.id]
    assert before - after == 1
    assert [row["receipt"] for row in clinic.audit("dose.from_slip")] == ["00010012"]
    made(void_dose(clinic.desk, clinic.nurse, dose.id, "编号看错"))
    assert dict((one.id, left) for one, left in clinic.read(stock.on_hand))[lot.id] == before


def test_no_dose_comes_twice(clinic: Story) -> None:
    child = clinic.child()
    desk, nurse = clinic.desk, clinic.nurse
    made(enter_from_slip(desk, nurse, child, SLIP))
    assert codes(enter_from_slip(desk, nurse, child, SLIP).problems) == ["dose.same_day"]
    misread = dataclasses.replace(SLIP, given_at="2026-11-22")
    assert codes(enter_from_slip(desk, nurse, child, misread).problems) == ["dose.slip_entered"]
    other = clinic.child()
    clinic.give(other, HEPB_BOX)
    assert codes(enter_from_slip(desk, nurse, other, SLIP).problems) == ["dose.same_day"]
    assert len(clinic.doses(child)) == 1


def test_what_a_slip_cannot_say(clinic: Story) -> None:
    child = clinic.child()
    wrong = {
        "dose.no_slip_number": {"receipt": " "},
        "vaccine.unknown": {"vaccine": "moon"},
        "dose.bad_value": {"site": "left"},
        "dose.date_impossible": {"given_at": "2026-11-24"},
    }
    for code, said in wrong.items():
        slip = dataclasses.replace(SLIP, **said)
        assert codes(enter_from_slip(clinic.desk, clinic.nurse, child, slip).problems) == [code]
    for said in ({"given_at": "2026-03-18"}, {"given_at": "yesterday"}, {"given_at": "2026-11-23T25:99"}):
        slip = dataclasses.replace(SLIP, **said)
        assert codes(enter_from_slip(clinic.desk, clinic.nurse, child, slip).problems) == ["dose.date_impossible"]
    assert codes(enter_from_slip(clinic.desk, clinic.nurse, "nobody", SLIP).problems) == ["child.not_found"]
    assert clinic.doses(child) == []
