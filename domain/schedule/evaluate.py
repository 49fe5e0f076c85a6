"""Each dose given against the doses of a series (chapter 6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from domain.schedule.case import Given, Reason
from domain.schedule.chart import Chart, Judged, Progress
from domain.schedule.dates import Span, shift
from domain.schedule.intervals import starts_on
from domain.schedule.programme import Effective, Interval, Series, SeriesDose
from domain.schedule.skips import may_skip

TOO_YOUNG = "Age: Too Young"
TOO_OLD = "Age: Too Old"
TOO_SOON = "Interval: Too Soon"
INADVERTENT = "Inadvertent Vaccine"
CONFLICT = "Live Virus Conflict"
WRONG_VACCINE = "Not a preferable or allowable vaccine"
ALREADY_COMPLETE = "Series Already Complete"
SUBSTANDARD = "Dose Condition"
GRACE = "Grace Period"


def evaluate(chart: Chart, antigen: str, series: Series, complete_groups: frozenset[str]) -> Progress:
    """Walk the antigen's doses along the series (section 4.4). Only doses up to the day of assessment are looked at."""
    judged: list[Judged] = []
    satisfied: list[tuple[int, date]] = []
    target = 0
    for place in chart.history.get(antigen, ()):
        given = chart.given[place]
        if given.given_on > chart.case.assessed_on:
            break
        while target < len(series.doses) and may_skip(
            chart, series.doses[target], "Evaluation", given.given_on, judged, complete_groups
        ):
            target += 1
        verdict = _judge(chart, series, target, place, judged, satisfied)
        judged.append(verdict)
        if verdict.status == "Valid":
            satisfied.append((target, given.given_on))
            if not series.doses[target].recurring:
                target += 1
    return Progress(antigen, series, tuple(judged), tuple(satisfied), target)


def _judge(
    chart: Chart,
    series: Series,
    target: int,
    place: int,
    judged: Sequence[Judged],
    satisfied: Sequence[tuple[int, date]],
) -> Judged:
    given = chart.given[place]
    if given.substandard or (given.lot_expires_on and given.given_on > given.lot_expires_on):
        why = Reason("Table 6-3", SUBSTANDARD, given.given_on, given.lot_expires_on)
        return Judged(place, given, target, "Sub-standard", (why,))
    if target == len(series.doses):
        return Judged(place, given, target, "Extraneous", (Reason("Section 4.4", ALREADY_COMPLETE, given.given_on),))
    dose = series.doses[target]
    if given.code in dose.inadvertent:
        return Judged(place, given, target, "Not Valid", (Reason("Table 6-13", INADVERTENT, given.given_on),), True)
    against, notes = _age(chart, dose, given)
    if against and against.text == TOO_OLD:
        return Judged(place, given, target, "Extraneous", (against,))
    interval, interval_notes = _interval(chart, dose, given, judged, satisfied)
    found = (against, interval, _conflict(chart, given, judged), _vaccine(chart, dose, given))
    faults = tuple(reason for reason in found if reason)
    if faults:
        return Judged(place, given, target, "Not Valid", faults)
    return Judged(place, given, target, "Valid", notes + interval_notes)


def _reason(chart: Chart, rule: str, text: str, given: Given, against: date | None, source: Effective) -> Reason:
    return Reason(rule, text, given.given_on, against, evidence=source.evidence or chart.programme.evidence)


def _age(chart: Chart, dose: SeriesDose, given: Given) -> tuple[Reason | None, tuple[Reason, ...]]:
    """(what is wrong with the age, what is to be noted of it) (table 6-15)."""
    for age in dose.ages:
        if not age.holds_on(given.given_on):
            continue
        abs_min, minimum, maximum = chart.at(age.abs_min), chart.at(age.min), chart.at(age.max)
        if abs_min and given.given_on < abs_min:
            return _reason(chart, "Table 6-15", TOO_YOUNG, given, abs_min, age), ()
        if maximum and given.given_on >= maximum:
            return _reason(chart, "Table 6-15", TOO_OLD, given, maximum, age), ()
        if minimum and given.given_on < minimum:
            return None, (_reason(chart, "Table 6-15", GRACE, given, minimum, age),)
    return None, ()


def _interval(
    chart: Chart,
    dose: SeriesDose,
    given: Given,
    judged: Sequence[Judged],
    satisfied: Sequence[tuple[int, date]],
) -> tuple[Reason | None, tuple[Reason, ...]]:
    """All preferable intervals, or else all allowable ones (tables 6-18, 6-21, 6-31)."""

    def before(interval: Interval, span: Span | None) -> date | None:
        """The date the span asks for, if the dose came before it."""
        start = starts_on(chart, interval, judged, satisfied)
        if span is None or start is None:
            return None
        asked = shift(start, span, chart.unreal)
        return asked if given.given_on < asked else None

    intervals = [i for i in dose.intervals if i.holds_on(given.given_on)]
    allowable = [i for i in dose.allowable_intervals if i.holds_on(given.given_on)]
    for interval in intervals:
        asked = before(interval, interval.abs_min)
        if asked is None:
            continue
        if allowable and not any(before(i, i.abs_min) for i in allowable):
            return None, ()
        return _reason(chart, "Table 6-18", TOO_SOON, given, asked, interval), ()
    early = [(before(interval, interval.min), interval) for interval in intervals]
    return None, tuple(_reason(chart, "Table 6-18", GRACE, given, day, i) for day, i in early if day)


def _conflict(chart: Chart, given: Given, judged: Sequence[Judged]) -> Reason | None:
    """An earlier vaccine that this one should have kept a distance from (CONFLICT-3)."""
    conflicts = chart.programme.conflicts.get(given.code)
    if not conflicts:
        return None
    spoilt = {dose.place for dose in judged if dose.status != "Valid"}
    for place, previous in enumerate(chart.given):
        if previous.given_on >= given.given_on:
            break
        for conflict in conflicts:
            if previous.code not in conflict.previous:
                continue
            span = conflict.end if place in spoilt else conflict.min_end
            end = shift(previous.given_on, span, chart.unreal)
            if shift(previous.given_on, conflict.begin, chart.unreal) <= given.given_on < end:
                return Reason("CONFLICT-3", CONFLICT, given.given_on, end, evidence=chart.programme.evidence)
    return None


def _vaccine(chart: Chart, dose: SeriesDose, given: Given) -> Reason | None:
    """Neither preferable nor allowable (tables 6-26, 6-29)."""
    if chart.uses(dose.preferable, given) or chart.uses(dose.allowable, given):
        return None
    return Reason("Table 6-29", WRONG_VACCINE, given.given_on, evidence=chart.programme.evidence)
