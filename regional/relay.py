"""A hub's line to its region: sealed batches of the desks go up as they came, the region's answers wait here for them;
desks the region knows or revoked are learnt; the feed comes down (regional/heard.py)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from domain.errors import SyncError
from domain.wire import signed
from domain.world import World, utc_text
from regional import heard, hub_place, queries
from regional.database import Connection
from regional.heard import HubFeed, HubInbox
from regional.hub_place import Place
from regional.keys import KeyRing
from regional.worker import Applier
from sync import crypto
from sync.client import RegionClient
from sync.enrol import accepted_registration
from sync.feed_worker import FeedWorker
from sync.keys import KEYSET, REGISTRATION, ROOT, RegionKeys, renewal_due
from sync.messages import Desk, Status
from sync.worker import Agenda, Paced, Rhythm

EVERY_S, EVERY_VARIABLE = 30.0, "VAXDESK_HUB_EVERY_S"
_MOST = 10_000  # batches of one visit
_LIVE_S = 10.0
# What the region says of a batch and not of the line: its desk has to hear it, and nothing of that desk goes up before.
_OF_THE_BATCH = {
    f"sync.{word}"
    for word in (
        "revoked", "cloned", "foreign", "upgrade", "too_large", "bad_signature", "bad_chain", "unreadable",
        "unknown_suite", "old_key", "gap", "fork", "stale_epoch", "start_over",
    )
}  # fmt: skip

_NEXT = """
SELECT terminal_id, epoch, first_seq, last_seq, file FROM relay r WHERE ack IS NULL AND NOT EXISTS (
    SELECT FROM relay o WHERE o.terminal_id = r.terminal_id AND o.epoch = r.epoch AND o.refused <> '')
ORDER BY arrived_at, first_seq LIMIT 1
"""
_BATCH = "terminal_id = %s AND epoch = %s AND first_seq = %s AND last_seq = %s"
_ACKED = f"UPDATE relay SET ack = %b, file = '' WHERE {_BATCH}"
_REFUSED = f"UPDATE relay SET refused = %s, params = %s WHERE {_BATCH}"
_SETTLED = "DELETE FROM relay WHERE terminal_id = %s AND epoch = %s AND last_seq < %s AND ack IS NOT NULL"
_DESK = """
INSERT INTO terminal AS t (terminal_id, key_id, public_key, clinic_code, desk, enrolled_at, registration, revoked_at)
VALUES (%(id)s, %(key_id)s, %(key)b, %(clinic)s, %(desk)s, %(since)s, %(place)b, %(revoked)s)
ON CONFLICT (terminal_id) DO UPDATE SET key_id = excluded.key_id, public_key = excluded.public_key,
    desk = excluded.desk, registration = coalesce(t.registration, excluded.registration),
    revoked_at = coalesce(t.revoked_at, excluded.revoked_at)
