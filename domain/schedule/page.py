"""The booklet's page of a child: what was given and how it counts, what is due, and what is to come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import Literal

import msgspec

from domain.schedule import evaluate
from domain.schedule.case import Case, CaseResult, DoseVerdict, GroupForecast, Reason
from domain.schedule.chart import Chart, open_chart
from domain.schedule.dates import latest, shift
from domain.schedule.plan import Plan
from domain.schedule.programme import Evidence, Part, Programme, VaccineGroup

Standing = Literal["overdue", "due", "later", "offered", "closed"]
"""逾期: past the recommended-completion age. 应种: from the recommended date on. Offered: self-paid and not begun.
Closed: nothing is to be given (complete, immune, contraindicated, too old)."""

MarkKind = Literal["valid", "early", "late", "invalid", "repeated", "unjudged"]

_EARLY = (evaluate.TOO_YOUNG, evaluate.TOO_SOON, evaluate.CONFLICT, evaluate.GRACE)


class Mark(msgspec.Struct, frozen=True):
    """A dose given, as the booklet's page shows it. `number` 0 when it satisfies no dose of the series."""

    dose_id: str
    group: str
    number: int
    given_on: date
    kind: MarkKind
    why: tuple[Reason, ...] = ()


class Next(msgspec.Struct, frozen=True):
    """The next dose of one vaccine group. `doses`: how many there are, 0 without end; `vaccines` that fit.

    `put_off`: the day to which a person deferred it.
    """

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
    put_off: date | None = None


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

    @property
    def concerns(self) -> bool:
        """Whether the booklet has this line: the national programme's have, a self-paid one's once a dose was given."""
        return not self.next.self_paid or any(cell.marks for cell in self.cells)


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


def read_page(plan: Plan, case: Case, put_off: Mapping[str, date] = MappingProxyType({})) -> Page:
    """Every dose given and every dose to come, judged on the day of the case.

    `put_off`: vaccine group -> the day to which a person deferred its next dose.
    """
    programme, result = plan.programme(case.assessed_on), plan.evaluate(case)
    groups = {group.code: group for group in programme.vaccine_groups.values()}
    rows: list[Row] = []
    chart = open_chart(programme, case)
    marks, opened = _marks(plan, case, result), _open_all_day(plan, case, result)
    for one in sorted(result.groups, key=lambda forecast: groups[forecast.vaccine_group].place):
        group = groups[one.vaccine_group]
        given = [mark for mark in marks if mark.group == group.code]
        mine = [_put_off(row, put_off.get(group.code)) for row in _rows(plan, chart, group, one, given)]
        if group.code in opened:
            standing = _standing(plan, opened[group.code], given, case.assessed_on)
            mine = [_kept_open(row, standing) for row in mine]
        rows += mine
    known = {mark.dose_id for mark in marks}
    loose = tuple(Mark(g.ref, "", 0, g.given_on, "unjudged") for g in case.doses if g.ref not in known)
    return Page(programme.edition, programme.evidence, tuple(rows), loose)


def _open_all_day(plan: Plan, case: Case, result: CaseResult) -> dict[str, GroupForecast]:
    """The groups that were due before today's doses and got none: injected live vaccines go together on one day, so
    that the first of them puts the others off from tomorrow on only (rule G05)."""
    today = case.assessed_on
    before = msgspec.structs.replace(case, doses=tuple(dose for dose in case.doses if dose.given_on != today))
    if len(before.doses) == len(case.doses):
        return {}
    given = {verdict.vaccine_group for verdict in result.doses if verdict.given_on == today}
    return {
        one.vaccine_group: one
        for one in plan.evaluate(before).groups
        if one.recommended_on and one.recommended_on <= today and one.vaccine_group not in given
    }


def _kept_open(row: Row, standing: Standing) -> Row:
    """The row with its next dose due today, whatever its date from tomorrow on."""
    if row.next.standing != "later":
        return row
    number = row.next.number
    cells = [msgspec.structs.replace(c, standing=standing) if c.number == number else c for c in row.cells]
    return Row(msgspec.structs.replace(row.next, standing=standing), tuple(cells))


def _marks(plan: Plan, case: Case, result: CaseResult) -> list[Mark]:
    """Each dose once in each of its vaccine groups, oldest first."""
    return [Mark(v.ref, v.vaccine_group, v.dose or 0, v.given_on, _kind(plan, case, v), v.why) for v in result.doses]


def _kind(plan: Plan, case: Case, verdict: DoseVerdict) -> MarkKind:
    if verdict.status == "Extraneous":
        return "repeated"
    if verdict.status != "Valid":
        return "invalid"
    if any(reason.text in _EARLY for reason in verdict.why):  # by grace, or against an unverified rule
        return "early"
    programme = plan.programme(verdict.given_on)
    series = programme.series(verdict.series)
    if series is None or verdict.dose is None or verdict.dose > len(series.doses):
        return "valid"
    age = next((a for a in series.doses[verdict.dose - 1].ages if a.holds_on(verdict.given_on)), None)
    end = shift(case.birth_on, age.latest_rec, programme.unreal_date) if age and age.latest_rec else None
    return "late" if end and verdict.given_on >= end else "valid"


