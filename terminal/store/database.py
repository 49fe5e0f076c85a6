"""Opening, guarding and using the encrypted database; one thread writes, one reads long lists beside it.

`Store.run` carries a function to the store thread and waits; `Store.submit` does not wait. Inside,
`Store.transaction` is BEGIN IMMEDIATE ... COMMIT with synchronous=FULL: when it has returned, the rows
survive a power cut. `Store.read` carries one to the reading thread, whose connection cannot write; work marked
`reading` is submitted there. Short reads may happen on any thread, each on its own connection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from peewee import DatabaseError, InterfaceError, PeeweeException
from playhouse.sqlcipher_ext import SqlCipherDatabase, sqlcipher

from domain.errors import StoreError
from terminal.store import files, migrations
from terminal.store.copies import Copy

P = ParamSpec("P")
T = TypeVar("T")

# SQLite before this loses commits in WAL mode with two connections (sqlite.org/wal.html, "WAL-reset bug").
OLDEST_SQLITE = (3, 51, 3)
PRAGMAS = {
    "cipher_log_level": "none",  # what it says is said in our words
    "journal_mode": "wal",
    "synchronous": "full",
    "foreign_keys": 1,
    "recursive_triggers": 1,  # else INSERT OR REPLACE deletes a fact without asking its trigger
    "busy_timeout": 5000,
    "cache_size": -16000,
    "temp_store": "memory",
}
_WORDS = (
    ("disk is full", "store.disk_full", "later"),
    ("disk I/O error", "store.disk_error", "operator"),
    ("not a database", "store.damaged", "operator"),
    ("malformed", "store.damaged", "operator"),
    ("vtable constructor failed", "store.damaged", "operator"),
    ("readonly", "store.read_only", "operator"),
    ("locked", "store.busy", "later"),
    ("unable to open", "store.cannot_open", "operator"),
)


@contextmanager
def converting() -> Iterator[None]:
    """Turn the library's errors into StoreError; an error that is our mistake (constraint, SQL) passes."""
    try:
        yield
    except (PeeweeException, sqlcipher.Error) as fault:
        said = " / ".join(_said(fault))
        for words, code, retry in _WORDS:
            if words in said:
                raise StoreError(code, retry) from fault  # type: ignore[arg-type]  # a Retry of the table
        if isinstance(fault, (DatabaseError, InterfaceError)) and "constraint" in said.lower():
            raise
        raise StoreError("store.failed", "operator", detail=type(fault).__name__) from fault
    except UnicodeEncodeError as fault:  # half a character, from a broken input method or scan
        raise StoreError("wire.bad_text", "never") from fault


def _said(fault: BaseException | None) -> Iterator[str]:
    """SQLite rolls back by itself when the disk is full; then the rollback that follows fails and hides the reason."""
    while fault:
        yield str(fault)
        fault = fault.__context__


def sqlite_version() -> str:
    """The SQLite inside the SQLCipher library."""
    return str(sqlcipher.sqlite_version)


def reading(work: Callable[P, T]) -> Callable[P, T]:
    """Mark what `Store.submit` sends to the reading thread: a long list, which must hold no scan back."""
    work.__dict__["reads"] = True
    return work


