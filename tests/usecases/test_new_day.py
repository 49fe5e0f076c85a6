"""What another day, another age or another rule does to the due list and the counter, without a restart."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from config import plans
from terminal.store import recount
from terminal.store.database import Store
from terminal.usecases.due_list import DueFilter, DueList, list_due
from terminal.usecases.record_dose import record_dose, transcribe_dose
from tests.fakes.desk import HEPB_BOX
from tests.fakes.stories import NEWBORN, Story, codes, made

LATEST = "SELECT child_id, vaccine_group, latest_on FROM forecast WHERE latest_on <> '' AND recommended_on <= latest_on"


def due(clinic: Story, on: date | None = None) -> DueList:
    return made(list_due(clinic.desk, clinic.nurse, DueFilter(on=on)))


def shown(found: DueList) -> set[tuple[str, str]]:
    return {(child.child_id, item.group) for child in found.children for item in child.items}


def test_nobody_is_asked_for_after_the_latest_day(clinic: Story) -> None:
    for born in (NEWBORN, "2026-03-19", "2023-01-15", "2014-08-31"):
        clinic.child(born)
    rows = clinic.read(Store.sql, LATEST)
    assert {group for _, group, _ in rows} >= {"BCG"}
    for child, group, latest_on in rows:
        last = date.fromisoformat(latest_on)
        assert (child, group) in shown(due(clinic, last))
        assert (child, group) not in shown(due(clinic, last + timedelta(days=1)))


def test_who_became_too_old_leaves_the_list_and_the_page_on_the_same_day(clinic: Story) -> None:
    child = clinic.child("2022-12-20")
    closing = {group for _, group, day in clinic.read(Store.sql, LATEST) if day < "2027-01-15"}
    assert closing & {group for who, group in shown(due(clinic)) if who == child}
    for _ in range(8):
        clinic.later(days=7)
        recount.recount(clinic.desk.store, clinic.desk.plans, clinic.desk.today())
        page = clinic.page(child)
        assert {group for who, group in shown(due(clinic)) if who == child} == {n.group for n in page.due}


def test_what_a_new_rule_asks_for_comes_with_the_recount(clinic: Story) -> None:
    """A rabies course begun while the clinic's rules knew none."""
    desk, whole = clinic.desk, clinic.desk.plans
    desk.plans = plans.load(msgspec.structs.replace(desk.settings.programme, supplement=""))
    child = clinic.child("2020-05-01")
    made(transcribe_dose(desk, clinic.nurse, child, "2026-11-16", "2802", 1, "犬伤门诊"))
    assert (child, "Rabies") not in shown(due(clinic))
    desk.plans = whole
    assert (child, "Rabies") not in shown(due(clinic)), "kept as it was reckoned"
    assert recount.recount(desk.store, desk.plans, desk.today()) > 0
    assert (child, "Rabies") in shown(due(clinic))


def test_after_midnight_everything_is_of_the_new_day(clinic: Story) -> None:
    clinic.later(hours=14, minutes=50)  # 23:50
    child, baby = clinic.child("2026-03-24"), clinic.child("2026-03-24")
    assert ("MMR" in {g for c, g in shown(due(clinic)) if c == child}, due(clinic).on) == (False, date(2026, 11, 23))
    clinic.visit(child)
    waiting = clinic.check(child, HEPB_BOX).checked_id
    clinic.later(minutes=20)
    assert due(clinic).on == clinic.desk.today() == date(2026, 11, 24)
    assert {(child, "MMR"), (baby, "MMR")} <= shown(due(clinic))
    page = clinic.page(child)
    assert "MMR" in {n.group for n in page.due}
    assert codes(clinic.scan(HEPB_BOX, child).problems) == ["visit.from_another_day"]
    dose = made(record_dose(clinic.desk, clinic.nurse, waiting)).dose
    assert dose.given_on == "2026-11-24"
    forecast = clinic.read(
        Store.sql, "SELECT recommended_on FROM forecast WHERE child_id = ? AND vaccine_group = 'HepB'", child
    )
    assert forecast == [("2026-12-22",)], "four weeks from the new day, whatever was foreseen before midnight"
