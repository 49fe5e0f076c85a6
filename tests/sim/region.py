"""The region of a simulation: its own functions on a real PostgreSQL, copied, lost and restored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql

from domain.wire import batch, event, signed
from domain.world import World
from regional import administration, auth, backup, database, enrolment, feed, inbox, lookup, queries, reference
from regional.auth import Asked, Refused
from regional.database import Pool, as_role
from regional.keys import KeyRing
from regional.postgres import Cluster
from regional.worker import Applier
from sync import batches
from tests.sim.wire import Answer

_names = count(1)


@contextmanager
def quick_cluster(home: Path) -> Iterator[Callable[[str], str]]:
    """A PostgreSQL that does not wait for the disk: no test of power cuts. Gives its databases' addresses."""
    with Cluster(home, temporary=True) as cluster:
        with queries.connect(cluster.dsn("postgres")) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield cluster.dsn


class Region:
    """One region in this process. `server` reaches its PostgreSQL; `world` is the true time."""

    def __init__(self, folder: Path, server: Callable[[str], str], world: World) -> None:
        self.folder, self._server, self.world = folder, server, world
        self.keys = KeyRing(folder / "keys", world.now())
        self.lost: set[str] = set()  # ids of events it once had and was restored without
        self._open(self._new_database())

    def close(self) -> None:
        self._applier.close()
        self._pool.close()

    def answer(self, asked: Asked) -> Answer:
        """What regional/app.py answers."""
        try:
            return 200, self._answer(asked)
        except Refused as refused:
            return refused.status, msgspec.json.encode({"code": refused.code, **refused.params})

    def new_code(self, clinic: str, desk: str) -> str:
        with psycopg.connect(self.dsn) as connection:
            return enrolment.new_code(connection, self.world, clinic=clinic, name=f"门诊 {clinic}", desk=desk)

    def apply(self) -> None:
        """All that was accepted becomes facts, doses and the feed."""
        while self._applier.apply():
            pass
        self._applier.tidy()

    def back_up(self, folder: Path) -> None:
        backup.back_up(self.dsn, folder, self.world)

    def restore(self, folder: Path) -> None:
        """The region is lost; what this copy has comes back in an empty database, under a new generation."""
        dsn = self._new_database()
        self._swap(dsn, lambda: backup.restore(dsn, folder, self.keys, self.world))

    def photograph(self) -> str:
        """The database as it is on the disk, applied or not; to be gone back to."""
        name = f"photo_{next(_names)}"
        self.close()
        self._copy_database(self.dsn, name)
        self._open(self.dsn)
        return name

    def go_back(self, photograph: str) -> None:
        """The disk is put back as it was, and the operator says so."""
        name = f"region_{next(_names)}"
        self._copy_database(self._server(photograph), name)
        dsn = self._server(name)
        self._swap(dsn, lambda: administration.restored(dsn, self.world, "operator"))

    def throw_away(self, name: str) -> None:
        """A database that is needed no more."""
        with queries.connect(self._server("postgres")) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def event_ids(self) -> list[str]:
        """The id of every event it holds, once for each row."""
        with queries.connect(self.dsn) as connection:
            return [row[0] for row in connection.execute("SELECT event_id FROM event")]

    def accepted(self) -> set[str]:
        """The id of every event it holds, applied or still in its sealed batch."""
        ids = set(self.event_ids())
        with queries.connect(self.dsn) as connection:
            for (blob,) in connection.execute("SELECT file FROM batch WHERE applied_at IS NULL"):
                packed = batch.unpack(bytes(blob))
                opened = batches.open_sealed(packed, self.keys.seal_key(packed.header.region_key_id))
                ids.update(event.decode(data).event_id for data in opened.events)
        return ids

    def _swap(self, dsn: str, come_back: Callable[[], object]) -> None:
        self.apply()
        had, old = set(self.event_ids()), self.dsn
        self.close()
        come_back()
        self._open(dsn)
        self.apply()
        self.lost |= had - set(self.event_ids())
        self.throw_away(str(psycopg.conninfo.conninfo_to_dict(old)["dbname"]))

    def _open(self, dsn: str) -> None:
        self.dsn = dsn
        self._pool = Pool(as_role(dsn, "api"), 1)
        self._applier = Applier(as_role(dsn, "worker"), self.keys, self.world)

    def _new_database(self) -> str:
        name = f"region_{next(_names)}"
        database.create(self._server("postgres"), name)
        dsn = self._server(name)
        database.migrate(dsn, self.world)
        return dsn

    def _copy_database(self, dsn: str, name: str) -> None:
        of = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        with queries.connect(self._server("postgres")) as connection:
            connection.execute(command.format(sql.Identifier(name), sql.Identifier(str(of))))

    def _answer(self, asked: Asked) -> bytes:
        pool, keys, world = self._pool, self.keys, self.world
        query = dict(re.findall(r"(\w+)=([^&]*)", asked.query))
        match (asked.method, *asked.path.removeprefix("/v1/").split("/")):
            case "PUT", "batches", terminal_id, epoch, numbers:
                first, last = map(int, numbers.split("-"))
                return inbox.receive(pool, keys, asked, (terminal_id, epoch, first, last), world)
            case "GET", "terminals", terminal_id, "status":
                return msgspec.json.encode(inbox.status(pool, keys, asked, terminal_id, world, query.get("epoch", "")))
            case "GET", "feed":
                return feed.page(pool, keys, asked, query.get("cursor", ""), int(query["limit"]), world)
            case "GET", "scope-hash":
                return feed.scope(pool, keys, asked, query["cursor"], world)
            case "POST", "enrolments":
                return msgspec.json.encode(enrolment.enrol(pool, keys, asked, world))
            case "POST", "registrations":
                return signed.encode(enrolment.renew(pool, keys, asked, world))
            case "POST", "leases":
                return msgspec.json.encode(enrolment.lease(pool, keys, asked, world))
            case "GET", "keyset":
                return self._keyset(asked)
            case "GET", "reference":
                return reference.catalogue(pool, keys, asked, world)
            case "GET", "reference", name, version:
                return reference.document(pool, asked, name, version, world)
            case "POST", "children", "lookup":
                return lookup.find(pool, keys, asked, world)
        raise Refused(404, "BAD_REQUEST")

    def _keyset(self, asked: Asked) -> bytes:
        with self._pool.transaction() as connection:
            who = auth.terminal(connection, asked, self.world.now(), expired_too=True)
        return signed.encode(self.keys.keyset(who.generation))
