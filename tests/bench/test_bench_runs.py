"""Every row runs, on a handful of children; what it measures is for `make bench` alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.bench.__main__ import LONG, ROWS
from tests.bench.bench import Bench
from tests.bench.figures import Figure, Target, of_times, table


@pytest.fixture(scope="module")
def bench(new_dsn: Callable[[], str]) -> Iterator[Bench]:
    with Bench(("tiny",), few=True, new_dsn=new_dsn) as running:
        yield running


@pytest.mark.parametrize("name", ROWS)
def test_the_row_runs(bench: Bench, name: str) -> None:
    figures = list(ROWS[name](bench))
    assert figures or name == "bundle"  # there is none before `make package`
    assert all(figure.p50 > 0 for figure in figures)
    assert len(table(figures).splitlines()) == 1 + len(figures)


def test_a_night_is_counted_event_by_event(bench: Bench) -> None:
    figures = {figure.job.removeprefix("province: "): figure for figure in LONG["province"](bench)}
    assert (figures["lost"].p50, figures["doubled"].p50, figures["applied"].n) == (0, 0, 800)
    assert all(figure.met is not False for figure in figures.values())


def test_a_target_is_met_or_not() -> None:
    times, floor = [float(ms) for ms in range(1, 101)], [10.0]
    good = of_times("a job", "clinic", times, floor, Target("p99", 100), Target("ratio", 6))
    assert (good.p50, good.p99, good.ratio, good.met) == (51.0, 100.0, 5.1, True)
    assert of_times("a job", "clinic", times, floor, Target("p99", 99)).met is False
    assert of_times("a job", "clinic", times, floor).met is None
    fast = Figure("a rate", "clinic", "events/s", 500, None, 1000, (Target("p50", 400, at_least=True),))
    assert (fast.ratio, fast.met) == (2.0, True)
