"""What another desk tells between the check and Enter is seen at Enter."""

from __future__ import annotations

from domain import events
from sync.ports import Told
from terminal.store import forecasts, visits
from terminal.store.inbox import StoreInbox
from terminal.usecases.queue import read_room
from terminal.usecases.record_dose import record_dose
from terminal.usecases.visit import open_visit
from tests.fakes.desk import CLINIC, HEPB_BOX, made
from tests.fakes.stories import Story, codes
from tests.fakes.voices import Voice


def hear(clinic: Story, *told: Told) -> None:
    StoreInbox(clinic.desk.store, clinic.world, CLINIC).apply_page(told, "cursor")


def other_desk(clinic: Story) -> Voice:
    voice = Voice(clinic.world)
    ((voice.hlc,),) = clinic.desk.store.sql("SELECT hlc FROM head")
    return voice


def test_the_same_vaccine_given_at_the_other_desk_stops_it(clinic: Story) -> None:
    child = clinic.child()
    clinic.visit(child)
    checked = clinic.check(child, HEPB_BOX).checked_id
    other = other_desk(clinic)
    other.dose(child, "0202", "2026-11-23")
    hear(clinic, *other.told)
    stopped = record_dose(clinic.desk, clinic.nurse, checked)
    assert "dose.same_day" in codes(stopped.problems) and not stopped.ok


def test_the_forecast_after_enter_knows_what_was_told_meanwhile(clinic: Story) -> None:
    child = clinic.child()
    clinic.visit(child)
    checked = clinic.check(child, HEPB_BOX).checked_id
    before = clinic.read(forecasts.looked_at, child)
    mmr = "SELECT dose_no FROM forecast WHERE child_id = ? AND vaccine_group = 'MMR'"
    assert clinic.desk.store.sql(mmr, child) == [(1,)]
    other = other_desk(clinic)
    other.dose(child, "1201", "2026-11-20")
    hear(clinic, *other.told)
    assert clinic.read(forecasts.looked_at, child) != before
    made(record_dose(clinic.desk, clinic.nurse, checked))
    assert clinic.desk.store.sql(mmr, child) == [(2,)]


def test_another_desks_visit_shows_in_the_room_and_ours_is_opened_beside_it(clinic: Story) -> None:
    child = clinic.child()
    other = other_desk(clinic)
    other.tell("visit.opened", events.VisitOpened(CLINIC, "7"), child)
    hear(clinic, *other.told)
    (line,) = read_room(clinic.desk).lines
    assert (line.child_id, line.place.desk) == (child, "7")
    mine = made(open_visit(clinic.desk, clinic.nurse, child, booklet="seen"))
    assert mine.terminal == "" and clinic.read(visits.open_ones) == [mine]
