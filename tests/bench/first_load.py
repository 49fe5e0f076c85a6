"""Row of a replacement PC: how long until its people are there, and until it holds everything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from domain.wire.feed import Page
from domain.world import World
from regional import queries
from regional.serve import EmbeddedRegion
from sync import crypto
from sync.client import RegionClient
from sync.enrol import enrol
from sync.feed import Feed
from sync.keys import identity, region_keys
from sync.ports import FeedInbox
from sync.visit import sync_once
from terminal.store import ledger
from terminal.store.database import Store
from terminal.store.inbox import StoreInbox
from terminal.store.outbox import StoreOutbox, open_epoch
from tests.bench import load
from tests.bench.bench import SETTINGS, Bench
from tests.bench.figures import Figure, Target
from tests.bench.sealing import CLIENT
from tests.fakes.feed_inbox import MemoryFeedInbox

_WORKERS, _DEADLINE_S = 2, 600
_PEOPLE_S, _ALL_S = 60, 300  # this house's own: the counter opens within a minute, a morning is not lost


@dataclass
class _Load:
    """One load: seconds until the people were there, and until all was."""

    began: float = field(default_factory=time.perf_counter)
    people: float = 0.0
    everything: float = 0.0

    def heard(self, page: Page) -> None:
        self.everything = time.perf_counter() - self.began
        if page.stage != "people" and not self.people:
            self.people = self.everything


def first_load(bench: Bench) -> Iterator[Figure]:
    """All records of a clinic go up to a region; a new PC at the same desk reads them back into its encrypted records.
    Floor: the same pages, verified and kept in memory."""
    size = bench.sizes[0]
    with EmbeddedRegion(bench.folder / "first", dsn=bench.new_dsn(), workers=_WORKERS, quiet=True) as region:
        told = _send_all(bench, size, region)
        with _joined(region, bench.folder / "new.db") as (store, outbox, client):
            inbox = StoreInbox(store, World(), SETTINGS.clinic.code)
            took = _read(inbox, outbox, client)
            doses = store.sql("SELECT count(*) FROM dose")[0][0]
            assert store.sql("SELECT count(*) FROM told WHERE done = 1") == [(told,)]
        with _joined(region, bench.folder / "floor.db") as (_, outbox, client):
            floor = _read(MemoryFeedInbox(SETTINGS.clinic.code), outbox, client)
    note = f"{doses:,} doses, {told:,} facts"
    yield Figure("first load: people", size, "s", took.people, None, floor.people, (Target("p50", _PEOPLE_S),), 1)
    everything = (Target("p50", _ALL_S),)
    yield Figure("first load: all", size, "s", took.everything, None, floor.everything, everything, 1, note)


def _send_all(bench: Bench, size: str, region: EmbeddedRegion) -> int:
    """How many facts the region has applied."""
    path = load.copy_of(size, bench.folder / "old.db")
    with _joined(region, path) as (store, outbox, client):
        sync_once(outbox, client, identity(outbox), World())
        told = int(store.sql("SELECT count(*) FROM event")[0][0])
    if not region.wait_applied(_DEADLINE_S) or queries.quarantined(region.dsn):
        raise RuntimeError("the region did not apply everything")
    return told


@contextmanager
def _joined(region: EmbeddedRegion, path: Path) -> Iterator[tuple[Store, StoreOutbox, RegionClient]]:
    """Records with a place at the region's desk 1, new ones when there are none."""
    world, key, new = World(), crypto.new_key(), not path.exists()
    ca_pem, code = region.ca_file.read_text(), region.new_code(clinic=SETTINGS.clinic.code, name="示范")
    store = Store(path, load.KEY)
    try:
        if new:
            store.run(ledger.found, store, "new", world.random(16).hex())
        outbox = StoreOutbox(store, world)
        place = enrol(region.url, ca_pem, code, key, client=CLIENT, world=world)
        for name, document in place.documents.items():
            outbox.remember(name, document)
        open_epoch(store, world, "enrol", terminal_id=place.registration.terminal_id, everything=True)
        outbox.region_says(place.generation, place.offset_ms)
        with closing(RegionClient(region.url, ca_pem, key, world, client=CLIENT)) as client:
            yield store, outbox, client
    finally:
        store.close()
        path.unlink()


def _read(inbox: FeedInbox, outbox: StoreOutbox, client: RegionClient) -> _Load:
    loading = _Load()
    Feed(inbox, client, region_keys(outbox), identity(outbox), World()).pull(loading.heard)
    return loading
