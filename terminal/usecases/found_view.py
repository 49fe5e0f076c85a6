"""Who was found elsewhere, before anything is kept: the child and its doses as the told facts have them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from domain.doses import Change, Dose, standing
from domain.errors import WireError
from domain.events import ChildRegistered, DoseGiven
from domain.wire import event

if TYPE_CHECKING:
    from sync.feed import Found
    from sync.ports import Told

_CHANGES = {"dose.voided": "voided", "dose.corrected": "corrected", "dose.disputed": "disputed", "dose.moved": "moved"}


@dataclass(frozen=True)
class FoundChild:
    """`facts` None when the answer holds no person, only doses. `clinics` told of it; `doses` count, oldest first."""

    facts: ChildRegistered | None
    clinics: tuple[str, ...]
    doses: tuple[Dose, ...]
    as_of: str


def read_found(found: Found) -> FoundChild:
    """Nothing is stored, and what cannot be read is left out: the same facts are checked again when they are kept."""
    told = sorted(_readable(found.facts), key=lambda one: (one[0].hlc, one[1].terminal_id))
    doses = [dose for said, who in told if (dose := _dose(said, who))]
    changes = [Change(_body(said)["of"], _CHANGES[said.kind], _body(said)) for said, _ in told if said.kind in _CHANGES]
    clinics = tuple(dict.fromkeys(who.clinic for _, who in told))
    counting = tuple(dose for dose in standing(doses, changes) if dose.counts)
    return FoundChild(_person(found.children, (said for said, _ in told)), clinics, counting, found.as_of)


def _readable(facts: Iterable[Told]) -> Iterable[tuple[event.Event, Told]]:
    for told in facts:
        try:
            yield event.decode(told.data), told
        except WireError:
            continue


def _body(said: event.Event) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(said.body)
    return body


def _dose(said: event.Event, who: Told) -> Dose | None:
    if said.kind != "dose.given":
        return None
    body = msgspec.json.decode(said.body, type=DoseGiven)
    facts = msgspec.structs.asdict(body)
    return Dose(said.event_id, said.subject, body.vaccine, body.dose_no, said.stated[:10], who.clinic, facts)


def _person(children: tuple[str, ...], told: Iterable[event.Event]) -> ChildRegistered | None:
    """The record that goes on, as the later word on each field has it."""
    person: dict[str, Any] = {}
    for said in told:
        if said.kind == "child.registered" and (said.subject == children[0] or not person):
            person = _body(said) | ({} if said.subject == children[0] else person)
        elif said.kind == "child.updated" and said.subject == children[0]:
            person |= {field: pair[1] for field, pair in _body(said)["fields"].items()}
    try:
        return msgspec.convert(person, ChildRegistered) if person else None
    except msgspec.ValidationError:
        return None
