"""Documents everybody works by - programmes, code tables, recalled lots, notices - signed, named by their content, in
force from a day on; and who received a lot that is recalled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256

import msgspec

from config import plans, settings, tables
from domain.errors import ConfigError
from domain.wire import UNREADABLE, feed, signed
from domain.wire.feed import Catalogue, Reference
from domain.world import World, from_utc_text, utc_text
from regional import auth, hub_place, scope
from regional.auth import Asked, Refused
from regional.database import Connection, Pool
from regional.keys import KeyRing
from regional.reviews import News, recalled

RECALLED = "recalled-lots"
MAX_CONTENT = 1_500_000
_LOCK = 0x7265666572656E  # one publication at a time: numbers are dense and in the order of commits


class RecalledLot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the document "recalled-lots": {"lots": [...]}. `maker` "" means whoever made it."""

    lot_no: str
    reason: str
    maker: str = ""


class RecalledLots(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lots: tuple[RecalledLot, ...]


@dataclass(frozen=True)
class Recipient:
    """A dose of a lot as it stands: the child it was given to, and the clinic that gave it."""

    child_id: str
    dose_id: str
    clinic: str
    stated: str
    lot_no: str


_LIST = "SELECT number, name, version, effective_on, published_at FROM reference ORDER BY number"
_ONE = "SELECT document, content FROM reference WHERE name = %s AND version = %s ORDER BY number DESC LIMIT 1"
_SAME = "SELECT number FROM reference WHERE name = %s AND version = %s AND effective_on = %s"
_INSERT = """
INSERT INTO reference (number, name, version, effective_on, published_at, content, document)
OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %b, %b) ON CONFLICT DO NOTHING
"""
# Doses of a lot, followed to the child each was moved to; neither voided ones nor those that went on.
_RECIPIENTS = """
WITH RECURSIVE received AS (
    SELECT d.child_id, d.dose_id, d.clinic, d.stated, d.body ->> 'lot_no' AS lot_no, d.voided_by, d.moved_by
    FROM dose d WHERE d.body ->> 'lot_no' = %(lot_no)s AND d.given
        AND (%(maker)s = '' OR d.body ->> 'maker' = %(maker)s)
    UNION
    SELECT d.child_id, d.dose_id, d.clinic, r.stated, coalesce(d.body ->> 'lot_no', r.lot_no), d.voided_by, d.moved_by
    FROM received r JOIN dose d ON d.dose_id = r.moved_by AND d.clinic = r.clinic AND d.given
)
SELECT child_id, dose_id, clinic, stated, lot_no FROM received
WHERE voided_by IS NULL AND moved_by IS NULL ORDER BY clinic, stated, dose_id
"""
_RECALL = (
    "INSERT INTO recalled_lot VALUES (%s, %s, %s) ON CONFLICT (lot_no, maker) DO UPDATE SET reason = excluded.reason"
)
# Doses of this load whose lot is recalled already.
_LATE = """
SELECT DISTINCT l.lot_no, l.maker, l.reason
FROM staged_dose s JOIN dose d USING (child_id, dose_id, clinic) JOIN recalled_lot l ON l.lot_no = d.body ->> 'lot_no'
WHERE d.given
"""
_FIRST = "INSERT INTO recalled_dose VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"


def publish(
    connection: Connection, keys: KeyRing, name: str, content: bytes, effective_on: date, now: datetime
) -> Reference:
    """Publish a document; the same content from the same day is the same publication. Raises ConfigError: nothing that
    terminals could not use goes out."""
    _check(name, content, effective_on)
    if not 0 < len(content) <= MAX_CONTENT:
        raise ConfigError("region.reference_size", size=len(content), limit=MAX_CONTENT)
    version, day = sha256(content).hexdigest(), effective_on.isoformat()
    with connection.transaction():
        one_at_a_time(connection)
        held = connection.execute(_SAME, (name, version, day)).fetchone()
        if held:
            return Reference(held[0], name, version, day, utc_text(now))
        row = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM reference").fetchone()
        assert row
        said = Reference(row[0], name, version, day, utc_text(now))
        keep(connection, said, signed.encode(keys.sign("reference", said)), content, now)
    return said


def _check(name: str, content: bytes, effective_on: date) -> None:
    """A document that terminals read must be one they can read. Raises ConfigError."""
    if name == RECALLED:
        _recalled(content)
    try:
        if plans.is_programme(name, settings.Programme()):
            plans.check(name, content, effective_on)
        elif name in tables.KEYS:
            tables.check(name, content)
    except ConfigError as fault:
        raise ConfigError("region.reference_unusable", name=name, detail=fault.params["detail"]) from fault


def one_at_a_time(connection: Connection) -> None:
    """In a transaction: whoever else publishes waits for its end."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


def keep(connection: Connection, said: Reference, document: bytes, content: bytes, now: datetime) -> None:
    """Keep a signed publication, and act on it; one that is held stays. Raises ConfigError."""
    row = (said.number, said.name, said.version, said.effective_on, from_utc_text(said.published_at), content, document)
    with connection.transaction():
        if not connection.execute(_INSERT, row).rowcount:
            return
        lots = _recalled(content) if said.name == RECALLED else ()
        for lot in lots:
            connection.execute(_RECALL, (lot.lot_no, lot.maker, lot.reason))
        scope.Giving(connection, [], now).append([n for lot in lots for n in _recipients_news(connection, lot)])


def _recalled(content: bytes) -> tuple[RecalledLot, ...]:
    try:
        return msgspec.json.decode(content, type=RecalledLots).lots
    except UNREADABLE as fault:
        raise ConfigError("region.reference_bad", detail=str(fault)) from fault


def catalogue(pool: Pool, keys: KeyRing, asked: Asked, world: World) -> bytes:
    """Every publication, signed; at a hub as the region signed it. Raises Refused."""
    now = world.now()
    with pool.transaction() as connection:
        auth.terminal(connection, asked, now)
        if handed_on := hub_place.recall(connection, hub_place.CATALOGUE):
            return handed_on
        references = tuple(held(connection))
    return signed.encode(keys.sign("catalogue", Catalogue(utc_text(now), references)))


def held(connection: Connection) -> list[Reference]:
    """Every publication, by number."""
    return [Reference(row[0], row[1], row[2], row[3], utc_text(row[4])) for row in connection.execute(_LIST)]


def document(pool: Pool, asked: Asked, name: str, version: str, world: World) -> bytes:
    """A publication with its content. Raises Refused, 404."""
    with pool.transaction() as connection:
        auth.terminal(connection, asked, world.now())
        row = connection.execute(_ONE, (name, version)).fetchone()
    if row is None:
        raise Refused(404, "NO_REFERENCE")
    return feed.join(bytes(row[0]), bytes(row[1]))


def recipients(connection: Connection, lot_no: str, maker: str = "") -> list[Recipient]:
    """Everybody who received a dose of this lot, by clinic and time; `maker` "" for whoever made it."""
    found = connection.execute(_RECIPIENTS, {"lot_no": lot_no, "maker": maker})
    return [Recipient(*row) for row in found]


def late_recipients(connection: Connection) -> list[News]:
    """Advice about doses of this load that come after their lot was recalled."""
    if not connection.execute("SELECT 1 FROM recalled_lot LIMIT 1").fetchone():
        return []
    lots = [RecalledLot(lot_no, reason, maker) for lot_no, maker, reason in connection.execute(_LATE).fetchall()]
    return [news for lot in lots for news in _recipients_news(connection, lot)]


def _recipients_news(connection: Connection, lot: RecalledLot) -> Sequence[News]:
    """Each dose is told once to the clinic that gave it."""
    news = []
    for one in recipients(connection, lot.lot_no, lot.maker):
        if connection.execute(_FIRST, (one.child_id, one.dose_id, one.clinic, lot.lot_no)).rowcount:
            news.append(recalled(one.clinic, one.child_id, one.dose_id, lot.lot_no, lot.reason))
    return news
