"""Whether a vaccine in hand is right for a child today, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from domain.problems import Problem, Severity, note, warn
from domain.schedule import evaluate, skips
from domain.schedule.case import Case, DoseVerdict, Given, GroupForecast, Reason
from domain.schedule.chart import Chart, open_chart
from domain.schedule.plan import Plan
from domain.schedule.programme import MARKS, Contraindication, Evidence, Programme, Rule

CANDIDATE = "candidate"
"""The `ref` of the dose in hand."""

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
_EFFECTS = {"forbid": "schedule.contraindicated", "defer": "schedule.defer", "evaluate": "schedule.evaluate"}


class Judgement(msgspec.Struct, frozen=True):
    """A vaccine in hand for a child: the dose number it would be, its vaccine groups, and what speaks against it.

    `together`: nothing does, and the series gives this dose on one day with the one before (rabies 2-1-1).
    """

    number: int
    groups: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    together: bool = False


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
    series = programme.series(verdict.series)
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
