"""One child's record as it stands now, for the pages and for FHIR: opened with a purpose, and that is written down.

The pages' login reaches no child but through `open_record` (0007_pages.sql), which audits in the same statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

from domain import events
from domain.wire import UNREADABLE
from domain.wire import event as wire
from regional.database import Connection

Purpose = Literal["review", "correction", "recall", "family_request", "exchange"]
Kind = Literal["booklet", "child_code", "resident_id", "birth_certificate", "other", "child", "review"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
KINDS: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind != "review")
LONGEST_VALUE = 200


class Child(msgspec.Struct, frozen=True):
    """One record of the child; `body` as config of `child.registered`, changed since."""

    child_id: str
    clinic: str
    body: dict[str, Any]


class Dose(msgspec.Struct, frozen=True):
    """A dose told of; `moved` to another child, or `voided`, it does not stand here any more."""

    dose_id: str
    child_id: str
    clinic: str
    stated: str
    voided: bool
    moved: bool
    disputed: bool
    body: dict[str, Any]

    @property
    def stands(self) -> bool:
        return not (self.voided or self.moved)

    @property
    def given_on(self) -> str:
        """As last corrected; "" when it was never said."""
        return str(self.body.get("given_on") or self.stated)[:10]


class Reaction(msgspec.Struct, frozen=True):
    aefi_id: str
    clinic: str
    body: dict[str, Any]


class Record(msgspec.Struct, frozen=True):
    """All records that are of one child, the one asked for first. `not_given`: the events as told."""

    children: tuple[Child, ...]
    doses: tuple[Dose, ...]
    reactions: tuple[Reaction, ...]
    not_given: tuple[wire.Event, ...] = ()


@dataclass(frozen=True)
class Found:
    """outcome: found, not_found, ambiguous."""

    outcome: str
    record: Record | None


def askable(kind: str, value: str, purpose: str) -> bool:
    """Whether one may ask so: a known kind and purpose, and a value."""
    fits = 0 < len(value) <= LONGEST_VALUE and "\0" not in value
    return kind in get_args(Kind) and purpose in PURPOSES and fits


def find(connection: Connection, login: str, purpose: str, kind: str, value: str, now: datetime) -> Found:
    """The child by an identifier, its record's id, or the mark of a review; the access is audited, found or not."""
    row = connection.execute("SELECT * FROM open_record(%s, %s, %s, %s, %s)", (login, purpose, kind, value, now))
    outcome, found = row.fetchone() or ("not_found", None)
    return Found(outcome, read(found) if found else None)


def of_clinic(connection: Connection, clinic: str) -> list[tuple[str, ...]]:
    """The children whose home is the clinic, each with the records linked to it; for the owner alone."""
    rows = connection.execute(
        "SELECT DISTINCT ARRAY(SELECT g FROM child_group(c.child_id) AS g ORDER BY g) FROM child c"
        " WHERE c.clinic = %s AND c.registered ORDER BY 1",
        (clinic,),
    )
    return [tuple(linked) for (linked,) in rows]


def of_children(connection: Connection, linked: tuple[str, ...]) -> Record:
    """The record of linked children; for the owner alone."""
    row = connection.execute("SELECT child_record(%s)", (list(linked),)).fetchone()
    assert row
    return read(row[0])


def read(found: dict[str, Any]) -> Record:
    """What `child_record` gives; an event that cannot be read is left out."""
    told = []
    for text in found.pop("not_given"):
        try:
            told.append(msgspec.json.decode(text, type=wire.Event))
        except UNREADABLE:
            continue
    for name, shape in _SHAPES.items():
        for one in found[name]:
            one["body"] = _sound(one["body"], shape)
    return msgspec.structs.replace(msgspec.convert(found, Record), not_given=tuple(told))


def _shape(kind: type[msgspec.Struct], **more: Any) -> dict[str, Any]:
    return {each.encode_name: each.type for each in msgspec.structs.fields(kind)} | more


_SHAPES = {
    "children": _shape(events.ChildRegistered),
    "doses": _shape(events.DoseGiven, given_on=str),
    "reactions": _shape(events.AefiReported),
}


def _sound(body: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    """The fields we know whose values are of their kind: a correction may have told anything."""
    kept = {}
    for name, value in body.items():
        try:
            msgspec.convert(value, shape[name])
        except (KeyError, msgspec.ValidationError):
            continue
        kept[name] = value
    return kept
