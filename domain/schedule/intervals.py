"""From which event an interval counts (CALCDTINT-1, -2, -8, -9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from domain.schedule.chart import Chart, Judged
from domain.schedule.programme import Interval


def previous_on(judged: Sequence[Judged]) -> date | None:
    """The date of the dose before: valid or not valid, and no inadvertent one."""
    for dose in reversed(judged):
        if dose.status in ("Valid", "Not Valid") and not dose.inadvertent:
            return dose.given.given_on
    return None


def starts_on(
    chart: Chart,
    antigen: str,
    interval: Interval,
    on: date,
    judged: Sequence[Judged],
    satisfied: Sequence[tuple[int, date]],
) -> date | None:
    """The date an interval to a dose on `on` counts from; None when there is no such event: it then asks nothing."""
    if interval.from_previous:
        return previous_on(judged)
    if interval.from_dose is not None:
        return next((on for target, on in reversed(satisfied) if target == interval.from_dose - 1), None)
    if interval.from_observation is not None:
        seen = chart.observed.get(interval.from_observation, ())
        return max((day for day in seen if interval.restarts or day <= on), default=None)
    own = [d.given.given_on for d in judged if d.given.code in interval.from_vaccines and not d.inadvertent]
    return max([*own, *chart.without(antigen, interval.from_vaccines, on)], default=None)
