from __future__ import annotations

import inspect
import shutil
from pathlib import Path

import pytest
from peewee import BlobField, FloatField, IntegerField, Model, TextField

from domain.errors import StoreError
from terminal.store import backup, children, doses, migrations, tables
from terminal.store.database import Store, sqlcipher
from terminal.store.ledger import check_audit
from terminal.store.outbox import check_chain
from tests.data.databases.make import CHILD, FACTS, KEY_OF_FILE

DATABASES = Path(__file__).parents[1] / "data" / "databases"
TYPES = {TextField: "TEXT", IntegerField: "INTEGER", BlobField: "BLOB", FloatField: "REAL"}
MODELS = [m for _, m in inspect.getmembers(tables, inspect.isclass) if issubclass(m, Model) and m is not Model]
KEPT = ("event", "dose", "dose_change", "movement", "audit", "approval")
OWN = {"dose": "id", "dose_change": "event_id", "movement": "event_id"}  # told ones go when their child leaves


def sample(store: Store, table: str) -> None:
    """One row of made-up values, foreign keys aside."""
    columns = store.sql(f"PRAGMA table_info({table})")
    values = {"TEXT": "x", "INTEGER": 1, "BLOB": b"x", "REAL": 1.0}
    marks = ", ".join("?" * len(columns))

    def add() -> None:
        store.db.execute_sql("PRAGMA foreign_keys = 0")
        store.db.execute_sql(f"INSERT INTO {table} VALUES ({marks})", [values[c[2]] for c in columns])

    store.run(add)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_a_model_is_its_table(store: Store, model: type[Model]) -> None:
    table = model._meta.table_name
    found = store.sql(f"PRAGMA table_info({table})")
    want = [(f.column_name, TYPES[type(f)]) for f in model._meta.sorted_fields]
    assert [(name, kind) for _, name, kind, *_ in found] == want
    key = [name for *_, name, pos in sorted((c[5] > 0, c[5], c[1], c[5]) for c in found) if pos]
    assert list(model._meta.get_primary_keys()) == [getattr(model, name) for name in key]
    required = {f.column_name for f in model._meta.sorted_fields if not f.null and f.column_name not in key}
    assert {name for _, name, _, notnull, *_ in found if notnull and name not in key} == required


def test_every_table_has_a_model(store: Store) -> None:
    found = store.sql("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'child_text%'")
    assert {name for (name,) in found} - {"sqlite_stat1", "sqlite_stat4", "sqlite_sequence"} == {
        m._meta.table_name for m in MODELS
    }


def test_tables_are_strict(store: Store) -> None:
    loose = "SELECT name FROM pragma_table_list WHERE NOT strict AND type = 'table' AND name NOT LIKE 'sqlite_%'"
    assert store.sql(loose) == []


@pytest.mark.parametrize("table", KEPT)
def test_what_is_written_stays(store: Store, table: str) -> None:
    sample(store, table)
    if table in OWN:
        sample(store, "event")
    column = store.sql(f"PRAGMA table_info({table})")[0][1]
    for change in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
        with pytest.raises(StoreError):
            store.run(store.sql, change)
    assert store.sql(f"SELECT count(*) FROM {table}") == [(1,)]


@pytest.mark.parametrize("table", OWN)
def test_what_others_told_may_go_but_never_change(store: Store, table: str) -> None:
    sample(store, table)
    with pytest.raises(StoreError):
        store.run(store.sql, f"UPDATE {table} SET {OWN[table]} = {OWN[table]}")
    store.run(store.sql, f"DELETE FROM {table}")
    assert store.sql(f"SELECT count(*) FROM {table}") == [(0,)]


@pytest.mark.parametrize("table", KEPT)
def test_replacing_is_refused_too(store: Store, table: str) -> None:
    """INSERT OR REPLACE deletes without asking the triggers unless they are told to run."""
    sample(store, table)
    if table in OWN:
        sample(store, "event")
    before = store.sql(f"SELECT * FROM {table}")
    marks = ", ".join("?" * len(before[0]))
    with pytest.raises(StoreError):
        store.run(store.sql, f"INSERT OR REPLACE INTO {table} VALUES ({marks})", *before[0])
    assert store.sql(f"SELECT * FROM {table}") == before


