"""A real encrypted database, founded, and facts to put in; the clock moves a second a look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path

from domain import events
from domain.wire import batch
from domain.wire.signed import Ack
from domain.world import World
from sync.ports import Run
from terminal.store.database import Store
from terminal.store.ledger import found, tell

KEY = sha256(b"key of the tests").digest()
TERMINAL, EPOCH = "T-1", "e" * 32


def new_world() -> World:
    ticks, draws = count(), count()
    start = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
    return World(
        now=lambda: start + timedelta(seconds=next(ticks)),
        random=lambda n: sha256(f"draw {next(draws)}".encode()).digest()[:n],
    )


def new_store(path: Path, **more: str) -> Store:
    store = Store(path, KEY, **more)
    store.run(found, store, TERMINAL, EPOCH)
    return store


def tell_facts(store: Store, world: World, n: int) -> list[str]:
    """`n` facts, each in a transaction of its own; gives their ids."""

    def one() -> str:
        with tell(store, world, "nurse") as entry:
            fact_id = entry.fact("stock.counted", "lot", events.StockCounted(7))
            entry.audit("stock.count", "lot")
        return fact_id

    return [store.run(one) for _ in range(n)]


def header_of(run: Run) -> batch.Header:
    """A header as the sealer writes it; the blob is no concern of the store."""
    n = len(run.events)
    return batch.Header(
        1, batch.SUITE, TERMINAL, run.epoch, run.first_seq, run.first_seq + n - 1, n, run.prev_hash, run.last_hash,
        "key", "2026-11-22T01:00:00.000Z", None, run.audit_head, "test",
    )  # fmt: skip


def ack_of(epoch: str, upto: int, link: str, safe: int = 0) -> Ack:
    return Ack(TERMINAL, epoch, upto, safe, link, "generation", "2026-11-22T01:00:00.000Z")