class Store:
    """One open database. `key` is the raw 32-byte key."""

    def __init__(self, path: Path, key: bytes, vfs: str = "", check_first: bool = True) -> None:
        if sqlcipher.sqlite_version_info < OLDEST_SQLITE:
            raise StoreError("store.old_sqlite", "operator", version=sqlcipher.sqlite_version)
        self.path, self.key = path, key
        self.telling = False  # a ledger entry is open (terminal.store.ledger.tell)
        self._checks = check_first
        name = f"file:{path}?vfs={vfs}" if vfs else str(path)
        self.db = SqlCipherDatabase(name, passphrase=f"x'{key.hex()}'", pragmas=PRAGMAS, uri=bool(vfs))
        self._thread: int | None = None
        self._closed = False
        self._pool = ThreadPoolExecutor(1, "store", initializer=self._own)
        self._reader: int | None = None
        self._readers = ThreadPoolExecutor(1, "reader", initializer=self._own_reading)
        try:
            self.run(self._prepare)
        except BaseException:  # whatever it was, it goes on up, and no thread stays behind
            self.close()
            raise

    def _own(self) -> None:
        self._thread = threading.get_ident()

    def _own_reading(self) -> None:
        self._reader = threading.get_ident()

    def _prepare(self) -> None:
        """Damaged and newer databases are refused; an upgrade begins with a proved copy beside the database."""
        new = not self.path.exists()
        with converting():
            self.db.connect(reuse_if_open=True)
            version = self.db.execute_sql("PRAGMA user_version").fetchone()[0]
        if version == 0 and not new:
            raise StoreError("store.damaged", "operator")
        if self._checks:
            self.check()
        if version > migrations.VERSION:
            raise StoreError("store.newer", "operator", found=version, known=migrations.VERSION)
        if 0 < version < migrations.VERSION:
            self._copy_before_upgrade(version)
        for number, sql in enumerate(migrations.STEPS[version:], version + 1):
            with converting():
                script = f"BEGIN IMMEDIATE; {sql} PRAGMA user_version = {number}; COMMIT;"
                self.db.connection().executescript(script)

    def check(self) -> None:
        """Read every page and every tree; any thread. One second at a clinic's size, seventeen at a district's from a
        slow disk. Raises StoreError("store.damaged")."""
        if self.sql("PRAGMA quick_check(1)") != [("ok",)]:
            raise StoreError("store.damaged", "operator")

    def _copy_before_upgrade(self, version: int) -> None:
        copy = self.path.with_name(f"{self.path.name}-version{version}.vxb")
        with files.converting("backup.disk_full", "backup.failed", copy.parent), converting():
            copy.unlink(missing_ok=True)
            self.db.execute_sql("VACUUM INTO ?", (str(copy),))
            with Copy(copy, self.key) as opened:
                opened.check_pages()
            files.sync(copy)

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `work` on the store thread, or on the reading thread when it is marked so."""
        pool = self._readers if getattr(work, "reads", False) else self._pool
        return pool.submit(work, *args, **kwargs)

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` on the store thread and wait; on that thread already, just run it."""
        if threading.get_ident() == self._thread:
            return work(*args, **kwargs)
        return self._pool.submit(work, *args, **kwargs).result()

    def read(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` on the reading thread, all of it in one snapshot of the records, and wait; the store thread never
        waits for another: there it is just run. What it has to write goes through `run`."""
        if threading.get_ident() == self._thread:
            return work(*args, **kwargs)
        if threading.get_ident() != self._reader:
            return self._readers.submit(lambda: self.read(work, *args, **kwargs)).result()
        with self._reading(), self.db.atomic():
            return work(*args, **kwargs)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, durable on return. Only on the store thread; a nested one joins the outer."""
        if threading.get_ident() != self._thread:
            raise RuntimeError("only the store thread writes")
        with converting(), self.db.atomic("IMMEDIATE"):
            yield

    def rows(self, query: Any) -> list[dict[str, Any]]:
        """The rows of a select, as dicts."""
        with self._reading():
            return list(query.bind(self.db).dicts())

    def first(self, query: Any) -> dict[str, Any] | None:
        found = self.rows(query.limit(1))
        return found[0] if found else None

    def sql(self, text: str, *params: Any) -> list[tuple[Any, ...]]:
        """The rows of plain SQL."""
        with self._reading():
            return list(self.db.execute_sql(text, params).fetchall())

    def change(self, query: Any) -> int:
        """Carry out an insert, update or delete inside a transaction."""
        return int(query.bind(self.db).execute() or 0)

    def insert(self, table: Any, row: dict[str, Any]) -> None:
        """Add a row inside a transaction."""
        self.db.execute_sql(_insert(table, tuple(row)), tuple(row.values()))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with converting():
            if self.db.connect(reuse_if_open=True) and threading.get_ident() == self._reader:
                self.db.execute_sql("PRAGMA query_only = 1")
            yield

    def close(self) -> None:
        """Fold the log into the file and let go; again is no fault. Connections of other threads end with them."""

        def end() -> None:
            try:
                if not self.db.is_closed():
                    self.db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                self.db.close()

        if not self._closed:
            self._closed = True
            self.db.close()
            if self._reader is not None:
                self._readers.submit(self.db.close).exception()
            self._readers.shutdown()  # before the store's own: a list under way still writes that it was looked at
            self._pool.submit(end).exception()
            self._pool.shutdown()


@cache
def _insert(table: Any, columns: tuple[str, ...]) -> str:
    """Kept, for a dose would spend a fifth of its time on having its statements written anew."""
    return f"INSERT INTO {table._meta.table_name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
