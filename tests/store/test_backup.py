from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.documents import Document
from domain.errors import StoreError
from domain.world import World
from terminal.store import backup, keyfile, migrations, papers
from terminal.store.database import Store, sqlcipher
from terminal.store.ledger import check_audit, tell
from terminal.store.outbox import StoreOutbox, check_chain
from tests.fakes.ledgers import EPOCH, KEY, TERMINAL, ack_of, new_world, tell_facts

Facts = Callable[[int], list[str]]
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    wrapped = keyfile.with_passphrase(
        keyfile.create(KEY, "db"), KEY, "recovery", "绿色 葡萄", new_world().random, keyfile.Cost(32, 1, 1)
    )
    keyfile.save(path, wrapped)
    return path


@pytest.fixture
def made(store: Store, world: World, tmp_path: Path, key_path: Path, facts: Facts) -> backup.BackupInfo:
    facts(5)
    return backup.create(store, tmp_path / "backups", world, key_path)


def test_a_backup_is_encrypted_named_and_proved(made: backup.BackupInfo, tmp_path: Path) -> None:
    assert {p.suffix for p in (tmp_path / "backups").iterdir()} == {".vxb", ".key"}
    assert made.size == made.path.stat().st_size
    assert not made.path.read_bytes().startswith(b"SQLite format 3")
    assert b"stock.counted" not in made.path.read_bytes()
    report = backup.verify(made.path, KEY)
    assert report == made.report
    assert (report.terminal_id, report.epoch, report.last_seq, report.facts) == (TERMINAL, EPOCH, 5, 5)
    assert report.version == migrations.VERSION


def test_it_opens_elsewhere_with_the_recovery_passphrase(made: backup.BackupInfo, tmp_path: Path) -> None:
    other_pc = tmp_path / "other"
    other_pc.mkdir()
    for path in (made.path, backup.key_of(made.path)):
        shutil.move(path, other_pc)
    path = other_pc / made.path.name
    key = keyfile.unlock_passphrase(keyfile.load(backup.key_of(path)), "recovery", "绿色 葡萄")
    assert backup.verify(path, key).facts == 5


def test_the_counter_goes_on_during_a_backup(store: Store, world: World, tmp_path: Path, key_path: Path) -> None:
    tell_facts(store, world, 300)
    busy = [store.submit(tell_facts, store, world, 50) for _ in range(4)]
    info = backup.create(store, tmp_path / "backups", world, key_path)
    for work in busy:
        work.result(30)
    assert 300 <= info.report.facts <= 500
    assert store.sql("SELECT count(*) FROM event") == [(500,)]


def test_wrong_key_and_damage_are_told_apart(made: backup.BackupInfo) -> None:
    with pytest.raises(StoreError, match=r"backup\.wrong_key"):
        backup.verify(made.path, b"x" * 32)
    backup.key_of(made.path).unlink()
    with pytest.raises(StoreError, match=r"backup\.damaged"):
        backup.verify(made.path, b"x" * 32)
    with pytest.raises(StoreError, match=r"backup\.missing"):
        backup.verify(made.path.with_name("none.vxb"), KEY)


def test_a_flipped_byte_anywhere_is_found(made: backup.BackupInfo, tmp_path: Path) -> None:
    data, bad = made.path.read_bytes(), tmp_path / "bad.vxb"
    for at in [*range(0, len(data), 4096 + 511), len(data) - 1]:
        bad.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(StoreError, match=r"backup\.damaged"):
            backup.verify(bad, KEY)
    for size in (0, 100, 4096, len(data) // 2, len(data) - 4096):
        bad.write_bytes(data[:size])
        with pytest.raises(StoreError, match=r"backup\.damaged"):
            backup.verify(bad, KEY)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE outbox SET chain = zeroblob(32) WHERE seq = 3",
        "DELETE FROM outbox WHERE seq = 5",
        "DROP TRIGGER audit_held; DELETE FROM audit WHERE seq = 5",
        "DROP TRIGGER audit_kept; UPDATE audit SET actor = 'other' WHERE seq = 2",
        "DROP TRIGGER event_kept; UPDATE event SET stored = x'00' WHERE no = 1",
    ],
)
def test_a_changed_record_is_found(made: backup.BackupInfo, change: str) -> None:
    """Someone who has the key and writes good pages still cannot change what was recorded."""
    connection = sqlcipher.connect(str(made.path))
    connection.execute(f"PRAGMA key = \"x'{KEY.hex()}'\"")
    connection.executescript(change)
    connection.close()
    with pytest.raises(StoreError, match=r"backup\.damaged"):
        backup.verify(made.path, KEY)


def test_restoring_opens_a_new_epoch(made: backup.BackupInfo, store: Store, world: World, tmp_path: Path) -> None:
    told = tell_facts(store, world, 2)
    store.close()
    target = store.path
    before = target.read_bytes()
    aside = backup.restore(made.path, target, KEY, world, "admin")
    assert aside is not None and aside.read_bytes() == before, "what was there stays"
    again = Store(target, KEY)
    outbox = StoreOutbox(again, world)
    standing = outbox.standing()
    assert standing.epoch != EPOCH and (standing.last_seq, standing.acked_seq) == (5, 0)
    assert again.sql("SELECT count(*) FROM event WHERE event_id = ?", told[0]) == [(0,)]
    assert check_audit(again) is None and check_chain(again) is None
    assert again.sql("SELECT actor FROM audit WHERE action = 'epoch.open'") == [("admin",)]
    again.close()
    assert [p.name for p in tmp_path.glob("*.restoring*")] == []


