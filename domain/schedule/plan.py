"""What a clinic goes by: the editions of the national programme and the supplement of self-paid vaccines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import msgspec

from domain.schedule.case import Case, CaseResult
from domain.schedule.engine import evaluate_case
from domain.schedule.programme import Programme


@dataclass(frozen=True)
class Plan:
    """Editions of one programme, oldest first, and what may be given beside it at the family's cost.

    A child follows the edition in force on the day; a dose stays judged by the edition in force when it was given.
    """

    editions: tuple[Programme, ...]
    supplement: Programme | None = None

    def programme(self, day: date) -> Programme:
        """The edition in force on a day, with the supplement; before the first one, the first."""
        return self._whole[self._place(day)]

    def evaluate(self, case: Case) -> CaseResult:
        """Judge and forecast a child on the day of the case."""
        place = self._place(case.assessed_on)
        return evaluate_case(self._whole[place], case, self._whole[:place])

    def vaccine(self, code: str, day: date) -> str:
        """The programme's vaccine of a four-digit code; "" when no rule is about it."""
        return self._by_code[self._place(day)].get(code, "")

    def self_paid(self, group: str) -> bool:
        """Whether a vaccine group is of the supplement."""
        return self.supplement is not None and group in self.supplement.vaccine_groups

    def _place(self, day: date) -> int:
        return max((n for n, e in enumerate(self.editions) if e.effective_on <= day), default=0)

    @cached_property
    def _whole(self) -> tuple[Programme, ...]:
        return tuple(joined(edition, self.supplement) if self.supplement else edition for edition in self.editions)

    @cached_property
    def _by_code(self) -> tuple[dict[str, str], ...]:
        return tuple({code: key for key, v in whole.vaccines.items() for code in v.codes} for whole in self._whole)


def joined(edition: Programme, supplement: Programme) -> Programme:
    """One programme of both: a vaccine in both carries the antigens of both, conflicts add up.

    A vaccine group or antigen in both is a mistake of the data: ValueError.
    """
    twice = (edition.antigens.keys() & supplement.antigens.keys()) | (
        edition.vaccine_groups.keys() & supplement.vaccine_groups.keys()
    )
    if twice:
        raise ValueError(f"in edition and supplement: {', '.join(sorted(twice))}")
    vaccines = {**edition.vaccines}
    for key, more in supplement.vaccines.items():
        known = vaccines.get(key)
        vaccines[key] = (
            msgspec.structs.replace(
                known, antigens=known.antigens + more.antigens, codes=tuple(dict.fromkeys(known.codes + more.codes))
            )
            if known
            else more
        )
    conflicts = {
        key: edition.conflicts.get(key, ()) + supplement.conflicts.get(key, ())
        for key in {**edition.conflicts, **supplement.conflicts}
    }
    return msgspec.structs.replace(
        edition,
        vaccines=vaccines,
        conflicts=conflicts,
        antigens={**edition.antigens, **supplement.antigens},
        vaccine_groups={**edition.vaccine_groups, **supplement.vaccine_groups},
    )
