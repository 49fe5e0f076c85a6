"""One case through a whole programme (chapter 4)."""

from __future__ import annotations

from collections.abc import Sequence

from domain.schedule.case import Case, CaseResult, DoseVerdict, GroupForecast
from domain.schedule.chart import Chart, open_chart
from domain.schedule.evaluate import evaluate
from domain.schedule.forecast import SeriesForecast, forecast
from domain.schedule.groups import dose_verdicts, group_forecast, with_doubts
from domain.schedule.programme import Antigen, Programme, Series
from domain.schedule.selection import best_series, relevant_series


def evaluate_case(programme: Programme, case: Case, earlier: Sequence[Programme] = ()) -> CaseResult:
    """Judge every dose of the case and forecast every vaccine group that concerns the child.

    `programme` is the edition in force on the day of assessment; a dose given while one of `earlier` was in force is
    judged by that one's series of the same name. Doses after the day of assessment are left out. The order of the
    case's doses does not matter.
    """
    chart = open_chart(programme, case, earlier)
    series = {name: series_forecasts(chart, name, antigen) for name, antigen in programme.antigens.items()}
    best = {name: best_series(chart, forecasts) for name, forecasts in series.items()}
    doses: list[DoseVerdict] = []
    groups: list[GroupForecast] = []
    for group in programme.vaccine_groups.values():
        chosen = [one for antigen in group.antigens for one in best[antigen]]
        doubted = [one for antigen in group.antigens for one in series[antigen] if _is_doubted(one)]
        if chosen:
            groups.append(with_doubts(group_forecast(chart, group, chosen), doubted))
        judging = [one for antigen in group.antigens for one in _judging(best[antigen], series[antigen])]
        doses += dose_verdicts(group, [*judging, *doubted])
    doses.sort(key=lambda verdict: (verdict.given_on, verdict.cvx, verdict.vaccine_group, verdict.ref))
    return CaseResult(case.id, tuple(doses), tuple(groups))


def series_forecasts(chart: Chart, name: str, antigen: Antigen) -> list[SeriesForecast]:
    """Every relevant series of an antigen, evaluated and forecast; those that ask for another's completion last."""
    forecasts: list[SeriesForecast] = []
    for series in sorted(relevant_series(chart, antigen), key=_asks_completion):
        complete = frozenset(one.progress.series.group for one in forecasts if one.status == "Complete")
        progress = evaluate(chart, name, series, complete)
        forecasts.append(forecast(chart, antigen, progress, complete))
    return forecasts


def _is_doubted(one: SeriesForecast) -> bool:
    """Would this series be complete, were its last dose not counted by an unverified rule?"""
    return one.progress.doubted and one.progress.series.kind == "Evaluation Only"


def _judging(best: Sequence[SeriesForecast], every: Sequence[SeriesForecast]) -> list[SeriesForecast]:
    """The series whose verdicts are told: the best ones; where these have no valid dose, those beside them as well."""
    if any(one.progress.satisfied for one in best):
        return [*best]
    groups = {one.progress.series.group for one in best}
    return [*best, *(one for one in every if one not in best and (not best or one.progress.series.group in groups))]


def _asks_completion(series: Series) -> bool:
    return any(
        condition.kind == "completed"
        for dose in series.doses
        for skip in dose.skips
        for one in skip.sets
        for condition in one.conditions
    )
