"""Facts that others told, read with care: what cannot be a row is passed over, never a stop."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from domain import clock, events
from domain.doses import CORRECTABLE, can_be, is_day
from domain.wire import UNREADABLE
from domain.wire.event import SCHEMA, Event

_bodies = {kind: msgspec.json.Decoder(type_) for kind, type_ in events.BODIES.items()}
_FIRST, _LAST = "1850", "2200"  # years between which days can be counted on and back
_MOST = 2**31  # no number of a body is larger: the records hold 63 bits
_NUMBERS = ("birth_weight_g", "birth_order", "preterm_weeks", "dose_no", "vial_no", "doses_per_package", "doses")


class Heard(NamedTuple):
    """One fact: who told it, its envelope, and its body when its kind is known and the body can be rows."""

    terminal_id: str
    clinic: str
    said: Event
    body: Any

    @property
    def clock(self) -> str:
        """Later wins; of equal clocks the greater event id (docs/formats.md, 1)."""
        return f"{self.said.hlc}/{self.said.event_id}"

    @property
    def other(self) -> str:
        """The second child of a move or a merge, or the dose a use of stock is of; "" none."""
        match self.body:
            case events.DoseMoved(to_child=other) | events.ChildMerged(of=other) | events.StockUsed(dose=other):
                return str(other)
        return ""

    @property
    def day(self) -> str:
        """The day it is about: stated, else recorded."""
        return (self.said.stated or self.said.recorded_at)[:10]


def hear(terminal_id: str, clinic: str, said: Event) -> Heard:
    """The fact with its body, None where it is of no use here."""
    return Heard(terminal_id, clinic, said, _body(said))


def _body(said: Event) -> Any:
    """None as well for a body of another schema, which must not be guessed, and for a clock that is none."""
    decoder = _bodies.get(said.kind)
    if decoder is None or said.schema != SCHEMA or clock.merge("", said.hlc) != said.hlc:
        return None
    try:
        body = decoder.decode(said.body)
    except UNREADABLE:
        return None
    if not _numbers_fit(body):
        return None
    match body:
        case events.ChildRegistered():
            return _person(body)
        case events.DoseGiven():
            return _dose(body) if body.vaccine and is_day(said.stated[:10]) else None
        case events.CorrectionRequested():
            return _request(body, (said.stated or said.recorded_at)[:10])
        case events.DoseDeferred():
            return body if not body.until or is_day(body.until) else msgspec.structs.replace(body, until="")
        case events.DoseCorrected():
            fields = {name: pair for name, pair in body.fields.items() if name in CORRECTABLE and can_be(name, pair[1])}
            return msgspec.structs.replace(body, fields=fields) if fields else None
    return body


def _numbers_fit(body: Any) -> bool:
    values = (getattr(body, name, 0) for name in _NUMBERS)
    return all(-_MOST < value < _MOST for value in values if isinstance(value, int))


def _dose(body: events.DoseGiven) -> events.DoseGiven:
    """It was given, whatever day its package says."""
    return body if not body.expiry_on or is_day(body.expiry_on) else msgspec.structs.replace(body, expiry_on="")


def _request(body: events.CorrectionRequested, asked_on: str) -> events.CorrectionRequested | None:
    """Without a day by which to answer it is due at once."""
    if _is_near(body.due):
        return body
    return msgspec.structs.replace(body, due=asked_on) if _is_near(asked_on) else None


def _is_near(day: str) -> bool:
    return is_day(day) and _FIRST <= day < _LAST


def _person(body: events.ChildRegistered) -> events.ChildRegistered | None:
    """A child without a birth date cannot be reckoned with; an alert's day that is none is left out."""
    if not _is_near(body.birth_on):
        return None
    return msgspec.structs.replace(body, alerts=tuple(_alert(one) for one in body.alerts))


def _alert(one: events.Alert) -> events.Alert:
    return one if not one.on or is_day(one.on) else msgspec.structs.replace(one, on="")


_OF_A_PERSON = {field.name: field.type for field in msgspec.structs.fields(events.ChildRegistered)}


def of_a_person(name: str, value: Any) -> Any:
    """A field's new value as a `child.updated` tells it, in the field's type. Raises msgspec.ValidationError, KeyError
    for a field not known here."""
    if value is None and name in ("identifiers", "guardians", "alerts"):
        return ()
    found = msgspec.convert(value, _OF_A_PERSON[name])
    if name == "birth_on" and not _is_near(found):
        raise msgspec.ValidationError("no day")
    if name in _NUMBERS and not -_MOST < found < _MOST:
        raise msgspec.ValidationError("too large")
    return tuple(_alert(one) for one in found) if name == "alerts" else found
