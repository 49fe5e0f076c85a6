"""Rows of the line: sealing a day and a backlog, and what a day weighs on the wire."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.wire import batch, chain
from domain.world import World, utc_text
from sync import batches, crypto
from sync.ports import Run
from terminal.store.database import Store
from terminal.store.outbox import StoreOutbox
from tests.bench import load
from tests.bench.bench import Bench, new_world
from tests.bench.figures import Figure, Target, of_times, took_ms
from tests.fakes.day import day_of

_LEVEL = 9  # of sync.batches
_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BACKLOG_S = 20


@dataclass(frozen=True)
class Sealer:
    """Seals runs as sync.visit does: every batch is read back before it leaves."""

    terminal_id: str
    key: crypto.PrivateKey
    region_key_id: str
    region: crypto.PublicKey
    world: World

    def seal(self, run: Run) -> tuple[batch.Header, bytes]:
        n = len(run.events)
        header = batch.Header(
            1, batch.SUITE, self.terminal_id, run.epoch, run.first_seq, run.first_seq + n - 1, n, run.prev_hash,
            run.last_hash, self.region_key_id, utc_text(self.world.now()), None, run.audit_head, "vaxdesk/0.1.0",
        )  # fmt: skip
        blob = batches.seal(header, run.events, self.key, self.region)
        packed = batch.unpack(blob)
        batches.check_signature(packed, self.key.public_key())
        assert chain.run(bytes.fromhex(run.prev_hash), run.first_seq, run.events).hex() == run.last_hash
        return header, blob


def a_sealer() -> Sealer:
    """To a region that nobody runs."""
    region = crypto.private_from_int(12).public_key()
    return Sealer(load.TERMINAL, crypto.private_from_int(11), crypto.key_id(region), region, new_world("seal"))


def runs(
    events: Sequence[bytes], terminal_id: str = load.TERMINAL, epoch: str = load.EPOCH, most: int = batch.MAX_EVENTS
) -> Iterator[Run]:
    """The events cut into runs of at most `most`, with their hashes."""
    link = chain.start(terminal_id, epoch)
    for at in range(0, len(events), most):
        some, before = list(events[at : at + most]), link
        link = chain.run(before, at + 1, some)
        yield Run(epoch, at + 1, before.hex(), link.hex(), some, "ab" * 32)


def seal_day(bench: Bench) -> Iterator[Figure]:
    """A day of 300 doses in 145 visits, with stock and slips: two batches. Floor: zstd and AES-GCM on these bytes."""
    day, _ = day_of(bench.rounds(300))
    sealer, cut = a_sealer(), list(runs([stored for _, stored in day.stored]))
    times, floor = [], []
    for _ in range(bench.rounds(40)):
        times.append(took_ms(lambda: [sealer.seal(run) for run in cut]))
        floor.append(took_ms(lambda: [_plain_seal(run.events) for run in cut]))
    yield of_times("seal a day", f"{bench.rounds(300)} doses", times, floor, Target("p50", 50))


def _plain_seal(events: list[bytes]) -> bytes:
    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(batch.join(events))
    return AESGCM(bytes(32)).encrypt(bytes(12), packed, None)


def seal_backlog(bench: Bench) -> Iterator[Figure]:
    """Everything a terminal recorded is sealed and kept, from its store and back into it, as after weeks offline."""
    size = bench.line_size
    store = Store(load.copy_of(size, bench.folder / "backlog.db"), load.KEY)
    try:
        outbox, sealer, sealed = StoreOutbox(store, new_world("backlog")), a_sealer(), []
        began = time.perf_counter()
        while run := outbox.unsealed(batch.MAX_EVENTS, batch.MAX_PLAIN_BYTES):
            outbox.keep(*sealer.seal(run))
            sealed.append(run.events)
        took = time.perf_counter() - began
        floor = took_ms(lambda: [_plain_seal(events) for events in sealed]) / 1000
    finally:
        store.close()
        store.path.unlink()
    count = sum(map(len, sealed))
    yield Figure("seal a backlog", size, "s", took, None, floor, (Target("p50", _BACKLOG_S),), 1, f"{count:,} events")


def wire(bench: Bench) -> Iterator[Figure]:
    """Bytes of a sealed day, headers and signatures included. Floor: zstd of the same facts with their ids left out."""
    day, visits = day_of(bench.rounds(300))
    doses = [stored for kind, stored in day.stored if kind == "dose.given"]
    everything = [stored for _, stored in day.stored]
    for job, events, n, limit in (
        ("wire: a dose.given", doses, len(doses), 105),
        ("wire: a whole visit", everything, visits, 250),
    ):
        sealer = a_sealer()
        weight = sum(len(sealer.seal(run)[1]) for run in runs(events))
        bare = len(zstandard.ZstdCompressor(level=_LEVEL).compress(_ID.sub(b"", batch.join(events))))
        yield Figure(job, "day", "B", weight / n, None, bare / n, (Target("p50", limit),), n)
