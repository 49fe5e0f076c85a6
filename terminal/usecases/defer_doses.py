"""Several vaccines not given for one reason: a child with fever gets none of them today."""

from __future__ import annotations

from collections.abc import Sequence

from domain.problems import block
from terminal.usecases.desk import Actor, Desk, Outcome, stop
from terminal.usecases.record_dose import defer_dose


def defer_doses(
    desk: Desk, actor: Actor, visit_id: str, vaccines: Sequence[str], outcome: str, reason: str, until: str = ""
) -> Outcome[list[str]]:
    """A fact for each vaccine. What stops one stops all, before any is written: it is the same reason for each."""
    facts: list[str] = []
    for vaccine in vaccines:
        done = defer_dose(desk, actor, visit_id, vaccine, outcome, reason, until)
        if done.value is None:
            return stop(*done.problems)
        facts.append(done.value)
    return Outcome(facts) if facts else stop(block("dose.bad_deferral"))