@pytest.mark.parametrize("path", sorted(DATABASES.glob("v*.db")), ids=lambda p: p.stem)
def test_every_released_database_opens_and_upgrades(path: Path, tmp_path: Path) -> None:
    shutil.copyfile(path, tmp_path / "records.db")
    store = Store(tmp_path / "records.db", KEY_OF_FILE)
    assert store.sql("PRAGMA user_version") == [(migrations.VERSION,)]
    assert store.sql("SELECT count(*) FROM event") == [(FACTS,)]
    assert check_chain(store) is None and check_audit(store) is None
    store.close()


@pytest.mark.parametrize("path", sorted(DATABASES.glob("v*.db")), ids=lambda p: p.stem)
def test_an_upgraded_database_is_as_a_new_one(store: Store, path: Path, tmp_path: Path) -> None:
    shutil.copyfile(path, tmp_path / "old.db")
    old = Store(tmp_path / "old.db", KEY_OF_FILE)
    every = (
        'SELECT s.type, s.name, s.tbl_name, c.name, c.type, c."notnull", c.pk FROM sqlite_schema s '
        "LEFT JOIN pragma_table_info(s.name) c WHERE s.name NOT LIKE 'sqlite_%' ORDER BY 1, 2, c.cid"
    )
    assert old.sql(every) == store.sql(every)
    old.close()


def test_a_child_of_the_first_version_is_still_there(tmp_path: Path) -> None:
    """An alert without a day, no forecast: the next recount makes it."""
    shutil.copyfile(DATABASES / "v1.db", tmp_path / "records.db")
    store = Store(tmp_path / "records.db", KEY_OF_FILE)
    ((child_id,),) = store.sql("SELECT id FROM child")
    card = children.card(store, child_id)
    assert card and card.facts == CHILD
    assert [d.vaccine for d in doses.of_child(store, child_id)] == ["0202"]
    assert store.sql("SELECT count(*) FROM forecast") == store.sql("SELECT count(*) FROM reckoning") == [(0,)]
    store.close()


def test_there_is_a_kept_database_of_every_version() -> None:
    assert [p.name for p in sorted(DATABASES.glob("v*.db"))] == [f"v{n + 1}.db" for n in range(migrations.VERSION)]


NOW, NEXT = migrations.VERSION, migrations.VERSION + 1
MORE = "ALTER TABLE note ADD COLUMN at TEXT NOT NULL DEFAULT '';"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "records.db"
    shutil.copyfile(DATABASES / f"v{NOW}.db", path)
    return path


def set_next(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """A version after the present one."""
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, step))
    monkeypatch.setattr(migrations, "VERSION", NEXT)


def test_an_upgrade_begins_with_a_proved_copy(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_next(monkeypatch, MORE)
    store = Store(old, KEY_OF_FILE)
    assert store.sql("PRAGMA user_version") == [(NEXT,)]
    assert store.sql("SELECT count(at) FROM note") == store.sql("SELECT count(*) FROM note")
    store.close()
    copy = old.with_name(f"records.db-version{NOW}.vxb")
    report = backup.verify(copy, KEY_OF_FILE)
    assert (report.version, report.facts) == (NOW, FACTS)
    Store(old, KEY_OF_FILE).close()
    assert [p.name for p in old.parent.glob("*.vxb")] == [copy.name]


def test_a_failed_upgrade_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_next(monkeypatch, MORE + " CREATE TABLE note (x);")
    with pytest.raises(StoreError):
        Store(old, KEY_OF_FILE)
    monkeypatch.undo()
    store = Store(old, KEY_OF_FILE)
    assert store.sql("PRAGMA user_version") == [(NOW,)]
    assert [c[1] for c in store.sql("PRAGMA table_info(note)")] == ["name", "value"]
    store.close()


def test_without_the_copy_there_is_no_upgrade(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old.with_name(f"records.db-version{NOW}.vxb").mkdir()
    set_next(monkeypatch, MORE)
    with pytest.raises(StoreError, match=r"backup\.failed"):
        Store(old, KEY_OF_FILE)
    connection = sqlcipher.connect(str(old))
    connection.execute(f"PRAGMA key = \"x'{KEY_OF_FILE.hex()}'\"")
    assert connection.execute("PRAGMA user_version").fetchone() == (NOW,)
    connection.close()


def test_a_newer_database_is_refused_with_both_numbers(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_next(monkeypatch, MORE)
    Store(old, KEY_OF_FILE).close()
    monkeypatch.undo()
    before = old.read_bytes()
    with pytest.raises(StoreError) as caught:
        Store(old, KEY_OF_FILE)
    assert (caught.value.code, caught.value.params) == ("store.newer", {"found": NEXT, "known": NOW})
    assert old.read_bytes() == before
