"""Who was found elsewhere, before anything is kept: the child and its doses as the told facts have them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from domain import demographics
from domain.doses import Change, Dose, standing
from domain.errors import WireError
from domain.events import ChildRegistered, DoseGiven, DoseMoved
from domain.heard import Heard, hear
from domain.wire import event

if TYPE_CHECKING:
    from sync.feed import Found
    from sync.ports import Told

_CHANGES = {"dose.voided": "voided", "dose.corrected": "corrected", "dose.disputed": "disputed", "dose.moved": "moved"}


@dataclass(frozen=True)
class FoundChild:
    """`facts` None when the answer holds no person, only doses. `clinics` told of it; `doses` count, oldest first;
    `as_of` is when the region knew so (UTC)."""

    facts: ChildRegistered | None
    clinics: tuple[str, ...]
    doses: tuple[Dose, ...]
    as_of: str


def read_found(found: Found) -> FoundChild:
    """Nothing is stored, and what cannot be read is passed over: the facts are checked again when they are kept."""
    told = sorted(_readable(found.facts), key=lambda one: one.clock)
    of_head = (one for one in told if one.said.subject == found.children[0])
    person = demographics.fold(of_head) or demographics.fold(told)
    clinics = tuple(dict.fromkeys(one.clinic for one in told))
    doses = tuple(dose for dose in _doses(told) if dose.counts and dose.child_id in found.children)
    return FoundChild(person.facts if person else None, clinics, doses, found.as_of)


def _readable(facts: Iterable[Told]) -> Iterable[Heard]:
    for told in facts:
        try:
            yield hear(told.terminal_id, told.clinic, event.decode(told.data))
        except WireError:
            continue


def _doses(told: Iterable[Heard]) -> list[Dose]:
    """As they stand after every change; a moved one stands with the child it was moved to."""
    given: dict[str, Dose] = {}
    changes = []
    for one in told:
        said, body = one.said, one.body
        if isinstance(body, DoseGiven):
            facts = msgspec.structs.asdict(body)
            given[said.event_id] = Dose(
                said.event_id, said.subject, body.vaccine, body.dose_no, one.day, one.clinic, facts
            )
        elif isinstance(body, DoseMoved) and body.of in given:
            given[said.event_id] = replace(given[body.of], id=said.event_id, child_id=body.to_child)
        if said.kind in _CHANGES and body is not None:
            changes.append(Change(body.of, _CHANGES[said.kind], msgspec.structs.asdict(body)))
    return standing(given.values(), changes)
