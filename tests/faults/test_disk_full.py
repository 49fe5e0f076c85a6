"""A full disk: words, nothing half kept, and work again once there is room."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from domain.errors import StoreError
from domain.wire.signed import Lease
from domain.world import World
from terminal.store import backup, keyfile, leases
from terminal.store.database import Store
from terminal.store.ledger import check_audit, tell
from terminal.store.outbox import StoreOutbox, check_chain
from terminal.store.second_medium import copy_unsent
from tests.fakes.disks import small_disk
from tests.fakes.ledgers import KEY, TERMINAL, header_of, new_store, new_world, tell_facts


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as place:
        yield place


@pytest.fixture
def world() -> World:
    return new_world()


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    keyfile.save(tmp_path / "key.json", keyfile.create(KEY, "db"))
    return tmp_path / "key.json"


def fill(disk: Path, leave: int = 0) -> Path:
    """Take all room but `leave` bytes; gives the file to remove."""
    filler = disk / "filler"
    handle = os.open(filler, os.O_WRONLY | os.O_CREAT)
    try:
        for _ in range(64 * 1024):
            os.write(handle, b"x" * 4096)
    except OSError:
        pass
    finally:
        os.close(handle)
    os.truncate(filler, max(0, filler.stat().st_size - leave))
    return filler


def until_full(store: Store, world: World) -> int:
    """Tell facts until one is refused; gives how many were kept."""
    for kept in count():
        assert kept < 5000
        try:
            tell_facts(store, world, 1)
        except StoreError as fault:
            assert (fault.code, fault.retry) == ("store.disk_full", "later")
            return kept
    raise AssertionError


def assert_whole(store: Store, facts: int) -> None:
    assert store.sql("SELECT count(*) FROM event") == [(facts,)]
    assert store.sql("SELECT seq, audit_seq FROM head") == [(facts, facts)]
    assert check_chain(store) is None and check_audit(store) is None


@pytest.mark.parametrize("leave", [0, 4096, 20_000, 100_000])
def test_recording(disk: Path, world: World, leave: int) -> None:
    store = new_store(disk / "records.db")
    tell_facts(store, world, 3)
    filler = fill(disk, leave)
    kept = 3 + until_full(store, world)
    for _ in range(3):
        until_full(store, world)
    assert_whole(store, kept)
    filler.unlink()
    tell_facts(store, world, 2)
    assert_whole(store, kept + 2)
    store.close()


def test_closing_and_opening_a_full_disk(disk: Path, world: World) -> None:
    """No room to fold the log in: what was acknowledged is still there at the next start."""
    store = new_store(disk / "records.db")
    tell_facts(store, world, 20)
    filler = fill(disk)
    kept = 20 + until_full(store, world)
    store.close()
    store = Store(disk / "records.db", KEY)
    assert_whole(store, kept)
    filler.unlink()
    tell_facts(store, world, 1)
    assert_whole(store, kept + 1)
    store.close()


def test_a_number_is_given_back(disk: Path, world: World) -> None:
    store = new_store(disk / "records.db")
    StoreOutbox(store, world).add_leases([Lease("L", TERMINAL, "receipt", "R", 1, 90, 4)])

    def number() -> str | None:
        with tell(store, world, "nurse") as entry:
            entry.audit("fill", size="x" * 100_000)
            return leases.take_number(entry, "receipt")

    filler = fill(disk)
    with pytest.raises(StoreError, match=r"store\.disk_full"):
        store.run(number)
    filler.unlink()
    assert store.run(number) == "R0001"
    store.close()


def test_keeping_a_batch(disk: Path, world: World) -> None:
    store = new_store(disk / "records.db")
    tell_facts(store, world, 5)
    outbox = StoreOutbox(store, world)
    run = outbox.unsealed(1000, 10**6)
    assert run is not None
    filler = fill(disk, 8192)
    with pytest.raises(StoreError, match=r"store\.disk_full"):
        outbox.keep(header_of(run), os.urandom(200_000))
    assert outbox.oldest_batch() is None
    assert outbox.unsealed(1000, 10**6) == run, "sealed again when there is room"
    filler.unlink()
    outbox.keep(header_of(run), b"sealed")
    assert outbox.oldest_batch() is not None
    store.close()


@pytest.mark.parametrize("leave", [0, 8192, 60_000])
def test_backing_up(disk: Path, tmp_path: Path, world: World, key_path: Path, leave: int) -> None:
    """The records are on another disk than the backups: the counter goes on, the older backup stays."""
    store = new_store(tmp_path / "records.db")
    tell_facts(store, world, 50)
    old = backup.create(store, disk, world, key_path)
    before = old.path.read_bytes()
    filler = fill(disk, leave)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"backup\.disk_full"):
            backup.create(store, disk, world, key_path)
    assert sorted(p.name for p in disk.iterdir()) == sorted(
        [filler.name, old.path.name, backup.key_of(old.path).name]
    ), "no half file"
    assert old.path.read_bytes() == before
    tell_facts(store, world, 1)
    filler.unlink()
    assert backup.create(store, disk, world, key_path).report.facts == 51
    store.close()


def test_restoring(disk: Path, tmp_path: Path, world: World, key_path: Path) -> None:
    store = new_store(disk / "records.db")
    tell_facts(store, world, 50)
    info = backup.create(store, tmp_path / "backups", world, key_path)
    store.close()
    before = store.path.read_bytes()
    filler = fill(disk, 8192)
    with pytest.raises(StoreError, match=r"backup\.disk_full"):
        backup.restore(info.path, store.path, KEY, world)
    assert store.path.read_bytes() == before
    assert sorted(p.name for p in disk.iterdir()) == [filler.name, store.path.name]
    filler.unlink()
    assert backup.restore(info.path, store.path, KEY, world) is not None


def test_the_second_medium(disk: Path, tmp_path: Path, world: World) -> None:
    store = new_store(tmp_path / "records.db")
    tell_facts(store, world, 5)
    outbox = StoreOutbox(store, world)
    run = outbox.unsealed(1000, 10**6)
    assert run is not None
    outbox.keep(header_of(run), os.urandom(200_000))
    filler = fill(disk, 8192)
    with pytest.raises(StoreError, match=r"medium\.full"):
        copy_unsent(store, disk, world)
    assert [p.name for p in disk.iterdir()] == [filler.name]
    filler.unlink()
    assert copy_unsent(store, disk, world).copied == 1
    store.close()


def test_a_database_that_may_not_grow(tmp_path: Path, world: World) -> None:
    """The same words without a full disk under it: runs without root."""
    store = new_store(tmp_path / "records.db")
    tell_facts(store, world, 3)
    ((pages,),) = store.run(store.sql, "PRAGMA page_count")
    store.run(store.sql, f"PRAGMA max_page_count = {pages + 4}")
    kept = 3 + until_full(store, world)
    assert_whole(store, kept)
    store.run(store.sql, f"PRAGMA max_page_count = {pages + 400}")
    tell_facts(store, world, 1)
    assert_whole(store, kept + 1)
    store.close()
