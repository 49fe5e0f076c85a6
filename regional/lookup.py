"""One child's whole record for a terminal of any clinic that says why. Who asked, when and what for stays here; the
number that was typed does not, nor does it stand in an address."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

import msgspec

from domain.wire import UNREADABLE, feed, signed
from domain.wire.feed import Record
from domain.world import World, utc_text
from regional import auth
from regional.auth import Asked, Refused, Terminal
from regional.database import Connection, Pool
from regional.feed import Line, packed
from regional.keys import KeyRing
from sync.messages import LookupRequest

_MOST = 300  # lookups of one terminal an hour: a counter needs a tenth, a thief of numbers far more
_BY_IDENTIFIER = "SELECT DISTINCT child_id FROM child_identifier WHERE value = %s AND kind = %s"
_BY_ID = "SELECT child_id FROM reach WHERE child_id = %s"
_GROUP = "SELECT linked FROM child_group(%s) AS linked ORDER BY linked <> %s, linked"
_FACTS = """
SELECT 'event', e.terminal_id, t.clinic_code, e.data FROM event e JOIN terminal t USING (terminal_id)
WHERE e.subject = ANY (%(children)s) AND e.kind NOT LIKE 'receipt.%%'
UNION
SELECT 'also', e.terminal_id, t.clinic_code, e.data
FROM event_also a JOIN event e USING (terminal_id, epoch, seq) JOIN terminal t USING (terminal_id)
WHERE a.child_id = ANY (%(children)s) AND e.subject <> ALL (%(children)s)
"""
_ONE_AT_A_TIME = "SELECT FROM terminal WHERE terminal_id = %s FOR NO KEY UPDATE"
_ASKED = """
SELECT count(*) FILTER (WHERE outcome <> 'refused'), count(*) FILTER (WHERE outcome = 'refused')
FROM lookup WHERE terminal_id = %s AND at > %s::timestamptz - interval '1 hour'
"""
_AUDIT = "INSERT INTO lookup VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"


def find(pool: Pool, keys: KeyRing, asked: Asked, world: World) -> bytes:
    """The record, signed. Raises Refused, audited too: 404 NOT_FOUND, 409 AMBIGUOUS, 429 when a terminal asks too
    often (of those as many an hour as of answers, then no more)."""
    now = world.now()
    try:
        said = msgspec.json.decode(asked.body, type=LookupRequest)
    except UNREADABLE as fault:
        raise Refused(400, "BAD_REQUEST") from fault
    if not said.value or not said.actor or "\0" in said.value + said.kind + said.actor:
        raise Refused(400, "BAD_REQUEST")
    with pool.transaction() as connection:
        who = auth.terminal(connection, asked, now)
        connection.execute(_ONE_AT_A_TIME, (who.terminal_id,))
        answered, refused = connection.execute(_ASKED, (who.terminal_id, now)).fetchone() or (0, 0)
        children = _children(connection, said) if answered < _MOST else []
        outcome = {0: "not_found", 1: "found"}.get(len(children), "ambiguous") if answered < _MOST else "refused"
        if outcome != "refused" or refused < _MOST:
            _keep(connection, who, said, outcome, children, now)
        lines = _lines(connection, children[0]) if outcome == "found" else []
    if outcome == "refused":
        raise Refused(429, "BUSY", retry_after_s=600)
    if outcome != "found":
        raise Refused(404, "NOT_FOUND") if not children else Refused(409, "AMBIGUOUS")
    if sum(len(line[3]) + 1 for line in lines) > feed.MAX_PLAIN_BYTES:
        raise Refused(413, "TOO_LARGE", limit=feed.MAX_PLAIN_BYTES)
    return _answer(keys, who, said, children[0], lines, now)


def _children(connection: Connection, said: LookupRequest) -> list[list[str]]:
    """The groups of linked records that fit."""
    if said.kind == "child":
        found = connection.execute(_BY_ID, (said.value,)).fetchall()
    else:
        found = connection.execute(_BY_IDENTIFIER, (said.value, said.kind)).fetchall()
    groups = [[row[0] for row in connection.execute(_GROUP, (child, child))] for (child,) in sorted(found)]
    return [group for at, group in enumerate(groups) if not any(group[0] in other for other in groups[:at])]


def _keep(
    connection: Connection, who: Terminal, said: LookupRequest, outcome: str, children: list[list[str]], now: datetime
) -> None:
    child = children[0][0] if outcome == "found" else ""
    row = (now, who.terminal_id, who.clinic_code, said.actor, said.purpose, said.kind, outcome, child)
    connection.execute(_AUDIT, row)


def _lines(connection: Connection, children: list[str]) -> list[Line]:
    rows = connection.execute(_FACTS, {"children": children}).fetchall()
    return [(what, terminal_id, clinic, bytes(data)) for what, terminal_id, clinic, data in rows]


def _answer(
    keys: KeyRing, who: Terminal, said: LookupRequest, children: list[str], lines: list[Line], now: datetime
) -> bytes:
    sources, runs, body = packed(lines)
    digest = sha256(body).hexdigest()
    record = Record(who.terminal_id, tuple(children), said.purpose, utc_text(now), sources, runs, digest)
    return feed.join(signed.encode(keys.sign("record", record)), body)
