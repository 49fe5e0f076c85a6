"""The facts waiting for the region: what `sync.ports.Outbox` asks of the store.

A fact's place is (epoch, seq). Facts up to the acknowledgement's `received_upto` are in the region, facts up to the
last batch are sealed, the rest waits to be sealed. A new epoch gives facts new places; stored bytes never change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec

from domain.errors import StoreError
from domain.wire import chain, event
from domain.wire.batch import Header
from domain.wire.signed import Ack, Lease
from domain.world import World, utc_text
from sync.ports import Reason, Run, SealedBatch, Standing
from terminal.store import leases
from terminal.store.copies import Copy
from terminal.store.database import Store
from terminal.store.ledger import SEEN, tell

P = ParamSpec("P")
T = TypeVar("T")

SYNC_REPORT = "sync.report"

_STANDING = """
    SELECT h.epoch, h.seq, coalesce(a.received_upto, 0), a.chain, h.generation, h.offset_ms, h.terminal_id
    FROM head h LEFT JOIN ack a ON a.epoch = h.epoch
"""
_SEALED_UPTO = """
    SELECT h.epoch, max(
        coalesce((SELECT last_seq FROM batch b WHERE b.epoch = h.epoch ORDER BY first_seq DESC LIMIT 1), 0),
        coalesce(a.received_upto, 0), coalesce(a.resume_after, 0)
    ), CASE h.audit_seq WHEN 0 THEN '' ELSE lower(hex(h.audit_chain)) END
    FROM head h LEFT JOIN ack a ON a.epoch = h.epoch
"""
_RUN = """
    SELECT o.seq, e.stored, o.chain FROM outbox o JOIN event e ON e.no = o.event_no
    WHERE o.epoch = ? AND o.seq > ? ORDER BY o.seq LIMIT ?
"""
_SETTLE = """
    INSERT INTO ack (epoch, received_upto, safe_upto, resume_after, chain, at, document) VALUES (?, ?, ?, 0, ?, ?, ?)
    ON CONFLICT (epoch) DO UPDATE SET received_upto = excluded.received_upto,
        safe_upto = max(safe_upto, excluded.safe_upto), chain = excluded.chain, at = excluded.at,
        document = excluded.document
    WHERE excluded.received_upto >= received_upto
"""
_REWIND = """
    INSERT INTO ack (epoch, received_upto, safe_upto, resume_after, chain, at, document) VALUES (?, 0, 0, ?, ?, '', x'')
    ON CONFLICT (epoch) DO UPDATE SET chain = CASE WHEN received_upto > ? THEN ? ELSE chain END,
        received_upto = min(received_upto, excluded.resume_after), safe_upto = min(safe_upto, excluded.resume_after),
        resume_after = excluded.resume_after
"""
_UNSENT = """
    SELECT h.seq - coalesce(a.received_upto, 0),
        (SELECT count(*) FROM batch b WHERE b.epoch = h.epoch AND b.acked_at IS NULL),
        (SELECT e.stored FROM outbox o JOIN event e ON e.no = o.event_no
            WHERE o.epoch = h.epoch AND o.seq = coalesce(a.received_upto, 0) + 1),
        coalesce((SELECT max(at) FROM ack), '')
    FROM head h LEFT JOIN ack a ON a.epoch = h.epoch
"""
_EVERY = "SELECT no, stored FROM event ORDER BY no"
_UNACKED = """
    SELECT o.event_no, e.stored FROM outbox o JOIN event e ON e.no = o.event_no
    WHERE o.epoch = ? AND o.seq > coalesce((SELECT received_upto FROM ack WHERE epoch = ?), 0) ORDER BY o.seq
