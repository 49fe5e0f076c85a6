"""What goes into the engine and what comes out, in the shapes of `vaxdesk programme evaluate`."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec
from msgspec import field

from domain.schedule.programme import Evidence

DoseStatus = Literal["Valid", "Not Valid", "Extraneous", "Sub-standard"]
SeriesStatus = Literal["Aged Out", "Complete", "Contraindicated", "Immune", "Not Complete", "Not Recommended"]


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"given_on": "date"}):
    """One dose given, by `cvx` or by the programme's own `vaccine` code.

    `lot_expires_on` and `substandard` (cold chain broken, recalled, ...) make it a dose that must be repeated.
    `ref`: the record's own id of the dose, given back in its verdict.
    """

    given_on: date
    cvx: str = ""
    mvx: str = ""
    vaccine: str = ""
    lot_expires_on: date | None = None
    substandard: bool = False
    ref: str = ""

    def __post_init__(self) -> None:
        if bool(self.cvx) == bool(self.vaccine):
            raise ValueError("a dose names its vaccine by one of cvx and vaccine")

    @property
    def code(self) -> str:
        """The vaccine's key in the programme."""
        return self.cvx or self.vaccine


class Observation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"observed_on": "date"}):
    """A condition, exposure or history of the child, by the programme's code."""

    code: str
    observed_on: date | None = None


class Case(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"birth_on": "birth_date", "assessed_on": "assessment_date"},
):
    """One child on one day. `sex` F, M or anything else for unknown."""

    id: str
    birth_on: date
    sex: str
    assessed_on: date
    observations: tuple[Observation, ...] = ()
    doses: tuple[Given, ...] = ()
    birth_country: str = ""


class Reason(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Why: the rule, the date looked at, the date it was held against, the rule's source and how well it is known.

    `where`: the antigen, series and target dose the rule was tried on.
    """

    rule: str
    text: str = ""
    looked_at: date | None = None
    held_against: date | None = None
    source: str = ""
    evidence: Evidence | None = None
    where: str = ""


class DoseVerdict(msgspec.Struct, frozen=True, gc=False, rename={"given_on": "date"}):
    """A dose judged for one vaccine group; `reason` in the words of the CDSi test cases, None when valid.

    `cvx`: the vaccine's code in the programme, as the case gave it. `dose`: the number, from 1, of the target dose of
    `series` it satisfied; None if it satisfied none. A valid dose's `why` are warnings. `ref`: the dose's own id.
    """

    given_on: date
    cvx: str
    vaccine_group: str
    status: DoseStatus
    reason: str | None
    why: tuple[Reason, ...]
    ref: str = ""
    dose: int | None = None
    series: str = ""


class GroupForecast(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={
        "earliest_on": "earliest_date",
        "recommended_on": "recommended_date",
        "past_due_on": "past_due_date",
        "latest_on": "latest_date",
    },
):
    """What comes next in one vaccine group; dates and number are None when nothing does.

    `target`: the place, from 1, of the dose waited for in its series. `doses`: how many doses the followed series has;
    0 when it recurs without end.
    """

    vaccine_group: str
    series_status: SeriesStatus
    forecast_dose: int | None
    earliest_on: date | None
    recommended_on: date | None
    past_due_on: date | None
    latest_on: date | None
    series: tuple[str, ...]
    vaccines: tuple[str, ...]
    why: tuple[Reason, ...] = field(default=())
    target: int | None = None
    doses: int = 0


class CaseResult(msgspec.Struct, frozen=True, gc=False):
    """Every dose judged and every vaccine group forecast."""

    id: str
    doses: tuple[DoseVerdict, ...]
    groups: tuple[GroupForecast, ...]
