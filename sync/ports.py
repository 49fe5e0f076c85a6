"""What sync needs of the terminal's store. `terminal.store` satisfies it; `terminal.bootstrap` hands it in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from domain.wire.batch import Header
from domain.wire.signed import Ack, Lease


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


class Outbox(Protocol):
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

    def region_says(self, generation: str, offset_ms: int) -> None:
        """Remember the region's generation and clock (region minus terminal)."""

    def remember(self, name: str, value: bytes) -> None:
        """Keep a small named document of the region (key set, registration)."""

    def recall(self, name: str) -> bytes | None: ...

    def add_leases(self, leases: list[Lease]) -> None: ...

    def leases_wanted(self) -> dict[str, int]:
        """kind -> how many numbers to ask for; empty while enough are left."""

    def report(self, code: str, params: dict[str, Any]) -> None:
        """What the operator reads on the sync line: the code of a text, "sync.ok" when all is well."""
