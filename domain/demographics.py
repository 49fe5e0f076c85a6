"""A person from all facts told about it, whoever told them and in whatever order they came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from domain import events, heard
from domain.heard import Heard

DATED = ("residence", "register_status")  # kept with the day they took effect


@dataclass(frozen=True)
class Since:
    """From `day` on the field `what` is `code`, by the fact `event_id`."""

    event_id: str
    what: str
    code: str
    day: str


@dataclass
class Person:
    """What stands now; `registered_at` is when the person was first recorded (UTC)."""

    facts: events.ChildRegistered
    registered_at: str
    since: list[Since] = field(default_factory=list)


def fold(facts: Iterable[Heard]) -> Person | None:
    """Field by field the later clock wins, of equal clocks the greater event id; a registration tells every field.

    None while nobody registered the person. A field that is of no use here is passed over.
    """
    person: Person | None = None
    before: list[Heard] = []
    for one in sorted(facts, key=lambda fact: fact.clock):
        if isinstance(one.body, events.ChildRegistered):
            known, at = (person.since, person.registered_at) if person else ([], one.said.recorded_at)
            person = Person(one.body, min(at, one.said.recorded_at), known)
            told = {name: getattr(one.body, name) for name in DATED}
            person.since += [Since(one.said.event_id, name, code, one.day) for name, code in told.items() if code]
        elif person:
            _change(person, one)
        else:
            before.append(one)
    if person:  # what was told before the registration is overtaken by it; the day from which it held stays
        person.since += [since for one in before for since in _dated(one, _told(one))]
    return person


def _change(person: Person, one: Heard) -> None:
    fields = _told(one)
    person.facts = msgspec.structs.replace(person.facts, **fields)
    person.since += _dated(one, fields)


def _dated(one: Heard, fields: dict[str, object]) -> list[Since]:
    return [Since(one.said.event_id, name, str(fields[name]), one.day) for name in DATED if name in fields]


def _told(one: Heard) -> dict[str, object]:
    """The fields a fact gives a new value, as far as they can be read."""
    match one.body:
        case events.ChildMoved(to=clinic):
            return {"clinic": clinic}
        case events.ChildUpdated(fields=fields):
            found = {}
            for name, (_, new) in fields.items():
                try:
                    found[name] = heard.of_a_person(name, new)
                except (msgspec.ValidationError, KeyError):
                    continue
            return found
    return {}
