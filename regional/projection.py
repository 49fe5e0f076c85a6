"""From events to rows: pure, and the same whatever the order of the events."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from domain import clock, events
from domain.errors import WireError
from domain.wire import UNREADABLE
from domain.wire import event as wire

_bodies = {kind: msgspec.json.Decoder(type_) for kind, type_ in events.BODIES.items()}
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])

DoseKey = tuple[str, str, str]  # child, dose, clinic; clinic "" for what anybody may say
Place = tuple[str, str, int]  # terminal, epoch, seq
IDENTITY = ("name", "sex", "birth_on", "resident_id")
_OF_A_CHILD = {"child", "visit", "dose", "receipt", "correction", "aefi"}


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
        """Later wins; of equal clocks the greater event id (docs/formats.md, 1)."""
        return f"{self.event.hlc}/{self.event.event_id}" if self.event else ""

    @property
    def place(self) -> Place:
        return self.terminal_id, self.epoch, self.seq

    @property
    def children(self) -> tuple[str, ...]:
        """Whom it is about, its subject first; nobody when it is about a lot, the staff or the terminal."""
        if self.event is None or not _is_of_a_child(self.event.kind):
            return ()
        match self.body:
            case events.DoseMoved(to_child=other) | events.ChildMerged(of=other):
                return self.event.subject, other
        return (self.event.subject,)


@lru_cache(maxsize=256)
def _is_of_a_child(kind: str) -> bool:
    return kind.partition(".")[0] in _OF_A_CHILD


def read(terminal_id: str, clinic: str, epoch: str, seq: int, data: bytes) -> Held:
    """An event, with its body when its kind is known and the body is right; a wrong one carries its reason."""
    try:
        told = wire.decode(data)
    except WireError:
        return Held(terminal_id, clinic, epoch, seq, data, None, reason="unreadable")
    if len(data) > wire.MAX_EVENT_BYTES or clock.merge("", told.hlc) != told.hlc:
        # no clock at all would win over every clock there ever will be
        return Held(terminal_id, clinic, epoch, seq, data, None, reason="unreadable")
    decoder = _bodies.get(told.kind)
    if decoder is None:
        return Held(terminal_id, clinic, epoch, seq, data, told)
    if told.schema != wire.SCHEMA:
        return Held(terminal_id, clinic, epoch, seq, data, told, reason="newer_schema")
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
        _, after = (
            _identifiers(side) for side in body.fields["identifiers"]
        )  # what it was before must be readable too
        return after
    return ()


def _identifiers(said: Any) -> tuple[events.Identifier, ...]:
    return msgspec.convert(said or (), tuple[events.Identifier, ...])


def _resident_id(identifiers: tuple[events.Identifier, ...]) -> str:
    return next((x.value for x in identifiers if x.kind == "resident_id"), "")


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


@dataclass
class Child:
    registered: bool = False
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


class Link(NamedTuple):
    """Two records of one child; `other` and `merged_at` are None while only the end is known."""

    other: str | None = None
    merged_at: str | None = None
    ended_at: str | None = None

    def also(self, more: Link) -> Link:
        ends = [x for x in (self.ended_at, more.ended_at) if x]
        return Link(self.other or more.other, self.merged_at or more.merged_at, min(ends, default=None))


class Change(NamedTuple):
    """What a field was told to be; `old` is None when the child was registered so."""

    event_id: str
    clinic: str
    old: str | None
    new: str


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
    links: dict[tuple[str, str], Link] = field(default_factory=dict)
    changes: dict[tuple[str, str, str], Change] = field(default_factory=dict)
    requests: dict[tuple[str, str], tuple[str, str, str, str]] = field(default_factory=dict)
    answers: dict[tuple[str, str, str], str] = field(default_factory=dict)
    reactions: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def add(self, held: Held) -> None:
        """Take one event in; kinds without a projection are kept as events only."""
        told = held.event
        if told is None:
            return
        subject, event_id = told.subject, told.event_id
        match held.body:  # what a day has most of stands first
            case events.DoseGiven():
                dose = self._dose((subject, event_id, held.clinic))
                dose.given, dose.terminal_id, dose.stated = True, held.terminal_id, told.stated
                _merge(dose, _fields.decode(told.body), {"*": held.clock})
            case events.VisitOpened() as body:
                self.visits[subject, event_id] = body.clinic, told.stated
            case events.StockUsed() | events.VisitClosed() | events.ReceiptIssued():
                return
            case events.StockReceived():
                self.lots[held.terminal_id, subject] = bytes(told.body)
            case events.ChildRegistered() | events.ChildUpdated() | events.ChildMoved():
                self._told_of_child(held, subject)
            case events.ChildMerged() as body:
                self._link(subject, event_id, Link(body.of, held.clock))
            case events.ChildUnmerged() as body:
                self._link(subject, body.of, Link(ended_at=held.clock))
            case events.CorrectionRequested() as body:
                self.requests[subject, event_id] = held.clinic, body.of, body.due, bytes(told.body).decode()
            case events.CorrectionAnswered() as body:
                self.answers[subject, body.of, held.clinic] = body.outcome
            case events.AefiReported():
                self.reactions[subject, event_id] = held.clinic, bytes(told.body).decode()
            case _:
                self._change(held, subject, event_id)

    def _told_of_child(self, held: Held, child_id: str) -> None:
        """Demographics: what stands now, and every value that was told."""
        body, child = held.body, self._child(child_id)
        self.identifiers.update((child_id, x.kind, x.value, x.issuer) for x in _new_identifiers(body))
        match body:
            case events.ChildRegistered():
                assert held.event
                child.registered = True
                _merge(child, _fields.decode(held.event.body), {"*": held.clock})
                self._registered(held, child_id, body)
            case events.ChildUpdated():
                _merge_new(child, body.fields, held.clock)
                self._changed(held, child_id, body.fields)
            case events.ChildMoved():
                _merge_new(child, {"clinic": (body.left, body.to)}, held.clock)
                self._changed(held, child_id, {"clinic": (body.left, body.to)})

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

    def _link(self, child_id: str, link_id: str, said: Link) -> None:
        self.links[child_id, link_id] = self.links.get((child_id, link_id), Link()).also(said)

    def _registered(self, held: Held, child_id: str, body: events.ChildRegistered) -> None:
        first = {"name": body.name, "sex": body.sex, "birth_on": body.birth_on}
        first["resident_id"] = _resident_id(body.identifiers)
        for name, value in first.items():
            self._change_of(held, child_id, name, None, value)

    def _changed(self, held: Held, child_id: str, fields: dict[str, tuple[Any, Any]]) -> None:
        for name, (old, new) in fields.items():
            self._change_of(held, child_id, name, old, new)
        if "identifiers" in fields:
            before, after = (_resident_id(_identifiers(side)) for side in fields["identifiers"])
            if before != after:
                self._change_of(held, child_id, "resident_id", before, after)

    def _change_of(self, held: Held, child_id: str, name: str, old: Any, new: Any) -> None:
        assert held.event
        before = None if old is None else _text(old)
        self.changes[child_id, name, held.clock] = Change(held.event.event_id, held.clinic, before, _text(new))

    def _child(self, child_id: str) -> Child:
        return self.children.setdefault(child_id, Child())

    def _dose(self, key: DoseKey) -> Dose:
        return self.doses.setdefault(key, Dose())


def _merge_new(into: Child | Dose, fields: dict[str, tuple[Any, Any]], clock: str) -> None:
    new = {name: msgspec.Raw(_text(values[1]).encode()) for name, values in fields.items()}
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
    for name, said in clocks.items():
        into.clocks[name] = max(into.clocks.get(name, ""), said)


def _least(one: str | None, other: str) -> str:
    return other if one is None else min(one, other)
