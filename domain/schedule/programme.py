"""An immunization programme as data: antigens, their series, the series' doses and the rules of each dose.

Field for field the supporting data of CDSi (Logic Specification 4.6, chapters 5 to 9), with absent values left out.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from domain.schedule.dates import Span, Unreal

Evidence = Literal["official", "transcribed", "unverified"]
"""How well a rule is known: from the official text, from someone's transcription of it, or not verified."""

MARKS: dict[Evidence, str] = {"official": "S", "transcribed": "S2", "unverified": "M"}
"""How the evidence of a rule is shown to a reviewer."""

SeriesKind = Literal["Standard", "Risk", "Evaluation Only"]
Context = Literal["Evaluation", "Forecast", "Both"]
Logic = Literal["AND", "OR"]


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Data of a programme: unknown fields are refused, defaults are not written."""


class Rule(_Data, frozen=True, kw_only=True):
    """Where something in a programme stands: the rule's id, its source, how well it is known; the programme's if empty.

    An unverified rule only ever warns: it makes no dose invalid and ends no series.
    """

    rule: str = ""
    source: str = ""
    evidence: Evidence | None = None


class Effective(Rule, frozen=True, kw_only=True):
    """A rule in force from `effective_on` to `ceased_on`, both included (RELEVANT-1, RELEVANT-2)."""

    effective_on: date | None = None
    ceased_on: date | None = None

    def holds_on(self, day: date) -> bool:
        return (self.effective_on is None or self.effective_on <= day) and (
            self.ceased_on is None or day <= self.ceased_on
        )


class Age(Effective, frozen=True, kw_only=True):
    """Ages of a dose. Before `abs_min` it is invalid, before `min` it stands by grace, from `max` on it is too late.

    Several may hold at once, each a rule. `after_missed`: only where the series dose before was skipped (true) or given
    (false).
    """

    abs_min: Span | None = None
    min: Span | None = None
    earliest_rec: Span | None = None
    latest_rec: Span | None = None
    max: Span | None = None
    after_missed: bool | None = None


class Interval(Effective, frozen=True, kw_only=True):
    """Spacing of a dose from one other event; exactly one of the `from_*` names it.

    `overrides`: the group's forecast follows this interval before the other antigens' (FORECASTPRIORITY-1). `restarts`:
    a dose from before the observation does not count; else such a dose stands.
    """

    from_previous: bool = False
    from_dose: int | None = None
    from_vaccines: tuple[str, ...] = ()
    from_observation: str | None = None
    abs_min: Span | None = None
    min: Span | None = None
    earliest_rec: Span | None = None
    latest_rec: Span | None = None
    overrides: bool = False
    restarts: bool = False

    def __post_init__(self) -> None:
        origins = (self.from_previous, self.from_dose, self.from_vaccines, self.from_observation)
        if sum(bool(origin) for origin in origins) != 1:
            raise ValueError("an interval starts from exactly one event")


class Products(Rule, frozen=True, kw_only=True):
    """Vaccines usable from age `begin` until before `end`; with `mvx`, of that manufacturer only.

    `recommended`: to be named in a forecast (the forecast vaccine type flag).
    """

    vaccines: frozenset[str]
    begin: Span | None = None
    end: Span | None = None
    mvx: str = ""
    recommended: bool = False


class SkipCondition(_Data, frozen=True):
    """One fact that lets a dose be skipped (tables 6-6 to 6-9).

    `count`: doses of `vaccines` (any of the antigen when empty) between the ages and the dates, compared by `compare`.
    """

    kind: Literal["age", "interval", "completed", "count"]
    begin_age: Span | None = None
    end_age: Span | None = None
    start_on: date | None = None
    end_on: date | None = None
    interval: Span | None = None
    count: int = 0
    compare: Literal[">", "=", "<"] = ">"
    valid_only: bool = False
    vaccines: tuple[str, ...] = ()
    series_groups: tuple[str, ...] = ()


class SkipSet(Effective, frozen=True, kw_only=True):
    """Conditions met together (AND) or singly (OR)."""

    text: str = ""
    logic: Logic = "AND"
    conditions: tuple[SkipCondition, ...]


class Skip(_Data, frozen=True, kw_only=True):
    """When a dose need not be given, on looking back, looking forward, or both."""

    context: Context
    logic: Logic = "OR"
    sets: tuple[SkipSet, ...]


class SeriesDose(_Data, frozen=True):
    """One dose of a series. `recurring`: the dose is asked for again each time it is satisfied. `together`: it is given
    on the day of the dose before; where it was not, the series is not the one followed (rabies 2-1-1)."""

    ages: tuple[Age, ...] = ()
    intervals: tuple[Interval, ...] = ()
    allowable_intervals: tuple[Interval, ...] = ()
    preferable: tuple[Products, ...] = ()
    allowable: tuple[Products, ...] = ()
    inadvertent: tuple[str, ...] = ()
    skips: tuple[Skip, ...] = ()
    recurring: bool = False
    together: bool = False
    season_start_on: date | None = None
    season_end_on: date | None = None


class Indication(Rule, frozen=True, kw_only=True):
    """A risk series concerns who has this observation, and those of `also`, between the ages."""

    observation: str
    also: tuple[str, ...] = ()
    begin: Span | None = None
    end: Span | None = None


class Series(Effective, frozen=True, kw_only=True):
    """One path to immunity. `group`, `priority` (A before B) and `preference` (1 before 2) rank it among the others.

    `born_from`, `born_before`: the series is for who was born on that day or later, or before that day. An unverified
    series counts a dose with a warning and is never complete by it.
    """

    name: str
    vaccine_group: str
    kind: SeriesKind
    group: str
    equivalent_groups: tuple[str, ...] = ()
    priority: str = "A"
    preference: int = 1
    default: bool = False
    product: bool = False
    max_age_to_start: Span | None = None
    born_from: date | None = None
    born_before: date | None = None
    genders: tuple[Literal["Female", "Male", "Unknown"], ...] = ()
    indications: tuple[Indication, ...] = ()
    doses: tuple[SeriesDose, ...]


class Contraindication(Rule, frozen=True, kw_only=True):
    """An observation that forbids the whole antigen, or only `vaccines` where these are named.

    Without an `observation` it concerns everyone of the ages, but for those with one of `unless`. `effect`: forbidden,
    to be put off, or to be weighed by the physician (which forbids nothing, and warns).
    """

    observation: str = ""
    unless: tuple[str, ...] = ()
    effect: Literal["forbid", "defer", "evaluate"] = "forbid"
    begin: Span | None = None
    end: Span | None = None
    vaccines: tuple[Products, ...] = ()


class BirthImmunity(_Data, frozen=True):
    """Who was born before `before` (in `country`, if named) is immune, unless one of `exclusions` is observed."""

    before: date
    country: str = ""
    exclusions: tuple[str, ...] = ()


class Antigen(_Data, frozen=True):
    """All series against one disease, what makes immune and what forbids."""

    series: tuple[Series, ...]
    contraindications: tuple[Contraindication, ...] = ()
    immune_by_history: tuple[str, ...] = ()
    immune_by_birth: tuple[BirthImmunity, ...] = ()


class Association(_Data, frozen=True):
    """An antigen in a vaccine, for doses given from age `begin` until before `end`."""

    antigen: str
    begin: Span | None = None
    end: Span | None = None


class Vaccine(_Data, frozen=True):
    """A vaccine type; its key in the programme is its code there (CVX in the US programme).

    `codes`: the clinic's four-digit codes that mean it. A code in no vaccine has no rules.
    """

    name: str
    antigens: tuple[Association, ...]
    codes: tuple[str, ...] = ()


class Conflict(Rule, frozen=True, kw_only=True):
    """Vaccines that, given `begin` or more but less than `end` before, spoil the dose. `min_end` after a valid one."""

    previous: frozenset[str]
    begin: Span
    min_end: Span
    end: Span


class Part(_Data, frozen=True):
    """Doses of a group that have a line of their own in the booklet and are numbered apart, from dose `first` on."""

    name_zh: str
    name_en: str
    first: int


class VaccineGroup(_Data, frozen=True):
    """Antigens forecast together, under `code`. `full`: always all antigens in one vaccine.

    `place`: where it stands among the groups, in giving and in showing, as on the booklet; `parts` when it has more
    lines there than one.
    """

    code: str
    antigens: tuple[str, ...]
    full: bool = False
    name_zh: str = ""
    name_en: str = ""
    place: int = 0
    parts: tuple[Part, ...] = ()


class ObservationName(_Data, frozen=True):
    """What an observation code of the programme means."""

    name_zh: str
    name_en: str


class Programme(_Data, frozen=True, kw_only=True):
    """One edition of one programme. `conflicts` has the spoilt vaccine as its key.

    `outside`: vaccines of other programmes that the rules name. `observations`: every code the rules name; empty where
    the programme keeps no such table.
    """

    name: str
    edition: str
    effective_on: date
    ends_on: date | None = None
    source: str
    evidence: Evidence
    unreal_date: Unreal
    vaccine_groups: dict[str, VaccineGroup]
    vaccines: dict[str, Vaccine]
    conflicts: dict[str, tuple[Conflict, ...]] = {}
    antigens: dict[str, Antigen] = {}
    outside: frozenset[str] = frozenset()
    observations: dict[str, ObservationName] = {}

    def series(self, label: str) -> Series | None:
        """The series of "antigen: name", as verdicts and forecasts call it."""
        antigen, _, name = label.partition(": ")
        found = self.antigens.get(antigen)
        return next((one for one in found.series if one.name == name), None) if found else None
