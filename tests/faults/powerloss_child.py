"""The process whose power is cut: tells facts until it dies, and says after each commit what was acknowledged."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

from domain import events
from domain.world import World
from terminal.store.database import Store, sqlcipher
from terminal.store.ledger import tell
from tests.fakes.ledgers import KEY


def work(extension: str, path: str, seed: int, after: int, synchronous: str, said: Connection) -> None:
    """Ends with the exit code 77 after `after` writes and syncs."""
    os.environ |= {"POWERLOSS_SEED": str(seed), "POWERLOSS_AFTER": str(after)}
    loader = sqlcipher.connect(":memory:")
    loader.enable_load_extension(True)
    loader.load_extension(extension)
    ticks, start = count(), datetime(2026, 11, 22, tzinfo=UTC) + timedelta(hours=seed)
    world = World(now=lambda: start + timedelta(seconds=next(ticks)))
    store = Store(Path(path), KEY, vfs="powerloss")

    def begin() -> None:
        store.sql(f"PRAGMA synchronous = {synchronous}")
        store.sql("PRAGMA wal_autocheckpoint = 60")  # many checkpoints, so that many cuts fall into one

    def visit(facts: int) -> list[str]:
        with tell(store, world, "nurse") as entry:
            told = [entry.fact("stock.counted", "lot", events.StockCounted(n)) for n in range(facts)]
            entry.audit("stock.count", "lot", facts=facts)
        return told

    store.run(begin)
    while True:
        for facts in (1, 4, 2):
            said.send(store.run(visit, facts))
