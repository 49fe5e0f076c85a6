"""Which child may be given what today: a day's work for the rows of the counter, as the plan would have it."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from config import tables
from domain.problems import Problem, Severity
from domain.schedule.judgement import judge
from terminal.usecases.desk import Desk
from terminal.usecases.record_dose import MEDICAL
from terminal.usecases.schedule import case_on

_FREE = """SELECT f.child_id, group_concat(f.vaccines, ' ') FROM forecast f JOIN child c ON c.id = f.child_id
    WHERE recommended_on <= ? AND c.id NOT IN (SELECT child_id FROM alert)
    AND c.id NOT IN (SELECT child_id FROM dose WHERE given_on = ?) GROUP BY f.child_id ORDER BY c.no"""


def wanted(desk: Desk, seed: int) -> Iterator[tuple[str, tables.Product]]:
    """Children without an alert and without a dose today, each with a product that nothing speaks against."""
    today = desk.today()
    programme = desk.plan.programme(today)
    by_code = {product.vaccine: product for product in tables.products()}
    rows = desk.store.sql(_FREE, today.isoformat(), today.isoformat())
    Random(seed).shuffle(rows)
    for child_id, vaccines in rows:
        codes = [code for key in vaccines.split() for code in programme.vaccines[key].codes if code in by_code]
        case = case_on(desk, child_id, today)
        assert case
        for code in codes:
            if not any(_stops(problem) for problem in judge(desk.plan, case, code).problems):
                yield child_id, by_code[code]
                break


def _stops(problem: Problem) -> bool:
    """Even a doubtful contraindication is for a physician."""
    return problem.severity in (Severity.BLOCK, Severity.OVERRIDE) or problem.code in MEDICAL
