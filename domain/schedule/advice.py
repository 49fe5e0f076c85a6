"""What the counter needs of the schedule: what is due, the booklet's page, and whether a vaccine in hand is right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import Literal

import msgspec

from domain.doses import Dose
from domain.events import ChildRegistered
from domain.problems import Problem, Severity, note, warn
from domain.schedule import evaluate, skips
from domain.schedule.case import Case, CaseResult, DoseVerdict, Given, GroupForecast, Observation, Reason
from domain.schedule.chart import Chart, open_chart
from domain.schedule.dates import latest, shift
from domain.schedule.plan import Plan
from domain.schedule.programme import Contraindication, Evidence, Part, Programme, Rule, Series, VaccineGroup

Standing = Literal["overdue", "due", "later", "offered", "closed"]
"""逾期: past the recommended-completion age. 应种: from the recommended date on. Offered: self-paid and not begun.
Closed: nothing is to be given (complete, immune, contraindicated, too old)."""

MarkKind = Literal["valid", "early", "late", "invalid", "repeated", "unjudged"]

MARKS: dict[Evidence, str] = {"official": "S", "transcribed": "S2", "unverified": "M"}
"""How the evidence of a rule is shown to a reviewer."""

CANDIDATE = "candidate"
LOW_WEIGHT_G, PRETERM_WEEKS = 2000, 37
_SEX = {"1": "M", "2": "F"}
_SEVERITY: dict[Evidence, Severity] = {
    "official": Severity.BLOCK,
    "transcribed": Severity.OVERRIDE,
    "unverified": Severity.WARN,
}
_CODES = {
    evaluate.TOO_YOUNG: "schedule.too_young",
    evaluate.TOO_OLD: "schedule.too_old",
    evaluate.TOO_SOON: "schedule.too_soon",
    evaluate.INADVERTENT: "schedule.wrong_vaccine",
    evaluate.CONFLICT: "schedule.live_conflict",
    evaluate.WRONG_VACCINE: "schedule.wrong_vaccine",
    evaluate.ALREADY_COMPLETE: "schedule.not_needed",
    evaluate.SUBSTANDARD: "schedule.substandard",
    evaluate.GRACE: "schedule.grace",
    evaluate.DOUBTED: "schedule.counted_unverified",
    skips.SKIPPED: "schedule.skip_unverified",
}
_EARLY = (evaluate.TOO_YOUNG, evaluate.TOO_SOON, evaluate.CONFLICT, evaluate.GRACE)
_EFFECTS = {"forbid": "schedule.contraindicated", "defer": "schedule.defer", "evaluate": "schedule.evaluate"}


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


class Judgement(msgspec.Struct, frozen=True):
    """A vaccine in hand for a child: the dose number it would be, its vaccine groups, and what speaks against it.

    `together`: nothing does, and the series gives this dose on one day with the one before (rabies 2-1-1).
    """

    number: int
    groups: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    together: bool = False


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
    series = _series(programme, verdict.series)
    if series is None or verdict.dose is None or verdict.dose > len(series.doses):
        return "valid"
    age = next((a for a in series.doses[verdict.dose - 1].ages if a.holds_on(verdict.given_on)), None)
    end = shift(case.birth_on, age.latest_rec, programme.unreal_date) if age and age.latest_rec else None
    return "late" if end and verdict.given_on >= end else "valid"


def _series(programme: Programme, label: str) -> Series | None:
    """The series of "antigen: name"."""
    antigen, _, name = label.partition(": ")
    found = programme.antigens.get(antigen)
    return next((one for one in found.series if one.name == name), None) if found else None


def _rows(
    plan: Plan, chart: Chart, group: VaccineGroup, forecast: GroupForecast, marks: Sequence[Mark]
) -> Iterator[Row]:
    """The rows of one vaccine group: one, or one of each part whose doses are numbered apart."""
    series = _series(chart.programme, forecast.series[0]) if forecast.series else None
    last = max([forecast.doses, *(mark.number for mark in marks), 1])
    target = forecast.target or 0
    asked = _standing(plan, forecast, marks, chart.case.assessed_on) != "closed"
    days = _outlook(chart, series, forecast) if series and target and asked else {}
    parts = group.parts or (Part(group.name_zh or group.code, group.name_en or group.code, 1),)
    ends = [part.first - 1 for part in parts[1:]] + [last]
    waiting = _waiting(marks, target, last)
    for part, end in zip(parts, ends, strict=True):
        here = part.first <= target <= end or (not target and part is parts[-1])
        cells = []
        for number in range(part.first, end + 1):
            own = tuple(mark for mark in marks if waiting.get(id(mark), mark.number) == number)
            done = any(mark.number == number for mark in own)
            standing: Standing | Literal["given"] = "given" if done else "later" if number in days else "closed"
            if number == target and not done:
                standing = _standing(plan, forecast, marks, chart.case.assessed_on)
            cells.append(Cell(number - part.first + 1, own, None if done else days.get(number), standing))
        number = target - part.first + 1 if target else 0
        yield Row(_next(plan, chart.case, part, forecast, marks, number, end - part.first + 1, here), tuple(cells))


def _put_off(row: Row, day: date | None) -> Row:
    """The row with the day a person put its next dose off to, where one is to come."""
    if day is None or row.next.standing == "closed":
        return row
    return msgspec.structs.replace(row, next=msgspec.structs.replace(row.next, put_off=day))


def _waiting(marks: Sequence[Mark], target: int, last: int) -> dict[int, int]:
    """Where a dose without a number is shown: with the dose it was given for - the next one to count."""
    shown = {}
    for n, mark in enumerate(marks):
        if not mark.number:
            after = [m.number for m in marks[n + 1 :] if m.number]
            shown[id(mark)] = min([*after, target or last])
    return shown


def _standing(plan: Plan, forecast: GroupForecast, marks: Sequence[Mark], today: date) -> Standing:
    if forecast.recommended_on is None or (forecast.latest_on and forecast.latest_on < today):
        return "closed"
    if plan.self_paid(forecast.vaccine_group) and not any(mark.number for mark in marks):
        return "offered"
    if forecast.past_due_on and forecast.past_due_on < today and forecast.recommended_on <= today:
        return "overdue"
    return "due" if forecast.recommended_on <= today else "later"


def _next(
    plan: Plan,
    case: Case,
    part: Part,
    forecast: GroupForecast,
    marks: Sequence[Mark],
    number: int,
    doses: int,
    here: bool,
) -> Next:
    """The next dose of a row; a part whose turn has not come or is over waits as closed."""
    own_pay = plan.self_paid(forecast.vaccine_group)
    group = forecast.vaccine_group
    if not here:
        return Next(group, part.name_zh, part.name_en, own_pay, "closed", forecast.series_status, 0, doses)
    return Next(
        group=group,
        name_zh=part.name_zh,
        name_en=part.name_en,
        self_paid=own_pay,
        standing=_standing(plan, forecast, marks, case.assessed_on),
        status=forecast.series_status,
        number=number,
        doses=doses if forecast.doses else 0,
        vaccines=forecast.vaccines,
        earliest_on=forecast.earliest_on,
        recommended_on=forecast.recommended_on,
        past_due_on=forecast.past_due_on,
        latest_on=forecast.latest_on,
        why=forecast.why,
    )


def _outlook(chart: Chart, series: Series, forecast: GroupForecast) -> dict[int, date]:
    """Dose number -> the day it will be due if every one before it is given on its own."""
    day = forecast.recommended_on
    if day is None or forecast.target is None:
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


def judge(plan: Plan, case: Case, vaccine: str) -> Judgement:
    """What the plan says of giving a vaccine (four-digit code) on the day of the case."""
    key = plan.vaccine(vaccine, case.assessed_on)
    if not key:
        return Judgement(0, (), (note("schedule.no_rules"),))
    candidate = Given(case.assessed_on, vaccine=key, ref=CANDIDATE)
    programme = plan.programme(case.assessed_on)
    until_today = tuple(dose for dose in case.doses if dose.given_on < case.assessed_on)  # one day's doses go together
    before = {one.vaccine_group: one for one in plan.evaluate(msgspec.structs.replace(case, doses=until_today)).groups}
    after = plan.evaluate(msgspec.structs.replace(case, doses=(*case.doses, candidate)))
    verdicts = [verdict for verdict in after.doses if verdict.ref == CANDIDATE]
    found: dict[str, list[Problem]] = {
        v.vaccine_group: _problems(programme, open_chart(programme, case), v, before.get(v.vaccine_group), key)
        for v in verdicts
    }
    if not found:
        return Judgement(0, (), (note("schedule.no_rules"),))
    number = max(_number(programme, v, before.get(v.vaccine_group)) for v in verdicts)
    against = _worst_of_each_code(p for ps in found.values() for p in ps)
    together = not against and all(_together(programme, verdict) for verdict in verdicts)
    return Judgement(number, tuple(found), against, together)


def _together(programme: Programme, verdict: DoseVerdict) -> bool:
    """Whether the dose it satisfies is given on the day of the one before."""
    series = _series(programme, verdict.series)
    dose = (verdict.dose or 0) - 1
    return series is not None and 0 < dose < len(series.doses) and series.doses[dose].together


def _worst_of_each_code(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """One problem a code, so that one reason answers it; the hardest, then the one of the latest day."""
    order = tuple(Severity)
    worst: dict[str, Problem] = {}
    for problem in problems:
        known = worst.get(problem.code)
        rank = (-order.index(problem.severity), str(problem.params.get("day", "")))
        if known is None or rank > (-order.index(known.severity), str(known.params.get("day", ""))):
            worst[problem.code] = problem
    return tuple(worst.values())


def _number(programme: Programme, verdict: DoseVerdict, before: GroupForecast | None) -> int:
    """The number on the booklet: the dose it satisfies, else the one it was meant for, counted in its part."""
    target = verdict.dose or (before.target if before else None) or 0
    group = next(g for g in programme.vaccine_groups.values() if g.code == verdict.vaccine_group)
    first = max((part.first for part in group.parts if part.first <= target), default=1)
    return max(target - first + 1, 1)


def _problems(
    programme: Programme, chart: Chart, verdict: DoseVerdict, before: GroupForecast | None, vaccine: str
) -> list[Problem]:
    """What one vaccine group has against the dose."""
    group = verdict.vaccine_group
    found = [_problem(programme, reason, verdict, before) for reason in verdict.why]
    for one in _contraindications(chart, group, vaccine):
        said = _said(_EFFECTS[one.effect], programme, one, group=group)
        found.append(msgspec.structs.replace(said, severity=Severity.WARN) if one.effect == "evaluate" else said)
    if before and before.series_status == "Immune":
        found.append(_said("schedule.immune", programme, Rule(), group=group))
    due_on = before.recommended_on if before else None
    if verdict.status == "Valid" and not found and due_on and due_on > chart.case.assessed_on:
        found.append(warn("schedule.before_recommended", day=due_on.isoformat()))
    return found


def _contraindications(chart: Chart, group: str, vaccine: str) -> Iterator[Contraindication]:
    """What forbids the vaccine, puts it off or has to be weighed, for this child today."""
    antigens = next(g.antigens for g in chart.programme.vaccine_groups.values() if g.code == group)
    today = chart.case.assessed_on
    for one in (c for antigen in antigens for c in chart.programme.antigens[antigen].contraindications):
        seen = not one.observation or one.observation in chart.observed
        named = not one.vaccines or any(
            vaccine in v.vaccines and chart.aged(today, v.begin, v.end) for v in one.vaccines
        )
        if seen and named and chart.aged(today, one.begin, one.end) and chart.observed.keys().isdisjoint(one.unless):
            yield one


def _problem(programme: Programme, reason: Reason, verdict: DoseVerdict, before: GroupForecast | None) -> Problem:
    """A reason of the engine as a problem: official rules block, transcribed ones ask for a reason, others warn."""
    code = _CODES[reason.text]
    fits = before.vaccines if before else ()
    more = {"vaccines": " / ".join(_clinic_codes(programme, fits))} if code == "schedule.wrong_vaccine" else {}
    days = {"today": str(reason.looked_at or ""), "day": str(reason.held_against or "")}
    problem = _said(code, programme, reason, group=verdict.vaccine_group, **days, **more)
    valid = verdict.status == "Valid"
    return msgspec.structs.replace(problem, severity=Severity.WARN) if valid else problem


def _clinic_codes(programme: Programme, vaccines: Iterable[str]) -> Iterator[str]:
    """The clinic's four-digit codes of these vaccines, for a name in the reader's language; without one, the name."""
    for key in vaccines:
        known = programme.vaccines.get(key)
        yield from (known.codes or (known.name,)) if known else (key,)


def _said(code: str, programme: Programme, rule: Rule | Reason, **params: str) -> Problem:
    """A problem with its rule, source and mark."""
    evidence = rule.evidence or programme.evidence
    where = {"rule": rule.rule, "source": rule.source or programme.source, "mark": MARKS[evidence]}
    return Problem(code, _SEVERITY[evidence], "", {**params, **where})


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
