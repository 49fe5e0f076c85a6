"""One child before one programme: the history by antigen, ages as dates, observations at hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import msgspec

from domain.schedule.case import Case, DoseStatus, Given, Reason
from domain.schedule.dates import Span, Unreal, shift, within
from domain.schedule.programme import Products, Programme, Series


class Judged(msgspec.Struct, frozen=True):
    """A dose given, judged against one series. `place`: its index in the chart; `target`: that of the series dose."""

    place: int
    given: Given
    target: int
    status: DoseStatus
    reasons: tuple[Reason, ...] = ()
    inadvertent: bool = False


class Progress(msgspec.Struct, frozen=True):
    """How far a series has come. `satisfied`: (index of the series dose, date) in order; `next` the dose waited for.

    `next` is len(series.doses) when no dose is waited for.
    """

    antigen: str
    series: Series
    judged: tuple[Judged, ...]
    satisfied: tuple[tuple[int, date], ...]
    next: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A case read against a programme (section 4.2): `history` has the places in `given` of each antigen's doses."""

    programme: Programme
    case: Case
    given: tuple[Given, ...]
    history: dict[str, tuple[int, ...]]
    observed: dict[str, date | None]

    @property
    def unreal(self) -> Unreal:
        return self.programme.unreal_date

    def at(self, age: Span | None) -> date | None:
        """The day the child reaches an age."""
        return None if age is None else shift(self.case.birth_on, age, self.unreal)

    def aged(self, day: date, begin: Span | None, end: Span | None) -> bool:
        """Is the child of an age from `begin` until before `end` on that day?"""
        return within(day, self.at(begin), self.at(end))

    def uses(self, products: tuple[Products, ...], given: Given) -> bool:
        """Was one of the products given, at an age and of a manufacturer it allows?"""
        return any(
            given.code in p.vaccines and (not p.mvx or p.mvx == given.mvx) and self.aged(given.given_on, p.begin, p.end)
            for p in products
        )


def open_chart(programme: Programme, case: Case) -> Chart:
    """Sort the doses and share them out to their antigens. A vaccine the programme does not know has no antigen."""
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
    observed: dict[str, date | None] = {}
    for seen in case.observations:
        known = observed.get(seen.code)
        observed[seen.code] = max(known, seen.observed_on) if known and seen.observed_on else seen.observed_on or known
    return Chart(programme, case, given, {name: tuple(places) for name, places in history.items()}, observed)


def _order(dose: Given) -> tuple[date, str, str, bool, date]:
    """By date; doses of one day in an order of their own, whatever order they came in."""
    return dose.given_on, dose.code, dose.mvx, dose.substandard, dose.lot_expires_on or date.max
