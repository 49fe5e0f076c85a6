"""The waiting room through a morning."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from domain.world import from_utc_text
from terminal.store.queue import Place
from terminal.usecases.amend_dose import void_dose
from terminal.usecases.queue import (
    Waiting,
    arrange,
    arrive,
    call,
    enter_room,
    leave,
    left_s,
    read_room,
    set_precheck,
)
from terminal.usecases.visit import close_visit, open_visit
from tests.fakes.stories import HEPB, Story, codes, made


def states(clinic: Story) -> dict[str, str]:
    """child -> state, as they stand."""
    return {line.child_id: line.state for line in clinic.desk.store.run(read_room, clinic.desk).lines}


def line(clinic: Story, child: str) -> Waiting:
    return next(w for w in clinic.desk.store.run(read_room, clinic.desk).lines if w.child_id == child)


def given(clinic: Story, child: str) -> str:
    """A visit with one dose, still open."""
    visit = clinic.visit(child)
    _, (box, *_) = clinic.receive(HEPB, lot=f"L{child[-6:]}")
    clinic.enter(clinic.check(child, box).checked_id)
    return visit


def test_a_child_goes_through_the_room(clinic: Story):
    child = clinic.child(born="2026-11-22")
    assert states(clinic) == {}
    made(arrive(clinic.desk, clinic.nurse, child))
    assert states(clinic) == {child: "arrived"}
    visit = clinic.visit(child)
    assert states(clinic) == {child: "waiting"}
    made(call(clinic.desk, clinic.nurse, child))
    assert states(clinic) == {child: "called"}
    _, (box, *_) = clinic.receive(HEPB)
    clinic.enter(clinic.check(child, box).checked_id)
    made(close_visit(clinic.desk, clinic.nurse, visit))
    assert states(clinic) == {child: "observing"}
    clinic.later(minutes=31)
    assert states(clinic) == {child: "done"}


def test_the_clock_of_the_observation_runs_from_the_last_dose(clinic: Story):
    child = clinic.child(born="2026-11-22")
    visit = given(clinic, child)
    clinic.later(minutes=10)
    made(close_visit(clinic.desk, clinic.nurse, visit))
    observed = line(clinic, child)
    assert from_utc_text(observed.until) - from_utc_text(observed.place.last_dose_at) == timedelta(minutes=30)
    assert 19 * 60 <= left_s(observed, clinic.now) <= 20 * 60


def test_a_visit_without_an_arrival_is_in_the_room_too(clinic: Story):
    child = clinic.child()
    clinic.visit(child)
    assert states(clinic) == {child: "waiting"}
    made(call(clinic.desk, clinic.nurse, child))
    assert states(clinic) == {child: "called"}


def test_arriving_twice_keeps_the_place(clinic: Story):
    first, second = clinic.child(), clinic.child()
    for child in (first, second, first):
        made(arrive(clinic.desk, clinic.nurse, child))
    assert list(states(clinic)) == [first, second]
    assert len(clinic.audit("queue.arrive")) == 2


def test_one_who_was_done_and_comes_again_waits_again(clinic: Story):
    child = clinic.child()
    made(close_visit(clinic.desk, clinic.nurse, clinic.visit(child)))
    assert states(clinic) == {child: "done"}
    made(arrive(clinic.desk, clinic.nurse, child))
    assert states(clinic) == {child: "arrived"}


def test_who_leaves_before_the_visit_is_gone_and_an_open_visit_is_not_closed_so(clinic: Story):
    child, other = clinic.child(), clinic.child()
    made(arrive(clinic.desk, clinic.nurse, child))
    clinic.visit(other)
    made(leave(clinic.desk, clinic.nurse, child))
    assert states(clinic) == {other: "waiting"}
    assert codes(leave(clinic.desk, clinic.nurse, other).problems) == ["queue.has_visit"]
    assert codes(leave(clinic.desk, clinic.nurse, child).problems) == ["queue.not_there"]
    assert codes(call(clinic.desk, clinic.nurse, child).problems) == ["queue.not_there"]


def test_a_visit_left_open_stands_on_top_the_next_day_and_yesterdays_arrivals_are_gone(clinic: Story):
    left, arrived, today = clinic.child(), clinic.child(), clinic.child()
    clinic.visit(left)
    made(arrive(clinic.desk, clinic.nurse, arrived))
    clinic.later(days=1)
    made(arrive(clinic.desk, clinic.nurse, today))
    assert states(clinic) == {left: "left", today: "arrived"}


def test_after_a_power_cut_the_room_is_as_it_was(clinic: Story):
    children = [clinic.child() for _ in range(3)]
    made(arrive(clinic.desk, clinic.nurse, children[0]))
    clinic.visit(children[1])
    made(open_visit(clinic.desk, clinic.nurse, children[2]))
    made(call(clinic.desk, clinic.nurse, children[2]))
    made(set_precheck(clinic.desk, clinic.nurse, True))
    before = states(clinic)
    clinic.reopen()
    assert states(clinic) == before
    assert clinic.desk.store.run(read_room, clinic.desk).precheck


def test_a_voided_dose_starts_no_clock(clinic: Story):
    child = clinic.child(born="2026-11-22")
    given(clinic, child)
    (dose,) = clinic.doses(child)
    assert states(clinic) == {child: "called"}
    made(void_dose(clinic.desk, clinic.nurse, dose.id, "未接种"))
    assert line(clinic, child).place.doses == 0


def test_opening_the_room_is_audited_once_with_a_count(clinic: Story):
    clinic.visit(clinic.child())
    made(enter_room(clinic.desk, clinic.nurse))
    assert clinic.audit("queue.read") == [{"actor": "N200", "subject": "", "results": 1}]
    assert codes(enter_room(clinic.desk, clinic.auditor).problems) == ["denied.child.view"]


def test_two_visits_of_one_day_are_one_line_and_the_open_one_shows():
    begin, now = "2026-11-23T00:00:00.000Z", "2026-11-23T04:00:00.000Z"
    first = Place("c", "王子涵", "wang zi han", "1", "2026-05-19", "", "", "v1", "2026-11-23T01:00:00.000Z",
                  "2026-11-23T02:00:00.000Z", "", 0, "")  # fmt: skip
    second = msgspec.structs.replace(first, visit_id="v2", opened_at="2026-11-23T03:00:00.000Z", closed_at="")
    (only,) = arrange([first, second], [], begin, now)
    assert (only.place.visit_id, only.state) == ("v2", "waiting")
    old = msgspec.structs.replace(first, visit_id="v0", opened_at="2026-11-20T03:00:00.000Z", closed_at="")
    (only,) = arrange([old, first, second], [], begin, now)
    assert (only.place.visit_id, only.state) == ("v0", "left"), "what must be answered first"
