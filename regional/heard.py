"""A hub's side of the region's feed: facts that come down are applied like the desks' own, under their own terminals,
so that the hub's feed carries them on to desks without a line; documents are handed on with the region's signature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import msgspec
import psycopg

from domain.errors import SyncError, WireError
from domain.wire import event
from domain.wire.feed import BUCKETS, Advice, Bucket, Reference
from domain.world import World
from regional import hub_place, projection, reference
from regional.projection import Held
from regional.reviews import LEFT, News
from regional.scope import Giving
from regional.worker import Applier
from sync.feed import Feed
from sync.ports import FeedStanding, Told

EPOCH = "region"  # of facts that came down: their places there are not ours

_KNOWN = """
SELECT terminal_id, event_id FROM unnest(%s::text[], %s::text[]) AS t (terminal_id, event_id)
JOIN event USING (terminal_id, event_id)
"""
_NUMBERS = "SELECT nextval('heard_number') FROM generate_series(1, %s)"
_CLINICS = "INSERT INTO clinic (code, name) SELECT c, c FROM unnest(%s::text[]) c ON CONFLICT DO NOTHING"
_TERMINALS = """
INSERT INTO terminal (terminal_id, clinic_code, desk, enrolled_at)
SELECT t, c, t, %s FROM unnest(%s::text[], %s::text[]) AS n (t, c) ON CONFLICT DO NOTHING
"""
_HEARD = """
INSERT INTO heard AS h SELECT DISTINCT ON (1, 2) * FROM unnest(%s::text[], %s::text[], %s::bool[]) n (t, e, also)
ORDER BY 1, 2, 3 ON CONFLICT (terminal_id, event_id) DO UPDATE SET also = h.also AND excluded.also
"""
_GONE = """
DELETE FROM heard h USING event e, terminal t WHERE e.terminal_id = h.terminal_id AND e.event_id = h.event_id
    AND t.terminal_id = h.terminal_id AND e.subject = %s AND t.clinic_code <> %s
