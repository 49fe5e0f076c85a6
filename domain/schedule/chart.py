"""One child before one programme: the history by antigen, ages as dates, observations at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import msgspec

from domain.schedule.case import Case, DoseStatus, Given, Reason
from domain.schedule.dates import Span, Unreal, shift, within
from domain.schedule.programme import Age, Evidence, Products, Programme, Rule, Series


class Judged(msgspec.Struct, frozen=True, gc=False):
    """A dose given, judged against one series. `place`: its index in the chart; `target`: that of the series dose.

    The `reasons` of a valid dose are warnings; `doubted`: it counts only by an unverified rule (an
    unverified series, or a vaccine in place of the one asked for).
    """

    place: int
    given: Given
    target: int
    status: DoseStatus
    reasons: tuple[Reason, ...] = ()
    inadvertent: bool = False
    doubted: bool = False


class Progress(msgspec.Struct, frozen=True, gc=False):
    """How far a series has come. `satisfied`: (index of the series dose, date) in order; `next` the dose waited for.

    `next` is len(series.doses) when no dose is waited for. `doubted`: the last dose was given, by an unverified rule:
    the series stays open.
    """

    antigen: str
    series: Series
    judged: tuple[Judged, ...]
    satisfied: tuple[tuple[int, date], ...]
    next: int
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A case read against a programme (section 4.2): `history` has the places in `given` of each antigen's doses.

    `codes`: the vaccine of each dose of `given`. `observed`: the known dates of each observation, in order. `earlier`:
    the same case read against the editions that were in force before, newest first.
    """

    programme: Programme
    case: Case
    given: tuple[Given, ...]
    codes: tuple[str, ...]
    history: dict[str, tuple[int, ...]]
    observed: dict[str, tuple[date, ...]]
    earlier: tuple[Chart, ...] = ()

    def without(self, antigen: str, vaccines: tuple[str, ...], until: date) -> list[date]:
        """Days of doses of the vaccines that are none of the antigen: its rules may name such, as Td before Tdap."""
        own = self.history.get(antigen, ())
        return [
            dose.given_on
            for place, dose in enumerate(self.given)
            if dose.code in vaccines and dose.given_on <= until and place not in own
        ]

    def as_of(self, day: date) -> Chart:
        """The chart of the edition in force on a day; of the oldest one for a day before it."""
        if not self.earlier or self.programme.effective_on <= day:
            return self
        return next((one for one in self.earlier if one.programme.effective_on <= day), self.earlier[-1])

    def path(self, antigen: str, series: Series) -> Series:
        """The series of this name in this edition, or the series itself where the edition has none."""
        known = self.programme.antigens.get(antigen)
        return next((one for one in known.series if one.name == series.name), series) if known else series

    @property
    def unreal(self) -> Unreal:
        return self.programme.unreal_date

    def at(self, age: Span | None) -> date | None:
        """The day the child reaches an age."""
        return None if age is None else shift(self.case.birth_on, age, self.unreal)

    def aged(self, day: date, begin: Span | None, end: Span | None) -> bool:
        """Is the child of an age from `begin` until before `end` on that day?"""
        return within(day, self.at(begin), self.at(end))

    def ages(self, series: Series, target: int, on: date, satisfied: Sequence[tuple[int, date]]) -> list[Age]:
        """The rules of age of a series dose in force on a day."""
        return [
            age
            for age in series.doses[target].ages
            if age.holds_on(on)
            and (age.after_missed is None or age.after_missed != any(t == target - 1 for t, _ in satisfied))
        ]

    def used(self, products: tuple[Products, ...], given: Given) -> Products | None:
        """Which of the products was given, at an age and of a manufacturer it allows."""
        for one in products:
            if given.code not in one.vaccines or (one.mvx and one.mvx != given.mvx):
                continue
            if self.aged(given.given_on, one.begin, one.end):
                return one
        return None

    def evidence(self, rule: Rule) -> Evidence:
        """How well a rule is known: its own mark, or the programme's."""
        return rule.evidence or self.programme.evidence

    def reason(self, rule: Rule | None, otherwise: str, text: str, *days: date | None) -> Reason:
        """Why, by a rule of the programme, or by `otherwise`, the specification's, where it has no id of its own.

        `days`: the date looked at and the one it was held against.
        """
        looked_at, held_against = (*days, None, None)[:2]
        if rule is None:
            return Reason(otherwise, text, looked_at, held_against, self.programme.source, self.programme.evidence)
        source = rule.source or self.programme.source
        return Reason(rule.rule or otherwise, text, looked_at, held_against, source, self.evidence(rule))


def open_chart(programme: Programme, case: Case, earlier: Sequence[Programme] = ()) -> Chart:
    """Sort the doses and share them out to their antigens. A vaccine the programme does not know has no antigen.

    `earlier`: the editions in force before `programme`, in any order.
    """
    given = tuple(sorted(case.doses, key=_order))
    history: dict[str, list[int]] = {}
    for place, dose in enumerate(given):
        vaccine = programme.vaccines.get(dose.code)
        for part in vaccine.antigens if vaccine else ():
            begin, end = (
                shift(case.birth_on, age, programme.unreal_date) if age else None for age in (part.begin, part.end)
            )
            if within(dose.given_on, begin, end):
                history.setdefault(part.antigen, []).append(place)
    observed: dict[str, tuple[date, ...]] = {}
    for seen in case.observations:
        known = observed.get(seen.code, ())
        observed[seen.code] = tuple(sorted((*known, seen.observed_on))) if seen.observed_on else known
    codes = tuple(dose.code for dose in given)
    chart = Chart(programme, case, given, codes, {name: tuple(places) for name, places in history.items()}, observed)
    if not earlier:
        return chart
    newest_first = sorted(earlier, key=lambda edition: edition.effective_on, reverse=True)
    return replace(chart, earlier=tuple(replace(chart, programme=edition) for edition in newest_first))


def _order(dose: Given) -> tuple[date, str, str, bool, date, str]:
    """By date; doses of one day in an order of their own, whatever order they came in."""
    return dose.given_on, dose.code, dose.mvx, dose.substandard, dose.lot_expires_on or date.max, dose.ref
