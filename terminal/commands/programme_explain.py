"""`vaxdesk programme explain`: each dose and vaccine group of a child, with rule, dates and source."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from domain.problems import Problem, block
from domain.schedule.case import Case, CaseResult, DoseVerdict, GroupForecast
from domain.schedule.plan import Plan
from terminal import bootstrap
from terminal.commands import programme_words as words
from terminal.commands.line import DONE, FAILED, Say
from terminal.commands.opening import opened, secret, tell
from terminal.usecases.desk import Actor, Desk
from terminal.usecases.find_child import find_child, view_child
from terminal.usecases.schedule import case_on
from terminal.usecases.sign_in import sign_in


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Asks for the PIN of who looks (--by); the look is audited as any view of the child."""
    home = bootstrap.find_home(settings)
    with opened(home, say) as desk:
        who = sign_in(desk, args.by, secret(say("cli.staff_add.ask_by", code=args.by)))
        if who.value is None:
            tell(who.problems, say)
            return FAILED
        found = _child(desk, who.value, args.child)
        if not isinstance(found, str):
            tell(found, say)
            return FAILED
        case = case_on(desk, found, desk.today())
        assert case
        seen = view_child(desk, who.value, found)
        tell(seen.problems, say)
        approved = desk.approved
    if not seen.ok:
        return FAILED
    for line in explained(desk.plan, case, approved, say):
        print(line)
    return DONE


def _child(desk: Desk, actor: Actor, number: str) -> str | tuple[Problem, ...]:
    """The child's id, by id or by any number of its own; or why there is none."""
    if case_on(desk, number, desk.today()):
        return number
    found = find_child(desk, actor, number)
    if found.value is None:
        return found.problems
    return found.value[0] if len(found.value) == 1 else (block("programme.several_children", count=len(found.value)),)


def explained(plan: Plan, case: Case, approved: bool, say: Say) -> Iterator[str]:
    """The whole reasoning in lines: the child, each dose, each vaccine group."""
    programme = plan.programme(case.assessed_on)
    yield say("programme.explain.head", id=case.id, born=case.birth_on, day=case.assessed_on, edition=programme.edition)
    if not approved:
        yield from words.wrapped(say("ui.demonstration"))
    for seen in case.observations:
        yield "  " + " ".join(str(part) for part in (seen.code, seen.observed_on) if part)
    result = plan.evaluate(case)
    yield f"\n{say('programme.explain.doses')}"
    yield from _doses(case, result, say)
    yield f"\n{say('programme.explain.groups')}"
    for group in result.groups:
        yield from _group(group, say)


def _doses(case: Case, result: CaseResult, say: Say) -> Iterator[str]:
    judged: dict[str, list[DoseVerdict]] = {}
    for verdict in result.doses:
        judged.setdefault(verdict.ref, []).append(verdict)
    for dose in sorted(case.doses, key=lambda one: one.given_on):
        yield f"{dose.given_on} {dose.code}"
        if dose.ref not in judged:
            yield f"  {say('programme.explain.no_rule')}"
        for verdict in judged.get(dose.ref, []):
            yield from _verdict(verdict, say)


def _verdict(verdict: DoseVerdict, say: Say) -> Iterator[str]:
    status = say(f"programme.status.{words.slug(verdict.status)}")
    number = say("programme.review.dose", number=verdict.dose) if verdict.dose else ""
    parts = (f"{verdict.vaccine_group}:", status, number, verdict.series.partition(": ")[2])
    yield from words.wrapped(" ".join(part for part in parts if part), 2)
    for why in verdict.why:
        yield from words.wrapped(words.reason(why, say), 4)


def _group(group: GroupForecast, say: Say) -> Iterator[str]:
    yield f"{group.vaccine_group}: {say(f'programme.status.{words.slug(group.series_status)}')}"
    if group.recommended_on:
        days = {
            "earliest": group.earliest_on,
            "recommended": group.recommended_on,
            "past_due": group.past_due_on,
            "latest": group.latest_on,
        }
        dates = ", ".join(say(f"programme.day.{name}", day=day) for name, day in days.items() if isinstance(day, date))
        number = say("programme.review.dose", number=group.target or group.forecast_dose)
        yield from words.wrapped(f"{number} {' / '.join(group.vaccines)}: {dates}", 2)
    for name in group.series:
        yield from words.wrapped(name.partition(": ")[2], 2)
    for why in group.why:
        yield from words.wrapped(words.reason(why, say), 4)
