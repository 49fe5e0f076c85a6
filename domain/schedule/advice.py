"""What the counter needs of the schedule: what is due, the booklet's page, and whether a vaccine in hand is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Literal

import msgspec

from domain.doses import Dose
from domain.events import ChildRegistered
from domain.problems import Problem, Severity, note
from domain.schedule.case import Case, CaseResult, DoseVerdict, Given, GroupForecast, Observation, Reason
from domain.schedule.chart import Chart, open_chart
from domain.schedule.dates import shift
from domain.schedule.plan import Plan
from domain.schedule.programme import Evidence, Series

Standing = Literal["overdue", "due", "later", "offered", "closed"]
"""逾期: past the recommended-completion age. 应种: from the recommended date on. Offered: self-paid and not begun.
Closed: nothing is to be given (complete, immune, contraindicated, too old)."""

MarkKind = Literal["valid", "early", "late", "invalid", "repeated", "unjudged"]

LOW_WEIGHT_G, PRETERM_WEEKS = 2000, 37
_SEX = {"1": "M", "2": "F"}
_SEVERITY: dict[Evidence, Severity] = {
    "official": Severity.BLOCK,
    "transcribed": Severity.OVERRIDE,
    "unverified": Severity.WARN,
}


class Mark(msgspec.Struct, frozen=True):
    """A dose given, as the booklet's page shows it. `number` 0 when it satisfies no dose of the series."""

    dose_id: str
    group: str
    number: int
    given_on: date
    kind: MarkKind
    why: tuple[Reason, ...] = ()


class Next(msgspec.Struct, frozen=True):
    """The next dose of one vaccine group. `doses` the series has, 0 without end; `vaccines` of the programme that fit."""

    group: str
    name_zh: str
    name_en: str
    self_paid: bool
    standing: Standing
    status: str
    number: int
    doses: int
    vaccines: tuple[str, ...] = ()
    earliest_on: date | None = None
    recommended_on: date | None = None
    past_due_on: date | None = None
    latest_on: date | None = None
    why: tuple[Reason, ...] = ()


class Cell(msgspec.Struct, frozen=True):
    """One dose of a row: what was given for it, the invalid ones first, or the day it will be due."""

    number: int
    marks: tuple[Mark, ...] = ()
    on: date | None = None
    standing: Standing | Literal["given"] = "later"


class Row(msgspec.Struct, frozen=True):
    """One vaccine group of the booklet's page."""

    next: Next
    cells: tuple[Cell, ...]


class Page(msgspec.Struct, frozen=True):
    """A child before the plan on one day, in the booklet's order. `loose`: doses no rule is about."""

    edition: str
    evidence: Evidence
    rows: tuple[Row, ...]
    loose: tuple[Mark, ...] = ()

    @property
    def nexts(self) -> tuple[Next, ...]:
        return tuple(row.next for row in self.rows)

    @property
    def due(self) -> tuple[Next, ...]:
        """What is to be given today, in the order to give."""
        return tuple(n for n in self.nexts if n.standing in ("overdue", "due"))


class Judgement(msgspec.Struct, frozen=True):
    """A vaccine in hand for a child: the dose number it would be, its vaccine groups, and what speaks against it."""

    number: int
    groups: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def case_of(child_id: str, facts: ChildRegistered, doses: Sequence[Dose], plan: Plan, today: date) -> Case:
    """A child of the register as a case of the plan: counting doses, and observations from the record."""
    given = tuple(
        Given(
            date.fromisoformat(dose.given_on),
            vaccine=plan.vaccine(dose.vaccine, today) or dose.vaccine,
            lot_expires_on=date.fromisoformat(expiry) if (expiry := dose.facts.get("expiry_on")) else None,
            ref=dose.id,
        )
        for dose in doses
        if dose.counts
    )
    sex = _SEX.get(facts.sex, "U")
    return Case(child_id, date.fromisoformat(facts.birth_on), sex, today, tuple(_observations(facts)), given)


def _observations(facts: ChildRegistered) -> Iterator[Observation]:
    if facts.mother_hbsag in ("positive", "unknown"):
        yield Observation("HBSAG-MOTHER" if facts.mother_hbsag == "positive" else "HBSAG-MOTHER-UNKNOWN")
    if 0 < facts.birth_weight_g < LOW_WEIGHT_G:
        yield Observation("LOW-WEIGHT")
    if 0 < facts.preterm_weeks < PRETERM_WEEKS:
        yield Observation("PRETERM")
    for alert in facts.alerts:
        if alert.kind == "condition" and alert.component:
            yield Observation(alert.component, date.fromisoformat(alert.on) if alert.on else None)


def read_page(plan: Plan, case: Case) -> Page:
    """Every dose given and every dose to come, judged on the day of the case."""
    raise NotImplementedError


def judge(plan: Plan, case: Case, vaccine: str) -> Judgement:
    """What the plan says of giving a vaccine (four-digit code) on the day of the case."""
    raise NotImplementedError


def next_visit(page: Page, today: date) -> date | None:
    """The day from which something of the national programme or a begun course is next to be given."""
    raise NotImplementedError
