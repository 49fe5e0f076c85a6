"""kill -9 at any moment of a morning: what was shown as saved is there once, and once in the region."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from domain.world import World
from printing.simulator import SimulatedPrinter
from regional import queries
from regional.serve import EmbeddedRegion
from sync.keys import identity
from sync.visit import sync_once
from terminal import bootstrap
from terminal.store import ledger
from terminal.store.outbox import StoreOutbox, check_chain, unsent
from tests.fakes.homes import found_home
from tests.region_fixtures import events_per_terminal

ROOT = Path(__file__).parents[2]
LANES = 2  # so many cores


@dataclass
class Counter:
    """One terminal's home, what its screen showed over all its lives, and how often it died."""

    home: bootstrap.Home
    shown: dict[str, set[str]] = field(default_factory=dict)
    kills: int = 0

    def live_and_die(self, kills: int, chance: random.Random) -> None:
        """So many lives, each ended by kill -9."""
        worker = [sys.executable, "-m", "tests.faults.counter_worker", str(self.home.settings_path)]
        with subprocess.Popen(worker, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            guard = threading.Timer(kills * 10, process.kill)
            guard.start()
            assert process.stdin
            for run in range(kills):
                process.stdin.write(f"{run}\n")
                process.stdin.flush()
                self._one_life(process, chance)
            process.stdin.close()
            assert process.wait(30) == 0
            guard.cancel()

    def _one_life(self, process: subprocess.Popen[str], chance: random.Random) -> None:
        """Killed in its first moments, some time into the work, or right after an answer."""
        how = chance.choice(("start", "ready", "ready", "answer"))
        left, after_s = chance.randrange(1, 12), chance.uniform(0, 0.2 if how == "start" else 0.6)
        pid, timer = 0, None
        assert process.stdout
        for line in process.stdout:
            word, _, what = line[:-1].partition(" ")
            self.shown.setdefault(word, set()).add(what)
            pid = int(what) if word == "start" else pid
            if word == how:
                timer = threading.Timer(after_s, kill, [pid])
                timer.start()
            if word in ("saved", "voided", "closed", "dropped"):
                left -= 1
                if how == "answer" and left == 0:
                    kill(pid)
            if word == "ended":
                assert what in ("-9", "0"), "the worker failed: see its standard error"
                self.kills += what == "-9"
                break
        else:
            raise AssertionError("the worker is gone")
        if timer:
            timer.cancel()


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def all_synced(counter: Counter) -> tuple[StoreOutbox, str]:
    """The last start: everything that waits goes up."""
    desk = bootstrap.open_desk(counter.home)
    outbox = StoreOutbox(desk.store, desk.world)
    client = bootstrap.region_client(counter.home, outbox, desk.world)
    try:
        sync_once(outbox, client, identity(outbox), desk.world)
    finally:
        client.close()
    assert unsent(desk.store).events == 0
    return outbox, identity(outbox).terminal_id


def check(counter: Counter, region: EmbeddedRegion) -> int:
    """Every promise about one terminal; gives how many doses there are."""
    outbox, terminal_id = all_synced(counter)
    store = outbox.store
    try:
        assert store.run(ledger.check_audit, store) is None
        assert store.run(check_chain, store) is None
        told = [row for (row,) in store.sql("SELECT event_id FROM event WHERE kind = 'dose.given'")]
        rows = {row for (row,) in store.sql("SELECT id FROM dose")}
        used = [row for (row,) in store.sql("SELECT dose_id FROM movement WHERE kind = 'used'")]
        voided = {row for (row,) in store.sql("SELECT dose_id FROM dose_change WHERE kind = 'voided'")}
        receipts = {row for (row,) in store.sql("SELECT number FROM receipt")}
        (seq,) = store.sql("SELECT seq FROM head")[0]
        seqs = [row for (row,) in store.sql("SELECT o.seq FROM outbox o JOIN head h ON h.epoch = o.epoch ORDER BY 1")]
    finally:
        store.close()
    shown = counter.shown
    assert sorted(told) == sorted(rows) == sorted(used), "a dose is its fact, its row and its use of a package"
    assert shown.get("saved", set()) <= rows
    assert shown.get("voided", set()) <= voided
    assert shown.get("dropped", set()).isdisjoint(rows)
    assert shown.get("closed", set()) - {""} <= receipts
    assert seqs == list(range(1, seq + 1))
    there = [row for row in queries.doses(region.dsn) if row.terminal_id == terminal_id]
    assert sorted(row.dose_id for row in there) == sorted(rows)
    assert {row.dose_id for row in there if row.state == "voided"} == voided
    assert events_per_terminal(region.dsn)[terminal_id] == seq
    return len(rows)


def run(region: EmbeddedRegion, apply: Callable[[], int], folder: Path, kills: int, seed: int) -> None:
    with SimulatedPrinter() as printer:
        counters = [Counter(found_home(folder / str(n), region, printer.address, World())) for n in range(2 * LANES)]

        def lane(first: int) -> None:
            chance = random.Random(seed + first)
            for counter in counters[first::LANES]:
                counter.live_and_die(kills // len(counters), chance)

        with ThreadPoolExecutor(LANES) as pool:
            list(pool.map(lane, range(LANES)))
        for counter in counters:
            all_synced(counter)[0].store.close()
        apply()
        doses = [check(counter, region) for counter in counters]
    assert queries.doubled(region.dsn) == queries.quarantined(region.dsn) == 0
    assert sum(c.kills for c in counters) > kills * 0.95, "hardly any life ended by itself"
    shown = {
        word: sum(len(c.shown.get(word, ())) for c in counters) for word in ("saved", "dropped", "voided", "closed")
    }
    print(f"{kills} kills, {sum(doses)} doses, shown: {shown}, {len(printer.slips)} slips on paper")
    assert min(doses) > 0


def test_a_hundred_kills(region: EmbeddedRegion, apply: Callable[[], int], tmp_path: Path) -> None:
    run(region, apply, tmp_path, 100, seed=20261122)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_thousand_kills(region: EmbeddedRegion, apply: Callable[[], int], tmp_path: Path) -> None:
    run(region, apply, tmp_path, 1000, seed=1)
