"""Rows of the line: sealing a day and a backlog, and what a day weighs on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.wire import batch, signed
from domain.world import World
from regional.keys import KeyRing
from sync import crypto
from sync.keys import Identity, RegionKeys
from sync.ports import Run, SealedBatch
from sync.sealing import seal_waiting
from terminal.store.database import Store
from terminal.store.outbox import StoreOutbox
from tests.bench import load
from tests.bench.bench import Bench, new_world
from tests.bench.figures import Figure, Target, of_times, timed, took_ms
from tests.fakes.day import day_of
from tests.fakes.outbox import MemoryOutbox

CLIENT = "vaxdesk/0.1.0"
_LEVEL = 9  # of sync.batches
_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BACKLOG_S = 20


class Waiting(MemoryOutbox):
    """Events of a terminal in memory, sealed at most `most` at a time."""

    def __init__(self, me: Identity, events: Iterable[bytes], epoch: str = "", most: int = batch.MAX_EVENTS) -> None:
        super().__init__(World(), me.terminal_id, epoch)
        self._most = most
        for stored in events:
            self.tell_raw(stored)

    def unsealed(self, max_events: int, max_bytes: int) -> Run | None:
        return super().unsealed(min(max_events, self._most), max_bytes)


def sealed(outbox: Waiting, keys: RegionKeys, me: Identity) -> list[SealedBatch]:
    """The batches of all its events, sealed anew as a terminal seals them."""
    outbox.sealed, outbox.sealed_upto = [], 0
    seal_waiting(outbox, keys, me, outbox.world, CLIENT)
    return outbox.sealed


def offered(folder: Path) -> RegionKeys:
    """The key set of a region whose keys are in `folder`, made when they are not."""
    keys = KeyRing(folder, World().now())
    return RegionKeys(signed.encode(keys.keyset("")), keys.root)


def new_identity() -> Identity:
    return Identity(World().new_id(), crypto.new_key())


def seal_day(bench: Bench) -> Iterator[Figure]:
    """A day of 300 doses in 145 visits, with stock and slips: two batches. Floor: zstd and AES-GCM on these bytes."""
    day, _ = day_of(bench.rounds(300))
    me, keys = new_identity(), offered(bench.folder / "keys")
    outbox = Waiting(me, [stored for _, stored in day.stored])
    cut = [outbox.events[at : at + batch.MAX_EVENTS] for at in range(0, len(outbox.events), batch.MAX_EVENTS)]
    times, floor = [], []
    for _ in range(bench.rounds(40)):
        times.append(took_ms(sealed, outbox, keys, me))
        floor.append(took_ms(_plain_seals, cut))
    yield of_times("seal a day", f"{bench.rounds(300)} doses", times, floor, Target("p50", 50))


def _plain_seals(cut: Iterable[list[bytes]]) -> None:
    for events in cut:
        packed = zstandard.ZstdCompressor(level=_LEVEL).compress(batch.join(events))
        AESGCM(bytes(32)).encrypt(bytes(12), packed, None)


def seal_backlog(bench: Bench) -> Iterator[Figure]:
    """Everything a terminal recorded is sealed and kept, from its store and back into it, as after weeks offline."""
    size = bench.sizes[0]
    store = Store(load.copy_of(size, bench.folder / "backlog.db"), load.KEY)
    try:
        outbox, me = StoreOutbox(store, new_world("backlog")), Identity(load.TERMINAL, crypto.new_key())
        took, batches = timed(seal_waiting, outbox, offered(bench.folder / "keys"), me, World(), CLIENT)
        events = [bytes(row[0]) for row in store.sql("SELECT stored FROM event ORDER BY no")]
        assert not outbox.unsealed(1, 1)
    finally:
        store.close()
        store.path.unlink()
    cut = [events[at : at + batch.MAX_EVENTS] for at in range(0, len(events), batch.MAX_EVENTS)]
    floor = took_ms(_plain_seals, cut)
    note = f"{len(events):,} events, {batches} batches"
    yield Figure("seal a backlog", size, "s", took / 1000, None, floor / 1000, (Target("p50", _BACKLOG_S),), 1, note)


def wire(bench: Bench) -> Iterator[Figure]:
    """Bytes of a sealed day, headers and signatures included. Floor: zstd of the same facts with their ids left out."""
    day, visits = day_of(300)
    doses = [stored for kind, stored in day.stored if kind == "dose.given"]
    everything = [stored for _, stored in day.stored]
    me, keys = new_identity(), offered(bench.folder / "keys")
    for job, events, n, limit in (
        ("wire: a dose.given", doses, len(doses), 105),
        ("wire: a whole visit", everything, visits, 250),
    ):
        weight = sum(len(one.blob) for one in sealed(Waiting(me, events), keys, me))
        bare = len(zstandard.ZstdCompressor(level=_LEVEL).compress(_ID.sub(b"", batch.join(events))))
        yield Figure(job, "day", "B", weight / n, None, bare / n, (Target("p50", limit),), n)
