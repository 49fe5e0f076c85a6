"""Two doses of one vaccine on one day: right where the plan gives them together (rabies 2-1-1), else refused."""

from __future__ import annotations

import pytest

from config import tables
from domain.doses import Dose
from terminal.usecases.amend_dose import correct_dose, move_dose, void_dose
from terminal.usecases.check_dose import Choice
from terminal.usecases.record_dose import record_dose, transcribe_dose
from tests.fakes.stories import Story, codes, made

RABIES, PREFIX = "2802", "8900021"
WHY = "记错了"


@pytest.fixture(autouse=True)
def rabies_in_the_fridge(monkeypatch: pytest.MonkeyPatch) -> None:
    product = tables.Product(PREFIX, "09529900000213", RABIES, "示例生物", "Sample", 1, 1, 0.5, "IM", "2", "self", "M")
    monkeypatch.setitem(tables._products_by_code(), PREFIX, product)


def give(clinic: Story, child: str, box: str) -> Dose:
    dose = clinic.give(child, box)
    clinic.later(minutes=2)
    return dose


def test_the_first_two_rabies_doses_go_into_two_arms(clinic: Story) -> None:
    child, (_, boxes) = clinic.child("2020-05-01"), clinic.receive(PREFIX, 4)
    first = give(clinic, child, boxes[0])
    same_arm = clinic.check(child, boxes[1], Choice(site=first.facts["site"]))
    assert (same_arm.level, codes(same_arm.problems)) == ("stop", ["dose.same_site"])
    second = give(clinic, child, boxes[1])
    assert {first.facts["site"], second.facts["site"]} == {"1", "2"}
    assert (first.dose_no, second.dose_no) == (1, 2)
    page = clinic.page(child)
    row = next(row for row in page.rows if row.next.group == "Rabies")
    assert [mark.kind for cell in row.cells for mark in cell.marks] == ["valid", "valid"]
    assert (row.next.number, row.next.doses, str(row.next.recommended_on)) == (3, 4, "2026-11-30")
    third = clinic.check(child, boxes[2])
    assert (third.level, codes(third.problems)) == ("stop", ["dose.same_day"]), "two, not three"


def test_any_other_vaccine_twice_on_a_day_is_refused_and_nothing_more_is_said(clinic: Story) -> None:
    child, (_, boxes) = clinic.child(), clinic.receive("8900007", 2)
    give(clinic, child, boxes[0])
    again = clinic.check(child, boxes[1])
    assert (again.level, codes(again.problems)) == ("stop", ["dose.same_day"])


def test_a_later_dose_of_the_course_is_not_doubled(clinic: Story) -> None:
    child, (_, boxes) = clinic.child("2020-05-01"), clinic.receive(PREFIX, 2)
    for day in ("2026-11-16", "2026-11-20"):
        made(transcribe_dose(clinic.desk, clinic.nurse, child, day, RABIES, 1, "外地门诊"))
    give(clinic, child, boxes[0])
    assert codes(clinic.check(child, boxes[1]).problems) == ["dose.same_day"]


def test_what_changed_since_the_check_is_seen_at_enter(clinic: Story) -> None:
    """The first of the two was voided in between, or a second was written down."""
    child, (_, boxes) = clinic.child("2020-05-01"), clinic.receive(PREFIX, 3)
    give(clinic, child, boxes[0])
    waiting = clinic.check(child, boxes[1]).checked_id
    made(transcribe_dose(clinic.desk, clinic.nurse, child, "2026-11-23", RABIES, 2, "另一门诊"))
    assert "dose.same_day" in codes(record_dose(clinic.desk, clinic.nurse, waiting).problems)


def test_copied_moved_and_corrected_doses_follow_the_same_rule(clinic: Story) -> None:
    child, other, day = clinic.child("2020-05-01"), clinic.child("2020-06-01"), "2026-11-16"

    def copy(of: str, vaccine: str, on: str = day) -> Dose:
        return made(transcribe_dose(clinic.desk, clinic.nurse, of, on, vaccine, 1, "外地门诊"))

    copy(child, RABIES, "2026-11-23")  # the booklet is copied from its last line up
    copy(child, RABIES)
    copy(child, RABIES)
    third = transcribe_dose(clinic.desk, clinic.nurse, child, day, RABIES, 3, "外地门诊")
    assert codes(third.problems) == ["dose.same_day"]
    copy(child, "0201")
    assert codes(transcribe_dose(clinic.desk, clinic.nurse, child, day, "0201", 2, "外地门诊").problems) == [
        "dose.same_day"
    ]
    theirs = [copy(other, RABIES), copy(other, RABIES, "2026-11-18")]
    refused = move_dose(clinic.desk, clinic.nurse, theirs[0].id, child, WHY)
    assert codes(refused.problems) == ["dose.same_day"]
    made(correct_dose(clinic.desk, clinic.nurse, theirs[1].id, {"given_on": day}, WHY))
    mine = next(d for d in clinic.doses(child) if d.vaccine == RABIES)
    made(void_dose(clinic.desk, clinic.nurse, mine.id, WHY))
    made(move_dose(clinic.desk, clinic.nurse, theirs[0].id, child, WHY))
