"""A clinic without a line: its batches go to the region on a stick, by the commands people type, and nothing is lost,
taken twice or believed that the region did not sign."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from domain.wire import batch, signed
from domain.world import World
from regional import administration, backup, database, queries
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from regional.worker import Applier
from sync.keys import identity
from terminal import bootstrap
from terminal.commands import line
from terminal.store import backup as terminal_backup
from terminal.store.outbox import unsent
from tests.fakes.counter import Counter
from tests.fakes.homes import found_home
from tests.region_fixtures import Terminal

Apply = Callable[[], int]
New = Callable[..., Terminal]


@dataclass
class Way:
    """The stick between one terminal and the region; `said` is what the last command said."""

    folder: Path
    region: EmbeddedRegion
    dsn: str
    stick: Path
    capsys: pytest.CaptureFixture[str]
    said: str = ""

    def out(self) -> int:
        return self._run("--home", str(self.folder), "courier", "out", str(self.stick))

    def take(self) -> int:
        where = ("--data", str(self.region.folder), "--dsn", self.dsn)
        return self._run("region", "courier", str(self.stick), *where)

    def back(self) -> int:
        return self._run("--home", str(self.folder), "courier", "in", str(self.stick))

    def names(self) -> list[str]:
        return sorted(path.suffix for path in self.stick.iterdir())

    def _run(self, *words: str) -> int:
        code = line.run(["--lang", "en", *words])
        told = self.capsys.readouterr()
        self.said = told.out + told.err
        return code


@pytest.fixture
def one(region: EmbeddedRegion, tmp_path: Path) -> Iterator[Counter]:
    home = found_home(tmp_path / "home", region, "127.0.0.1:9", World())
    counter = Counter(home, bootstrap.open_desk(home), region)
    yield counter
    counter.desk.store.close()


@pytest.fixture
def by_hand(one: Counter, region: EmbeddedRegion, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Way:
    stick = tmp_path / "stick"
    stick.mkdir()
    return Way(one.home.folder, region, region.dsn, stick, capsys)


def test_records_go_by_stick_and_the_answer_comes_back(one: Counter, by_hand: Way, apply: Apply) -> None:
    given = one.work(2)
    assert by_hand.out() == 0 and "1 batches written" in by_hand.said
    given += one.work(2)
    assert by_hand.out() == 0 and "1 batches written, 2 wait there" in by_hand.said
    given += one.work(1)
    assert by_hand.take() == 0 and "2 batches with" in by_hand.said
    assert by_hand.names() == [".ack", ".ack", ".imb", ".imb", ".keyset"]
    before = unsent(one.desk.store).events
    assert by_hand.back() == 0
    assert 0 < unsent(one.desk.store).events < before
    assert by_hand.names() == [".keyset"]
    assert by_hand.out() == by_hand.take() == by_hand.back() == 0
    assert unsent(one.desk.store).events == 0
    apply()
    assert one.doses_there() == sorted(given)
    assert one.sync().batches == 0, "the line knows it too"
    with queries.connect(by_hand.dsn) as connection:
        row = connection.execute("SELECT details FROM region_audit WHERE action = 'courier.taken' ORDER BY number")
        assert [found[0]["taken"] for found in row] == [2, 1]


def test_the_same_stick_twice_and_after_the_line_changes_nothing(one: Counter, by_hand: Way, apply: Apply) -> None:
    given = one.work(2)
    assert by_hand.out() == by_hand.take() == by_hand.take() == 0
    one.sync()
    assert by_hand.take() == by_hand.back() == by_hand.back() == 0
    assert unsent(one.desk.store).events == 0
    apply()
    assert one.doses_there() == sorted(given)
    assert queries.doubled(by_hand.dsn) == 0


def test_torn_foreign_and_tampered_batches_are_told_and_the_good_ones_taken(
    one: Counter, by_hand: Way, apply: Apply, terminal: New
) -> None:
    given = one.work(2)
    by_hand.out()
    given += one.work(2)
    by_hand.out()
    first, last = sorted(by_hand.stick.glob("*.imb"))
    blob = first.read_bytes()
    (by_hand.stick / "torn.imb").write_bytes(blob[: len(blob) // 2])
    (by_hand.stick / "tampered.imb").write_bytes(blob[:-1] + bytes([blob[-1] ^ 1]))
    (by_hand.stick / "picture.imb").write_bytes(b"\xff\xd8\xff" * 100)
    (by_hand.stick / "large.imb").write_bytes(b"\0" * (batch.MAX_FILE_BYTES + 5))
    (by_hand.stick / "holiday.jpg").write_bytes(b"not ours")
    packed = batch.unpack(blob)
    stranger = identity(terminal().outbox)
    forged = packed.bound.replace(packed.header.terminal_id.encode(), stranger.terminal_id.encode())
    (by_hand.stick / "forged.imb").write_bytes(blob.replace(packed.bound, forged))
    assert by_hand.take() == 1
    assert by_hand.said.count("was not taken") == 5 and "2 batches" in by_hand.said
    assert last.with_suffix(".ack").exists() and first.with_suffix(".ack").exists()
    assert by_hand.back() == 0, "the refusals of strangers are no matter of ours"
    assert unsent(one.desk.store).events == 0
    apply()
    assert one.doses_there() == sorted(given)


def test_only_what_the_region_signed_is_believed(
    one: Counter, by_hand: Way, tmp_path: Path, region: EmbeddedRegion, terminal: New
) -> None:
    one.work(2)
    by_hand.out()
    by_hand.take()
    (ack,) = by_hand.stick.glob("*.ack")
    good = ack.read_bytes()
    said = signed.payload(signed.decode(good, "ack"), signed.Ack)
    impostor = KeyRing(tmp_path / "other-keys", World().now())
    keyset = by_hand.stick / "region.keyset"
    true_keys = keyset.read_bytes()
    for forged in (good[:-20], good.replace(b'"signature":"', b'"signature":"A'), b"{}"):
        ack.write_bytes(forged)
        assert by_hand.back() == 1 and "1 answers on the stick are damaged" in by_hand.said
        assert unsent(one.desk.store).events > 0
    ack.write_bytes(signed.encode(impostor.sign("ack", said)))
    keyset.write_bytes(signed.encode(impostor.keyset(said.generation)))
    assert by_hand.back() == 1 and "2 answers on the stick are damaged" in by_hand.said
    assert unsent(one.desk.store).events > 0
    other = terminal()
    theirs = signed.Ack(other.me.terminal_id, "0" * 32, 9, 9, "0" * 64, said.generation, said.time)
    ack.write_bytes(signed.encode(KeyRing(region.folder / "keys", World().now()).sign("ack", theirs)))
    keyset.write_bytes(true_keys)
    assert by_hand.back() == 0 and unsent(one.desk.store).events > 0, "another terminal's: passed over"
    ack.write_bytes(good)
    assert by_hand.back() == 0 and unsent(one.desk.store).events == 0


def test_a_revoked_and_a_cloned_terminal_are_told(one: Counter, by_hand: Way) -> None:
    one.work(1)
    by_hand.out()
    me = identity(one.outbox).terminal_id
    for column, words in (("cloned_at", "two PCs at work"), ("revoked_at", "has revoked this terminal")):
        with queries.connect(by_hand.dsn) as connection:
            connection.execute(f"UPDATE terminal SET {column} = now() WHERE terminal_id = %s".encode(), (me,))
        assert by_hand.take() == 1 and words in by_hand.said
        assert by_hand.back() == 1 and words in by_hand.said
        assert unsent(one.desk.store).events > 0
        with queries.connect(by_hand.dsn) as connection:
            connection.execute(f"UPDATE terminal SET {column} = NULL WHERE terminal_id = %s".encode(), (me,))
    assert by_hand.take() == by_hand.back() == 0
    assert unsent(one.desk.store).events == 0


def test_the_only_copy_of_a_lost_evening_reaches_the_region(one: Counter, by_hand: Way, apply: Apply) -> None:
    """On the stick before the disk died; the terminal comes back from the backup of noon, and is in another epoch."""
    given = one.work(1)
    one.sync()
    made = terminal_backup.create(one.desk.store, one.home.backups, one.desk.world, one.home.key)
    given += one.work(2)
    by_hand.out()
    key = one.desk.store.key
    one.desk.store.close()
    terminal_backup.restore(made.path, one.home.records, key, World())
    one.desk = bootstrap.open_desk(one.home)
    given += one.work(1)
    one.sync()
    assert by_hand.take() == 0
    assert by_hand.back() == 0
    assert by_hand.names() == [".keyset"], "what the region has needs no second copy"
    given += one.work(1)
    assert one.sync().anew == "", "no sign of a twin"
    me = identity(one.outbox).terminal_id
    found = administration.terminals(by_hand.dsn, World().now())
    assert next(place.state for place in found if place.terminal_id == me) == "active"
    apply()
    assert one.doses_there() == sorted(given)


def test_a_region_from_an_old_copy_says_on_the_stick_what_it_lacks(
    one: Counter, by_hand: Way, new_dsn: Callable[[], str], tmp_path: Path
) -> None:
    given = one.work(1)
    assert by_hand.out() == by_hand.take() == by_hand.back() == 0
    backup.back_up(by_hand.dsn, tmp_path / "copy", World())
    for _ in range(2):
        given += one.work(1)
        assert by_hand.out() == by_hand.take() == by_hand.back() == 0
    given += one.work(1)
    assert by_hand.out() == 0
    by_hand.dsn = new_dsn()
    database.migrate(by_hand.dsn, World())
    keys = KeyRing(by_hand.region.folder / "keys", World().now())
    backup.restore(by_hand.dsn, tmp_path / "copy", keys, World())
    old_stick = tmp_path / "old"
    shutil.copytree(by_hand.stick, old_stick)
    assert by_hand.take() == 0
    assert by_hand.back() == 0 and "came back from a copy" in by_hand.said
    assert by_hand.out() == by_hand.take() == by_hand.back() == 0
    assert unsent(one.desk.store).events == 0
    applier = Applier(by_hand.dsn, keys, World())
    while applier.apply():
        pass
    applier.close()
    assert set(queries.dose_ids(by_hand.dsn)) >= set(given)


def test_a_batch_sealed_to_a_key_that_ended_is_sealed_anew(one: Counter, by_hand: Way, apply: Apply) -> None:
    given = one.work(1)
    by_hand.out()
    keys = KeyRing(by_hand.region.folder / "keys", World().now())
    keys.rotate(("seal",), World().now(), timedelta(0))
    assert by_hand.take() == 1
    assert by_hand.back() == 1 and "sealed" in by_hand.said
    assert by_hand.out() == by_hand.take() == by_hand.back() == 0
    assert unsent(one.desk.store).events == 0
    apply()
    assert one.doses_there() == sorted(given)


def test_an_old_disk_put_back_where_there_is_no_line(one: Counter, by_hand: Way, apply: Apply, tmp_path: Path) -> None:
    given = one.work(1)
    assert by_hand.out() == by_hand.take() == by_hand.back() == 0
    data = one.home.data
    one.desk.store.close()
    shutil.copytree(data, tmp_path / "image")
    one.desk = bootstrap.open_desk(one.home)
    given += one.work(1)
    assert by_hand.out() == by_hand.take() == by_hand.back() == 0
    one.desk.store.close()
    shutil.rmtree(data)
    shutil.copytree(tmp_path / "image", data)
    one.desk = bootstrap.open_desk(one.home)
    given += one.work(2)
    assert by_hand.out() == 0
    assert by_hand.take() == 1 and "holds another history" in by_hand.said
    assert by_hand.back() == 1 and "new numbers" in by_hand.said
    assert by_hand.out() == by_hand.take() == by_hand.back() == 0
    assert unsent(one.desk.store).events == 0
    apply()
    assert one.doses_there() == sorted(given)
    assert queries.doubled(by_hand.dsn) == 0


def test_an_old_disk_put_back_before_the_stick_came_home(
    one: Counter, by_hand: Way, apply: Apply, tmp_path: Path
) -> None:
    """The region's answer is about facts that went with the disk: what was recorded since goes out all the same."""
    data, given = one.home.data, one.work(1)
    assert by_hand.out() == by_hand.take() == by_hand.back() == 0
    one.desk.store.close()
    shutil.copytree(data, tmp_path / "image")
    one.desk = bootstrap.open_desk(one.home)
    given += one.work(1)
    assert by_hand.out() == by_hand.take() == 0
    one.desk.store.close()
    shutil.rmtree(data)
    shutil.copytree(tmp_path / "image", data)
    one.desk = bootstrap.open_desk(one.home)
    given += one.work(2)
    assert by_hand.back() == 0 and "new numbers" in by_hand.said
    assert by_hand.out() == by_hand.take() == by_hand.back() == 0
    assert unsent(one.desk.store).events == 0
    apply()
    assert one.doses_there() == sorted(given)
    assert queries.doubled(by_hand.dsn) == 0


def test_a_stick_that_is_not_there_is_said(by_hand: Way) -> None:
    by_hand.stick = by_hand.stick / "unplugged"
    assert by_hand.out() == by_hand.back() == by_hand.take() == 1
    assert "cannot be read or written" in by_hand.said
    assert not by_hand.stick.exists()
