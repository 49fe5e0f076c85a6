"""From events to rows: pure, and the same whatever the order of the events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from domain import events
from domain.errors import WireError
from domain.wire import UNREADABLE
from domain.wire import event as wire

_bodies = {kind: msgspec.json.Decoder(type_) for kind, type_ in events.BODIES.items()}
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])

DoseKey = tuple[str, str, str]  # child, dose, clinic; clinic "" for what anybody may say


@dataclass(frozen=True)
class Held:
    """One event as it stands in a batch; `clinic` is its terminal's. `event` is None when even its envelope cannot be
    read."""

    terminal_id: str
    clinic: str
    epoch: str
    seq: int
    data: bytes
    event: wire.Event | None
    body: Any = None
    reason: str = ""  # why it goes to quarantine

    @property
    def clock(self) -> str:
        """Later wins; of two terminals' equal clocks the greater id."""
        return f"{self.event.hlc}/{self.terminal_id}" if self.event else ""


def read(terminal_id: str, clinic: str, epoch: str, seq: int, data: bytes) -> Held:
    """An event, with its body when its kind is known and the body is right; a wrong one carries its reason."""
    try:
        told = wire.decode(data)
    except WireError:
        return Held(terminal_id, clinic, epoch, seq, data, None, reason="unreadable")
    decoder = _bodies.get(told.kind)
    if decoder is None:
        return Held(terminal_id, clinic, epoch, seq, data, told)
    try:
        body = decoder.decode(told.body)
        _new_identifiers(body)
        return Held(terminal_id, clinic, epoch, seq, data, told, body)
    except UNREADABLE:
        return Held(terminal_id, clinic, epoch, seq, data, told, reason="bad_body")


def _new_identifiers(body: Any) -> tuple[events.Identifier, ...]:
    """The identifiers a body tells of. Raises msgspec.ValidationError."""
    if isinstance(body, events.ChildRegistered):
        return body.identifiers
    if isinstance(body, events.ChildUpdated) and "identifiers" in body.fields:
        return msgspec.convert(body.fields["identifiers"][1] or (), tuple[events.Identifier, ...])
    return ()


@dataclass
class Child:
    registered: bool = False
    clinic: str = ""
    body: dict[str, msgspec.Raw] = field(default_factory=dict)
    clocks: dict[str, str] = field(default_factory=dict)


@dataclass
class Dose:
    given: bool = False
    terminal_id: str = ""
    stated: str = ""
    body: dict[str, msgspec.Raw] = field(default_factory=dict)
    clocks: dict[str, str] = field(default_factory=dict)
    origin: tuple[str | None, str | None] = (None, None)
    voided_by: str | None = None
    moved_by: str | None = None
    disputed_by: str | None = None

    @property
    def ended(self) -> tuple[str | None, str | None, str | None]:
        return self.voided_by, self.moved_by, self.disputed_by


@dataclass
class Rows:
    """What a run of events adds to the projections, merged to one row a key. A dose is (child, dose, clinic): nobody
    but its clinic changes it. `about` are changes of doses and the key each is about."""

    children: dict[str, Child] = field(default_factory=dict)
    doses: dict[DoseKey, Dose] = field(default_factory=dict)
    identifiers: set[tuple[str, str, str, str]] = field(default_factory=set)
    visits: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    lots: dict[tuple[str, str], bytes] = field(default_factory=dict)
    about: list[tuple[Held, DoseKey]] = field(default_factory=list)

    def add(self, held: Held) -> None:
        """Take one event in; kinds without a projection are kept as events only."""
        told = held.event
        if told is None:
            return
        subject, event_id = told.subject, told.event_id
        self.identifiers.update((subject, x.kind, x.value, x.issuer) for x in _new_identifiers(held.body))
        match held.body:
            case events.ChildRegistered() as body:
                child = self._child(subject)
                child.registered, child.clinic = True, body.clinic
                _merge(child, _fields.decode(told.body), {"*": held.clock})
            case events.ChildUpdated() as body:
                _merge_new(self._child(subject), body.fields, held.clock)
            case events.VisitOpened() as body:
                self.visits[subject, event_id] = body.clinic, told.stated
            case events.StockReceived():
                self.lots[held.terminal_id, subject] = bytes(told.body)
            case events.DoseGiven():
                dose = self._dose((subject, event_id, held.clinic))
                dose.given, dose.terminal_id, dose.stated = True, held.terminal_id, told.stated
                _merge(dose, _fields.decode(told.body), {"*": held.clock})
            case _:
                self._change(held, subject, event_id)

    def _change(self, held: Held, child_id: str, event_id: str) -> None:
        """A dose is changed; the dose itself may come later."""
        body = held.body
        if not isinstance(body, events.DoseCorrected | events.DoseVoided | events.DoseDisputed | events.DoseMoved):
            return
        key = child_id, body.of, "" if isinstance(body, events.DoseDisputed) else held.clinic
        self.about.append((held, key))
        dose = self._dose(key)
        match body:
            case events.DoseCorrected():
                _merge_new(dose, body.fields, held.clock)
            case events.DoseVoided():
                dose.voided_by = _least(dose.voided_by, event_id)
            case events.DoseDisputed():
                dose.disputed_by = _least(dose.disputed_by, event_id)
            case events.DoseMoved():
                dose.moved_by = _least(dose.moved_by, event_id)
                arrived = self._dose((body.to_child, event_id, held.clinic))
                arrived.given, arrived.terminal_id, arrived.origin = True, held.terminal_id, (child_id, body.of)

    def _child(self, child_id: str) -> Child:
        return self.children.setdefault(child_id, Child())

    def _dose(self, key: DoseKey) -> Dose:
        return self.doses.setdefault(key, Dose())


def _merge_new(into: Child | Dose, fields: dict[str, tuple[Any, Any]], clock: str) -> None:
    new = {name: msgspec.Raw(msgspec.json.encode(values[1])) for name, values in fields.items()}
    _merge(into, new, dict.fromkeys(fields, clock))


def _merge(into: Child | Dose, body: dict[str, msgspec.Raw], clocks: dict[str, str]) -> None:
    """Field by field, the later clock winning: what later_fields and later_clocks do in 0002_projections.sql."""
    if not into.clocks:
        into.body, into.clocks = body, clocks
        return
    for name, value in body.items():
        fresh = max(clocks.get(name, ""), clocks.get("*", ""))
        if fresh > max(into.clocks.get(name, ""), into.clocks.get("*", "")):
            into.body[name] = value
    for name, clock in clocks.items():
        into.clocks[name] = max(into.clocks.get(name, ""), clock)


def _least(one: str | None, other: str) -> str:
    return other if one is None else min(one, other)
