from __future__ import annotations

import threading
from pathlib import Path

import pytest
from peewee import IntegrityError

from domain.errors import StoreError
from domain.world import World
from terminal.store import database
from terminal.store.database import Store, sqlcipher
from terminal.store.tables import Note
from tests.fakes.ledgers import KEY, new_store, tell_facts


def test_settings_that_durability_rests_on(store: Store) -> None:
    def look(pragma: str) -> object:
        return store.sql(f"PRAGMA {pragma}")[0][0]

    for here in (look, lambda pragma: store.run(look, pragma)):
        assert [here(p) for p in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")] == [
            "wal", 2, 1, 1,
        ]  # fmt: skip


def test_nothing_readable_on_the_disk(store: Store, world: World) -> None:
    tell_facts(store, world, 50)
    for path in (store.path, store.path.with_name(store.path.name + "-wal")):
        data = path.read_bytes()
        assert data[:6] != b"SQLite" and b"stock.counted" not in data and b"nurse" not in data


def test_only_the_store_thread_writes(store: Store) -> None:
    with pytest.raises(RuntimeError, match="only the store thread writes"), store.transaction():
        pass


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    def work() -> None:
        with store.transaction():
            store.insert(Note, {"name": "a", "value": b"1"})
            raise LookupError

    with pytest.raises(LookupError):
        store.run(work)
    assert store.first(Note.select()) is None


def test_a_nested_transaction_joins_the_outer(store: Store) -> None:
    def work() -> None:
        with store.transaction():
            with store.transaction():
                store.insert(Note, {"name": "a", "value": b"1"})
            raise LookupError

    with pytest.raises(LookupError):
        store.run(work)
    assert store.rows(Note.select()) == []


def test_our_own_mistakes_stay_visible(store: Store) -> None:
    def work() -> None:
        with store.transaction():
            store.insert(Note, {"name": "a", "value": b"1"})
            store.insert(Note, {"name": "a", "value": b"2"})

    with pytest.raises(IntegrityError):
        store.run(work)


def test_a_reader_sees_what_is_committed_while_a_writer_works(store: Store, world: World) -> None:
    tell_facts(store, world, 1)
    inside, go_on = threading.Event(), threading.Event()

    def work() -> None:
        with store.transaction():
            store.insert(Note, {"name": "a", "value": b"1"})
            inside.set()
            assert go_on.wait(10)

    pending = store.submit(work)
    assert inside.wait(10)
    assert store.rows(Note.select()) == []
    go_on.set()
    pending.result(10)
    assert len(store.rows(Note.select())) == 1


def test_closing_folds_the_log_in(tmp_path: Path, world: World) -> None:
    store = new_store(tmp_path / "records.db")
    tell_facts(store, world, 5)
    store.close()
    store.close()
    assert [p.name for p in tmp_path.iterdir()] == ["records.db"]
    again = Store(tmp_path / "records.db", KEY)
    assert again.sql("SELECT count(*) FROM event") == [(5,)]
    again.close()


def test_two_stores_in_one_process(tmp_path: Path, world: World) -> None:
    one, two = new_store(tmp_path / "one.db"), new_store(tmp_path / "two.db")
    tell_facts(one, world, 3)
    tell_facts(two, world, 1)
    assert (one.sql("SELECT count(*) FROM event"), two.sql("SELECT count(*) FROM event")) == ([(3,)], [(1,)])
    one.close()
    two.close()


def test_an_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "OLDEST_SQLITE", (99, 0, 0))
    with pytest.raises(StoreError, match=r"store\.old_sqlite"):
        Store(tmp_path / "records.db", KEY)
    assert list(tmp_path.iterdir()) == []


def test_another_program_holds_the_database(store: Store) -> None:
    other = sqlcipher.connect(str(store.path), isolation_level=None)
    other.execute(f"PRAGMA key = \"x'{KEY.hex()}'\"")
    other.execute("BEGIN IMMEDIATE")

    def work() -> None:
        store.sql("PRAGMA busy_timeout = 10")
        with store.transaction():
            store.insert(Note, {"name": "a", "value": b"1"})

    with pytest.raises(StoreError) as caught:
        store.run(work)
    assert (caught.value.code, caught.value.retry) == ("store.busy", "later")
    other.execute("ROLLBACK")
    other.close()
    store.run(work)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"store\.cannot_open"):
        Store(tmp_path / "none" / "records.db", KEY)
