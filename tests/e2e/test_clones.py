"""One folder on two PCs, an old copy put back, a region from an old copy: real records, a real region, nothing lost and
nothing twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.world import World
from regional import administration, backup, database, queries
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from regional.worker import Applier
from sync.keys import identity
from terminal import bootstrap
from terminal.commands import line
from terminal.store import backup as terminal_backup
from terminal.store.leases import numbers_left
from terminal.store.outbox import unsent
from tests.fakes.counter import Counter
from tests.fakes.homes import found_home
from tests.region_fixtures import CLINIC

Make = Callable[[Path], Counter]
Apply = Callable[[], int]


@pytest.fixture
def opened(region: EmbeddedRegion) -> Iterator[Make]:
    """The terminal of a folder, open; closed at the end."""
    made: list[Counter] = []

    def make(folder: Path) -> Counter:
        home = bootstrap.find_home(folder / "vaxdesk.toml")
        made.append(Counter(home, bootstrap.open_desk(home), region))
        return made[-1]

    yield make
    for one in made:
        one.desk.store.close()


@pytest.fixture
def folder(region: EmbeddedRegion, tmp_path: Path) -> Path:
    return found_home(tmp_path / "home", region, "127.0.0.1:9", World()).folder


def report(one: Counter) -> str:
    return bytes(one.outbox.recall("sync.report") or b"").decode()


def told(*counters: Counter) -> list[bytes]:
    """Every fact of these records, once."""
    rows = [row for one in counters for row in one.desk.store.sql("SELECT event_id, stored FROM event")]
    return sorted({bytes(stored) for _, stored in rows})


def there(dsn: str, *terminals: str) -> list[bytes]:
    with queries.connect(dsn) as connection:
        rows = connection.execute("SELECT data FROM event WHERE terminal_id = ANY (%s)", (list(terminals),))
        return sorted(bytes(row[0]) for row in rows)


def me(one: Counter) -> str:
    return identity(one.outbox).terminal_id


def test_two_pcs_with_one_folder_are_found_and_lose_nothing(
    region: EmbeddedRegion,
    opened: Make,
    folder: Path,
    apply: Apply,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = opened(folder)
    given = one.work(2)
    one.sync()
    shared, before = me(one), told(one)
    given += one.work(1)  # in both copies, and not sent yet
    one.desk.store.close()
    shutil.copytree(folder, tmp_path / "copy")
    one, two = opened(folder), opened(tmp_path / "copy")
    given += one.work(1) + two.work(2)
    assert one.sync().anew == ""
    assert two.sync().anew == "clone"
    assert "sync.anew_clone" in report(two)
    given += one.work(1)
    assert one.sync().anew == "clone", "one copy may be an old disk put back: told, and it goes on"
    given += two.work(1) + one.work(1)
    for pc in (two, one, two, one):
        fault = pc.fails()
        assert (fault.code, fault.retry) == ("sync.cloned", "operator")
        assert "sync.cloned" in report(pc)
    assert unsent(one.desk.store).events > 0 and unsent(two.desk.store).events > 0
    assert state(region, shared) == "cloned"
    assert (
        line.run(["--lang", "en", "region", "terminal", "list", "--data", str(region.folder), "--dsn", region.dsn]) == 0
    )
    assert f"{shared}" in (said := capsys.readouterr().out) and "give each a new code" in said
    places = []
    for pc in (one, two):
        before_numbers = pc.desk.store.sql("SELECT lease_id FROM lease WHERE NOT retired")
        places.append(bootstrap.enrol_terminal(pc.home, pc.desk, region.new_code(clinic=CLINIC)))
        assert not set(before_numbers) & set(pc.desk.store.sql("SELECT lease_id FROM lease WHERE NOT retired"))
        assert numbers_left(pc.desk.store, "receipt") == 6000
        given += pc.work(1)
        pc.sync()
        assert unsent(pc.desk.store).events == 0
        assert pc.sync().anew == ""
    assert len({shared, *places}) == 3
    apply()
    assert [row.dose_id for row in queries.doses(region.dsn) if row.dose_id in given] == sorted(given)
    assert there(region.dsn, shared, *places) == told(one, two)
    assert set(before) <= set(there(region.dsn, shared))
    assert queries.doubled(region.dsn) == 0


def test_twins_that_never_met_the_region_before_they_enrolled_anew(
    region: EmbeddedRegion, opened: Make, folder: Path, apply: Apply, tmp_path: Path
) -> None:
    """Offline all day, the same unsent facts in both; then each takes a place of its own."""
    one = opened(folder)
    given = one.work(2)
    one.desk.store.close()
    shutil.copytree(folder, tmp_path / "copy")
    places = []
    for where in (folder, tmp_path / "copy"):
        pc = opened(where)
        given += pc.work(1)
        places.append(bootstrap.enrol_terminal(pc.home, pc.desk, region.new_code(clinic=CLINIC)))
        pc.sync()
        assert unsent(pc.desk.store).events == 0
        given += pc.work(1)
        pc.sync()
        assert "sync.ok" in report(pc)
    apply()
    assert [row.dose_id for row in queries.doses(region.dsn) if row.dose_id in given] == sorted(given)
    held = there(region.dsn, *places)
    assert len(held) == len(set(held)), "under one name, whichever came first"
    assert queries.doubled(region.dsn) == 0


def state(region: EmbeddedRegion, terminal_id: str) -> str:
    found = administration.terminals(region.dsn, World().now())
    return next(one.state for one in found if one.terminal_id == terminal_id)


def test_a_lost_acknowledgement_is_collected_before_the_new_place(
    region: EmbeddedRegion, opened: Make, folder: Path, apply: Apply
) -> None:
    one = opened(folder)
    one.work(2)
    outbox = one.outbox
    epoch, before = outbox.standing().epoch, me(one)
    one.sync()
    with queries.connect(region.dsn) as connection:
        connection.execute("UPDATE terminal SET cloned_at = now() WHERE terminal_id = %s", (before,))
    one.desk.store.run(_forget_ack, one, epoch)
    one.work(1)
    assert one.fails().code == "sync.cloned"
    assert outbox.standing().acked_seq > 0
    after = bootstrap.enrol_terminal(one.home, one.desk, region.new_code(clinic=CLINIC))
    one.sync()
    apply()
    assert there(region.dsn, before, after) == told(one)


def _forget_ack(one: Counter, epoch: str) -> None:
    """As if the answer had never come: the sealed batch waits, the region has it."""
    with one.desk.store.transaction():
        run = one.desk.store.db.execute_sql
        run("DELETE FROM ack WHERE epoch = ?", (epoch,))
        run("UPDATE batch SET acked_at = NULL WHERE epoch = ?", (epoch,))


def test_an_old_disk_put_back_goes_on_by_itself(
    region: EmbeddedRegion, opened: Make, folder: Path, apply: Apply, tmp_path: Path
) -> None:
    one = opened(folder)
    one.work(1)
    one.sync()
    one.desk.store.close()
    shutil.copytree(folder / "data", tmp_path / "image")
    one = opened(folder)
    lost = one.work(2)
    one.sync()
    newest = told(one)
    one.desk.store.close()
    shutil.rmtree(folder / "data")
    shutil.copytree(tmp_path / "image", folder / "data")
    one = opened(folder)
    given = one.work(1)
    assert one.sync().anew == "clone"
    for _ in range(3):
        given += one.work(1)
        assert one.sync().anew == ""
    assert state(region, me(one)) == "active"
    apply()
    assert there(region.dsn, me(one)) == sorted({*newest, *told(one)})
    assert {*lost, *given} <= set(one.doses_there())


def test_a_terminal_from_yesterdays_backup_sends_nothing_twice(
    region: EmbeddedRegion, opened: Make, folder: Path, apply: Apply
) -> None:
    one = opened(folder)
    one.work(2)
    one.sync()
    made = terminal_backup.create(one.desk.store, one.home.backups, one.desk.world, one.home.key)
    one.work(1)
    one.sync()
    one.work(1)  # never sent: gone with the disk
    newest, gone = told(one), set(told(one))
    key = one.desk.store.key
    one.desk.store.close()
    terminal_backup.restore(made.path, one.home.records, key, World())
    one = opened(folder)
    one.work(1)
    result = one.sync()
    assert (result.anew, unsent(one.desk.store).events) == ("", 0)
    apply()
    held = there(region.dsn, me(one))
    assert len(held) == len(set(held)) and set(told(one)) <= set(held)
    assert set(held) <= {*newest, *told(one)} and gone - set(held)
    assert queries.doubled(region.dsn) == 0
    assert state(region, me(one)) == "active"


def test_a_region_from_an_old_copy_gets_what_came_after_also_over_an_epoch(
    region: EmbeddedRegion, opened: Make, folder: Path, apply: Apply, new_dsn: Callable[[], str], tmp_path: Path
) -> None:
    """The copy, then a day's work, then the terminal itself is restored, then the region is lost."""
    one = opened(folder)
    one.work(1)
    one.sync()
    backup.back_up(region.dsn, tmp_path / "copy", World())
    one.work(2)
    one.sync()
    made = terminal_backup.create(one.desk.store, one.home.backups, one.desk.world, one.home.key)
    key = one.desk.store.key
    one.desk.store.close()
    terminal_backup.restore(made.path, one.home.records, key, World())
    one = opened(folder)
    one.work(1)
    one.sync()
    dsn, data = new_dsn(), tmp_path / "region"
    shutil.copytree(region.folder, data)
    keys = KeyRing(data / "keys", World().now())
    database.migrate(dsn, World())
    backup.restore(dsn, tmp_path / "copy", keys, World())
    with EmbeddedRegion(data, dsn=dsn, workers=0) as again:
        (folder / "ca.pem").write_bytes(again.ca_file.read_bytes())
        assert one.sync(again.url).anew == "fork"
        assert "sync.anew_fork" in report(one)
        one.work(1)
        assert one.sync(again.url).anew == ""
        applier = Applier(dsn, keys, World())
        while applier.apply():
            pass
        applier.close()
        assert there(dsn, me(one)) == told(one)
        assert queries.doubled(dsn) == 0
