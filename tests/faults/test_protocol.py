"""The protocol as a state machine: whatever happens in whatever order, nothing acknowledged is missing, nothing is
doubled, and in the end everything is at the region once. The parts are those of tests/sim: real but for the wire."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from regional import queries
from tests.sim.play import WRONG, Play, Rates
from tests.sim.region import quick_cluster
from tests.sim.seat import Seat
from tests.sim.tally import missing_acked
from tests.sim.wire import FAULTS, Fault

_SEATS = 3  # of three clinics, unless cloned
_MOST_SEATS = 5
_MOST_PHOTOGRAPHS = 3
_SEAT = st.integers(0, _MOST_SEATS - 1)
_SCRIPT = st.lists(st.sampled_from(("", "", *FAULTS)), max_size=7)


class Protocol(RuleBasedStateMachine):
    """`server` reaches a PostgreSQL."""

    def __init__(self, server: Callable[[str], str]) -> None:
        super().__init__()
        self._stack = ExitStack()
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="vaxdesk-protocol-")))
        self.play = Play(folder, server, 1, _SEATS, Rates(wire=0), clinics=2)
        self._stack.callback(self.play.close)
        self._script: deque[Fault] = deque()
        self.play.wire.choose = lambda: self._script.popleft() if self._script else ""
        self._stack.enter_context(self.play.wire.in_place_of_https())
        for seat in self.play.seats:
            self.play.visit(seat)  # gives it its place

    def _seat(self, number: int) -> Seat:
        return self.play.seats[number % len(self.play.seats)]

    @rule(number=_SEAT, facts=st.integers(1, 12))
    def tell(self, number: int, facts: int) -> None:
        self.play.tell(self._seat(number), facts)

    @rule(facts=st.integers(1, 3))
    def a_quiet_hour(self, facts: int) -> None:
        for seat in self.play.seats:
            self.play.tell(seat, facts)
            self.play.visit(seat)

    @rule(number=_SEAT, facts=st.integers(1, 5), script=_SCRIPT)
    def work(self, number: int, facts: int, script: list[Fault]) -> None:
        if facts:
            self.play.tell(self._seat(number), facts)
        self.visit(number, script)

    @rule(number=_SEAT, script=_SCRIPT)
    def visit(self, number: int, script: list[Fault]) -> None:
        """The first requests of the visit meet these faults, the later ones none."""
        self._script = deque(script)
        self.play.visit(self._seat(number))
        self._script.clear()

    @rule(number=_SEAT, script=_SCRIPT)
    def pull(self, number: int, script: list[Fault]) -> None:
        self._script = deque(script)
        self.play.pull(self._seat(number))
        self._script.clear()

    @precondition(lambda self: self.play.wire.late)
    @rule(most=st.integers(1, 5))
    def what_was_late_arrives(self, most: int) -> None:
        self.play.wire.deliver_late(most)

    @rule(number=_SEAT, real=st.booleans(), facts=st.integers(1, 5))
    def back_up_and_work(self, number: int, real: bool, facts: int) -> None:
        self._seat(number).back_up(real=real)
        self.work(number, facts, [])

    @precondition(lambda self: any(seat.copies for seat in self.play.seats))
    @rule(number=_SEAT, copy=st.integers(0, 9), told=st.booleans(), facts=st.integers(0, 5), script=_SCRIPT)
    def restore_and_work(self, number: int, copy: int, told: bool, facts: int, script: list[Fault]) -> None:
        copied = [seat for seat in self.play.seats if seat.copies]
        seat = copied[number % len(copied)]
        self.play.restore(seat, seat.copies[copy % len(seat.copies)], told=told)
        self.work(self.play.seats.index(seat), facts, script)

    @precondition(lambda self: len(self.play.seats) < _MOST_SEATS)
    @rule(number=_SEAT, facts=st.integers(1, 5), script=_SCRIPT)
    def clone_and_work(self, number: int, facts: int, script: list[Fault]) -> None:
        self.play.clone(self._seat(number))
        for each in (number % (len(self.play.seats) - 1), len(self.play.seats) - 1):
            self.work(each, facts, script)

    @rule(number=_SEAT, days=st.sampled_from((-366, 0, 366)), facts=st.integers(1, 5))
    def the_clock_jumps(self, number: int, days: int, facts: int) -> None:
        self._seat(number).watch.ahead = timedelta(days=days)
        self.work(number, facts, [])

    @rule(folder=st.integers(0, 1))
    def back_up_the_region(self, folder: int) -> None:
        self.play.back_up_region(folder)
        self.a_quiet_hour(1)

    @precondition(lambda self: self.play.copied)
    @rule(folder=st.integers(0, 1))
    def restore_the_region(self, folder: int) -> None:
        self.play.restore_region_from(folder)

    @precondition(lambda self: len(self.play.photographs) < _MOST_PHOTOGRAPHS)
    @rule(facts=st.integers(1, 2))
    def photograph_the_region(self, facts: int) -> None:
        self.play.photograph_region()
        self.a_quiet_hour(facts)

    @precondition(lambda self: self.play.photographs)
    @rule(number=st.integers(0, 9))
    def put_the_regions_disk_back(self, number: int) -> None:
        self.play.put_disk_back(number)

    @rule(days=st.sampled_from((0, 365)))
    def rotate_keys(self, days: int) -> None:
        self.play.rotate(timedelta(days=days))

    @rule(days=st.sampled_from((1, 70, 100)))
    def time_goes_by(self, days: int) -> None:
        """A registration lives ninety days."""
        self.play.clock.at += timedelta(days=days)

    @invariant()
    def nothing_acknowledged_is_missing(self) -> None:
        assert not missing_acked(self.play.tally, self.play.region, self.play.seats)

    @invariant()
    def nothing_is_doubled(self) -> None:
        assert queries.doubled(self.play.region.dsn) == 0

    def teardown(self) -> None:
        """Everything is mended, and counted."""
        try:
            self._script.clear()
            self.play.heal()
            figures = self.play.figures()
            assert {name: figures[name] for name in WRONG} == dict.fromkeys(WRONG, 0), figures
        finally:
            self._stack.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    with quick_cluster(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.mark.timeout(600)
def test_whatever_happens_nothing_is_lost_or_doubled(server: Callable[[str], str]) -> None:
    _run(server, Phase.generate, examples=16, steps=30)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_whatever_happens_for_hours(server: Callable[[str], str]) -> None:
    _run(server, Phase.generate, Phase.shrink, examples=400, steps=60)


def _run(server: Callable[[str], str], *phases: Phase, examples: int, steps: int) -> None:
    """The same examples each time: a red run can be repeated."""
    how = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=phases,
    )
    run_state_machine_as_test(lambda: Protocol(server), settings=how)
