"""Every child reckoned anew when the plan's data, the edition in force or the month changed, beside the work.

Children are read in small lots, reckoned off the store's thread - in processes of their own when they are many - and
written in short transactions. A child of whom a fact came meanwhile was reckoned with that fact and is left as it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from config.plans import Plans
from domain.schedule.case import Case
from domain.schedule.page import read_page
from domain.schedule.plan import Plan
from domain.schedule.record import case_of
from terminal.store import children, doses, forecasts
from terminal.store.database import Store
from terminal.store.forecasts import Reckoned

if TYPE_CHECKING:
    from concurrent.futures import Future

LOT = 64  # children in a transaction
_STALE = """SELECT c.id FROM child c LEFT JOIN reckoning r ON r.child_id = c.id
    WHERE c.head = '' AND (r.plan IS NULL OR r.plan <> ?) ORDER BY c.birth_on, c.no"""
Reckon = Callable[[Sequence[Case]], Callable[[], list[Reckoned]]]
"""Begin to reckon some children; what it gives waits for the result."""


def stale(store: Store, stamp: str) -> list[str]:
    """The children not reckoned by this plan, those of one birth date together: they share their dates; any thread."""
    return [child_id for (child_id,) in store.sql(_STALE, stamp)]


def recount(
    store: Store, plans: Plans, day: date, workers: int = 0, stopping: Callable[[], bool] = lambda: False
) -> int:
    """Reckon every child whose forecast is of another plan or month; gives how many. Not on the store's thread.

    `workers`: processes beside this one, none for few children. Stopped, the rest is left for the next time.
    """
    stamp, done = plans.stamp(day), 0
    waiting: deque[tuple[int, Callable[[], list[Reckoned]]]] = deque()
    left = stale(store, stamp)
    with _reckoning(plans.plan, workers) as reckon:
        for first in range(0, len(left), LOT):
            if stopping():
                break
            upto, cases = read(store, plans.plan, left[first : first + LOT], day)
            waiting.append((upto, reckon(cases)))
            if len(waiting) > 2 * workers:
                done += _keep(store, stamp, day, *waiting.popleft())
        while waiting:
            done += _keep(store, stamp, day, *waiting.popleft())
    return done


def read(store: Store, plan: Plan, child_ids: Sequence[str], day: date) -> tuple[int, list[Case]]:
    """The children as cases, and the last fact that was surely seen: what comes later is read too or found later."""
    upto = forecasts.last_fact(store)
    facts, given = children.vitals(store, child_ids), doses.histories(store, child_ids)
    return upto, [case_of(child_id, facts[child_id], given[child_id], plan, day) for child_id in child_ids]


def _keep(store: Store, stamp: str, day: date, upto: int, result: Callable[[], list[Reckoned]]) -> int:
    return store.run(_write, store, stamp, day, upto, result())


def _write(store: Store, stamp: str, day: date, upto: int, reckoned: Sequence[Reckoned]) -> int:
    with store.transaction():
        marks = ", ".join("?" * len(reckoned))
        found = store.sql(
            f"SELECT child_id FROM reckoning WHERE event_no > ? AND child_id IN ({marks})",
            upto,
            *(one.child_id for one in reckoned),
        )
        newer = {child_id for (child_id,) in found}
        for one in reckoned:
            if one.child_id not in newer:
                forecasts.renew(store, one, stamp, day, upto)
    return len(reckoned) - len(newer)


def reckon_all(plan: Plan, cases: Sequence[Case]) -> list[Reckoned]:
    """The forecasts of these children."""
    return [forecasts.reckon(case.id, read_page(plan.without_offers(case), case)) for case in cases]


@contextmanager
def _reckoning(plan: Plan, workers: int) -> Iterator[Reckon]:
    """Here and now, or in processes that know the plan."""
    if not workers:
        yield lambda cases: lambda: reckon_all(plan, cases)
        return
    import multiprocessing  # noqa: PLC0415 (costs the start of every morning, is needed on few)
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 (as above)

    spawn = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks and the open database
    with ProcessPoolExecutor(workers, spawn, _take_plan, (plan,)) as pool:

        def begin(cases: Sequence[Case]) -> Callable[[], list[Reckoned]]:
            future: Future[list[Reckoned]] = pool.submit(_in_process, cases)
            return future.result

        yield begin


_plan: Plan  # of a reckoning process, set at its start


def _take_plan(plan: Plan) -> None:
    global _plan
    _plan = plan


def _in_process(cases: Sequence[Case]) -> list[Reckoned]:
    return reckon_all(_plan, cases)
