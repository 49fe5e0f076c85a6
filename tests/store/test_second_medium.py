from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import StoreError
from domain.world import World
from terminal.store.database import Store
from terminal.store.outbox import StoreOutbox, open_epoch
from terminal.store.second_medium import MediumCount, copy_unsent
from tests.fakes.ledgers import EPOCH, ack_of, header_of

Facts = Callable[[int], list[str]]


@pytest.fixture
def outbox(store: Store, world: World) -> StoreOutbox:
    return StoreOutbox(store, world)


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    folder = tmp_path / "stick" / "vaxdesk"
    folder.mkdir(parents=True)
    return folder


def seal(outbox: StoreOutbox, n: int) -> None:
    run = outbox.unsealed(n, 10**6)
    assert run is not None
    outbox.keep(header_of(run), b"sealed %d" % run.first_seq)


def settle(outbox: StoreOutbox, upto: int) -> None:
    epoch = outbox.standing().epoch
    outbox.settle(ack_of(epoch, upto, outbox.hash_at(upto) or "", upto), b"proof")


def names(medium: Path) -> list[str]:
    return sorted(p.name for p in medium.iterdir())


def test_unsent_batches_are_there_and_acknowledged_ones_go(
    outbox: StoreOutbox, store: Store, world: World, medium: Path, facts: Facts
) -> None:
    facts(6)
    seal(outbox, 2)
    seal(outbox, 2)
    assert copy_unsent(store, medium, world) == MediumCount(copied=2, removed=0, waiting=2)
    assert names(medium) == [
        f"T-1-{EPOCH}-000000000001-000000000002.imb",
        f"T-1-{EPOCH}-000000000003-000000000004.imb",
    ]
    assert (medium / names(medium)[1]).read_bytes() == b"sealed 3"
    assert store.sql("SELECT count(*) FROM batch WHERE copied_at IS NULL") == [(0,)]
    assert copy_unsent(store, medium, world) == MediumCount(0, 0, 2)
    assert store.sql("SELECT detail FROM audit WHERE action = 'export.medium'") == [('{"batches":2}',)]
    settle(outbox, 2)
    seal(outbox, 2)
    assert copy_unsent(store, medium, world) == MediumCount(1, 1, 2)
    settle(outbox, 6)
    assert copy_unsent(store, medium, world) == MediumCount(0, 2, 0)
    assert names(medium) == []


def test_a_torn_copy_and_another_stick(
    outbox: StoreOutbox, store: Store, world: World, medium: Path, facts: Facts
) -> None:
    facts(2)
    seal(outbox, 2)
    copy_unsent(store, medium, world)
    (path,) = medium.iterdir()
    path.write_bytes(b"sea")
    assert copy_unsent(store, medium, world).copied == 1
    assert path.read_bytes() == b"sealed 1"
    path.unlink()
    assert copy_unsent(store, medium, world).copied == 1


def test_facts_of_a_lost_future_stay(
    outbox: StoreOutbox, store: Store, world: World, medium: Path, facts: Facts
) -> None:
    """After a restore the stick holds batches this database knows nothing of: they may be the only copy."""
    facts(4)
    seal(outbox, 4)
    copy_unsent(store, medium, world)
    lost = medium / f"T-1-{EPOCH}-000000000005-000000000009.imb"
    lost.write_bytes(b"facts after the backup")
    other = medium / "T-1-holiday.jpg"
    other.write_bytes(b"not ours")
    open_epoch(store, world, "restore")
    seal(outbox, 4)
    assert copy_unsent(store, medium, world) == MediumCount(1, 0, 3)
    settle(outbox, 4)
    assert copy_unsent(store, medium, world) == MediumCount(0, 2, 1)
    assert names(medium) == sorted([lost.name, other.name])


def test_a_broken_medium_is_said(store: Store, world: World, medium: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stick torn out while mounted: the folder is there, and every look at it is an I/O error."""

    def torn(path: Path, **_: object) -> os.stat_result:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "stat", torn)
        with pytest.raises(StoreError, match=r"medium\.failed"):
            copy_unsent(store, medium, world)


def test_a_missing_medium_is_said(store: Store, world: World, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"medium\.missing"):
        copy_unsent(store, tmp_path / "unplugged", world)
    assert not (tmp_path / "unplugged").exists()
