"""What comes back to a terminal that runs: the other desk's work, a lost day after a restore, a child looked up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.errors import SyncError
from domain.world import World
from regional import queries
from regional.serve import EmbeddedRegion
from sync.feed import Feed
from sync.keys import identity, region_keys
from terminal import bootstrap
from terminal.store import backup, doses
from terminal.store.database import Store
from terminal.store.inbox import StoreInbox
from terminal.store.outbox import StoreOutbox
from tests.fakes.counter import Counter
from tests.fakes.homes import QUICK, found_home
from tests.region_fixtures import CLINIC

Apply = Callable[[], int]
Start = Callable[[bootstrap.Home], "Running"]


class Running:
    """A terminal as the program runs it, without a window."""

    def __init__(self, home: bootstrap.Home, region: EmbeddedRegion) -> None:
        self.counter = Counter(home, bootstrap.open_desk(home), region)
        self.terminal = bootstrap.Terminal(home, self.counter.desk, QUICK)
        self.services = self.terminal.services()
        self.terminal.start_lines()

    @property
    def store(self) -> Store:
        return self.counter.desk.store

    def until(self, what: Callable[[], object]) -> None:
        """The feed is asked again and again until `what` is so: another process applies the batches."""
        end, pause = time.monotonic() + 30, threading.Event()
        while not what():
            assert time.monotonic() < end, self.services.feed()
            self.services.upload_now()
            pause.wait(0.05)


@pytest.fixture
def start(region: EmbeddedRegion) -> Iterator[Start]:
    running: list[Running] = []

    def make(home: bootstrap.Home) -> Running:
        running.append(Running(home, region))
        return running[-1]

    yield make
    for one in running:
        one.terminal.stop()


def home(region: EmbeddedRegion, folder: Path) -> bootstrap.Home:
    return found_home(folder, region, "127.0.0.1:9", World())


def test_the_desks_of_a_clinic_hear_of_each_other_and_the_window_how_it_stands(
    region: EmbeddedRegion, start: Start, apply: Apply, tmp_path: Path
) -> None:
    one, two = start(home(region, tmp_path / "one")), start(home(region, tmp_path / "two"))
    given = one.counter.work(3)
    one.terminal.sync_now(30)
    apply()
    two.until(lambda: doses.one(two.store, given[-1]))
    assert {d for d in given if doses.one(two.store, d)} == set(given)
    two.until(lambda: two.services.feed().at)
    told = two.services.feed()
    assert (told.code, told.remaining, told.total, told.first_load, told.people_done) == ("sync.ok", 0, 0, False, True)
    assert two.services.online() and one.services.online()
    stale = "SELECT count(*) FROM child c LEFT JOIN reckoning r ON r.child_id = c.id WHERE r.child_id IS NULL"
    two.until(lambda: two.store.sql(stale) == [(0,)])


def test_a_child_is_looked_up_and_without_a_line_it_is_said(
    region: EmbeddedRegion, start: Start, apply: Apply, tmp_path: Path
) -> None:
    one = start(home(region, tmp_path / "one"))
    (dose_id,) = one.counter.work(1)
    one.terminal.sync_now(30)
    apply()
    dose = doses.one(one.store, dose_id)
    assert dose
    child_id = dose.child_id
    asked = one.services.look_up
    assert asked("child", child_id, "vaccination", "N200").result(10).children == (child_id,)
    with queries.connect(region.dsn) as connection:
        (row,) = connection.execute("SELECT actor, purpose, outcome FROM lookup WHERE child_id = %s", (child_id,))
    assert row == ("N200", "vaccination", "found")
    region.stop_api()
    try:
        fault = asked("child", child_id, "vaccination", "N200").exception(10)
        assert isinstance(fault, SyncError) and fault.code in ("sync.refused", "sync.cut_short")
        assert not one.services.online()
    finally:
        region.start_api()
    alone = bootstrap.Terminal(one.counter.home, one.counter.desk)
    fault = alone.services().look_up("child", child_id, "history", "N200").exception(1)
    assert isinstance(fault, SyncError) and fault.code == "sync.no_region"
    assert alone.services().feed().code == ""


def test_a_terminal_from_an_older_backup_gets_its_own_lost_day_back(
    region: EmbeddedRegion, start: Start, apply: Apply, tmp_path: Path
) -> None:
    place = home(region, tmp_path / "home")
    one = start(place)
    given = one.counter.work(2)
    made = backup.create(one.store, place.backups, one.counter.desk.world, place.key)
    given += one.counter.work(2)
    one.terminal.sync_now(30)
    key, me = one.store.key, identity(one.counter.outbox).terminal_id
    known = "SELECT id, name FROM child ORDER BY id"
    before = one.store.sql(known)
    one.terminal.stop()
    apply()
    backup.restore(made.path, place.records, key, World())
    again = start(place)
    again.until(lambda: all(doses.one(again.store, dose) for dose in given))
    assert set(before) <= set(again.store.sql(known))
    there = [d.id for child, _ in before for d in doses.of_child(again.store, child)]
    assert sorted(one for one in there if one in given) == sorted(given)
    given += again.counter.work(1)
    again.terminal.sync_now(30)
    apply()
    with queries.connect(region.dsn) as connection:
        rows = connection.execute("SELECT event_id FROM event WHERE terminal_id = %s", (me,)).fetchall()
    assert len(rows) == len(set(rows))
    assert again.counter.doses_there() == sorted(given)
    assert queries.doubled(region.dsn) == 0
    again.until(lambda: again.services.feed().code == "sync.ok")
    assert compared(again) == []


def compared(one: Running) -> list[int]:
    """The buckets in which terminal and region differ."""
    outbox = StoreOutbox(one.store, one.counter.desk.world)
    me = identity(outbox)
    client = bootstrap.region_client(one.counter.home, outbox, one.counter.desk.world)
    inbox = StoreInbox(one.store, one.counter.desk.world, CLINIC)
    try:
        return Feed(inbox, client, region_keys(outbox), me, one.counter.desk.world).check()
    finally:
        client.close()
