"""What sync needs of the terminal's store. `terminal.store` satisfies it; `terminal.bootstrap` hands it in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from domain.wire.batch import Header
from domain.wire.feed import Advice, Bucket, Reference
from domain.wire.signed import Ack, Lease

Reason = Literal["enrol", "restore", "clone", "fork"]


@dataclass(frozen=True)
class Run:
    """Events not sealed yet, dense and in order; hashes are hex. `prev_hash` is the chain before the first."""

    epoch: str
    first_seq: int
    prev_hash: str
    last_hash: str
    events: list[bytes]
    audit_head: str


@dataclass(frozen=True)
class SealedBatch:
    """A batch on disk that has no acknowledgement yet."""

    epoch: str
    first_seq: int
    last_seq: int
    blob: bytes


@dataclass(frozen=True)
class Standing:
    """Where this terminal stands. `acked_seq` and `acked_hash` are of the last verified acknowledgement of this epoch
    (0 and h0 before the first); `last_seq` the last fact recorded; `generation` the region's ("" before contact)."""

    epoch: str
    last_seq: int
    acked_seq: int
    acked_hash: str
    generation: str
    offset_ms: int | None


@dataclass(frozen=True)
class Told:
    """One fact from the region: who told it, and its stored bytes, the record. `also`: it is about a child outside the
    clinic's scope and touches one inside, or is addressed to the clinic."""

    terminal_id: str
    clinic: str
    data: bytes
    also: bool = False


@dataclass(frozen=True)
class FeedStanding:
    """How far the feed was read: the region's cursor, "" before the first page and after starting over; the instants
    (UTC) of the last times it started over, oldest first."""

    cursor: str
    started_over: tuple[str, ...] = ()


class Notes(Protocol):
    """Small named values, kept for good. Each is one durable transaction; any raises StoreError."""

    def remember(self, name: str, value: bytes) -> None: ...

    def recall(self, name: str) -> bytes | None: ...


class Outbox(Notes, Protocol):
    """The facts waiting for the region. Every method is one durable transaction; any raises StoreError."""

    def standing(self) -> Standing: ...

    def unsealed(self, max_events: int, max_bytes: int) -> Run | None:
        """The run after the last sealed one, at most so many events and bytes of NDJSON; None when all is sealed."""

    def keep(self, header: Header, blob: bytes) -> None:
        """Keep a sealed batch until it is acknowledged: it is sent again byte for byte."""

    def oldest_batch(self) -> SealedBatch | None:
        """The first batch of the present epoch without an acknowledgement."""

    def hash_at(self, seq: int) -> str | None:
        """The chain hash of this epoch after `seq` (0 gives h0), hex; None when not held."""

    def settle(self, ack: Ack, document: bytes) -> None:
        """Everything up to `ack.received_upto` is in the region. `document` is kept as the proof."""

    def rewind(self, have_seq: int) -> None:
        """The region holds only up to `have_seq`: unseal and send again what follows."""

    def open_epoch(self, reason: Reason, *, everything: bool = False) -> str:
        """Begin a new epoch: what was not acknowledged waits again from 1, with `everything` every fact there is."""

    def region_says(self, generation: str, offset_ms: int) -> None:
        """Remember the region's generation and clock (region minus terminal)."""

    def add_leases(self, leases: list[Lease]) -> None: ...

    def leases_wanted(self) -> dict[str, int]:
        """kind -> how many numbers to ask for; empty while enough are left."""

    def report(self, code: str, params: dict[str, Any]) -> None:
        """What the operator reads on the sync line: the code of a text, "sync.ok" when all is well."""


class FeedInbox(Protocol):
    """What came back from the region. Every method is one durable transaction; any raises StoreError.

    A fact is known by (terminal_id, event_id). What is there already is passed over, but for `also`, which a later
    telling without it takes away. Advice of the same `key` replaces the one before; one that is not open ends it.
    "feed.left" says that `child_id` left the clinic's scope: what other clinics told about it (subject) goes.
    """

    def feed_standing(self) -> FeedStanding: ...

    def apply_page(self, rows: Sequence[Told | Advice], cursor: str) -> None:
        """Take the rows in, in this order, and remember `cursor`: both or nothing."""

    def start_over(self, at: str) -> None:
        """Forget the cursor and remember when; the facts stay and come again."""

    def buckets(self) -> Sequence[Bucket]:
        """domain.wire.feed.mark over all facts of the clinic's own terminals that came through the feed and all others
        without `also`: BUCKETS of them."""

    def references(self) -> dict[int, Reference]:
        """The reference documents held, by number."""

    def keep_reference(self, reference: Reference, content: bytes) -> None: ...
