"""Antigens put together again into vaccine groups (chapter 9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from domain.schedule.case import DoseVerdict, GroupForecast, Reason, SeriesStatus
from domain.schedule.chart import Chart, Judged
from domain.schedule.dates import earliest, latest
from domain.schedule.evaluate import WRONG_VACCINE
from domain.schedule.forecast import SeriesForecast
from domain.schedule.programme import VaccineGroup

_STATUSES: tuple[SeriesStatus, ...] = ("Contraindicated", "Aged Out", "Not Recommended", "Not Complete")
_PRESSING = ("Not Complete", "Contraindicated", "Complete", "For Later", "Immune", "Not Recommended", "Aged Out")
_DOSE_STATUSES = ("Not Valid", "Sub-standard", "Valid", "Extraneous")


def group_forecast(chart: Chart, group: VaccineGroup, best: Sequence[SeriesForecast]) -> GroupForecast:
    """The forecast of a vaccine group.

    Antigens are blended, risk series apart from standard ones and series groups apart from each other; of what results,
    the most pressing is the group's, the risk one where both ask for a dose. Its dose number counts the valid doses of
    any of them (FORECASTDN-2), but for a round begun anew, whose number is its own.
    """
    parts: dict[tuple[bool, str], list[SeriesForecast]] = {}
    for one in best:
        series = one.progress.series
        apart = series.group if len(group.antigens) == 1 else ""
        parts.setdefault((series.kind == "Risk", apart), []).append(one)
    pressing = []
    for risk in {risk for risk, _ in parts}:
        of_kind = [(_blend(chart, group, part), part) for key, part in parts.items() if key[0] == risk]
        pressing.append(min(of_kind, key=lambda pair: _rank(pair[0], _is_for_later(chart, pair[1]))))
    chosen, followed = min(pressing, key=lambda pair: (_rank(pair[0])[0], not _is_risk(pair[1]), _rank(pair[0])))
    if chosen.forecast_dose is None or any(_is_anew(chart, one) for one in followed):
        return chosen
    return msgspec.structs.replace(chosen, forecast_dose=max(_number(group, part) for part in parts.values()))


def with_doubts(found: GroupForecast, doubted: Sequence[SeriesForecast]) -> GroupForecast:
    """With the warnings of series that only an unverified rule would call complete."""
    if not doubted or found.series_status == "Complete":
        return found
    return msgspec.structs.replace(
        found, why=(*found.why, *(r for one in doubted for r in one.progress.judged[-1].reasons))
    )


def _rank(one: GroupForecast, for_later: bool = False) -> tuple[int, date]:
    """The smaller the more pressing."""
    status = "For Later" if for_later else one.series_status
    return _PRESSING.index(status), one.earliest_on or date.max


def _is_for_later(chart: Chart, part: Sequence[SeriesForecast]) -> bool:
    """A series of a later age, not begun: a complete series of the same kind stands until then."""
    return all(
        one.dates is not None and one.dates.earliest_on > chart.case.assessed_on and not one.progress.satisfied
        for one in part
    )


def _is_risk(part: Sequence[SeriesForecast]) -> bool:
    return any(one.progress.series.kind == "Risk" for one in part)


def _is_anew(chart: Chart, one: SeriesForecast) -> bool:
    """A round begun anew by an event, such as a transplantation: doses from before it do not count."""
    intervals = (interval for dose in one.progress.series.doses for interval in dose.intervals)
    return any(i.restarts and bool(chart.observed.get(i.from_observation or "")) for i in intervals)


def _number(group: VaccineGroup, forecasts: Sequence[SeriesForecast]) -> int:
    numbers = [one.number for one in forecasts]
    return min(numbers) if group.full else max(numbers)


def _status(statuses: set[SeriesStatus]) -> SeriesStatus:
    """Table 9-4; for a single antigen, its own status (SINGLEANTVG-1)."""
    for status in _STATUSES:
        if status in statuses:
            return status
    return "Immune" if statuses == {"Immune"} else "Complete"


def _blend(chart: Chart, group: VaccineGroup, forecasts: Sequence[SeriesForecast]) -> GroupForecast:
    status = _status({one.status for one in forecasts})
    names = tuple(f"{one.progress.antigen}: {one.progress.series.name}" for one in forecasts)
    why = tuple(
        msgspec.structs.replace(reason, where=name)
        for one, name in zip(forecasts, names, strict=True)
        for reason in one.why
    )
    waiting = [one for one in forecasts if one.dates] if status == "Not Complete" else []
    if not waiting:
        return GroupForecast(group.code, status, None, None, None, None, None, names, (), why, doses=_doses(forecasts))
    dates = [one.dates for one in waiting if one.dates]
    earliest_on = _earliest(chart, group, waiting)
    past_due_on = earliest(*(d.past_due_on for d in dates))
    return GroupForecast(
        vaccine_group=group.code,
        series_status=status,
        forecast_dose=_number(group, waiting),
        earliest_on=earliest_on,
        recommended_on=latest(earliest(*(d.recommended_on for d in dates)), earliest_on),
        past_due_on=past_due_on and max(past_due_on, earliest_on),
        latest_on=earliest(*(d.latest_on for d in dates)),
        series=names,
        vaccines=tuple(sorted({vaccine for one in waiting for vaccine in one.vaccines})),
        why=why,
        target=min(waiting, key=lambda one: one.number).target + 1,
        doses=_doses(waiting),
    )


def _doses(forecasts: Sequence[SeriesForecast]) -> int:
    """How many doses the longest of the series has; 0 where one recurs without end."""
    paths = [one.progress.series.doses for one in forecasts]
    return 0 if any(dose.recurring for path in paths for dose in path) else max(len(path) for path in paths)


def _earliest(chart: Chart, group: VaccineGroup, waiting: Sequence[SeriesForecast]) -> date:
    """SINGLEANTVG-2, MULTIANTVG-1."""
    days = [one.dates.earliest_on for one in waiting if one.dates]
    if len(group.antigens) > 1 and any(_priority(one) for one in waiting):
        given = [chart.given[place].given_on for a in group.antigens for place in chart.history.get(a, ())]
        return max([min(days), *(day for day in given if day <= chart.case.assessed_on)])
    return max(days)


def _priority(one: SeriesForecast) -> bool:
    """FORECASTPRIORITY-1."""
    intervals = one.progress.series.doses[one.target].intervals
    return bool(intervals) and all(interval.overrides for interval in intervals)


def dose_verdicts(group: VaccineGroup, judging: Sequence[SeriesForecast]) -> list[DoseVerdict]:
    """Each dose of the group once: not valid when invalid for any antigen, valid when valid for any series of each."""
    found: dict[int, dict[str, list[tuple[SeriesForecast, Judged]]]] = {}
    for one in judging:
        for judged in one.progress.judged:
            found.setdefault(judged.place, {}).setdefault(one.progress.antigen, []).append((one, judged))
    return [_verdict(group, list(antigens.values())) for antigens in found.values()]


def _kindness(judged: Judged) -> int:
    """Of several series' verdicts the valid one is told, else one of a series that has the vaccine."""
    if judged.status == "Valid":
        return 2
    return 0 if any(reason.text == WRONG_VACCINE for reason in judged.reasons) else 1


def _verdict(group: VaccineGroup, antigens: list[list[tuple[SeriesForecast, Judged]]]) -> DoseVerdict:
    kindest = [max(series, key=lambda pair: _kindness(pair[1])) for series in antigens]
    one, judged = min(kindest, key=lambda pair: _DOSE_STATUSES.index(pair[1].status))
    series = f"{one.progress.antigen}: {one.progress.series.name}"
    where = f"{series}, {judged.target + 1}"
    why: tuple[Reason, ...] = tuple(msgspec.structs.replace(reason, where=where) for reason in judged.reasons)
    return DoseVerdict(
        given_on=judged.given.given_on,
        cvx=judged.given.code,
        vaccine_group=group.code,
        status=judged.status,
        reason=None if judged.status == "Valid" or not why else why[0].text,
        why=why,
        ref=judged.given.ref,
        dose=judged.target + 1 if judged.status == "Valid" else None,
        series=series,
    )