"""
_MATTER = """
INSERT INTO heard_matter VALUES (%s, %s, %b) ON CONFLICT (clinic, key) DO UPDATE SET note = excluded.note
"""
_SETTLED = "DELETE FROM heard_matter WHERE clinic = %s AND key = %s"
# As domain.wire.feed.mark.
_BUCKETS = """
SELECT get_byte(digest, 31), count(*), bit_xor(('x' || left(encode(digest, 'hex'), 15))::bit(60)::bigint)
FROM (
    SELECT sha256(convert_to(h.terminal_id || '/' || h.event_id, 'UTF8')) AS digest
    FROM heard h JOIN terminal t USING (terminal_id) WHERE t.clinic_code = %s OR NOT h.also
) marked GROUP BY 1
"""


@contextmanager
def converting() -> Iterator[None]:
    """A database that is down is tried again later, as a line is."""
    try:
        yield
    except psycopg.OperationalError as fault:
        raise SyncError("hub.database", "later") from fault


class HubInbox:
    """Satisfies sync.ports.FeedInbox over the hub's own database."""

    def __init__(self, applier: Applier, clinic: str, world: World) -> None:
        self._applier, self._clinic, self._world = applier, clinic, world
        self._connection = applier.connection

    def feed_standing(self) -> FeedStanding:
        with converting():
            kept = hub_place.recall(self._connection, hub_place.FEED)
        return msgspec.json.decode(kept, type=FeedStanding) if kept else FeedStanding("")

    def apply_page(self, rows: Sequence[Told | Advice], cursor: str) -> None:
        with converting(), self._connection.transaction():
            for advised, run in groupby(rows, lambda row: isinstance(row, Advice)):
                if advised:
                    for row in run:
                        assert isinstance(row, Advice)
                        self._advise(row)
                else:
                    self._apply([row for row in run if isinstance(row, Told)])
            self._stand(FeedStanding(cursor, self.feed_standing().started_over))

    def _apply(self, rows: Sequence[Told]) -> None:
        """What is held already, a desk's own by this hub before, is only marked as heard."""
        told = [(row, _id(row.data)) for row in rows]
        read = [(row, event_id) for row, event_id in told if event_id]
        places = [[row.terminal_id for row, _ in read], [event_id for _, event_id in read]]
        self._know(rows)
        known = set(self._connection.execute(_KNOWN, places).fetchall())
        fresh = {(row.terminal_id, event_id): row for row, event_id in read if (row.terminal_id, event_id) not in known}
        numbers = [number for (number,) in self._connection.execute(_NUMBERS, (len(fresh),))]
        held: list[Held] = [
            projection.read(row.terminal_id, row.clinic, EPOCH, number, row.data)
            for number, row in zip(numbers, fresh.values(), strict=True)
        ]
        if held:
            self._applier.load(held)
        self._connection.execute(_HEARD, [*places, [row.also for row, _ in read]])

    def _know(self, rows: Sequence[Told]) -> None:
        """Who told them stands in the list of terminals, without a key."""
        of = {row.terminal_id: row.clinic for row in rows}
        self._connection.execute(_CLINICS, (list(set(of.values())),))
        self._connection.execute(_TERMINALS, (self._world.now(), list(of), list(of.values())))

    def _advise(self, advice: Advice) -> None:
        """A child that left is gone from the clinic's scope here too; everything else is for the desks."""
        giving = Giving(self._connection, [], self._world.now())
        if advice.code == LEFT:
            self._connection.execute(_GONE, (advice.child_id, self._clinic))
            if clock := advice.params.get("clock"):
                giving.leave(advice.child_id, self._clinic, str(clock), str(advice.params.get("to", "")))
                giving.append([])
            return
        if advice.open:
            self._connection.execute(_MATTER, (self._clinic, advice.key, msgspec.json.encode(advice)))
        else:
            self._connection.execute(_SETTLED, (self._clinic, advice.key))
        giving.append([News(self._clinic, advice)])

    def _stand(self, standing: FeedStanding) -> None:
        with converting():
            hub_place.remember(self._connection, hub_place.FEED, msgspec.json.encode(standing))

    def start_over(self, at: str) -> None:
        self._stand(FeedStanding("", (*self.feed_standing().started_over, at)[-8:]))

    def buckets(self) -> Sequence[Bucket]:
        with converting():
            found = {row[0]: Bucket(row[1], row[2]) for row in self._connection.execute(_BUCKETS, (self._clinic,))}
        return [found.get(number, Bucket(0, 0)) for number in range(BUCKETS)]

    def references(self) -> dict[int, Reference]:
        with converting():
            return {one.number: one for one in reference.held(self._connection)}

    def keep_reference(self, said: Reference, content: bytes) -> None:
        """Never called: HubFeed keeps the signature as well."""
        raise NotImplementedError

    def hand_on(self, said: Reference, document: bytes, content: bytes) -> None:
        """Keep a document with the region's signature."""
        with converting():
            reference.keep(self._connection, said, document, content, self._world.now())

    def hand_on_list(self, catalogue: bytes) -> None:
        with converting():
            hub_place.remember(self._connection, hub_place.CATALOGUE, catalogue)


class HubFeed(Feed):
    """The region's feed as a hub reads it: documents are kept as the region signed them."""

    def __init__(self, inbox: HubInbox, *args: Any) -> None:
        super().__init__(inbox, *args)
        self._hub = inbox

    def keep_reference(self, reference: Reference, document: bytes, content: bytes) -> None:
        self._hub.hand_on(reference, document, content)

    def listed(self, catalogue: bytes) -> None:
        self._hub.hand_on_list(catalogue)


def _id(data: bytes) -> str:
    """A fact's id; "" of one that cannot be read, which the region has set aside."""
    try:
        return event.decode(data).event_id
    except WireError:
        return ""
