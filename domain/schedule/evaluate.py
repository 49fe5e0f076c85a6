"""Each dose given against the doses of a series (chapter 6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import msgspec

from domain.schedule.case import Given, Reason
from domain.schedule.chart import Chart, Judged, Progress
from domain.schedule.dates import Span, shift
from domain.schedule.intervals import starts_on
from domain.schedule.programme import Age, Interval, Series, SeriesDose
from domain.schedule.skips import stops

TOO_YOUNG = "Age: Too Young"
TOO_OLD = "Age: Too Old"
TOO_SOON = "Interval: too Soon"
INADVERTENT = "Inadvertent Vaccine"
CONFLICT = "Live Virus Conflict"
WRONG_VACCINE = "Not a preferable or allowable vaccine"
ALREADY_COMPLETE = "Series Already Complete"
SUBSTANDARD = "Dose Condition"
GRACE = "Grace Period"
NOT_TOGETHER = "Not on the day of the dose before"
DOUBTED = "Counted by an unverified rule"


def evaluate(chart: Chart, antigen: str, series: Series, complete_groups: frozenset[str]) -> Progress:
    """Walk the antigen's doses along the series (section 4.4). Only doses up to the day of assessment are looked at.

    A dose is judged by the edition in force on its day. An unverified skip is taken only where it makes a dose valid.
    """
    judged: list[Judged] = []
    satisfied: list[tuple[int, date]] = []
    target, doubted = 0, False
    for place in chart.history.get(antigen, ()):
        on = chart.given[place].given_on
        if on > chart.case.assessed_on:
            break
        then = chart.as_of(on)
        path = series if then is chart else then.path(antigen, series)
        for start, doubts in stops(then, antigen, path, target, "Evaluation", on, judged, complete_groups):
            verdict = _judge(then, antigen, path, start, place, judged, satisfied)
            if verdict.status == "Valid":
                verdict = msgspec.structs.replace(verdict, reasons=doubts + verdict.reasons) if doubts else verdict
                break
        judged.append(verdict)
        if verdict.status != "Valid":
            if not doubts and verdict.status != "Sub-standard":
                target = verdict.target  # table 6-11: what was skipped stays skipped
            continue
        target, recurring = verdict.target, path.doses[verdict.target].recurring
        doubted = verdict.doubted and target + 1 == len(path.doses) and not recurring
        if not doubted:
            satisfied.append((target, on))
            target += not recurring
    return Progress(antigen, series, tuple(judged), tuple(satisfied), min(target, len(series.doses)), doubted)


def _judge(
    chart: Chart,
    antigen: str,
    series: Series,
    target: int,
    place: int,
    judged: Sequence[Judged],
    satisfied: Sequence[tuple[int, date]],
) -> Judged:
    given = chart.given[place]
    on = given.given_on
    if given.substandard or (given.lot_expires_on and on > given.lot_expires_on):
        why = chart.reason(None, "Table 6-3", SUBSTANDARD, on, given.lot_expires_on)
        return Judged(place, given, target, "Sub-standard", (why,))
    if target >= len(series.doses):
        why = chart.reason(None, "Section 4.4", ALREADY_COMPLETE, on)
        return Judged(place, given, target, "Extraneous", (why,))
    dose = series.doses[target]
    if given.code in dose.inadvertent:
        why = chart.reason(None, "Table 6-13", INADVERTENT, on)
        return Judged(place, given, target, "Not Valid", (why,), True)
    found = [*_age(chart, chart.ages(series, target, on, satisfied), on)]
    if any(_decides(one) and one.text == TOO_OLD for one in found):
        return Judged(place, given, target, "Extraneous", tuple(one for one in found if _decides(one)))
    if dose.together and satisfied[-1][1] != on:
        found.append(chart.reason(series, "Table 6-18", NOT_TOGETHER, on, satisfied[-1][1]))
    found += _interval(chart, antigen, dose, given, judged, satisfied)
    found += _conflict(chart, given, judged)
    found += _vaccine(chart, dose, given)
    faults = tuple(one for one in found if _decides(one))
    if faults:
        return Judged(place, given, target, "Not Valid", faults)
    unverified = chart.evidence(series) == "unverified"
    if unverified:
        found.append(chart.reason(series, "Table 6-29", DOUBTED, on))
    instead = chart.used(dose.preferable, given) is None and any(one.text == DOUBTED for one in found)
    doubted = unverified or instead
    return Judged(place, given, target, "Valid", tuple(found), doubted=doubted)


def _decides(found: Reason) -> bool:
    """Does it make the dose invalid? An unverified rule and grace only leave a note."""
    return found.evidence != "unverified" and found.text != GRACE


def _age(chart: Chart, ages: Sequence[Age], on: date) -> Iterator[Reason]:
    """What is wrong with the age, what is to be noted of it (table 6-15)."""
    for age in ages:
        abs_min, minimum, maximum = chart.at(age.abs_min), chart.at(age.min), chart.at(age.max)
        if abs_min and on < abs_min:
            yield chart.reason(age, "Table 6-15", TOO_YOUNG, on, abs_min)
        elif maximum and on >= maximum:
            yield chart.reason(age, "Table 6-15", TOO_OLD, on, maximum)
        elif minimum and on < minimum:
            yield chart.reason(age, "Table 6-15", GRACE, on, minimum)


def _interval(
    chart: Chart,
    antigen: str,
    dose: SeriesDose,
    given: Given,
    judged: Sequence[Judged],
    satisfied: Sequence[tuple[int, date]],
) -> list[Reason]:
    """All preferable intervals, or else all allowable ones (tables 6-18, 6-21, 6-31)."""
    on = given.given_on

    def before(interval: Interval, span: Span | None) -> date | None:
        """The date the span asks for, if the dose came before it."""
        start = starts_on(chart, antigen, interval, on, judged, satisfied)
        if span is None or start is None:
            return None
        asked = shift(start, span, chart.unreal)
        return asked if on < asked else None

    allowable = [i for i in dose.allowable_intervals if i.holds_on(on)]
    saved = bool(allowable) and not any(before(i, i.abs_min) for i in allowable)
    found: list[Reason] = []
    for interval in dose.intervals:
        if not interval.holds_on(on):
            continue
        if asked := before(interval, interval.abs_min):
            if saved:
                return []
            found.append(chart.reason(interval, "Table 6-18", TOO_SOON, on, asked))
        elif asked := before(interval, interval.min):
            found.append(chart.reason(interval, "Table 6-18", GRACE, on, asked))
    return found


def _conflict(chart: Chart, given: Given, judged: Sequence[Judged]) -> Iterator[Reason]:
    """Earlier vaccines that this one should have kept a distance from (CONFLICT-3)."""
    conflicts = chart.programme.conflicts.get(given.code)
    if not conflicts:
        return
    on = given.given_on
    for place, previous in enumerate(chart.given):
        if previous.given_on >= on:
            break
        for conflict in conflicts:
            if chart.codes[place] not in conflict.previous:
                continue
            spoilt = any(dose.place == place and dose.status != "Valid" for dose in judged)
            end = shift(previous.given_on, conflict.end if spoilt else conflict.min_end, chart.unreal)
            if on < end and shift(previous.given_on, conflict.begin, chart.unreal) <= on:
                yield chart.reason(conflict, "CONFLICT-3", CONFLICT, on, end)


def _vaccine(chart: Chart, dose: SeriesDose, given: Given) -> list[Reason]:
    """Neither preferable nor allowable (tables 6-26, 6-29), or only by an unverified rule."""
    used = chart.used(dose.preferable, given) or chart.used(dose.allowable, given)
    if used is None:
        asked = next((one for one in dose.preferable if chart.evidence(one) != "unverified"), None)
        return [chart.reason(asked, "Table 6-29", WRONG_VACCINE, given.given_on)]
    return [chart.reason(used, "Table 6-29", DOUBTED, given.given_on)] if chart.evidence(used) == "unverified" else []
