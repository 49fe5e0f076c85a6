"""A desk that got another PC: from when on nothing arrived of the one before, so that people enter it again from the
slips. The clinic reads it as advice, and again when more of the old PC's facts arrive after all."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from domain.errors import WireError
from domain.events import ReceiptIssued
from domain.wire import UNREADABLE, event
from domain.wire.feed import Advice
from domain.world import utc_text
from regional.database import Connection
from regional.reviews import News

CODE, MATTER = "desk.replaced", "replaced"
# Terminals `t` whose desk has one newer PC; what came before those was told then. A PC that only took another place
# (its key was revoked, or had a twin) goes on with what it had not sent.
REPLACED = """NOT t.hub AND (
    SELECT count(*) FILTER (WHERE n.continues = '') = 1 AND count(*) FILTER (WHERE n.continues = t.terminal_id) = 0
    FROM terminal n WHERE n.clinic_code = t.clinic_code AND n.desk = t.desk AND n.enrolled_at > t.enrolled_at
)"""
_OF_DESK = f"SELECT terminal_id FROM terminal t WHERE clinic_code = %s AND desk = %s AND {REPLACED}"
_OF_LOAD = f"SELECT terminal_id FROM terminal t WHERE terminal_id = ANY (%s) AND {REPLACED}"
_PLACE = "SELECT clinic_code, desk, enrolled_at FROM terminal WHERE terminal_id = %s"
# The last fact, and the last slip, of each of its epochs.
_LAST = """
SELECT last.recorded_at, slip.data FROM epoch p
LEFT JOIN LATERAL (
    SELECT recorded_at FROM event e WHERE e.terminal_id = p.terminal_id AND e.epoch = p.epoch ORDER BY seq DESC LIMIT 1
) last ON true
LEFT JOIN LATERAL (
    SELECT recorded_at, data FROM event e WHERE e.terminal_id = p.terminal_id AND e.epoch = p.epoch
        AND e.kind = 'receipt.issued' ORDER BY seq DESC LIMIT 1
) slip ON true
WHERE p.terminal_id = %s ORDER BY slip.recorded_at DESC NULLS LAST
"""


def of_desk(connection: Connection, clinic: str, desk: str) -> list[News]:
    """What the clinic is told when this desk has just got another PC; nothing for a desk's first."""
    return [news(connection, terminal_id) for (terminal_id,) in connection.execute(_OF_DESK, (clinic, desk)).fetchall()]


def of_load(connection: Connection, terminals: Iterable[str]) -> list[News]:
    """Of the terminals that told something in a load those that are replaced, as they stand now."""
    found = connection.execute(_OF_LOAD, (list(terminals),)).fetchall()
    return [news(connection, terminal_id) for (terminal_id,) in found]


def news(connection: Connection, terminal_id: str) -> News:
    """Up to when facts of this terminal have arrived (its enrolment when none has), and its last slip's number."""
    place = connection.execute(_PLACE, (terminal_id,)).fetchone()
    assert place  # it is replaced, never removed
    rows = connection.execute(_LAST, (terminal_id,)).fetchall()
    last_at = max((at for at, _ in rows if at), default=utc_text(place[2]))
    number = next((_number(bytes(slip)) for _, slip in rows if slip), "")
    params = {"terminal": terminal_id, "desk": place[1], "last_at": last_at, "last_receipt": number}
    return News(place[0], Advice(CODE, f"{MATTER}/{terminal_id}", params=params))


def _number(data: bytes) -> str:
    """The number of a slip; "" when the fact cannot be read."""
    try:
        return msgspec.json.decode(event.decode(data).body, type=ReceiptIssued).number
    except (WireError, *UNREADABLE):
        return ""
