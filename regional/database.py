"""Connections to the region's PostgreSQL, and its migrations."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib import resources
from typing import Any, Literal, get_args

import psycopg
from psycopg import conninfo, errors, sql

from domain.errors import ConfigError
from domain.world import World

Connection = psycopg.Connection[tuple[Any, ...]]

# Applied in this order, each in one transaction; a released one is never edited.
MIGRATIONS = (
    "0001_inbox",
    "0002_projections",
    "0003_links",
    "0004_feed",
    "0005_reference",
    "0006_audit",
    "0007_pages",
    "0008_hub",
    "0009_beside",
    "0010_clones",
    "0011_replaced",
    "0012_twins",
)
_LOCK = 0x7661786465736B  # "vaxdesk"

Role = Literal["api", "worker", "read"]
ROLES: tuple[Role, ...] = get_args(Role)


class Pool:
    """At most `size` connections, opened when first wanted, shared by the threads of one process."""

    def __init__(self, dsn: str, size: int = 8) -> None:
        self._dsn, self.size = dsn, size
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
            if connection is None or not _alive(connection):
                connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=5)
            with connection.transaction():
                yield connection
        finally:
            self._free.put(connection)

    @property
    def busy(self) -> int:
        """Connections in use now."""
        return self.size - self._free.qsize()

    def close(self) -> None:
        while not self._free.empty():
            connection = self._free.get()
            if connection is not None:
                connection.close()


def _alive(connection: Connection) -> bool:
    """Whether the server is still at the other end, without asking it: a restarted one has closed its end, and without
    a look each connection of the pool would first fail once."""
    try:
        connection.pgconn.consume_input()
    except psycopg.OperationalError:
        connection.close()
    return not connection.closed


def create(dsn: str, name: str) -> None:
    """Create the database `name` unless it exists; `dsn` reaches another database of the server."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(name))
            )


def migrate(dsn: str, world: World) -> None:
    """Bring the schema, the roles and their rights up to date; several processes may try at once. Who does not own the
    tables only looks whether they are.

    Raises ConfigError: "region.no_database" when nothing answers there, "region.newer_database" when the database
    knows more migrations than this program, "region.older_database" and "region.no_roles" when this user may not do
    what is missing.
    """
    try:
        opened = psycopg.connect(dsn)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as fault:  # not there, or no such address can be
        raise ConfigError("region.no_database", "later") from fault
    with opened as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        done, owned = _standing(connection)
        if done > len(MIGRATIONS):
            raise ConfigError("region.newer_database", found=done, known=len(MIGRATIONS))
        if not owned:
            if done < len(MIGRATIONS):
                raise ConfigError("region.older_database", found=done, known=len(MIGRATIONS))
            return
        connection.execute("CREATE TABLE IF NOT EXISTS migration (number int PRIMARY KEY, name text NOT NULL)")
        for number, name in enumerate(MIGRATIONS[done:], done + 1):
            connection.execute(_script(name))
            connection.execute("INSERT INTO migration VALUES (%s, %s)", (number, name))
        _grant(connection)
        connection.execute(
            "INSERT INTO region_state (generation) VALUES (%s) ON CONFLICT DO NOTHING", (world.random(16).hex(),)
        )


def as_role(dsn: str, role: Role) -> str:
    """The same database with the rights of that role alone, for a user who is a member of it."""
    options = conninfo.conninfo_to_dict(dsn).get("options") or ""
    return conninfo.make_conninfo(dsn, options=f"{options} -c role=vaxdesk_{role}".strip())


def _standing(connection: Connection) -> tuple[int, bool]:
    """How many migrations are done, and whether this user is who does them."""
    row = connection.execute(
        "SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('migration')"
    ).fetchone()
    if row is None:
        return 0, True
    done = connection.execute("SELECT coalesce(max(number), 0) FROM migration").fetchone()
    return done[0] if done else 0, row[0]


_GRANTED = """
SELECT obj_description('migration'::regclass, 'pg_class') = %s
    AND (SELECT count(*) FROM pg_roles WHERE rolname = ANY (%s)) = %s
"""


def _grant(connection: Connection) -> None:
    """Roles and rights as roles.sql has them. Its hash stands beside the table: what has not changed is left alone."""
    script = _script("roles")
    stamp, names = sha256(script + repr(MIGRATIONS).encode()).hexdigest(), [f"vaxdesk_{role}" for role in ROLES]
    if connection.execute(_GRANTED, (stamp, names, len(names))).fetchone() == (True,):
        return
    try:
        connection.execute(script)
    except errors.InsufficientPrivilege as fault:
        raise ConfigError("region.no_roles", roles=", ".join(names)) from fault
    connection.execute(sql.SQL("COMMENT ON TABLE migration IS {}").format(stamp))


def _script(name: str) -> bytes:
    return resources.files("regional.migrations").joinpath(f"{name}.sql").read_bytes()


def new_generation(dsn: str, world: World) -> str:
    """To be called after this database was restored from a backup: terminals then send again what it lost."""
    generation = world.random(16).hex()
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE region_state SET generation = %s", (generation,))
    return generation
