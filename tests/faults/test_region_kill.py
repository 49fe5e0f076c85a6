"""kill -9 and lost databases while a terminal uploads: every acknowledged fact is there, once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg

from domain import events
from domain.errors import SyncError
from domain.wire import batch
from domain.world import World
from regional import queries
from regional.serve import EmbeddedRegion
from sync import crypto
from sync.client import RegionClient
from sync.enrol import enrol
from sync.keys import Identity
from sync.ports import Run
from sync.visit import sync_once
from terminal.store.database import Store
from terminal.store.ledger import found, tell
from terminal.store.outbox import StoreOutbox, open_epoch, unsent
from tests.e2e.test_region_sync import sealed
from tests.region_fixtures import CLINIC, Terminal

New = Callable[..., Terminal]


def test_killed_at_random_while_uploading(region: EmbeddedRegion, terminal: New, apply: Callable[[], int]):
    chance = random.Random(3)
    one = terminal()
    given = [one.outbox.give(f"child-kill-{number % 9}") for number in range(600)]
    sent, tries = threading.Event(), 0

    def upload() -> None:
        nonlocal tries
        while one.outbox.acked_seq < 600 and tries < 5000:
            tries += 1
            try:
                while (run := one.outbox.unsealed(chance.randint(5, 20), 100_000)) and tries < 5000:
                    one.outbox.keep(*seal_of(one, run))
                one.sync()
            except SyncError as fault:
                assert fault.retry == "later", fault.code
        sent.set()

    thread = threading.Thread(target=upload)
    thread.start()
    kills = 0
    while not sent.wait(chance.random() / 5) and kills < 12:
        region.kill()
        region.start_api()
        kills += 1
    assert sent.wait(60)
    thread.join()
    apply()
    mine = [row.dose_id for row in queries.doses(region.dsn) if row.terminal_id == one.me.terminal_id]
    assert mine == sorted(given)
    assert queries.doubled(region.dsn) == 0
    assert kills >= 1


def test_every_connection_to_the_database_cut(region: EmbeddedRegion, terminal: New):
    one = terminal()
    for _ in range(3):
        one.outbox.give("child")
        with queries.connect(region.dsn) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        for _ in range(10):
            try:
                one.sync()
                break
            except SyncError as fault:
                assert (fault.code, fault.params) == ("sync.busy", {"retry_after_s": 30})
    assert one.outbox.acked_seq == 3


def test_the_real_store_enrols_sends_is_restored_and_sends_again(
    region: EmbeddedRegion, apply: Callable[[], int], tmp_path: Path
):
    world, ca_pem, key = World(), region.ca_file.read_text(), crypto.new_key()
    store = Store(tmp_path / "records.db", world.random(32))
    store.run(found, store, "new", world.random(16).hex())
    outbox = StoreOutbox(store, world)
    dose = events.DoseGiven("visit", "02", 1, CLINIC)

    def give() -> str:
        with tell(store, world, "nurse") as entry:
            return entry.fact("dose.given", "child-real", dose, stated="2026-11-22")

    given = [store.run(give) for _ in range(3)]
    place = enrol(region.url, ca_pem, region.new_code(clinic=CLINIC), key, client="vaxdesk/0.1.0", world=world)
    for name, value in place.documents.items():
        outbox.remember(name, value)
    open_epoch(store, world, "enrol", terminal_id=place.registration.terminal_id)
    outbox.region_says(place.generation, place.offset_ms)
    outbox.add_leases(place.leases)
    me = Identity(place.registration.terminal_id, key)
    client = RegionClient(region.url, ca_pem, key, world, client="vaxdesk/0.1.0")
    try:
        assert sync_once(outbox, client, me, world).received_upto == outbox.standing().last_seq
        given.append(store.run(give))
        open_epoch(store, world, "restore")
        sync_once(outbox, client, me, world)
        assert unsent(store).events == unsent(store).batches == 0
    finally:
        client.close()
        store.close()
    apply()
    assert [row.dose_id for row in queries.doses(region.dsn) if row.child_id == "child-real"] == sorted(given)
    with psycopg.connect(region.dsn) as connection:
        assert connection.execute("SELECT count(DISTINCT epoch) FROM batch").fetchone()[0] >= 2


def seal_of(one: Terminal, run: Run) -> tuple[batch.Header, bytes]:
    """Small batches, so that many puts meet a kill."""
    blob, _ = sealed(one, run.first_seq, run.first_seq + len(run.events) - 1)
    return batch.unpack(blob).header, blob
