"""The next dose of a series: whether, and when (chapter 7)."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from domain.schedule.case import Reason, SeriesStatus
from domain.schedule.chart import Chart, Progress
from domain.schedule.dates import latest, shift
from domain.schedule.intervals import starts_on
from domain.schedule.programme import Age, Antigen, Contraindication, SeriesDose
from domain.schedule.skips import may_skip

_DAY = timedelta(days=1)


class Dates(msgspec.Struct, frozen=True):
    """The dates of one forecast dose."""

    earliest_on: date
    recommended_on: date
    past_due_on: date | None
    latest_on: date | None


class SeriesForecast(msgspec.Struct, frozen=True):
    """Where one series stands. `target` is the index of the dose forecast; `dates` only when the status is open."""

    progress: Progress
    status: SeriesStatus
    target: int
    number: int
    dates: Dates | None = None
    vaccines: tuple[str, ...] = ()
    why: tuple[Reason, ...] = ()


class Candidates(msgspec.Struct, frozen=True):
    """The dates that decide the earliest one, each with its rule (FORECASTDTCAN-1)."""

    reasons: tuple[Reason, ...]

    @property
    def earliest_on(self) -> date:
        return max(reason.held_against for reason in self.reasons if reason.held_against)

    @property
    def deciding(self) -> tuple[Reason, ...]:
        return tuple(reason for reason in self.reasons if reason.held_against == self.earliest_on)


def forecast(chart: Chart, antigen: Antigen, progress: Progress, complete_groups: frozenset[str]) -> SeriesForecast:
    """Skip what need not be given, decide whether a dose is needed and when (figure 7-1)."""
    doses = progress.series.doses
    on, target = chart.case.assessed_on, progress.next
    while True:
        while target < len(doses) and may_skip(chart, doses[target], "Forecast", on, progress.judged, complete_groups):
            target += 1
        closed = _closed(chart, antigen, progress, target)
        if closed:
            return closed
        candidates = _candidates(chart, progress, doses[target])
        earliest_on = candidates.earliest_on
        if may_skip(chart, doses[target], "Forecast", earliest_on, progress.judged, complete_groups):
            target += 1  # section 7.6: the dose will not be needed by the day it could be given
            continue
        return _open(chart, antigen, progress, target, candidates)


def age_of(chart: Chart, dose: SeriesDose) -> Age:
    """The ages in force on the day of assessment."""
    return next((age for age in dose.ages if age.holds_on(chart.case.assessed_on)), Age())


def _closed(chart: Chart, antigen: Antigen, progress: Progress, target: int) -> SeriesForecast | None:
    """The statuses that need no dates (table 7-10), or None."""
    today = chart.case.assessed_on

    def closed(status: SeriesStatus, text: str, against: date | None = None) -> SeriesForecast:
        why = Reason("Table 7-10", text, today, against)
        return SeriesForecast(progress, status, target, _number(progress), why=(why,))

    if target == len(progress.series.doses):
        if progress.satisfied:
            return closed("Complete", "Patient series is complete")
        return closed("Not Recommended", "Not recommended at this time due to past immunization history")
    dose = progress.series.doses[target]
    maximum = chart.at(age_of(chart, dose).max)
    if _immune(chart, antigen):
        return closed("Immune", "Patient has evidence of immunity")
    if _contraindicated(chart, antigen, dose):
        return closed("Contraindicated", "Patient has a contraindication")
    if dose.season_end_on and today > dose.season_end_on:
        return closed("Not Recommended", "Past seasonal recommendation end date", dose.season_end_on)
    if maximum and today >= maximum:
        return closed("Aged Out", "Patient has exceeded the maximum age", maximum)
    if maximum and _candidates(chart, progress, dose).earliest_on >= maximum:
        return closed("Aged Out", "Patient is unable to finish the series prior to the maximum age", maximum)
    return None


def _immune(chart: Chart, antigen: Antigen) -> bool:
    """Evidence of immunity, by history or by year of birth (table 7-3)."""
    if any(code in chart.observed for code in antigen.immune_by_history):
        return True
    return any(
        chart.case.birth_on < born.before
        and not any(code in chart.observed for code in born.exclusions)
        and (not born.country or born.country == chart.case.birth_country)
        for born in antigen.immune_by_birth
    )


def forbidding(chart: Chart, antigen: Antigen, vaccine: str) -> Contraindication | None:
    """The vaccine contraindication that applies to this vaccine (table 7-6)."""
    today = chart.case.assessed_on
    return next(
        (
            c
            for c in antigen.contraindications
            if c.observation in chart.observed
            and chart.aged(today, c.begin, c.end)
            and any(vaccine in v.vaccines and chart.aged(today, v.begin, v.end) for v in c.vaccines)
        ),
        None,
    )


def _contraindicated(chart: Chart, antigen: Antigen, dose: SeriesDose) -> bool:
    """The antigen is forbidden, or every preferable vaccine of the dose (table 7-7)."""
    today = chart.case.assessed_on
    if any(
        not c.vaccines and c.observation in chart.observed and chart.aged(today, c.begin, c.end)
        for c in antigen.contraindications
    ):
        return True
    vaccines = {vaccine for products in dose.preferable for vaccine in products.vaccines}
    return bool(vaccines) and all(forbidding(chart, antigen, vaccine) for vaccine in vaccines)


def _candidates(chart: Chart, progress: Progress, dose: SeriesDose) -> Candidates:
    age, evidence = age_of(chart, dose), chart.programme.evidence
    found = [
        Reason("CALCDTAGE-4", "minimum age", chart.case.birth_on, chart.at(age.min), evidence=age.evidence or evidence)
    ]
    for interval in dose.intervals:
        start = starts_on(chart, interval, progress.judged, progress.satisfied)
        if start and interval.min and interval.holds_on(chart.case.assessed_on):
            day = shift(start, interval.min, chart.unreal)
            found.append(Reason("CALCDTINT-4", "minimum interval", start, day, evidence=interval.evidence or evidence))
    preferable = {vaccine for products in dose.preferable for vaccine in products.vaccines}
    for conflict in (c for vaccine in preferable for c in chart.programme.conflicts.get(vaccine, ())):
        for given in chart.given:
            if given.code in conflict.previous and given.given_on <= chart.case.assessed_on:
                day = shift(given.given_on, conflict.end, chart.unreal)
                found.append(Reason("CALCDTCONFLICT-3", "vaccine conflict", given.given_on, day))
    if dose.season_start_on:
        found.append(Reason("FORECASTDTCAN-1", "season start", held_against=dose.season_start_on))
    if progress.judged:
        last = progress.judged[-1].given.given_on
        found.append(Reason("FORECASTDTCAN-1", "last dose", last, last))
    day = chart.case.birth_on
    found.append(Reason("FORECASTDTCAN-1", "birth", day, day))
    return Candidates(tuple(found))


def _open(chart: Chart, antigen: Antigen, progress: Progress, target: int, candidates: Candidates) -> SeriesForecast:
    """A dose is needed. The vaccines fit the age on its dates, or today's where those are past (FORECASTRECVAC-1)."""
    dates = _dates(chart, progress, progress.series.doses[target], candidates.earliest_on)
    days = {max(day, chart.case.assessed_on) for day in (dates.earliest_on, dates.recommended_on)}
    vaccines = tuple(
        sorted(
            vaccine
            for products in progress.series.doses[target].preferable
            if products.recommended and any(chart.aged(day, products.begin, products.end) for day in days)
            for vaccine in products.vaccines
            if not forbidding(chart, antigen, vaccine)
        )
    )
    return SeriesForecast(progress, "Not Complete", target, _number(progress), dates, vaccines, why=candidates.deciding)


