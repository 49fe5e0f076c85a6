"""What the simulation found once, as short as it goes. `heal` at the end: everybody sends, everything is counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.sim.play import WRONG, Play, Rates
from tests.sim.region import quick_cluster
from tests.sim.seat import Seat
from tests.sim.wire import Fault


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    with quick_cluster(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.fixture
def play(server: Callable[[str], str], tmp_path: Path) -> Iterator[Play]:
    """Two terminals of one clinic, enrolled, each with facts in the region."""
    one = Play(tmp_path, server, 1, 2, Rates(wire=0), clinics=1)
    try:
        with one.wire.in_place_of_https():
            for seat in one.seats:
                one.visit(seat)
                work(one, seat)
            yield one
            one.heal()
            figures = one.figures()
            assert not {name: figures[name] for name in WRONG if figures[name]}, figures
    finally:
        one.close()


def work(play: Play, seat: Seat) -> bool:
    """A few facts and a visit; whether that went well."""
    play.tell(seat, 3)
    return play.visit(seat)


def opened(seat: Seat, reason: str) -> int:
    """How many epochs were opened for this reason."""
    ((n,),) = seat.store.sql("SELECT count(*) FROM audit WHERE action = 'epoch.open' AND detail LIKE ?", f"%{reason}%")
    return int(n)


def test_a_new_generation_is_answered_once_however_often_the_visit_fails(play: Play) -> None:
    seat, _ = play.seats
    play.photograph_region()
    seat.back_up(real=False)
    play.restore(seat, seat.copies[0], told=True)  # an epoch the photograph does not know
    assert work(play, seat)
    play.put_disk_back(0)
    for _ in range(5):
        script: deque[Fault] = deque(("", "deaf"))  # the status arrives, what follows does not
        play.wire.choose = lambda script=script: script.popleft() if script else ""  # type: ignore[misc]  # no lambda has a type here
        assert not play.visit(seat)
    assert play.visit(seat)
    assert opened(seat, "fork") == 1


def test_a_twin_found_by_a_region_that_came_back_sends_what_it_lost(play: Play) -> None:
    seat, _ = play.seats
    play.clone(seat)
    twin = play.seats[-1]
    assert work(play, seat) and work(play, twin) and work(play, seat)  # each in an epoch of its own by now
    play.photograph_region()
    assert work(play, seat)  # acknowledged, and lost with the region's disk
    play.put_disk_back(0)
    assert not work(play, twin), "two copies are at work in turns: both enrol anew"
    assert not play.visit(seat)
    assert play.did["enrolments"] == 4


def test_a_late_batch_of_an_epoch_never_seen_makes_no_twin(play: Play) -> None:
    seat, _ = play.seats
    seat.back_up(real=False)
    for _ in range(4):
        play.restore(seat, seat.copies[0], told=True)
        play.tell(seat, 2)
        script: deque[Fault] = deque(("", "late"))  # its first batch hangs
        play.wire.choose = lambda script=script: script.popleft() if script else ""  # type: ignore[misc]  # no lambda has a type here
        assert not play.visit(seat)
        play.clock.at += timedelta(seconds=20)
        play.restore(seat, seat.copies[0], told=True)
        assert work(play, seat)
        play.wire.deliver_late(9)
        assert work(play, seat)
        play.clock.at += timedelta(hours=9)
    assert play.said["sync.cloned"] == 0


def test_a_region_that_forgot_a_renewal_is_asked_again(play: Play) -> None:
    seat, other = play.seats
    play.photograph_region()
    play.clock.at += timedelta(days=80)
    assert play.visit(seat) and play.visit(other)  # renewed, which the region's disk put back does not know
    play.clock.at += timedelta(days=20)
    play.put_disk_back(0)
    assert not play.pull(seat)
    assert play.visit(seat) and play.visit(other)
    assert play.pull(seat)


def test_facts_the_region_lost_and_another_desk_was_told_do_not_differ_for_ever(play: Play) -> None:
    seat, other = play.seats
    seat.back_up(real=False)
    play.photograph_region()
    assert work(play, seat) and play.pull(other)
    play.put_disk_back(0)
    play.restore(seat, seat.copies[0], told=True)  # now nobody but the other desk has them
    play.clock.at += timedelta(hours=26)
    assert play.visit(seat) and play.visit(other)
    assert play.pull(other, check=True) and play.pull(other, check=True)


def test_two_copies_that_enrol_with_one_key_and_a_region_that_came_back_between(play: Play) -> None:
    """It gives the key another name for the second: the first is no longer who it says, and enrols anew."""
    _, other = play.seats
    play.photograph_region()
    seat = Seat("pc9", play.folder / "pc9", other.clinic, play.clock, play.rng)
    seat.found()
    play.seats.append(seat)
    play.tell(seat, 3)
    play.wire.choose = lambda: "deaf"
    assert not play.visit(seat)  # its key is kept for the next try
    play.wire.choose = lambda: ""
    play.clone(seat)
    assert not play.visit(seat) and work(play, seat)
    play.put_disk_back(0)
    assert not play.visit(play.seats[-1]) and work(play, play.seats[-1])
    assert not play.visit(seat)
    assert play.said["sync.foreign"] == 1
    assert work(play, seat)
