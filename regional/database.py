"""Connections to the region's PostgreSQL, and its migrations."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any

import psycopg
from psycopg import sql

from domain.errors import ConfigError
from domain.world import World

Connection = psycopg.Connection[tuple[Any, ...]]

# Applied in this order, each in one transaction; a released one is never edited.
MIGRATIONS = ("0001_inbox", "0002_projections", "0003_links", "0004_feed", "0005_reference")
_LOCK = 0x7661786465736B  # "vaxdesk"


class Pool:
    """At most `size` connections, opened when first wanted, shared by the threads of one process."""

    def __init__(self, dsn: str, size: int = 8) -> None:
        self._dsn = dsn
        self._free: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(size):
            self._free.put(None)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection in a transaction that commits at the end. Raises psycopg.OperationalError while the database is
        down or all connections are busy for 10 s."""
        try:
            connection = self._free.get(timeout=10)
        except queue.Empty as fault:
            raise psycopg.OperationalError("all connections busy") from fault
        try:
            if connection is None or connection.closed:
                connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=5)
            with connection.transaction():
                yield connection
        finally:
            self._free.put(connection)

    def close(self) -> None:
        while not self._free.empty():
            connection = self._free.get()
            if connection is not None:
                connection.close()


def create(dsn: str, name: str) -> None:
    """Create the database `name` unless it exists; `dsn` reaches another database of the server."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(name))
            )


def migrate(dsn: str, world: World) -> None:
    """Bring the schema up to date; several processes may try at once.

    Raises ConfigError("region.newer_database") when the database knows more migrations than this program.
    """
    with psycopg.connect(dsn) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute("CREATE TABLE IF NOT EXISTS migration (number int PRIMARY KEY, name text NOT NULL)")
        row = connection.execute("SELECT coalesce(max(number), 0) FROM migration").fetchone()
        done = row[0] if row else 0
        if done > len(MIGRATIONS):
            raise ConfigError("region.newer_database", found=done, known=len(MIGRATIONS))
        for number, name in enumerate(MIGRATIONS[done:], done + 1):
            text = resources.files("regional.migrations").joinpath(f"{name}.sql").read_text("utf-8")
            connection.execute(text.encode())
            connection.execute("INSERT INTO migration VALUES (%s, %s)", (number, name))
        connection.execute(
            "INSERT INTO region_state (generation) VALUES (%s) ON CONFLICT DO NOTHING", (world.random(16).hex(),)
        )


def new_generation(dsn: str, world: World) -> str:
    """To be called after this database was restored from a backup: terminals then send again what it lost."""
    generation = world.random(16).hex()
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE region_state SET generation = %s", (generation,))
    return generation
