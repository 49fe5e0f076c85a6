"""A child with a fever is put off, or given its dose with a reason that stays in the record."""

from __future__ import annotations

import json

import pytest

from terminal.usecases.defer_doses import defer_doses
from terminal.usecases.record_dose import record_dose
from tests.fakes.desk import HEPB_BOX
from tests.fakes.stories import Story, codes, made

WHY = "医生已看，仅牙龈肿，可接种"


@pytest.mark.parametrize(
    ("health", "code"),
    [({"temperature_c": 38.2}, "precheck.temperature_c"), ({"unwell": True}, "precheck.unwell")],
)
def test_fever_or_illness_needs_a_reason(clinic: Story, health: dict[str, object], code: str) -> None:
    child = clinic.child()
    clinic.visit(child, health=health)
    verdict = clinic.check(child, HEPB_BOX)
    assert (verdict.level, codes(verdict.problems)) == ("stop", [code])
    assert codes(record_dose(clinic.desk, clinic.nurse, verdict.checked_id).problems) == [code]
    dose = clinic.enter(verdict.checked_id, {code: WHY})
    assert json.loads(dose.facts["overrides"]) == {code: WHY}


def test_or_the_dose_is_put_off(clinic: Story) -> None:
    child = clinic.child()
    visit = clinic.visit(child, health={"temperature_c": 38.2})
    clinic.check(child, HEPB_BOX)
    made(defer_doses(clinic.desk, clinic.nurse, visit, ("0202",), "deferred", "发热", "2026-11-30"))
    page = clinic.page(child)
    assert str(next(n for n in page.nexts if n.group == "HepB").put_off) == "2026-11-30"


def test_an_allergy_told_before_the_visit_is_shown_with_each_package(clinic: Story) -> None:
    child = clinic.child()
    clinic.visit(child, health={"temperature_c": 36.8, "allergy": True, "reaction": True})
    verdict = clinic.check(child, HEPB_BOX)
    assert (verdict.level, codes(verdict.problems)) == ("look", ["precheck.allergy", "precheck.reaction"])
    clinic.enter(verdict.checked_id)
