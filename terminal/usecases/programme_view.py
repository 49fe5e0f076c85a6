"""The editions a clinic goes by: since when, how well their rules are known, and which physician answers for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from domain.schedule.programme import MARKS, Programme, Rule
from terminal.store import approvals
from terminal.usecases.desk import Desk


@dataclass(frozen=True)
class EditionLine:
    """One edition, or the supplement. `marks` counts its rules by evidence (S, S2, M); `physician`, `staff` and `at`
    (UTC) of the approval of these very data, "" while it is a demonstration edition."""

    name: str
    edition: str
    effective_on: str
    in_force: bool
    supplement: bool
    source: str
    marks: tuple[tuple[str, int], ...]
    physician: str = ""
    staff: str = ""
    at: str = ""


def list_editions(desk: Desk) -> tuple[EditionLine, ...]:
    """The latest first, the supplement last. On the store thread."""
    now = desk.plan.programme(desk.today()).name
    editions = [_line(desk, one, one.name == now, False) for one in reversed(desk.plan.editions)]
    supplement = [_line(desk, desk.plan.supplement, True, True)] if desk.plan.supplement else []
    return (*editions, *supplement)


def _line(desk: Desk, programme: Programme, in_force: bool, supplement: bool) -> EditionLine:
    counted = Counter(MARKS[rule.evidence or programme.evidence] for rule in _rules(programme))
    marks = tuple((mark, counted[mark]) for mark in MARKS.values() if counted[mark])
    approved = approvals.last(desk.store, programme.name, desk.plans.digests[programme.name]) or ("", "", "")
    begins = programme.effective_on.isoformat()
    return EditionLine(
        programme.name, programme.edition, begins, in_force, supplement, programme.source, marks, *approved
    )


def _rules(part: Any) -> Iterator[Rule]:
    """Every rule of a programme, wherever it stands."""
    if isinstance(part, Rule):
        yield part
    if isinstance(part, msgspec.Struct):
        part = [getattr(part, name) for name in part.__struct_fields__]
    elif isinstance(part, dict):
        part = part.values()
    elif not isinstance(part, tuple):
        return
    for one in part:
        yield from _rules(one)
