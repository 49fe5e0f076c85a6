"""Telling facts: every change goes through one `Entry`, which keeps event, chain, clock and audit together.

with tell(store, world, actor) as entry:
    dose_id = entry.fact("dose.given", child_id, body, stated)
    entry.audit("dose.record", child_id)
    ... rows ...
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol

import msgspec

from domain import clock
from domain.wire import chain, event
from domain.world import World, from_utc_text, utc_text
from terminal.store.copies import Copy
from terminal.store.database import Store, converting

_HEAD = "SELECT terminal_id, epoch, seq, chain, hlc, last_at, audit_seq, audit_chain, offset_ms FROM head WHERE one = 1"
# How far the clock has been seen; a clock in doubt is no measure for later ones.
SEEN = (
    "last_at = CASE WHEN EXISTS (SELECT 1 FROM note WHERE name = 'clock.doubt') THEN last_at ELSE max(last_at, ?) END"
)
_AUDIT_START = sha256(b"vaxdesk audit 1\0").digest()


class Telling(Protocol):
    """What the writers of rows ask: who told the fact and when (UTC), by its clock, into which store. An `Entry` for
    our own facts, `terminal.store.told.Hearing` for those of others."""

    @property
    def store(self) -> Store: ...

    @property
    def actor(self) -> str: ...

    @property
    def at(self) -> str: ...

    @property
    def hlc(self) -> str: ...


class Entry:
    """One open transaction of the ledger. Hashes and numbers are kept here and written once at the end."""

    def __init__(self, store: Store, world: World, actor: str) -> None:
        self.store, self.world, self.actor = store, world, actor
        (
            self.terminal_id,
            self.epoch,
            self.seq,
            self.chain,
            self.hlc,
            _,
            self.audit_seq,
            self.audit_chain,
            self.offset_ms,
        ) = store.sql(_HEAD)[0]
        self.now = world.now()
        self.at = utc_text(self.now)

    def fact(self, kind: str, subject: str, body: msgspec.Struct, stated: str = "", fact_id: str = "") -> str:
        """Append one event; gives its id, which is also the id of what it told. `subject` "" means itself."""
        unix_ms = int(self.now.timestamp() * 1000)
        self.hlc = clock.tick(self.hlc, unix_ms)
        fact_id = fact_id or self.world.new_id()
        stored = event.encode(
            event_id=fact_id,
            kind=kind,
            subject=subject or fact_id,
            actor=self.actor,
            hlc=self.hlc,
            stated=stated,
            recorded_at=self.at,
            offset_ms=self.offset_ms,
            body=body,
        )
        self.seq += 1
        self.chain = chain.step(bytes(self.chain), self.seq, stored)
        run = self.store.db.execute_sql
        no = run(
            "INSERT INTO event (event_id, kind, subject, stored) VALUES (?, ?, ?, ?)",
            (fact_id, kind, subject or fact_id, stored),
        ).lastrowid
        run(
            "INSERT INTO outbox (epoch, seq, event_no, chain) VALUES (?, ?, ?, ?)",
            (self.epoch, self.seq, no, self.chain),
        )
        return fact_id

    def audit(self, action: str, subject: str = "", **detail: Any) -> None:
        """Note who did what; `detail` holds codes and counts, never names."""
        self.audit_seq += 1
        text = msgspec.json.encode(detail).decode()
        row = (self.audit_seq, self.at, self.actor, action, subject, text)
        self.audit_chain = audit_step(bytes(self.audit_chain), row)
        self.store.db.execute_sql(
            "INSERT INTO audit (seq, at, actor, action, subject, detail, chain) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, self.audit_chain),
        )

    def finish(self) -> None:
        self.store.db.execute_sql(
            f"UPDATE head SET seq = ?, chain = ?, hlc = ?, audit_seq = ?, audit_chain = ?, {SEEN}",
            (self.seq, self.chain, self.hlc, self.audit_seq, self.audit_chain, self.at),
        )


@contextmanager
def tell(store: Store, world: World, actor: str) -> Iterator[Entry]:
    """One transaction with its facts. On the store thread only, never inside another: the inner one's place in the
    chain would be forgotten. Raises StoreError; then nothing was kept."""
    if store.telling:
        raise RuntimeError("an entry inside another")
    with converting(), store.transaction():
        store.telling = True
        try:
            entry = Entry(store, world, actor)
            yield entry
            entry.finish()
        finally:
            store.telling = False


def note(store: Store, world: World, actor: str, action: str, subject: str = "", **detail: Any) -> None:
    """One row of the audit by itself; from any thread, waits until it is on disk. Raises StoreError."""

    def write() -> None:
        with tell(store, world, actor) as entry:
            entry.audit(action, subject, **detail)

    store.run(write)


def audit_step(previous: bytes, row: tuple[int, str, str, str, str, str]) -> bytes:
    """The audit chain: SHA-256 of the hash before and the row as a JSON array."""
    return sha256(previous + msgspec.json.encode(row)).digest()


def found(store: Store, terminal_id: str, epoch: str) -> None:
    """Give an empty database its terminal and first epoch."""
    with store.transaction():
        store.db.execute_sql(
            "INSERT INTO head VALUES (1, ?, ?, 0, ?, '', '', 0, ?, '', NULL)",
            (terminal_id, epoch, chain.start(terminal_id, epoch), _AUDIT_START),
        )


def last_known(store: Store) -> datetime | None:
    """The latest of the last record and the last acknowledgement by a clock not in doubt; None in a fresh database."""
    ((latest,),) = store.sql("SELECT last_at FROM head")
    return from_utc_text(latest) if latest else None


def clock_doubted(store: Store) -> bool:
    """Whether the PC's clock was found wrong and no person has confirmed since that it shows the right day."""
    return bool(store.sql("SELECT 1 FROM note WHERE name = 'clock.doubt'"))


def doubt_clock(entry: Entry) -> None:
    entry.store.db.execute_sql("INSERT OR IGNORE INTO note (name, value) VALUES ('clock.doubt', x'')")


def believe(entry: Entry, moment: datetime, *, right: bool) -> None:
    """A person said what day it is: later clocks are held against `moment`. `right`: the PC's clock shows it itself."""
    run = entry.store.db.execute_sql
    if right:
        run("DELETE FROM note WHERE name = 'clock.doubt'")
    else:
        doubt_clock(entry)
    run("UPDATE head SET last_at = ?", (utc_text(moment),))


_AUDIT = "SELECT seq, at, actor, action, subject, detail, chain FROM audit WHERE seq > ? ORDER BY seq LIMIT 1000"


def check_audit(store: Store | Copy) -> int | None:
    """The first audit row whose hash does not fit, None when all fit and the head agrees. A thousand rows are in memory
    at a time."""
    ((seq, head),) = store.sql("SELECT audit_seq, audit_chain FROM head")
    link, count, after = _AUDIT_START, 0, -(2**63)
    while rows := store.sql(_AUDIT, after):
        for *row, kept in rows:
            link, count = audit_step(link, tuple(row)), count + 1
            if link != bytes(kept) or row[0] != count:
                return int(row[0])
        after = count
    return None if (count, link) == (seq, bytes(head)) else count + 1
