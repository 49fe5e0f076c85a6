"""What comes back from the region: pages of the feed, a child's record, reference documents (docs/formats.md, 9).

All travel in one form, so that the bytes of facts are never encoded again:

    signed document (JSON) | line feed | body

The document's payload names the body by its SHA-256.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Literal

import msgspec

from domain.errors import WireError

MAX_ROWS = 1000
MAX_PLAIN_BYTES = 900_000
BUCKETS = 256

What = Literal["event", "also", "advice"]


class Source(msgspec.Struct, frozen=True, array_like=True):
    """Who told a fact."""

    terminal_id: str
    clinic: str


class Run(msgspec.Struct, frozen=True, array_like=True):
    """So many lines of the body, one after the other. `source` is the place of who told them, -1 for the region.

    event: a fact of the clinic's own terminals or about a child of the clinic. also: a fact about another child that
    touches one of the clinic's, or is addressed to it. advice: `Advice`.
    """

    n: int
    what: str
    source: int


class Advice(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person at the clinic should know or answer with a new fact; `key` is the matter's own, so that a later
    advice with `open` false ends it. `code` is that of a text."""

    code: str
    key: str
    open: bool = True
    child_id: str = ""
    params: dict[str, Any] = {}


class Page(msgspec.Struct, frozen=True, omit_defaults=True):
    """What follows the cursor `after`; ask for `next` then. `remaining` falls to 0 and counts roughly; `references` is
    the number of the newest reference document. `stage` is what comes next while the whole scope is read: people,
    rest, desk, open; "" once it is read."""

    terminal_id: str
    after: str
    next: str
    remaining: int
    generation: str
    references: int
    time: str
    sources: tuple[Source, ...]
    runs: tuple[Run, ...]
    sha256: str
    stage: str = ""


class Record(msgspec.Struct, frozen=True):
    """All facts about one child: `children` are the ids of its linked records, the one asked for first."""

    terminal_id: str
    children: tuple[str, ...]
    purpose: str
    time: str
    sources: tuple[Source, ...]
    runs: tuple[Run, ...]
    sha256: str


class Bucket(msgspec.Struct, frozen=True, array_like=True):
    """How many facts, and the exclusive or of their marks."""

    n: int
    mark: int


class Scope(msgspec.Struct, frozen=True):
    """What the clinic must hold at the cursor `after`, in BUCKETS parts."""

    terminal_id: str
    after: str
    time: str
    buckets: tuple[Bucket, ...]


class Reference(msgspec.Struct, frozen=True):
    """A document everybody works by; `version` is the SHA-256 of its bytes, in force from the day `effective_on` until
    a later one of the same name. `number` counts publications."""

    number: int
    name: str
    version: str
    effective_on: str
    published_at: str


class Catalogue(msgspec.Struct, frozen=True):
    """Every reference document ever published, by number."""

    time: str
    references: tuple[Reference, ...]


def mark(terminal_id: str, event_id: str) -> tuple[int, int]:
    """(bucket, mark) of a fact: the last byte, and the first 60 bits, of SHA-256("<terminal>/<event id>")."""
    digest = sha256(f"{terminal_id}/{event_id}".encode()).digest()
    return digest[-1], int.from_bytes(digest[:8], "big") >> 4


def join(document: bytes, body: bytes) -> bytes:
    return document + b"\n" + body


def split(data: bytes) -> tuple[bytes, bytes]:
    """(document, body). Raises WireError("wire.document_unreadable")."""
    document, found, body = data.partition(b"\n")
    if not found:
        raise WireError("wire.document_unreadable", "later")
    return document, body


def check_body(body: bytes, digest: str) -> None:
    """Raises WireError("wire.document_unreadable")."""
    if sha256(body).hexdigest() != digest:
        raise WireError("wire.document_unreadable", "later")


def check_runs(runs: tuple[Run, ...], sources: tuple[Source, ...], lines: int) -> None:
    """Every line has its run, every run its source. Raises WireError("wire.document_unreadable")."""
    if any(run.n < 1 or not -1 <= run.source < len(sources) for run in runs) or sum(r.n for r in runs) != lines:
        raise WireError("wire.document_unreadable", "later")