"""
_log = logging.getLogger(__name__)


class Uplink(Paced):
    """Pays the hub's visits to its region. `place.keys` is shared with who reads the feed, so that a rotation reaches
    both; `visited` is called after each visit that went well."""

    def __init__(self, dsn: str, place: Place, world: World, rhythm: Rhythm, visited: Callable[[], None]) -> None:
        super().__init__("uplink", world, Agenda(rhythm, place.me.terminal_id))
        self._dsn, self._place, self._visited = dsn, place, visited
        self._client = client(place, world)
        self.wake(at_once=True)

    def errand(self) -> None:
        status = self._client.status(self._place.me.terminal_id, "")
        with _database(self._dsn) as connection:
            self._refresh_keys(connection, status)
            for desk in self._client.desks().desks:
                self._learn(connection, desk)
            self._pass_on(connection)
            self._renew(connection)
        self.tell("sync.ok", {})
        self._visited()
        self.wake()

    def tell(self, code: str, params: dict[str, Any]) -> None:
        report(self._dsn, hub_place.UP, self._world, code, params)

    def run(self) -> None:
        super().run()
        self._client.close()

    def _refresh_keys(self, connection: Connection, status: Status) -> None:
        held = self._place.keys.keyset
        if (held.version, held.generation) == (status.keyset_version, status.generation):
            return
        document = self._client.keyset()
        fresh = RegionKeys(document, hub_place.recall(connection, ROOT)).keyset
        if fresh.version < held.version:
            raise SyncError("sync.bad_keyset", "operator")
        hub_place.remember(connection, KEYSET, document)
        self._place.keys.keyset = fresh

    def _renew(self, connection: Connection) -> None:
        if not renewal_due(hub_place.recall(connection, REGISTRATION), self._client.region_now()):
            return
        document = self._client.renew()
        accepted_registration(self._place.keys, signed.decode(document, "registration"), self._place.me.key)
        hub_place.remember(connection, REGISTRATION, document)

    def _learn(self, connection: Connection, desk: Desk) -> None:
        """A desk of the clinic by the region's word; one revoked there has nothing to say here either."""
        said = signed.payload(self._place.keys.verified(desk.registration), signed.Registration)
        ours = (said.terminal_id, said.clinic_id) == (desk.terminal_id, self._place.clinic)
        public = crypto.public_from_point(desk.public_key)
        if not ours or said.key_id != crypto.key_id(public):
            raise SyncError("sync.bad_answer", "later")
        connection.execute(
            _DESK,
            {
                "id": desk.terminal_id,
                "key_id": said.key_id,
                "key": desk.public_key,
                "clinic": said.clinic_id,
                "desk": said.desk,
                "since": said.not_before,
                "place": signed.encode(desk.registration),
                "revoked": self._world.now() if desk.revoked else None,
            },
        )

    def _pass_on(self, connection: Connection) -> None:
        """Everything that waits, as it came."""
        for _ in range(_MOST):
            row = connection.execute(_NEXT).fetchone()
            if row is None or self._stopping:
                return
            name, blob = row[:4], bytes(row[4])
            try:
                ack = self._client.put_batch(name[0], name[1], name[2], name[3], blob)
            except SyncError as fault:
                if fault.code not in _OF_THE_BATCH:
                    raise
                _log.warning("the region refuses a desk's batch: %s", fault.code)
                params = msgspec.json.encode(fault.params).decode()
                connection.execute(_REFUSED, (fault.code, params, *name))
            else:
                connection.execute(_ACKED, (ack, *name))
                connection.execute(_SETTLED, (name[0], name[1], name[2]))


def client(place: Place, world: World) -> RegionClient:
    return RegionClient(place.url, place.ca_pem, place.me.key, world, client=hub_place.CLIENT)


def report(dsn: str, name: str, world: World, code: str, params: dict[str, Any]) -> None:
    """What the operator reads of one of the hub's ways."""
    said = {"code": code, "params": params, "at": utc_text(world.now())}
    with _database(dsn) as connection:
        hub_place.remember(connection, name, msgspec.json.encode(said))


@contextmanager
def _database(dsn: str) -> Iterator[Connection]:
    with heard.converting(), queries.connect(dsn) as connection:
        yield connection


class _Notes:
    """Satisfies sync.ports.Notes."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def remember(self, name: str, value: bytes) -> None:
        with _database(self._dsn) as connection:
            hub_place.remember(connection, name, value)

    def recall(self, name: str) -> bytes | None:
        with _database(self._dsn) as connection:
            return hub_place.recall(connection, name) or None


def run(folder: Path, dsn: str, world: World, stop: threading.Event, every_s: float = EVERY_S) -> None:
    """Go up and down until `stop`. Raises ConfigError("hub.not_enrolled")."""
    with queries.connect(dsn) as connection:
        place = hub_place.load(folder, connection)
    rhythm = Rhythm(debounce_s=every_s, base_s=min(5.0, every_s), cap_s=max(60.0, every_s))
    with closing(client(place, world)) as line, closing(_Down(folder, dsn, place, line, world)) as way:

        def told(code: str, params: dict[str, Any]) -> None:
            report(dsn, hub_place.DOWN, world, code, params)

        down = FeedWorker(way.feed, _Notes(dsn), world, place.me.terminal_id, told, every_s=every_s)
        up = Uplink(dsn, place, world, rhythm, lambda: down.wake(at_once=True))
        for part in (up, down):
            part.start()
        stop.wait()
        for part in (up, down):
            part.stop(_LIVE_S)


class _Down:
    """The way down into the hub's database, over another connection when the one it had is gone."""

    def __init__(self, folder: Path, dsn: str, place: Place, line: RegionClient, world: World) -> None:
        self._folder, self._dsn, self._place, self._line, self._world = folder, dsn, place, line, world
        self._applier: Applier | None = None

    def feed(self) -> HubFeed:
        """Raises SyncError while there is no database."""
        if self._applier is None or self._applier.connection.closed:
            with heard.converting():
                keys = KeyRing(self._folder / "keys", self._world.now())
                self._applier = Applier(self._dsn, keys, self._world, judges=False)
        inbox = HubInbox(self._applier, self._place.clinic, self._world)
        return HubFeed(inbox, self._line, self._place.keys, self._place.me, self._world)

    def close(self) -> None:
        if self._applier:
            self._applier.close()
