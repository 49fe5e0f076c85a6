"""When a dose of a series need not be given (section 6.2)."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from datetime import date
from typing import Literal

from domain.schedule.case import Reason
from domain.schedule.chart import Chart, Judged
from domain.schedule.dates import shift, within
from domain.schedule.intervals import previous_on
from domain.schedule.programme import Logic, Series, SeriesDose, SkipCondition, SkipSet

SKIPPED = "May be skipped by an unverified rule"

_COMPARE = {">": operator.gt, "=": operator.eq, "<": operator.lt}


def stops(
    chart: Chart,
    antigen: str,
    series: Series,
    target: int,
    context: Literal["Evaluation", "Forecast"],
    on: date,
    judged: Sequence[Judged],
    complete_groups: frozenset[str],
) -> list[tuple[int, tuple[Reason, ...]]]:
    """Where the walk along a series may come to stand: before each skip that is unverified, and after all skips.

    With each place the unverified skips met until there. No unverified skip ends the series.
    """
    found: list[tuple[int, tuple[Reason, ...]]] = []
    doubts: tuple[Reason, ...] = ()
    while target < len(series.doses):
        skip = may_skip(chart, antigen, series.doses[target], context, on, judged, complete_groups)
        if skip is None:
            break
        if chart.evidence(skip) == "unverified":
            doubts += (chart.reason(skip, "CONDSKIP-2", SKIPPED, on),)
            found.append((target, doubts))
        target += 1
    if not found or target < len(series.doses):
        found.append((target, doubts))
    return found


def may_skip(
    chart: Chart,
    antigen: str,
    dose: SeriesDose,
    context: Literal["Evaluation", "Forecast"],
    on: date,
    judged: Sequence[Judged],
    complete_groups: frozenset[str],
) -> SkipSet | None:
    """The set of conditions that lets the dose be skipped on a day (CONDSKIP-2), or None.

    `on`: the day of the dose under evaluation, of assessment, or the earliest date of a forecast.
    `complete_groups`: series groups of the antigen in which a series is complete.
    """
    anchor = on if context == "Evaluation" else chart.case.assessed_on
    for skip in dose.skips:
        if skip.context not in (context, "Both"):
            continue
        sets = [one for one in skip.sets if one.holds_on(anchor)]
        met = [
            one
            for one in sets
            if _enough(
                one.logic, [_met(chart, antigen, c, on, anchor, judged, complete_groups) for c in one.conditions]
            )
        ]
        if met and (skip.logic == "OR" or len(met) == len(sets)):
            return met[0]
    return None


def _enough(logic: Logic, met: list[bool]) -> bool:
    return all(met) if logic == "AND" else any(met)


def _met(
    chart: Chart,
    antigen: str,
    condition: SkipCondition,
    on: date,
    until: date,
    judged: Sequence[Judged],
    complete_groups: frozenset[str],
) -> bool:
    match condition.kind:
        case "age":
            return chart.aged(on, condition.begin_age, condition.end_age)
        case "completed":
            return not complete_groups.isdisjoint(condition.series_groups)
        case "interval":
            previous = previous_on(judged)
            return (
                previous is not None
                and condition.interval is not None
                and shift(previous, condition.interval, chart.unreal) <= on
            )
        case "count":
            return bool(_COMPARE[condition.compare](_count(chart, antigen, condition, until, judged), condition.count))


def _count(chart: Chart, antigen: str, condition: SkipCondition, until: date, judged: Sequence[Judged]) -> int:
    """The number of conditional doses administered (CONDSKIP-1), those without the antigen among them if named."""
    days = [
        dose.given.given_on
        for dose in judged
        if (not condition.vaccines or dose.given.code in condition.vaccines)
        and (not condition.valid_only or dose.status == "Valid")
    ]
    if not condition.valid_only:
        days += chart.without(antigen, condition.vaccines, until)
    return sum(
        chart.aged(day, condition.begin_age, condition.end_age) and within(day, condition.start_on, condition.end_on)
        for day in days
    )