"""


@dataclass(frozen=True)
class UnsentCount:
    """For the status line: facts and sealed batches without acknowledgement, when the oldest of these facts was
    recorded ("" when all is in the region) and when the region last acknowledged anything ("" never)."""

    events: int
    batches: int
    oldest_at: str
    last_ack_at: str


def _transaction(
    method: Callable[Concatenate[StoreOutbox, P], T],
) -> Callable[Concatenate[StoreOutbox, P], T]:
    """Carry the method to the store thread as one transaction."""

    @wraps(method)
    def run(self: StoreOutbox, /, *args: P.args, **kwargs: P.kwargs) -> T:
        def work() -> T:
            with self.store.transaction():
                return method(self, *args, **kwargs)

        return self.store.run(work)

    return run


class StoreOutbox:
    """Satisfies `sync.ports.Outbox`; may be called from any thread."""

    def __init__(self, store: Store, world: World) -> None:
        self.store, self.world = store, world

    @_transaction
    def standing(self) -> Standing:
        epoch, seq, acked, link, generation, offset_ms, terminal_id = self.store.sql(_STANDING)[0]
        link = link if acked else chain.start(terminal_id, epoch)
        return Standing(epoch, seq, acked, bytes(link).hex(), generation, offset_ms)

    @_transaction
    def unsealed(self, max_events: int, max_bytes: int) -> Run | None:
        """At least one event comes, so that a long one does not stop the queue."""
        epoch, start, audit_head = self.store.sql(_SEALED_UPTO)[0]
        events: list[bytes] = []
        size, last = 0, b""
        for _, stored, link in self.store.db.execute_sql(_RUN, (epoch, start, max_events)):
            size += len(stored) + 1
            if events and size > max_bytes:
                break
            events.append(bytes(stored))
            last = bytes(link)
        if not events:
            return None
        return Run(epoch, start + 1, self._hash(epoch, start).hex(), last.hex(), events, audit_head)

    @_transaction
    def keep(self, header: Header, blob: bytes) -> None:
        """Raises StoreError("store.batch_overtaken") when it does not follow what is sealed: a new epoch or a rewind
        came between; seal anew."""
        epoch, start, _ = self.store.sql(_SEALED_UPTO)[0]
        link = self._hash(header.epoch, header.last_seq)
        if (header.epoch, header.first_seq, header.last_hash) != (epoch, start + 1, link.hex()):
            raise StoreError("store.batch_overtaken", "later")
        self.store.db.execute_sql(
            "INSERT INTO batch (epoch, first_seq, last_seq, last_chain, sealed_at, blob) VALUES (?, ?, ?, ?, ?, ?)",
            (epoch, header.first_seq, header.last_seq, link, header.created_at, blob),
        )

    @_transaction
    def oldest_batch(self) -> SealedBatch | None:
        found = self.store.sql(
            "SELECT b.epoch, first_seq, last_seq, blob FROM batch b JOIN head h ON h.epoch = b.epoch "
            "WHERE acked_at IS NULL ORDER BY first_seq LIMIT 1"
        )
        if not found:
            return None
        epoch, first_seq, last_seq, blob = found[0]
        return SealedBatch(epoch, first_seq, last_seq, bytes(blob))

    @_transaction
    def batch_after(self, seq: int) -> SealedBatch | None:
        """The first batch of the present epoch, without an acknowledgement, that begins after `seq`."""
        found = self.store.sql(
            "SELECT b.epoch, first_seq, last_seq, blob FROM batch b JOIN head h ON h.epoch = b.epoch "
            "WHERE acked_at IS NULL AND first_seq > ? ORDER BY first_seq LIMIT 1",
            seq,
        )
        if not found:
            return None
        epoch, first_seq, last_seq, blob = found[0]
        return SealedBatch(epoch, first_seq, last_seq, bytes(blob))

    @_transaction
    def hash_at(self, seq: int) -> str | None:
        ((epoch,),) = self.store.sql("SELECT epoch FROM head")
        return self._hash(epoch, seq).hex() or None

    @_transaction
    def settle(self, ack: Ack, document: bytes) -> None:
        """An older acknowledgement than the one held changes nothing. A sealed batch is dropped once it is safe in the
        region's backup too. Raises StoreError("store.foreign_ack") when it is not about this ledger."""
        epoch, *_, terminal_id = self.store.sql(_STANDING)[0]
        upto, link = ack.received_upto, self._hash(epoch, ack.received_upto)
        if (ack.terminal_id, ack.epoch, ack.hash) != (terminal_id, epoch, link.hex()):
            raise StoreError("store.foreign_ack", "operator")
        now, run = utc_text(self.world.now()), self.store.db.execute_sql
        run(_SETTLE, (epoch, upto, min(ack.safe_upto, upto), link, now, document))
        run(f"UPDATE head SET {SEEN}", (now,))
        run("UPDATE batch SET acked_at = ? WHERE epoch = ? AND last_seq <= ? AND acked_at IS NULL", (now, epoch, upto))
        run(
            "DELETE FROM batch WHERE epoch = ? AND acked_at IS NOT NULL "
            "AND last_seq <= (SELECT safe_upto FROM ack WHERE epoch = ?)",
            (epoch, epoch),
        )

    @_transaction
    def rewind(self, have_seq: int) -> None:
        epoch, last_seq, *_ = self.store.sql(_STANDING)[0]
        have = max(0, min(have_seq, last_seq))
        link = self._hash(epoch, have)
        self.store.db.execute_sql("DELETE FROM batch WHERE epoch = ? AND last_seq > ?", (epoch, have))
        self.store.db.execute_sql(_REWIND, (epoch, have, link, have, link))

    def open_epoch(self, reason: Reason, *, everything: bool = False) -> str:
        return open_epoch(self.store, self.world, reason, everything=everything)

    @_transaction
    def region_says(self, generation: str, offset_ms: int) -> None:
        self.store.db.execute_sql("UPDATE head SET generation = ?, offset_ms = ?", (generation, offset_ms))

    @_transaction
    def remember(self, name: str, value: bytes) -> None:
        self._remember(name, value)

    @_transaction
    def recall(self, name: str) -> bytes | None:
        found = self.store.sql("SELECT value FROM note WHERE name = ?", name)
        return bytes(found[0][0]) if found else None

    @_transaction
    def add_leases(self, leased: list[Lease]) -> None:
        """Raises StoreError("store.lease_refused"); then none of them was kept."""
        leases.add(self.store, leased)

    @_transaction
    def leases_wanted(self) -> dict[str, int]:
        return leases.wanted(self.store, str(self.world.today().year))

    @_transaction
    def report(self, code: str, params: dict[str, Any]) -> None:
        """`params` hold codes and counts, never names."""
        said = {"code": code, "params": params, "at": utc_text(self.world.now())}
        self._remember(SYNC_REPORT, msgspec.json.encode(said))

    def _remember(self, name: str, value: bytes) -> None:
        self.store.db.execute_sql(
            "INSERT INTO note (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def _hash(self, epoch: str, seq: int) -> bytes:
        """The chain after `seq`, b"" when not held."""
        if seq == 0:
            ((terminal_id,),) = self.store.sql("SELECT terminal_id FROM head")
            return chain.start(terminal_id, epoch)
        found = self.store.sql("SELECT chain FROM outbox WHERE epoch = ? AND seq = ?", epoch, seq)
        return bytes(found[0][0]) if found else b""


def unsent(store: Store) -> UnsentCount:
    """What the region does not have yet. Any thread."""
    events, batches, stored, last_ack_at = store.sql(_UNSENT)[0]
    return UnsentCount(events, batches, event.decode(bytes(stored)).recorded_at if stored else "", last_ack_at)


def open_epoch(
    store: Store, world: World, reason: Reason, actor: str = "", terminal_id: str = "", *, everything: bool = False
) -> str:
    """Begin a new epoch, audited: every fact beyond the last acknowledged one waits again, from seq 1, with the same
    bytes and id. The leased numbers are given out no more: another PC may have the same, the region leases new ones.
    `actor` "" is the terminal itself; `terminal_id` a new name of it, "" keeps the old. `everything`: no earlier
    acknowledgement holds, all facts wait. Gives the epoch."""
    return store.run(_open_epoch, store, world, reason, actor, terminal_id, everything)


def _open_epoch(store: Store, world: World, reason: Reason, actor: str, terminal_id: str, everything: bool) -> str:
    with tell(store, world, actor) as entry:
        old, run = entry.epoch, store.db.execute_sql
        new, terminal_id = world.random(16).hex(), terminal_id or entry.terminal_id
        link, seq = chain.start(terminal_id, new), 0

        def places() -> Iterator[tuple[str, int, int, bytes]]:
            nonlocal link, seq
            for event_no, stored in run(_EVERY) if everything else run(_UNACKED, (old, old)):
                seq += 1
                link = chain.step(link, seq, bytes(stored))
                yield new, seq, event_no, link

        store.db.connection().executemany(
            "INSERT INTO outbox (epoch, seq, event_no, chain) VALUES (?, ?, ?, ?)", places()
        )
        run("DELETE FROM batch WHERE epoch = ? AND acked_at IS NULL", (old,))
        if everything:
            run("UPDATE ack SET received_upto = 0, safe_upto = 0")
        run("UPDATE head SET epoch = ?, terminal_id = ?", (new, terminal_id))
        leases.retire(store)
        entry.epoch, entry.terminal_id, entry.seq, entry.chain = new, terminal_id, seq, link
        entry.audit("epoch.open", reason=reason, facts=seq)
    return new


def check_chain(store: Store | Copy) -> int | None:
    """The first place of the present epoch whose hash does not fit its stored bytes, None when all fit and the head
    agrees. A thousand facts are in memory at a time."""
    ((terminal_id, epoch, seq, head),) = store.sql("SELECT terminal_id, epoch, seq, chain FROM head")
    link, at = chain.start(terminal_id, epoch), 0
    while rows := store.sql(_RUN, epoch, at, 1000):
        for place, stored, kept in rows:
            link, at = chain.step(link, at + 1, bytes(stored)), at + 1
            if (place, link) != (at, bytes(kept)):
                return at
    return None if (at, link) == (seq, bytes(head)) else at + 1
