"""What the sync page shows of the line to the region."""

from __future__ import annotations

import msgspec

from terminal.store.database import Store

MOST_BATCHES = 500


class BatchRow(msgspec.Struct, frozen=True):
    """One sealed batch that is still kept. `acked_at` UTC, "" until the region has it; `size` in bytes."""

    first_seq: int
    last_seq: int
    sealed_at: str
    acked_at: str
    size: int


class Line(msgspec.Struct, frozen=True):
    """This terminal's place in the region: its name; facts up to `received_upto` of `facts` arrived, those up to
    `safe_upto` are in the region's backup too. `offset_ms` region's clock minus this one's, None never compared."""

    terminal_id: str
    facts: int
    received_upto: int
    safe_upto: int
    offset_ms: int | None


def batches(store: Store) -> list[BatchRow]:
    """The present epoch's, newest first."""
    rows = store.sql(
        "SELECT first_seq, last_seq, sealed_at, coalesce(acked_at, ''), length(blob) FROM batch b"
        " JOIN head h ON h.epoch = b.epoch ORDER BY first_seq DESC LIMIT ?",
        MOST_BATCHES,
    )
    return [BatchRow(*row) for row in rows]


def line(store: Store) -> Line:
    ((terminal_id, facts, received, safe, offset_ms),) = store.sql(
        "SELECT h.terminal_id, h.seq, coalesce(a.received_upto, 0), coalesce(a.safe_upto, 0), h.offset_ms"
        " FROM head h LEFT JOIN ack a ON a.epoch = h.epoch"
    )
    return Line(terminal_id, facts, received, safe, offset_ms)
