"""What a clinic goes by: the editions of the national programme and the supplement of self-paid vaccines."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import msgspec

from domain.schedule.case import Case, CaseResult
from domain.schedule.engine import evaluate_case
from domain.schedule.programme import Programme, Rule, Vaccine


@dataclass(frozen=True)
class Plan:
    """Editions of one programme, oldest first, and what may be given beside it at the family's cost.

    A child follows the edition in force on the day; a dose stays judged by the edition in force when it was given.
    Programmes that cannot stand together are a mistake of the data: ValueError.
    """

    editions: tuple[Programme, ...]
    supplement: Programme | None = None

    def __post_init__(self) -> None:
        if not self._starts or any(later <= on for on, later in pairwise(self._starts)):
            raise ValueError("a plan needs editions, oldest first, each with a day of its own")
        assert self._by_code  # everything is joined here, once

    def programme(self, day: date) -> Programme:
        """The edition in force on a day, with the supplement; before the first one, the first."""
        return self._whole[self._place(day)]

    def evaluate(self, case: Case) -> CaseResult:
        """Judge and forecast a child on the day of the case. The last few answers are kept: at the counter page, check
        and slip ask for the same."""
        return self._evaluated(case)

    def vaccine(self, code: str, day: date) -> str:
        """The programme's vaccine of a four-digit code; "" when no rule is about it."""
        return self._by_code[self._place(day)].get(code, "")

    def groups_of(self, code: str, day: date) -> frozenset[str]:
        """The vaccine groups a four-digit code counts in."""
        programme, key = self.programme(day), self.vaccine(code, day)
        antigens = {part.antigen for part in programme.vaccines[key].antigens} if key else set()
        return frozenset(g.code for g in programme.vaccine_groups.values() if not antigens.isdisjoint(g.antigens))

    def self_paid(self, group: str) -> bool:
        """Whether a vaccine group, by its code, is of the supplement."""
        return group in self._supplementary

    def without_offers(self, case: Case) -> Plan:
        """The plan, or its editions alone for a child who had no vaccine of the supplement: a self-paid course that was
        never begun is offered, not asked for, and leaving it out is a third less work."""
        begun = self.supplement and any(dose.code in self.supplement.vaccines for dose in case.doses)
        return self if begun or not self.supplement else self._editions_alone

    @cached_property
    def _editions_alone(self) -> Plan:
        return Plan(self.editions)

    def _place(self, day: date) -> int:
        return max(bisect_right(self._starts, day) - 1, 0)

    def __reduce__(self) -> tuple[type[Plan], tuple[Any, ...]]:
        """What is kept stays at home."""
        return Plan, (self.editions, self.supplement)

    @cached_property
    def _evaluated(self) -> Callable[[Case], CaseResult]:
        return lru_cache(maxsize=8)(self._evaluate)

    def _evaluate(self, case: Case) -> CaseResult:
        place = self._place(case.assessed_on)
        return evaluate_case(self._whole[place], case, self._whole[:place])

    @cached_property
    def _starts(self) -> tuple[date, ...]:
        return tuple(edition.effective_on for edition in self.editions)

    @cached_property
    def _supplementary(self) -> frozenset[str]:
        groups = self.supplement.vaccine_groups.values() if self.supplement else ()
        return frozenset(group.code for group in groups)

    @cached_property
    def _whole(self) -> tuple[Programme, ...]:
        return tuple(joined(edition, self.supplement) if self.supplement else edition for edition in self.editions)

    @cached_property
    def _by_code(self) -> tuple[dict[str, str], ...]:
        return tuple({code: key for key, v in whole.vaccines.items() for code in v.codes} for whole in self._whole)


def joined(edition: Programme, supplement: Programme) -> Programme:
    """One programme of both: a vaccine in both carries the antigens of both, conflicts add up, and every rule of the
    supplement keeps the supplement's source and mark.

    An antigen, a vaccine group or a code of two vaccines in both is a mistake of the data: ValueError.
    """
    supplement = _own(supplement, supplement.source, supplement.evidence)
    vaccines = {**edition.vaccines}
    for key, vaccine in supplement.vaccines.items():
        vaccines[key] = _both(vaccines[key], vaccine) if key in vaccines else vaccine
    codes = Counter(code for vaccine in vaccines.values() for code in vaccine.codes)
    twice = (edition.antigens.keys() & supplement.antigens.keys()) | (
        edition.vaccine_groups.keys() & supplement.vaccine_groups.keys()
    )
    twice |= {code for code, count in codes.items() if count > 1}
    if twice:
        raise ValueError(f"in edition and supplement: {', '.join(sorted(twice))}")
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
        outside=(edition.outside | supplement.outside) - vaccines.keys(),
        observations={**supplement.observations, **edition.observations},
    )


def _both(one: Vaccine, other: Vaccine) -> Vaccine:
    codes = tuple(dict.fromkeys(one.codes + other.codes))
    return msgspec.structs.replace(one, antigens=one.antigens + other.antigens, codes=codes)


def _own(part: Any, source: str, evidence: str) -> Any:
    """A programme, or a part of one, with source and mark written into every rule that has none."""
    if isinstance(part, tuple):
        return tuple(_own(one, source, evidence) for one in part)
    if isinstance(part, dict):
        return {key: _own(one, source, evidence) for key, one in part.items()}
    if not isinstance(part, msgspec.Struct):
        return part
    filled = {name: _own(getattr(part, name), source, evidence) for name in part.__struct_fields__}
    if isinstance(part, Rule):
        filled |= {"source": part.source or source, "evidence": part.evidence or evidence}
    return msgspec.structs.replace(part, **filled)
