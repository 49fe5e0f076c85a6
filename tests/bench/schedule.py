"""Rows of the schedule: a child judged and forecast, the due list, everyone reckoned anew."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from config import plans, programmes
from domain.schedule.engine import evaluate_case
from domain.schedule.page import read_page
from domain.schedule.plan import Plan
from terminal.store import recount
from terminal.store.database import Store
from terminal.usecases.due_list import DueFilter, list_due
from tests.bench import load
from tests.bench.bench import NURSE, SETTINGS, Bench
from tests.bench.figures import Figure, Target, of_times, timed, took_ms
from tests.unit.test_schedule_cdsi import case_of, rows

DUE_MS = {"clinic": 100}
RECOUNT_S = {"district": 45}
_ONE = (Target("p50", 1), Target("p99", 5))
_ROWS = "SELECT * FROM forecast WHERE recommended_on <= ?"


def engine(bench: Bench) -> Iterator[Figure]:
    """One child through the national editions; beside it with the self-paid vaccines, and the American programme on the
    official cases."""
    size = bench.sizes[0]
    desk = bench.desk(size)
    ids = [row[0] for row in desk.store.sql("SELECT id FROM child ORDER BY birth_on, no")]
    some = ids[:: max(1, len(ids) // bench.rounds(1000))]
    _, cases = recount.read(desk.store, desk.plan, some, load.TODAY)
    national = Plan(desk.plan.editions)
    for case in cases:  # as after a morning: every month's dates were asked for once
        desk.plan.evaluate(case)
    times = [took_ms(national.evaluate, case) for case in cases]
    doses = sum(len(case.doses) for case in cases) / len(cases)
    yield of_times("evaluate + forecast a child", size, times, (), *_ONE, note=f"{doses:.0f} doses a child")
    yield Figure(
        "children a second, one core", size, "children/s", len(cases) / sum(times) * 1000, None, None,
        (Target("p50", 1000, at_least=True),), len(cases),
    )  # fmt: skip
    times = [took_ms(desk.plan.evaluate, case) for case in cases]
    yield of_times("the same with self-paid vaccines", size, times, ())
    yield of_times("the booklet's page of a child", size, [took_ms(read_page, desk.plan, case) for case in cases], ())
    american = programmes.load(programmes.DIRECTORY / "us-cdsi")
    times = [took_ms(evaluate_case, american, case_of(row)) for row in islice(rows(), bench.rounds(555))]
    yield of_times("evaluate + forecast by us-cdsi", "official", times, (), note="the official cases")


def due(bench: Bench) -> Iterator[Figure]:
    """The list without filters, audited. Floor: the forecast's rows alone."""
    for size in bench.sizes:
        desk = bench.desk(size)
        floor, times, shown = [], [], 0
        for _ in range(bench.rounds(20)):
            floor.append(took_ms(desk.store.run, desk.store.sql, _ROWS, load.TODAY.isoformat()))
            times.append(took_ms(list_due, desk, NURSE, DueFilter(on=load.TODAY)))
        found = list_due(desk, NURSE, DueFilter(on=load.TODAY)).value
        shown = len(found.children) if found else 0
        targets = [Target("p50", DUE_MS[size])] if size in DUE_MS else []
        yield of_times("due & overdue list", size, times, floor, *targets, note=f"{shown:,} children")


def everyone(bench: Bench) -> Iterator[Figure]:
    """Every child reckoned anew on two cores, written in short transactions. Floor: writing the rows alone."""
    for size in bench.sizes:
        path = load.copy_of(size, bench.folder / f"recount-{size}.db")
        store, plan = Store(path, load.KEY), plans.load(SETTINGS.programme)
        store.run(_forget, store)
        took, count = timed(recount.recount, store, plan, load.TODAY, workers=2)
        floor = took_ms(store.run, _copy_rows, store)
        store.close()
        path.unlink()
        targets = (Target("p50", RECOUNT_S[size]),) if size in RECOUNT_S else ()
        note = f"{count / took * 1000:,.0f} children/s"
        yield Figure("full recount, 2 cores", size, "s", took / 1000, None, floor / 1000, targets, note=note)


def _forget(store: Store) -> None:
    with store.transaction():
        store.db.execute_sql("DELETE FROM reckoning")
        store.db.execute_sql("DELETE FROM forecast")


def _copy_rows(store: Store) -> None:
    """What the recount wrote, written again by one statement."""
    with store.transaction():
        store.db.execute_sql("CREATE TEMP TABLE again AS SELECT * FROM forecast")
        store.db.execute_sql("DELETE FROM forecast")
        store.db.execute_sql("INSERT INTO forecast SELECT * FROM again")
