"""The next dose of a series: whether, and when (chapter 7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from domain.schedule.case import Reason, SeriesStatus
from domain.schedule.chart import Chart, Progress
from domain.schedule.dates import earliest, latest, shift
from domain.schedule.intervals import starts_on
from domain.schedule.programme import Age, Antigen, Contraindication, Rule, SeriesDose
from domain.schedule.skips import may_skip, stops

FORBIDDEN = "Patient has a contraindication"
DEFERRED = "To be put off"
TO_EVALUATE = "To be weighed by the physician"
REQUIRED = "Needs"
NOTHING_TO_GIVE = "Not recommended at this time due to past immunization history"

_DAY = timedelta(days=1)


class Dates(msgspec.Struct, frozen=True, gc=False):
    """The dates of one forecast dose."""

    earliest_on: date
    recommended_on: date
    past_due_on: date | None
    latest_on: date | None


class SeriesForecast(msgspec.Struct, frozen=True, gc=False):
    """Where one series stands. `target` is the index of the dose forecast; `dates` only when the status is open."""

    progress: Progress
    status: SeriesStatus
    target: int
    number: int
    dates: Dates | None = None
    vaccines: tuple[str, ...] = ()
    why: tuple[Reason, ...] = ()


class Candidates(msgspec.Struct, frozen=True, gc=False):
    """The dates that decide when a dose can be given, each with its rule (FORECASTDTCAN-1).

    Unverified rules move the recommended date, not the earliest one.
    """

    reasons: tuple[Reason, ...]
    ages: list[Age]
    earliest_on: date
    advised_on: date

    @property
    def deciding(self) -> tuple[Reason, ...]:
        """The rules of the earliest date, and the unverified ones that ask for a later one."""
        return tuple(r for r in self.reasons if r.held_against and r.held_against >= self.earliest_on)


def forecast(chart: Chart, antigen: Antigen, progress: Progress, complete_groups: frozenset[str]) -> SeriesForecast:
    """Skip what need not be given, decide whether a dose is needed and when (figure 7-1)."""
    doses = progress.series.doses
    on, target = chart.case.assessed_on, progress.next
    forbids = tuple(c for c in antigen.contraindications if _applies(chart, c))
    while True:
        target, doubts = stops(
            chart, progress.antigen, progress.series, target, "Forecast", on, progress.judged, complete_groups
        )[-1]
        if target == len(doses):
            return _ended(chart, progress)
        candidates = _candidates(chart, progress, target)
        closed = _closed(chart, antigen, forbids, progress, target, candidates)
        if closed:
            return closed
        skip = may_skip(
            chart, progress.antigen, doses[target], "Forecast", candidates.earliest_on, progress.judged, complete_groups
        )
        if skip and chart.evidence(skip) != "unverified":
            target += 1  # section 7.6: the dose will not be needed by the day it could be given
            continue
        return _open(chart, forbids, progress, target, candidates, doubts)


def max_age(chart: Chart, progress: Progress, target: int) -> date | None:
    """The day from which a dose of the series is too late."""
    return _too_late(chart, chart.ages(progress.series, target, chart.case.assessed_on, progress.satisfied))[0]


def _too_late(chart: Chart, ages: Sequence[Age]) -> tuple[date | None, Age | None]:
    """The day from which the dose is too late, and the rule that says so. An unverified rule does not."""
    for age in ages:
        if age.max and chart.evidence(age) != "unverified":
            return chart.at(age.max), age
    return None, None


def _ended(chart: Chart, progress: Progress) -> SeriesForecast:
    """No dose is waited for (table 7-10)."""
    text = "Patient series is complete" if progress.satisfied else NOTHING_TO_GIVE
    why = chart.reason(None, "Table 7-10", text, chart.case.assessed_on)
    status: SeriesStatus = "Complete" if progress.satisfied else "Not Recommended"
    return SeriesForecast(progress, status, len(progress.series.doses), _number(progress), why=(why,))


def _closed(
    chart: Chart,
    antigen: Antigen,
    forbids: tuple[Contraindication, ...],
    progress: Progress,
    target: int,
    candidates: Candidates,
) -> SeriesForecast | None:
    """Why the dose waited for is not to be given (table 7-10), or None."""
    today = chart.case.assessed_on

    def closed(
        status: SeriesStatus, text: str, against: date | None = None, rule: Rule | None = None
    ) -> SeriesForecast:
        why = chart.reason(rule, "Table 7-10", text, today, against)
        return SeriesForecast(progress, status, target, _number(progress), why=(why,))

    dose = progress.series.doses[target]
    maximum, too_old = _too_late(chart, candidates.ages)
    if _immune(chart, antigen):
        return closed("Immune", "Patient has evidence of immunity")
    if forbids and (forbidden := _contraindicated(chart, forbids, dose)):
        return closed("Contraindicated", _forbidding(forbidden), rule=forbidden)
    if dose.season_end_on and today > dose.season_end_on:
        return closed("Not Recommended", "Past seasonal recommendation end date", dose.season_end_on)
    if maximum and today >= maximum:
        return closed("Aged Out", "Patient has exceeded the maximum age", maximum, too_old)
    if maximum and candidates.earliest_on >= maximum:
        return closed("Aged Out", "Patient is unable to finish the series prior to the maximum age", maximum, too_old)
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


def _applies(chart: Chart, one: Contraindication) -> bool:
    """Does a contraindication concern the child today (tables 7-5, 7-6)?"""
    if one.observation and one.observation not in chart.observed:
        return False
    return not any(code in chart.observed for code in one.unless) and chart.aged(
        chart.case.assessed_on, one.begin, one.end
    )


def _forbids(chart: Chart, one: Contraindication) -> bool:
    return one.effect != "evaluate" and chart.evidence(one) != "unverified"


def _forbidding(one: Contraindication) -> str:
    """What a contraindication says, in words."""
    if one.unless:
        return f"{REQUIRED}: {', '.join(one.unless)}"
    return {"forbid": FORBIDDEN, "defer": DEFERRED, "evaluate": TO_EVALUATE}[one.effect]


def _forbidden(chart: Chart, forbids: tuple[Contraindication, ...], vaccine: str) -> Contraindication | None:
    """The vaccine contraindication that applies to this vaccine (table 7-6)."""
    today = chart.case.assessed_on
    for one in forbids:
        if _forbids(chart, one):
            for v in one.vaccines:
                if vaccine in v.vaccines and chart.aged(today, v.begin, v.end):
                    return one
    return None


def _contraindicated(chart: Chart, forbids: tuple[Contraindication, ...], dose: SeriesDose) -> Contraindication | None:
    """What forbids the antigen, or every preferable vaccine of the dose (table 7-7)."""
    for one in forbids:
        if not one.vaccines and _forbids(chart, one):
            return one
    found = [_forbidden(chart, forbids, vaccine) for products in dose.preferable for vaccine in products.vaccines]
    return found[0] if found and all(found) else None


def _candidates(chart: Chart, progress: Progress, target: int) -> Candidates:
    today, birth, dose = chart.case.assessed_on, chart.case.birth_on, progress.series.doses[target]
    ages = chart.ages(progress.series, target, today, progress.satisfied)
    found = [chart.reason(age, "CALCDTAGE-4", "minimum age", birth, chart.at(age.min)) for age in ages if age.min]
    for interval in dose.intervals:
        start = starts_on(chart, progress.antigen, interval, today, progress.judged, progress.satisfied)
        if start and interval.min and interval.holds_on(today):
            day = shift(start, interval.min, chart.unreal)
            found.append(chart.reason(interval, "CALCDTINT-4", "minimum interval", start, day))
    preferable = {vaccine for products in dose.preferable for vaccine in products.vaccines}
    for conflict in (c for vaccine in sorted(preferable) for c in chart.programme.conflicts.get(vaccine, ())):
        for code, given in zip(chart.codes, chart.given, strict=True):
            if code in conflict.previous and given.given_on <= today:
                day = shift(given.given_on, conflict.end, chart.unreal)
                found.append(chart.reason(conflict, "CALCDTCONFLICT-3", "vaccine conflict", given.given_on, day))
    if dose.season_start_on:
        found.append(Reason("FORECASTDTCAN-1", "season start", today, dose.season_start_on))
    if progress.judged:
        last = progress.judged[-1].given.given_on
        found.append(Reason("FORECASTDTCAN-1", "last dose", last, last))
    found.append(Reason("FORECASTDTCAN-1", "birth", birth, birth))
    days = [(reason.held_against or birth, reason.evidence) for reason in found]
    sure = max(day for day, evidence in days if evidence != "unverified")
    return Candidates(tuple(found), ages, sure, max(day for day, _ in days))


def _open(
    chart: Chart,
    forbids: tuple[Contraindication, ...],
    progress: Progress,
    target: int,
    candidates: Candidates,
    doubts: tuple[Reason, ...],
) -> SeriesForecast:
    """A dose is needed. The vaccines fit the age on its dates, or today's where those are past (FORECASTRECVAC-1).

    Its reasons end with what only warns: unverified skips, and what the physician is to weigh.
    """
    dose, today = progress.series.doses[target], chart.case.assessed_on
    dates = _dates(chart, progress, target, candidates)
    days = {max(day, today) for day in (dates.earliest_on, dates.recommended_on)}
    vaccines = tuple(
        sorted(
            vaccine
            for products in dose.preferable
            if products.recommended and any(chart.aged(day, products.begin, products.end) for day in days)
            for vaccine in products.vaccines
            if not (forbids and _forbidden(chart, forbids, vaccine))
        )
    )
    warnings = [chart.reason(c, "Table 7-6", _forbidding(c), today) for c in forbids]
    for age in candidates.ages:
        maximum = chart.at(age.max) if chart.evidence(age) == "unverified" else None
        if maximum and today >= maximum:
            warnings.append(chart.reason(age, "Table 7-10", "Patient has exceeded the maximum age", today, maximum))
    if progress.doubted:
        doubts += progress.judged[-1].reasons
    why = (*candidates.deciding, *doubts, *warnings)
    return SeriesForecast(progress, "Not Complete", target, _number(progress), dates, vaccines, why)


def _dates(chart: Chart, progress: Progress, target: int, candidates: Candidates) -> Dates:
    """FORECASTDT-1 to -6. Where several rules of age hold, the first one recommends."""
    dose, today, earliest_on = progress.series.doses[target], chart.case.assessed_on, candidates.earliest_on
    age = candidates.ages[0] if candidates.ages else Age()
    starts = [
        (start, i)
        for i in dose.intervals
        if i.holds_on(today)
        for start in [starts_on(chart, progress.antigen, i, today, progress.judged, progress.satisfied)]
        if start
    ]
    rec = latest(*(shift(start, i.earliest_rec, chart.unreal) for start, i in starts if i.earliest_rec))
    due = latest(*(shift(start, i.latest_rec, chart.unreal) for start, i in starts if i.latest_rec))
    wished_on = chart.at(age.earliest_rec) or rec or earliest_on
    end = chart.at(age.latest_rec) or due
    unmet_on = end and end - _DAY
    recommended_on = max(candidates.advised_on, wished_on)
    maximum = earliest(*(chart.at(one.max) for one in candidates.ages))  # what is too late unverified is not asked for
    return Dates(
        earliest_on=earliest_on,
        recommended_on=recommended_on,
        past_due_on=unmet_on and max(candidates.advised_on, unmet_on),
        latest_on=maximum and maximum - _DAY,
    )


def _number(progress: Progress) -> int:
    """FORECASTDN-1: doses of an earlier season do not count."""
    doses = progress.series.doses
    return 1 + sum((start := doses[t].season_start_on) is None or on >= start for t, on in progress.satisfied)
