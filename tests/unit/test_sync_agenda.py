"""When the next visit to the region is due."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync.worker import Agenda, Rhythm

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RHYTHM = Rhythm(debounce_s=180, base_s=15, cap_s=1800, net_at=time(17, 30), net_spread_s=3600)


def test_visits_are_gathered_from_the_first_not_put_off_by_the_next():
    agenda = Agenda(RHYTHM, "t")
    agenda.ask(100)
    agenda.ask(250)
    assert agenda.wait_s(250, MORNING) == 30


def test_nothing_to_do_waits_for_the_nightly_net():
    agenda = Agenda(RHYTHM, "t")
    wait = timedelta(seconds=agenda.wait_s(0, MORNING))
    assert timedelta(hours=8, minutes=30) <= wait < timedelta(hours=9, minutes=30)


def test_terminals_share_out_the_net():
    waits = {round(Agenda(RHYTHM, f"terminal {n}").wait_s(0, MORNING)) for n in range(200)}
    assert len(waits) > 180


def test_the_net_comes_once_a_day():
    agenda, evening = Agenda(RHYTHM, "t"), MORNING.replace(hour=19)
    assert agenda.wait_s(0, evening) <= 0
    agenda.started(evening)
    assert agenda.wait_s(0, evening) > 3600
    assert agenda.wait_s(0, evening + timedelta(days=1)) <= 0


def test_a_clock_set_back_does_not_repeat_or_lose_the_net():
    agenda, evening = Agenda(RHYTHM, "t"), MORNING.replace(hour=19)
    agenda.started(evening)
    assert agenda.wait_s(0, evening - timedelta(days=365)) <= 0


def test_a_broken_line_is_tried_ever_later_and_visits_do_not_hasten_it():
    agenda = Agenda(RHYTHM, "t")
    waits = []
    for _ in range(12):
        agenda.ask(0)
        agenda.started(MORNING)
        agenda.failed(0, "later", 0, 1.0)
        agenda.ask(0)
        waits.append(agenda.wait_s(0, MORNING))
    assert waits[:4] == [15, 30, 60, 120]
    assert waits[-1] == 1800


def test_the_region_may_ask_for_a_longer_wait():
    agenda = Agenda(RHYTHM, "t")
    agenda.failed(0, "later", 600, 0.0)
    assert agenda.wait_s(0, MORNING) == 600


def test_what_a_person_must_mend_waits_for_the_person_or_the_net():
    agenda = Agenda(RHYTHM, "t")
    agenda.ask(0)
    agenda.started(MORNING)
    agenda.failed(0, "operator", 0, 0.0)
    agenda.ask(0)
    assert agenda.wait_s(10_000, MORNING) > 3600
    assert agenda.wait_s(0, MORNING.replace(hour=19)) <= 0
    agenda.ask(0, at_once=True)
    assert agenda.wait_s(0, MORNING) <= 0


def test_success_ends_the_hold_and_the_backoff():
    agenda = Agenda(RHYTHM, "t")
    agenda.failed(0, "later", 0, 1.0)
    agenda.failed(0, "never", 0, 1.0)
    agenda.started(MORNING)
    agenda.succeeded()
    agenda.ask(0)
    assert agenda.wait_s(0, MORNING) == 180
    agenda.started(MORNING)
    agenda.failed(0, "later", 0, 1.0)
    assert agenda.wait_s(0, MORNING) == 15


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_waits_stay_in_their_bounds(chances: list[float]):
    agenda = Agenda(RHYTHM, "t")
    for chance in chances:
        agenda.failed(0, "later", 0, chance)
        assert 0 <= agenda.wait_s(0, MORNING) <= 1800
        agenda.started(MORNING)


def test_a_net_missed_because_the_pc_was_off_is_caught_up_with_soon_after_the_start():
    """On Friday evening it was netted, on Monday morning the PC is switched on."""
    friday = (MORNING - timedelta(days=3)).date()
    agenda = Agenda(RHYTHM, "t", friday, began=1000)
    wait = agenda.wait_s(1000, MORNING)
    assert 0 <= wait < RHYTHM.debounce_s
    assert agenda.wait_s(1000 + wait, MORNING) <= 0
    agenda.started(MORNING)
    assert agenda.netted == MORNING.date() - timedelta(days=1)
    assert agenda.wait_s(2000, MORNING) > 3600
    again = Agenda(RHYTHM, "t", agenda.netted, began=3000)
    assert again.wait_s(3000, MORNING) > 3600, "done, and the day kept"
    assert again.wait_s(30_000, MORNING.replace(hour=19)) <= 0


def test_terminals_switched_on_together_do_not_catch_up_together():
    waits = {round(Agenda(RHYTHM, f"t {n}", MORNING.date() - timedelta(days=3)).wait_s(0, MORNING)) for n in range(200)}
    assert len(waits) > 90