def test_a_slip_that_waited_in_the_backup_asks(store: Store, world: World, tmp_path: Path, key_path: Path) -> None:
    def queue() -> None:
        with tell(store, world, "nurse") as entry:
            papers.queue_document(entry, Document("test", ()), "slip", "", "2027-01-01T00:00:00.000Z")

    store.run(queue)
    info = backup.create(store, tmp_path / "backups", world, key_path)
    target = tmp_path / "new.db"
    backup.restore(info.path, target, KEY, world)
    again = Store(target, KEY)
    assert papers.counts(again) == {"uncertain": 1}
    again.close()


def test_restoring_sends_only_what_was_not_acknowledged(
    store: Store, world: World, tmp_path: Path, key_path: Path, facts: Facts
) -> None:
    told = facts(4)
    outbox = StoreOutbox(store, world)
    outbox.settle(ack_of(EPOCH, 3, outbox.hash_at(3) or ""), b"proof")
    info = backup.create(store, tmp_path / "backups", world, key_path)
    target = tmp_path / "new" / "records.db"
    target.parent.mkdir()
    assert backup.restore(info.path, target, KEY, world) is None
    again = Store(target, KEY)
    assert StoreOutbox(again, world).standing().last_seq == 1
    assert again.sql("SELECT e.event_id FROM outbox o JOIN event e ON e.no = o.event_no WHERE o.epoch <> ?", EPOCH) == [
        (told[3],)
    ]
    again.close()


def test_a_bad_backup_leaves_the_database_in_place(made: backup.BackupInfo, store: Store, world: World) -> None:
    store.close()
    before = store.path.read_bytes()
    made.path.write_bytes(made.path.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError, match=r"backup\.damaged"):
        backup.restore(made.path, store.path, KEY, world)
    assert store.path.read_bytes() == before
    assert list(store.path.parent.glob("*.replaced-*")) == []


def test_a_folder_that_cannot_be_written(store: Store, world: World, tmp_path: Path, key_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match=r"backup\.failed"):
        backup.create(store, tmp_path / "file", world, key_path)


def test_a_missing_key_file_leaves_no_half_backup(store: Store, world: World, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"backup\.failed"):
        backup.create(store, tmp_path / "backups", world, tmp_path / "nokey")
    assert list((tmp_path / "backups").iterdir()) == []


def test_what_a_killed_backup_left_is_cleared(store: Store, world: World, tmp_path: Path, key_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "vaxdesk-20260101T000000000000Z.part").write_bytes(b"half")
    info = backup.create(store, tmp_path / "backups", world, key_path)
    assert sorted((tmp_path / "backups").iterdir()) == sorted([info.path, backup.key_of(info.path)])


def test_an_unfounded_database_is_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "vaxdesk-20260101T000000000000Z.vxb"
    Store(path, KEY).close()
    with pytest.raises(StoreError, match=r"backup\.damaged"):
        backup.verify(path, KEY)


def fake(directory: Path, moment: datetime) -> Path:
    path = directory / f"vaxdesk-{moment.strftime('%Y%m%dT%H%M%S%fZ')}.vxb"
    path.write_bytes(b"")
    backup.key_of(path).write_bytes(b"")
    return path


def test_age_and_due(tmp_path: Path) -> None:
    assert backup.age(tmp_path, NOW) is None and backup.due(tmp_path, NOW, 24)
    (tmp_path / "vaxdesk-notes.vxb").write_bytes(b"")
    fake(tmp_path, NOW + timedelta(days=365))
    assert backup.due(tmp_path, NOW, 24), "a backup from a wrong clock's future must not stop the others"
    fake(tmp_path, NOW - timedelta(hours=30))
    fake(tmp_path, NOW - timedelta(hours=23))
    assert backup.age(tmp_path, NOW) == timedelta(hours=23)
    assert not backup.due(tmp_path, NOW, 24)
    assert backup.due(tmp_path, NOW + timedelta(hours=1), 24)
    assert backup.age(tmp_path / "none", NOW) is None


def test_a_backup_from_a_wrong_clocks_future_is_not_the_newest(tmp_path: Path) -> None:
    yesterday = fake(tmp_path, NOW - timedelta(days=1))
    future = fake(tmp_path, NOW + timedelta(days=365))
    assert backup.backups(tmp_path, NOW) == [future, yesterday]


def test_a_backup_is_its_owners_only(store: Store, world: World, tmp_path: Path, key_path: Path) -> None:
    before = os.umask(0o022)
    try:
        made = backup.create(store, tmp_path / "backups", world, key_path)
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in made.path.parent.iterdir()}
    assert modes == {0o600} and made.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_database_cut_off_from_its_log_does_not_open(
    made: backup.BackupInfo, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The power fails while the old database is moved aside: without its log it would open, its latest facts gone."""
    target = tmp_path / "old.db"
    for name in ("old.db", "old.db-wal", "old.db-shm"):
        (tmp_path / name).write_bytes(b"old")
    renamed: list[Path] = []
    really = Path.rename

    def once(path: Path, to: Path) -> Path:
        if renamed:
            raise OSError(errno.EIO, "power")
        renamed.append(path)
        return really(path, to)

    monkeypatch.setattr(Path, "rename", once)
    with pytest.raises(StoreError):
        backup.restore(made.path, target, KEY, world)
    assert not target.exists() or (tmp_path / "old.db-wal").exists()


def test_prune(tmp_path: Path) -> None:
    made = [fake(tmp_path, NOW - timedelta(days=d)) for d in range(5)]
    future = fake(tmp_path, NOW + timedelta(days=365))
    assert backup.prune(tmp_path, 2, NOW) == 4
    assert not future.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for m in made[:2] for p in (m, backup.key_of(m)))
    assert backup.prune(tmp_path, 0, NOW) == 1, "one always stays"
    assert backup.backups(tmp_path) == [made[0]]