def _rows(
    plan: Plan, chart: Chart, group: VaccineGroup, forecast: GroupForecast, marks: Sequence[Mark]
) -> Iterator[Row]:
    """The rows of one vaccine group: one, or one of each part whose doses are numbered apart."""
    last = max([forecast.doses, *(mark.number for mark in marks), 1])
    target = forecast.target or 0
    standing = _standing(plan, forecast, marks, chart.case.assessed_on)
    days = _outlook(chart, forecast) if standing != "closed" else {}
    shown = list(zip(_places(marks, target or last), marks, strict=True))
    parts = group.parts or (Part(group.name_zh or group.code, group.name_en or group.code, 1),)
    ends = [part.first - 1 for part in parts[1:]] + [last]
    for part, end in zip(parts, ends, strict=True):
        cells = []
        for number in range(part.first, end + 1):
            own = tuple(mark for place, mark in shown if place == number)
            at = number - part.first + 1
            if any(mark.number == number for mark in own):
                cells.append(Cell(at, own, standing="given"))
            else:
                coming: Standing = "later" if number in days else "closed"
                cells.append(Cell(at, own, days.get(number), standing if number == target else coming))
        here = part.first <= target <= end or (not target and part is parts[-1])
        number = target - part.first + 1 if here and target else 0
        line = Next(
            forecast.vaccine_group,
            part.name_zh,
            part.name_en,
            plan.self_paid(forecast.vaccine_group),
            standing if here else "closed",  # a part whose turn has not come, or is over
            forecast.series_status,
            number,
            end - part.first + 1 if forecast.doses else 0,
        )
        yield Row(_with_dates(line, forecast) if here else line, tuple(cells))


def _with_dates(line: Next, forecast: GroupForecast) -> Next:
    return msgspec.structs.replace(
        line,
        vaccines=forecast.vaccines,
        earliest_on=forecast.earliest_on,
        recommended_on=forecast.recommended_on,
        past_due_on=forecast.past_due_on,
        latest_on=forecast.latest_on,
        why=forecast.why,
    )


def _put_off(row: Row, day: date | None) -> Row:
    """The row with the day a person put its next dose off to, where one is to come."""
    if day is None or row.next.standing == "closed":
        return row
    return msgspec.structs.replace(row, next=msgspec.structs.replace(row.next, put_off=day))


def _places(marks: Sequence[Mark], following: int) -> list[int]:
    """The dose each is shown with: its own, or for one that does not count the dose it was given for - the next one
    to count, at the end `following`."""
    places = []
    for mark in reversed(marks):
        following = mark.number or following
        places.append(following)
    return places[::-1]


def _standing(plan: Plan, forecast: GroupForecast, marks: Sequence[Mark], today: date) -> Standing:
    if forecast.recommended_on is None or (forecast.latest_on and forecast.latest_on < today):
        return "closed"
    if plan.self_paid(forecast.vaccine_group) and not any(mark.number for mark in marks):
        return "offered"
    if forecast.past_due_on and forecast.past_due_on < today and forecast.recommended_on <= today:
        return "overdue"
    return "due" if forecast.recommended_on <= today else "later"


def _outlook(chart: Chart, forecast: GroupForecast) -> dict[int, date]:
    """Dose number -> the day it will be due if every one before it is given on its own."""
    day = forecast.recommended_on
    series = chart.programme.series(forecast.series[0]) if forecast.series else None
    if day is None or forecast.target is None or series is None:
        return {}
    days = {forecast.target: day}
    day = max(day, chart.case.assessed_on)  # what is late is given today at the earliest
    for number in range(forecast.target + 1, len(series.doses) + 1):
        dose = series.doses[number - 1]
        if dose.recurring:
            break
        age = next((a for a in dose.ages if a.holds_on(chart.case.assessed_on)), None)
        spans = [i.earliest_rec or i.min for i in dose.intervals if i.from_previous]
        after = [shift(day, span, chart.unreal) for span in spans if span]
        day = latest(day, chart.at(age.earliest_rec or age.min) if age else None, *after) or day
        days[number] = day
    return days


def next_visit(page: Page, today: date) -> date | None:
    """The day from which something of the national programme or a begun course is next to be given."""
    return min((day for n in page.nexts if (day := comes_on(n, today))), default=None)


def comes_on(one: Next, today: date) -> date | None:
    """From when a dose is next to be given after today; None when nothing of the group is asked for."""
    if one.recommended_on is None or one.standing in ("offered", "closed"):
        return None
    return max(one.recommended_on, one.put_off or today, today + timedelta(days=1))


def usual_vaccines(programme: Programme, group: str) -> tuple[tuple[str, ...], ...]:
    """For each dose of a group's usual series, the programme's vaccines that are recommended for it."""
    antigens = next((g.antigens for g in programme.vaccine_groups.values() if g.code == group), ())
    every = [series for antigen in antigens for series in programme.antigens[antigen].series]
    usual = next((one for one in every if one.default), every[0] if every else None)
    if usual is None:
        return ()
    return tuple(
        tuple(v for choice in dose.preferable if choice.recommended for v in sorted(choice.vaccines))
        for dose in usual.doses
    )
