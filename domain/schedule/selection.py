"""Which of several series is the child's (chapters 5 and 8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from domain.schedule.chart import Chart
from domain.schedule.dates import shift, within
from domain.schedule.forecast import SeriesForecast, max_age
from domain.schedule.programme import Antigen, Series

_GENDERS = {"F": "Female", "M": "Male"}


def relevant_series(chart: Chart, antigen: Antigen) -> list[Series]:
    """The series that concern the child: by gender and birth, and risk series by an observation (tables 5-4, 5-5)."""
    gender = _GENDERS.get(chart.case.sex, "Unknown")
    return [
        series
        for series in antigen.series
        if (not series.genders or gender in series.genders)
        and within(chart.case.birth_on, series.born_from, series.born_before)
        and series.holds_on(chart.case.assessed_on)
        and (series.kind != "Risk" or _indicated(chart, series))
    ]


def _indicated(chart: Chart, series: Series) -> bool:
    today = chart.case.assessed_on
    return bool(chart.observed) and any(
        i.observation in chart.observed
        and all(code in chart.observed for code in i.also)
        and chart.aged(today, i.begin, i.end)
        for i in series.indications
    )


def best_series(chart: Chart, forecasts: Sequence[SeriesForecast]) -> list[SeriesForecast]:
    """The series to follow among all of one antigen, at most one of each series group (table 8-14)."""
    groups: dict[str, list[SeriesForecast]] = {}
    for one in forecasts:
        groups.setdefault(one.progress.series.group, []).append(one)
    prioritized = {name: chosen for name, group in groups.items() if (chosen := _prioritized(chart, group))}
    return [one for one in prioritized.values() if _is_best(one, prioritized)]


def _is_best(one: SeriesForecast, prioritized: dict[str, SeriesForecast]) -> bool:
    series = one.progress.series
    equals = [prioritized[name] for name in series.equivalent_groups if name in prioritized]
    if one.status == "Complete":
        return True
    if series.kind == "Evaluation Only" or any(other.status == "Complete" for other in equals):
        return False
    return series.kind == "Risk" or not any(other.progress.series.kind == "Risk" for other in equals)


def _prioritized(chart: Chart, group: Sequence[SeriesForecast]) -> SeriesForecast | None:
    """The one series of a series group (tables 8-3 and 8-5)."""
    scorable = _scorable(chart, group)
    default = next((one for one in group if one.progress.series.default), None)
    complete = [one for one in scorable if one.status == "Complete"]
    in_process = [one for one in scorable if one.status == "Not Complete" and one.progress.satisfied]
    if not scorable:
        return default
    if len(scorable) == 1:
        return scorable[0]
    if complete:
        return _highest(complete, [_score_complete(one, complete) for one in complete])
    if in_process:
        return _highest(in_process, _scores_in_process(chart, in_process))
    if default:
        return default
    return _highest(scorable, _scores_without_doses(chart, scorable))


def _scorable(chart: Chart, group: Sequence[SeriesForecast]) -> list[SeriesForecast]:
    """SELECTB-24 and SELECTSCORE-2."""
    open_to_all = all(one.status == "Contraindicated" for one in group)
    first_priority = min(one.progress.series.priority for one in group)
    untouched = not any(one.progress.satisfied for one in group)
    has_default = any(one.progress.series.default for one in group)

    def scorable(one: SeriesForecast) -> bool:
        series = one.progress.series
        if one.target < len(series.doses) and series.doses[one.target].together:
            return False
        if series.kind == "Evaluation Only":
            return one.status == "Complete"
        if one.status == "Contraindicated" and not open_to_all:
            return False
        if series.kind == "Risk":
            return series.priority == first_priority
        if not one.progress.satisfied:
            return untouched and not has_default
        end = chart.at(series.max_age_to_start)
        return end is None or one.progress.satisfied[0][1] < end

    return [one for one in group if scorable(one)]


def _highest(forecasts: Sequence[SeriesForecast], scores: Iterable[int]) -> SeriesForecast:
    """SELECTBEST-2: the highest score, then the best preference."""
    ranked = sorted(
        zip(scores, forecasts, strict=True), key=lambda pair: (-pair[0], pair[1].progress.series.preference)
    )
    return ranked[0][1]


def _points(best: Sequence[bool], mine: bool, points: int) -> int:
    """Points for what only one series can have: nothing when two or more share it."""
    if not mine:
        return -points
    return points if sum(best) == 1 else 0


def _score_complete(one: SeriesForecast, all_complete: Sequence[SeriesForecast]) -> int:
    most = max(len(other.progress.satisfied) for other in all_complete)
    best = [len(other.progress.satisfied) == most for other in all_complete]
    return _points(best, len(one.progress.satisfied) == most, 1)


def _finish_on(chart: Chart, one: SeriesForecast) -> date | None:
    """SELECTB-12: the earliest date plus the longest minimum interval of the doses after it."""
    if one.dates is None:
        return None
    today = chart.case.assessed_on
    spans = [
        i.min
        for dose in one.progress.series.doses[one.target + 1 :]
        for i in dose.intervals
        if i.min and i.holds_on(today)
    ]
    return max((shift(one.dates.earliest_on, span, chart.unreal) for span in spans), default=one.dates.earliest_on)


def _completable(chart: Chart, one: SeriesForecast) -> bool:
    """SELECTB-3."""
    finish = _finish_on(chart, one)
    end = max_age(chart, one.progress, len(one.progress.series.doses) - 1)
    return finish is not None and (end is None or finish < end)


def _scores_in_process(chart: Chart, forecasts: Sequence[SeriesForecast]) -> list[int]:
    """Table 8-9."""
    completable = [_completable(chart, one) for one in forecasts]
    valid = [len(one.progress.satisfied) for one in forecasts]
    waiting = [len(one.progress.series.doses) - one.target for one in forecasts]
    finish = [_finish_on(chart, one) if able else None for one, able in zip(forecasts, completable, strict=True)]
    first = min((day for day in finish if day), default=None)
    most = [count == max(valid) for count in valid]
    closest = [count == min(waiting) for count in waiting]
    soonest = [day is not None and day == first for day in finish]
    scores = []
    for n, one in enumerate(forecasts):
        all_valid = all(dose.status == "Valid" for dose in one.progress.judged)
        score = 2 if one.progress.series.product and all_valid else -2
        score += 3 if completable[n] else -3
        score += _points(most, most[n], 2) + _points(closest, closest[n], 2) + _points(soonest, soonest[n], 1)
        scores.append(score)
    return scores


def _scores_without_doses(chart: Chart, forecasts: Sequence[SeriesForecast]) -> list[int]:
    """Table 8-11."""
    first = min((one.dates.earliest_on for one in forecasts if one.dates), default=None)
    starts = [one.dates is not None and one.dates.earliest_on == first for one in forecasts]
    return [
        _points(starts, starts[n], 1)
        + (1 if _completable(chart, one) else -1)
        + (-1 if one.progress.series.product else 1)
        for n, one in enumerate(forecasts)
    ]
