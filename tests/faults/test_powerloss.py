"""Power cuts: what was acknowledged is there afterwards, whole and once; with weaker settings it would not be."""

from __future__ import annotations

import multiprocessing
import random
import shutil
import subprocess
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext as Forking
from pathlib import Path

import pytest

from domain.errors import StoreError
from terminal.store.database import Store
from terminal.store.ledger import check_audit
from terminal.store.outbox import check_chain
from tests.fakes.ledgers import KEY, new_store
from tests.faults import powerloss_child

CUT = 77


@dataclass
class Toll:
    """What the cuts cost."""

    cuts: int = 0
    acknowledged: list[str] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0
    broken: int = 0


@pytest.fixture(scope="session")
def extension(tmp_path_factory: pytest.TempPathFactory) -> str:
    built = tmp_path_factory.mktemp("vfs") / "powerlossvfs.so"
    source = Path(__file__).with_name("powerloss_vfs.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", built, source], check=True)
    return str(built)


@pytest.fixture(scope="session")
def forking() -> Forking:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([powerloss_child.__name__])
    return context


def cut(forking: Forking, extension: str, path: Path, seed: int, synchronous: str) -> list[str]:
    """Work until the power goes; gives the facts acknowledged before."""
    after = random.Random(seed).randint(1, 1200)
    here, there = forking.Pipe(duplex=False)
    child = forking.Process(target=powerloss_child.work, args=(extension, str(path), seed, after, synchronous, there))
    child.start()
    there.close()
    acknowledged: list[str] = []
    try:
        while here.poll(30):
            acknowledged += here.recv()
    except EOFError:
        pass
    finally:
        here.close()
    child.join(30)
    assert child.exitcode == CUT, f"the child ended by itself: {child.exitcode}"
    return acknowledged


def count(toll: Toll, path: Path, look: Path) -> None:
    """Look at a copy, so that the next process has to recover the original itself. The -shm file died with the cut."""
    for suffix in ("", "-wal"):
        if path.with_name(path.name + suffix).exists():
            shutil.copyfile(path.with_name(path.name + suffix), look.with_name(look.name + suffix))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    try:
        store = Store(look, KEY)
    except StoreError:
        toll.broken += 1
        return
    held = [row[0] for row in store.sql("SELECT event_id FROM event")]
    toll.lost += len(set(toll.acknowledged) - set(held))
    toll.doubled += len(held) - len(set(held))
    toll.broken += check_chain(store) is not None or check_audit(store) is not None
    store.close()


def run(forking: Forking, extension: str, tmp_path: Path, seeds: range, synchronous: str) -> Toll:
    path, toll = tmp_path / "records.db", Toll()
    new_store(path).close()
    for seed in seeds:
        toll.acknowledged += cut(forking, extension, path, seed, synchronous)
        toll.cuts += 1
        look = tmp_path / f"look{seed}.db"
        count(toll, path, look)
        for left in tmp_path.glob("look*"):
            left.unlink()
        if toll.broken or toll.lost:
            break
    print(f"{synchronous}: {toll.cuts} cuts, {len(toll.acknowledged)} facts acknowledged, lost {toll.lost}, "
          f"doubled {toll.doubled}, broken {toll.broken}")  # fmt: skip
    return toll


@pytest.mark.parametrize("block", [range(0, 60), pytest.param(range(60, 260), marks=pytest.mark.soak)])
def test_nothing_acknowledged_is_lost(forking: Forking, extension: str, tmp_path: Path, block: range) -> None:
    toll = run(forking, extension, tmp_path, block, "FULL")
    assert (toll.cuts, toll.lost, toll.doubled, toll.broken) == (len(block), 0, 0, 0)
    assert len(toll.acknowledged) > 20 * len(block), "the cuts must fall into real work"


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_the_test_can_fail(forking: Forking, extension: str, tmp_path: Path, synchronous: str) -> None:
    """Without a sync at each commit the same cuts lose facts: then the test above says something."""
    toll = run(forking, extension, tmp_path, range(1000, 1030), synchronous)
    assert toll.lost or toll.broken
