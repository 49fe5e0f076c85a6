"""A child of the register as a case of the plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from domain.doses import Dose
from domain.events import ChildRegistered
from domain.schedule.case import Case, Given, Observation
from domain.schedule.plan import Plan

LOW_WEIGHT_G, PRETERM_WEEKS = 2000, 37
_SEX = {"1": "M", "2": "F"}


def case_of(child_id: str, facts: ChildRegistered, doses: Sequence[Dose], plan: Plan, today: date) -> Case:
    """The doses that count, and the observations that the record holds."""
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
