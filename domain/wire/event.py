"""An event: one fact, encoded once; the bytes are the record (docs/formats.md, section 1)."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.errors import WireError
from domain.wire import UNREADABLE

MAX_EVENT_BYTES = 64 * 1024
SCHEMA = 1  # of the bodies in domain.events


class Event(msgspec.Struct, frozen=True):
    """The envelope of a fact.

    `stated` is what the person said (a date, or a local date and time); `recorded_at` the terminal's UTC
    instant; `offset_ms` the region's clock minus the terminal's when last measured, None if never.
    What changes least stands first: events then pack better.
    """

    kind: str
    schema: int
    actor: str
    offset_ms: int | None
    subject: str
    stated: str
    recorded_at: str
    hlc: str
    event_id: str
    body: msgspec.Raw


_decoder = msgspec.json.Decoder(Event)


def encode(
    *,
    event_id: str,
    kind: str,
    subject: str,
    actor: str,
    hlc: str,
    stated: str,
    recorded_at: str,
    offset_ms: int | None,
    body: Any,
    schema: int = SCHEMA,
) -> bytes:
    """The stored bytes of a fact: compact UTF-8 JSON, fields in the order of `Event`, no line feed.

    Raises WireError("wire.event_too_long" or "wire.bad_text").
    """
    try:
        raw = msgspec.Raw(msgspec.json.encode(body))
        said = Event(kind, schema, actor, offset_ms, subject, stated, recorded_at, hlc, event_id, raw)
        data = msgspec.json.encode(said)
    except UnicodeEncodeError as fault:  # half a surrogate pair, from a broken input method or scan
        raise WireError("wire.bad_text", "never") from fault
    if len(data) > MAX_EVENT_BYTES:
        raise WireError("wire.event_too_long", "never", size=len(data), limit=MAX_EVENT_BYTES)
    return data


def decode(data: bytes) -> Event:
    """Read an envelope. Unknown fields stay in the stored bytes. Raises WireError("wire.event_unreadable")."""
    try:
        str(data, "utf-8")  # the reader passes over the body's strings unread
        return _decoder.decode(data)
    except UNREADABLE as fault:
        raise WireError("wire.event_unreadable", "never") from fault
