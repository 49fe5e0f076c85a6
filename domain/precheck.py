"""What the answers before a visit say against giving anything today."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from domain.problems import Problem, Severity


class Precaution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question of the pre-check and what its answer does: yes speaks against a dose, or a number over `above`.

    `severity` override asks for a reason to go on, warn is shown. `evidence`: where the rule comes from.
    """

    question: str
    severity: Literal["override", "warn"]
    evidence: str
    above: float | None = None


def against(health: Mapping[str, Any], precautions: Iterable[Precaution]) -> Iterator[Problem]:
    """A problem for each answer (question -> answer) that speaks against a dose; what was not asked says nothing."""
    for one in precautions:
        answer = health.get(one.question)
        if one.above is None:
            if answer is True:
                yield Problem(f"precheck.{one.question}", Severity(one.severity))
        elif isinstance(answer, int | float) and not isinstance(answer, bool) and answer > one.above:
            params = {"value": f"{answer:g}", "above": f"{one.above:g}"}
            yield Problem(f"precheck.{one.question}", Severity(one.severity), "", params)
