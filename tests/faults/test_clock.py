"""A PC whose clock is wrong: nothing is dated by it until a person has said what day it is, and it stays suspect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.wire import event
from terminal.store import doses, ledger
from terminal.store.outbox import StoreOutbox
from terminal.usecases.clock_check import check_clock, confirm_date
from terminal.usecases.record_dose import record_dose
from tests.fakes.desk import HEPB_BOX, HEPB_BOX_2
from tests.fakes.ledgers import ack_of
from tests.fakes.stories import HEPB3, Story, codes, made

TODAY = date(2026, 11, 23)
YEAR = timedelta(days=365)


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Story]:
    story = Story(tmp_path)
    yield story
    story.whole()
    story.desk.store.close()


def restart(clinic: Story, by: timedelta = timedelta()) -> list[str]:
    """Off and on again, the clock moved meanwhile; what the start says."""
    clinic.now += by
    clinic.reopen()
    return codes(check_clock(clinic.desk))


def test_a_clock_that_fits_is_not_asked_about(clinic: Story) -> None:
    assert check_clock(clinic.desk) == []
    assert restart(clinic, timedelta(days=44)) == []
    assert restart(clinic, -timedelta(minutes=9)) == [], "a little back is daylight on a slow clock"
    assert clinic.desk.clock == "sure"


@pytest.mark.parametrize("by", [-YEAR, YEAR, timedelta(days=46), -timedelta(minutes=15)])
def test_a_clock_that_does_not_fit_stops_doses_until_a_person_says_the_day(clinic: Story, by: timedelta) -> None:
    child = clinic.child()
    assert restart(clinic, by) == ["clock.doubtful"]
    clinic.visit(child)
    assert "clock.doubtful" in codes(clinic.check(child, HEPB_BOX).problems)
    assert clinic.read(doses.held) == []
    made(confirm_date(clinic.desk, clinic.nurse, TODAY))
    verdict = clinic.check(child, HEPB_BOX)
    assert verdict.checked_id, verdict.problems
    dose = clinic.enter(verdict.checked_id)
    assert (dose.given_on, dose.facts["clock"]) == ("2026-11-23", "confirmed")
    stored = clinic.desk.store.sql("SELECT stored FROM event WHERE event_id = ?", dose.id)[0][0]
    assert event.decode(bytes(stored)).stated.startswith("2026-11-23T")
    assert clinic.audit("clock.confirm")[-1]["day"] == "2026-11-23"


def test_a_dose_checked_before_the_power_cut_waits_for_the_day_too(clinic: Story) -> None:
    """The battery of the clock died with the power: the PC begins in 2020."""
    child = clinic.child()
    clinic.visit(child)
    checked = clinic.check(child, HEPB_BOX).checked_id
    assert restart(clinic, datetime(2020, 1, 1, tzinfo=UTC) - clinic.now) == ["clock.doubtful"]
    given_at = "2026-11-23T09:00"
    assert codes(record_dose(clinic.desk, clinic.nurse, checked, given_at=given_at).problems) == ["clock.doubtful"]
    made(confirm_date(clinic.desk, clinic.nurse, TODAY))
    dose = made(record_dose(clinic.desk, clinic.nurse, checked, given_at=given_at)).dose
    assert (dose.given_on, dose.facts["clock"]) == ("2026-11-23", "confirmed")


def test_records_of_a_wrong_clock_do_not_make_it_right_at_the_next_start(clinic: Story) -> None:
    """A year ahead: signing in, a visit and a dose are written before the program dies."""
    child, other = clinic.child(), clinic.child()
    assert restart(clinic, YEAR) == ["clock.doubtful"]
    clinic.visit(child)
    assert restart(clinic) == ["clock.doubtful"], "never confirmed"
    made(confirm_date(clinic.desk, clinic.nurse, TODAY))
    assert check_clock(clinic.desk) == [], "confirmed until the program ends"
    clinic.give(other, HEPB_BOX)
    assert restart(clinic) == ["clock.doubtful"], "the PC still says next year"
    assert restart(clinic, -YEAR) == ["clock.doubtful"], "mended: one person looks once more"
    made(confirm_date(clinic.desk, clinic.nurse, TODAY))
    assert clinic.desk.shift == timedelta()
    assert restart(clinic) == []
    assert clinic.give(clinic.child(), HEPB_BOX_2).facts["clock"] == ""


def test_a_day_a_person_confirmed_yesterday_is_asked_for_again(clinic: Story) -> None:
    assert restart(clinic, -timedelta(days=3)) == ["clock.doubtful"]
    made(confirm_date(clinic.desk, clinic.nurse, TODAY))
    assert clinic.desk.today() == TODAY
    clinic.later(days=1)
    assert clinic.desk.today() == date(2026, 11, 24), "the shift is kept while the program runs"
    assert check_clock(clinic.desk) == []
    assert restart(clinic) == ["clock.doubtful"]


def test_a_long_holiday_is_confirmed_once(clinic: Story) -> None:
    assert restart(clinic, timedelta(days=60)) == ["clock.doubtful"]
    made(confirm_date(clinic.desk, clinic.nurse, clinic.world.today()))
    assert restart(clinic) == []


def test_the_last_acknowledgement_counts_as_a_record(clinic: Story) -> None:
    outbox = StoreOutbox(clinic.desk.store, clinic.world)
    clinic.later(hours=3)
    standing = outbox.standing()
    outbox.settle(ack_of(standing.epoch, standing.last_seq, outbox.hash_at(standing.last_seq) or ""), b"document")
    acked = clinic.now
    assert clinic.read(ledger.last_known) == acked
    assert restart(clinic, -timedelta(hours=1)) == ["clock.doubtful"]


def test_a_day_that_cannot_be(clinic: Story) -> None:
    for day in (date(2019, 12, 31), date(2101, 1, 1)):
        assert codes(confirm_date(clinic.desk, clinic.nurse, day).problems) == ["clock.impossible_day"]
    assert (clinic.desk.clock, clinic.desk.shift) == ("sure", timedelta())


def test_the_day_is_the_clinics_whatever_the_pc_thinks(clinic: Story) -> None:
    clinic.now = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)  # past midnight in Nanjing, not in Urumqi's old time
    assert clinic.desk.today() == date(2026, 11, 24)
    west = replace(clinic.desk, world=replace(clinic.world, zone=ZoneInfo("Asia/Kashgar")))
    assert west.today() == date(2026, 11, 23 if west.local_now().hour > 12 else 24) == date(2026, 11, 23)
    assert west.stated_now().startswith("2026-11-23T22:30")


def test_the_hybrid_clock_rises_whatever_the_wall_says(clinic: Story) -> None:
    for by in (timedelta(), -YEAR, YEAR, timedelta(days=-400), timedelta(hours=1)):
        clinic.now += by
        clinic.receive(HEPB3, lot=f"L{by.days}")
    stored = clinic.desk.store.sql("SELECT stored FROM event ORDER BY no")
    values = [event.decode(bytes(row)).hlc for (row,) in stored]
    assert values == sorted(set(values))
    assert len(values) >= 10
