"""The facts told to the clinic's hub: what `sync.hub.HubOutbox` asks of the store.

`event.no` counts the facts without a gap and none is ever deleted: a fact's place on this line is its number less
`base`, and needs no table. `base` is the last fact that the region has under an older name of this terminal: that one
reaches the hub from there. Where the line stands is one note; sealed batches live in memory and are sealed again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from domain.errors import StoreError
from domain.wire import chain, signed
from domain.wire.batch import Header
from domain.wire.signed import Ack, Lease
from domain.world import World
from sync.keys import REGISTRATION
from sync.ports import Reason, Run, SealedBatch, Standing
from terminal.store.database import Store
from terminal.store.outbox import StoreOutbox

_LINE = "line"
_FACTS = "SELECT no, stored FROM event WHERE no > ? ORDER BY no LIMIT ?"
_LAST = "SELECT coalesce(max(no), 0) FROM event"
_ACKED = """
SELECT a.document, o.event_no FROM ack a JOIN outbox o ON o.epoch = a.epoch AND o.seq = a.received_upto
WHERE length(a.document) > 0
"""
_CLOCK_MS = 2000  # the hub's clock is kept anew once it has moved so far: not at every visit


class _Line(msgspec.Struct, frozen=True):
    """Where this terminal, under this name, stands with its hub; hashes are hex."""

    terminal_id: str
    epoch: str
    base: int
    acked_seq: int = 0
    acked_hash: str = ""
    generation: str = ""
    offset_ms: int | None = None


class StoreHubOutbox:
    """Satisfies `sync.hub.HubOutbox`; used by one thread, but for `last`, which is what was reported last."""

    def __init__(self, store: Store, world: World) -> None:
        self.store, self.world = store, world
        self.last: tuple[str, dict[str, Any]] = ("hub.never", {})
        self.on_report: Callable[[], None] = lambda: None
        self._notes = StoreOutbox(store, world)
        self._sealed: list[SealedBatch] = []
        self._ends: dict[int, str] = {}  # chain hashes of this epoch, by number, as far as they were reckoned
        kept = self.recall(_LINE)
        self._at = msgspec.json.decode(kept, type=_Line) if kept else None

    @property
    def joined(self) -> bool:
        return self._at is not None

    def begin(self) -> None:
        self._open()

    def unsent(self) -> bool:
        return self._line.base + self._line.acked_seq < self._last_no()

    def standing(self) -> Standing:
        at = self._line
        return Standing(at.epoch, self._last_no() - at.base, at.acked_seq, at.acked_hash, at.generation, at.offset_ms)

    def unsealed(self, max_events: int, max_bytes: int) -> Run | None:
        """At least one event comes, so that a long one does not stop the queue."""
        at, start = self._line, self._sealed_upto
        before = link = bytes.fromhex(self.hash_at(start) or "")
        events: list[bytes] = []
        size = 0
        for _, stored in self.store.sql(_FACTS, at.base + start, max_events):
            size += len(stored) + 1
            if events and size > max_bytes:
                break
            events.append(bytes(stored))
            link = chain.step(link, start + len(events), bytes(stored))
        if not events:
            return None
        self._ends[start + len(events)] = link.hex()
        return Run(at.epoch, start + 1, before.hex(), link.hex(), events, "")

    def keep(self, header: Header, blob: bytes) -> None:
        self._sealed.append(SealedBatch(header.epoch, header.first_seq, header.last_seq, blob))

    def oldest_batch(self) -> SealedBatch | None:
        return self._sealed[0] if self._sealed else None

    def hash_at(self, seq: int) -> str | None:
        """From the last acknowledged one on; what lies before is not reckoned again: the line then begins anew."""
        at = self._line
        if seq == 0:
            return chain.start(at.terminal_id, at.epoch).hex()
        if seq == at.acked_seq:
            return at.acked_hash
        if seq not in self._ends and at.acked_seq < seq <= self._last_no() - at.base:
            facts = self.store.sql(_FACTS, at.base + at.acked_seq, seq - at.acked_seq)
            events = [bytes(stored) for _, stored in facts]
            self._ends[seq] = chain.run(bytes.fromhex(at.acked_hash), at.acked_seq + 1, events).hex()
        return self._ends.get(seq)

    def settle(self, ack: Ack, document: bytes) -> None:  # noqa: ARG002 (the region's acknowledgement is the proof kept)
        """Raises StoreError("store.foreign_ack") when it is not about this line."""
        at = self._line
        if (ack.terminal_id, ack.epoch) != (at.terminal_id, at.epoch) or self.hash_at(ack.received_upto) != ack.hash:
            raise StoreError("store.foreign_ack", "operator")
        self._keep(msgspec.structs.replace(at, acked_seq=ack.received_upto, acked_hash=ack.hash))
        self._sealed = [one for one in self._sealed if one.last_seq > ack.received_upto]
        self._ends = {seq: link for seq, link in self._ends.items() if seq > ack.received_upto}

    def rewind(self, have_seq: int) -> None:
        link = self.hash_at(have_seq)
        if link is None:
            self._open()
            return
        self._keep(msgspec.structs.replace(self._line, acked_seq=have_seq, acked_hash=link))
        self._sealed, self._ends = [], {}

    def open_epoch(self, reason: Reason, *, everything: bool = False) -> str:  # noqa: ARG002 (a hub is always told all)
        self._open()
        return self._line.epoch

    def region_says(self, generation: str, offset_ms: int) -> None:
        at = self._line
        moved = at.offset_ms is None or abs(at.offset_ms - offset_ms) > _CLOCK_MS
        if moved or at.generation != generation:
            self._keep(msgspec.structs.replace(at, generation=generation, offset_ms=offset_ms))

    def remember(self, name: str, value: bytes) -> None:
        if self.recall(name) != value:
            self._notes.remember(f"hub.{name}", value)

    def recall(self, name: str) -> bytes | None:
        """The place in the region is no document of the hub's: it is never renewed there."""
        return None if name == REGISTRATION else self._notes.recall(f"hub.{name}")

    def add_leases(self, leases: list[Lease]) -> None:
        """A hub has no numbers to give."""

    def leases_wanted(self) -> dict[str, int]:
        return {}

    def report(self, code: str, params: dict[str, Any]) -> None:
        self.last = (code, params)
        self.on_report()

    @property
    def _line(self) -> _Line:
        """Of the name this terminal has now."""
        name = self._name()
        if self._at is None or self._at.terminal_id != name:
            self._open()
        assert self._at
        return self._at

    @property
    def _sealed_upto(self) -> int:
        return self._sealed[-1].last_seq if self._sealed else self._line.acked_seq

    def _open(self) -> None:
        name, epoch, before = self._name(), self.world.random(16).hex(), self._at
        clock = (before.generation, before.offset_ms) if before else ("", None)
        start = chain.start(name, epoch).hex()
        self._keep(_Line(name, epoch, self._told_by_another_name(name), 0, start, *clock))
        self._sealed, self._ends = [], {}

    def _told_by_another_name(self, name: str) -> int:
        """The last fact that the region acknowledged to an older name of this terminal."""
        last = 0
        for document, event_no in self.store.sql(_ACKED):
            said = signed.payload(signed.decode(bytes(document), "ack"), Ack)
            last = max(last, event_no if said.terminal_id != name else 0)
        return last

    def _name(self) -> str:
        return str(self.store.sql("SELECT terminal_id FROM head")[0][0])

    def _last_no(self) -> int:
        return int(self.store.sql(_LAST)[0][0])

    def _keep(self, line: _Line) -> None:
        self._at = line
        self.remember(_LINE, msgspec.json.encode(line))
