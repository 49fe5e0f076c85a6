"""Hold the record against the paper booklet: copy doses given elsewhere, correct or doubt the dates that differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.doses import Dose
from domain.problems import Problem
from terminal.store import doses
from terminal.usecases.amend_dose import correct_dose, dispute_dose
from terminal.usecases.desk import Actor, Desk, Outcome
from terminal.usecases.record_dose import transcribe_dose


@dataclass(frozen=True)
class PaperDose:
    """A date as the booklet has it. `dose_id`: the recorded dose it differs from, "" for one not recorded here."""

    vaccine: str
    number: int
    given_on: str
    dose_id: str = ""


@dataclass(frozen=True)
class Copied:
    """How many were saved, and what stopped the others."""

    saved: int
    refused: tuple[tuple[PaperDose, tuple[Problem, ...]], ...] = ()


def copy_booklet(
    desk: Desk, actor: Actor, child_id: str, lines: Sequence[PaperDose], elsewhere: str, reason: str
) -> Outcome[Copied]:
    """Each line by itself, oldest first: one that is refused keeps no other back.

    A date of our own or a copied dose is corrected, another clinic's is doubted, both with `reason`.
    """
    saved, refused = 0, []
    for line in sorted(lines, key=lambda one: one.given_on):
        outcome: Outcome[Dose]
        recorded = doses.one(desk.store, line.dose_id) if line.dose_id else None
        if recorded is None:
            outcome = transcribe_dose(desk, actor, child_id, line.given_on, line.vaccine, line.number, elsewhere)
        elif recorded.is_of(desk.clinic):
            outcome = correct_dose(desk, actor, line.dose_id, {"given_on": line.given_on}, reason)
        else:
            outcome = dispute_dose(desk, actor, line.dose_id, f"{reason} {line.given_on}")
        if outcome.ok:
            saved += 1
        else:
            refused.append((line, outcome.problems))
    return Outcome(Copied(saved, tuple(refused)))