def _dates(chart: Chart, progress: Progress, dose: SeriesDose, earliest_on: date) -> Dates:
    """FORECASTDT-1 to -6."""
    age = age_of(chart, dose)
    starts = [
        (start, i)
        for i in dose.intervals
        if i.holds_on(chart.case.assessed_on)
        for start in [starts_on(chart, i, progress.judged, progress.satisfied)]
        if start
    ]
    rec = latest(*(shift(start, i.earliest_rec, chart.unreal) for start, i in starts if i.earliest_rec))
    due = latest(*(shift(start, i.latest_rec, chart.unreal) for start, i in starts if i.latest_rec))
    wished_on = chart.at(age.earliest_rec) or rec or earliest_on
    end = chart.at(age.latest_rec) or due
    unmet_on = end and end - _DAY
    maximum = chart.at(age.max)
    return Dates(
        earliest_on=earliest_on,
        recommended_on=max(earliest_on, wished_on),
        past_due_on=unmet_on and max(earliest_on, unmet_on),
        latest_on=maximum and maximum - _DAY,
    )


def _number(progress: Progress) -> int:
    """FORECASTDN-1: doses of an earlier season do not count."""
    doses = progress.series.doses
    return 1 + sum((start := doses[t].season_start_on) is None or on >= start for t, on in progress.satisfied)
