"""What a clinic reads back: its whole scope first, then what follows, by an opaque cursor the region signed."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from domain.errors import WireError
from domain.wire import UNREADABLE, feed, signed
from domain.wire.feed import Bucket, Page, Run, Scope, Source
from domain.world import World, utc_text
from regional import auth, replacement, reviews
from regional.auth import Asked, Refused, Terminal
from regional.database import Connection, Pool
from regional.keys import KeyRing
from sync import pages

_PEOPLE, _REST, _DESK, _OPEN = (
    "people",
    "rest",
    "desk",
    "open",
)  # of a walk, in this order: usable once the people are there
_CHILDREN = {_PEOPLE: 500, _REST: 60}  # looked at for one page
_START_OVER = Refused(410, "START_OVER")


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Everything before (xid, id), and `n` facts of that row, was read. While `stage` is not "", the scope is walked
    first: everything of its children up to number `at` (or of the terminals, or open matters, up to `place`) and `n`
    facts more."""

    generation: str
    clinic: str
    xid: int
    id: int
    n: int = 0
    stage: str = ""
    at: int = 0
    place: tuple[str, str, int] = ("", "", 0)


Line = tuple[str, str, str, bytes]  # what, terminal, clinic, bytes

_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_FLOOR = "SELECT 1 FROM feed_floor WHERE clinic = %s AND (xid, id) >= (%s::text::xid8, %s)"
_FOLLOWING = """
SELECT f.xid::text::bigint, f.id, coalesce(u.n, 1), coalesce(u.n, 1) = coalesce(cardinality(f.seqs), 1),
    f.what, f.note, e.terminal_id, t.clinic_code, e.data
FROM (
    SELECT * FROM feed WHERE clinic = %(clinic)s AND (xid, id) >= (%(xid)s::text::xid8, %(id)s)
        AND xid < %(horizon)s::text::xid8
    ORDER BY xid, id LIMIT %(limit)s
) f LEFT JOIN LATERAL unnest(f.seqs) WITH ORDINALITY u (seq, n) ON true
LEFT JOIN event e ON e.terminal_id = f.terminal_id AND e.epoch = f.epoch AND e.seq = u.seq
LEFT JOIN terminal t ON t.terminal_id = e.terminal_id
WHERE (f.xid, f.id) > (%(xid)s::text::xid8, %(id)s) OR coalesce(u.n, 1) > %(n)s
ORDER BY f.xid, f.id, u.n LIMIT %(limit)s
"""
_LEFT_TO_READ = """
SELECT coalesce(sum(coalesce(cardinality(seqs), 1)), 0) FROM feed
WHERE clinic = %s AND (xid, id) >= (%s::text::xid8, %s) AND xid < %s::text::xid8
"""
_WALKED = """
SELECT s.number, e.what, e.terminal_id, t.clinic_code, e.data
FROM (
    SELECT number, child_id FROM scope WHERE clinic = %(clinic)s AND number > %(at)s ORDER BY number LIMIT %(children)s
) s LEFT JOIN LATERAL (
        SELECT 'event' AS what, o.* FROM event o
        WHERE o.subject = s.child_id AND (o.kind LIKE 'child.%%') = %(people)s
        UNION ALL
        SELECT 'also', o.* FROM event_also a JOIN event o USING (terminal_id, epoch, seq)
        WHERE a.child_id = s.child_id AND (o.kind LIKE 'child.%%') = %(people)s
    ) e ON true
LEFT JOIN terminal t ON t.terminal_id = e.terminal_id
ORDER BY s.number, e.terminal_id, e.epoch, e.seq
"""
_LEFT_TO_WALK = "SELECT count(*) FROM scope WHERE clinic = %s AND number > %s"
# What the clinic's own terminals told beside its children: lots, staff, children who left.
_DESK_FACTS = """
SELECT e.terminal_id, e.epoch, e.seq, t.clinic_code, e.data
FROM terminal t JOIN event e USING (terminal_id)
WHERE t.clinic_code = %(clinic)s AND (e.terminal_id, e.epoch, e.seq) > (%(terminal)s, %(epoch)s, %(seq)s)
    AND NOT EXISTS (SELECT FROM scope s WHERE s.clinic = %(clinic)s AND s.child_id = e.subject)
ORDER BY e.terminal_id, e.epoch, e.seq LIMIT %(limit)s
"""
# What waits for a person of the clinic, by its key; that children left, then what of them concerns a child that stays,
# and requests about its doses of them, as facts.
_OPEN_MATTERS = f"""
SELECT * FROM (
    SELECT 'quarantine/' || q.terminal_id || '/' || q.epoch || '/' || q.seq AS key, 'quarantine' AS matter,
        q.reason AS one, q.terminal_id AS other, q.epoch AS field, coalesce(q.child_id, '') AS child_id, q.seq,
        coalesce(q.event_id, '') AS event_id, coalesce(q.dose_id, '') AS dose_id, NULL::bytea AS data
    FROM quarantine q JOIN terminal t USING (terminal_id) WHERE t.clinic_code = %(clinic)s
    UNION ALL
    SELECT r.kind || '/' || r.one || '/' || r.other || '/' || r.field, r.kind, r.one, r.other, r.field, r.child_id, 0,
        '', '', NULL
    FROM review r WHERE r.open AND %(clinic)s = ANY (r.clinics)
    UNION ALL
    SELECT 'recall/' || r.dose_id, 'recall', r.lot_no, max(l.reason), '', r.child_id, 0, '', r.dose_id, NULL
    FROM recalled_dose r JOIN dose d USING (child_id, dose_id, clinic) JOIN recalled_lot l ON l.lot_no = r.lot_no
    WHERE r.clinic = %(clinic)s AND d.voided_by IS NULL AND d.moved_by IS NULL GROUP BY r.child_id, r.dose_id, r.lot_no
    UNION ALL
    SELECT 'request/' || c.request_id, 'request', e.terminal_id, t.clinic_code, '', c.child_id, 0, '', '', e.data
    FROM correction c JOIN dose d ON d.dose_id = c.of AND d.given AND d.clinic = %(clinic)s
    JOIN event e ON e.subject = c.child_id AND e.event_id = c.request_id
    JOIN terminal t ON t.terminal_id = e.terminal_id
    WHERE NOT EXISTS (SELECT FROM scope s WHERE s.clinic = %(clinic)s AND s.child_id = c.child_id)
    UNION ALL
    SELECT 'left/' || r.child_id, 'left', r.gone ->> %(clinic)s, coalesce((
            SELECT min(came.key) FROM jsonb_each_text(r.came) came
            WHERE came.value = r.gone ->> %(clinic)s AND came.key <> %(clinic)s
        ), ''), '', r.child_id, 0, '', '', NULL
    FROM reach r WHERE r.gone <> '{{}}' AND r.gone ? %(clinic)s
        AND NOT EXISTS (SELECT FROM scope s WHERE s.clinic = %(clinic)s AND s.child_id = r.child_id)
    UNION ALL
    SELECT DISTINCT 'left/' || r.child_id || '/' || e.terminal_id || '/' || e.epoch || '/' || e.seq, 'still',
        e.terminal_id, t.clinic_code, '', '', 0, '', '', e.data
    FROM reach r JOIN event e ON e.subject = r.child_id JOIN event_also a USING (terminal_id, epoch, seq)
    JOIN scope s ON s.clinic = %(clinic)s AND s.child_id = a.child_id JOIN terminal t ON t.terminal_id = e.terminal_id
    WHERE r.gone <> '{{}}' AND r.gone ? %(clinic)s AND t.clinic_code <> %(clinic)s
        AND NOT EXISTS (SELECT FROM scope s WHERE s.clinic = %(clinic)s AND s.child_id = r.child_id)
    UNION ALL
    SELECT '{replacement.MATTER}/' || t.terminal_id, '{replacement.MATTER}', t.terminal_id, '', '', '', 0, '', '', NULL
    FROM terminal t WHERE t.clinic_code = %(clinic)s AND {replacement.REPLACED}
    UNION ALL
    SELECT 'heard/' || h.key, 'heard', '', '', '', '', 0, '', '', h.note
    FROM heard_matter h WHERE h.clinic = %(clinic)s
) matters WHERE key > %(key)s ORDER BY key LIMIT %(limit)s
"""
# All facts of the clinic's terminals and about its children: sha256 as in domain.wire.feed.mark.
_BUCKETS = """
WITH behind AS (
    SELECT FROM feed WHERE clinic = %(clinic)s AND (xid, id) >= (%(xid)s::text::xid8, %(id)s) LIMIT 1
), held AS (
    SELECT e.terminal_id, e.event_id FROM terminal t JOIN event e USING (terminal_id) WHERE t.clinic_code = %(clinic)s
    UNION
    SELECT e.terminal_id, e.event_id FROM scope s JOIN event e ON e.subject = s.child_id WHERE s.clinic = %(clinic)s
), marked AS (SELECT sha256(convert_to(terminal_id || '/' || event_id, 'UTF8')) AS digest FROM held)
SELECT get_byte(digest, 31), count(*), bit_xor(('x' || left(encode(digest, 'hex'), 15))::bit(60)::bigint)
FROM marked WHERE NOT EXISTS (SELECT FROM behind) GROUP BY 1
UNION ALL SELECT -1, 0, 0 FROM behind
"""


def page(pool: Pool, keys: KeyRing, asked: Asked, after: str, limit: int, world: World) -> bytes:
    """The page that follows `after` ("" begins with the whole scope). Raises Refused, 410 when `after` is of no use."""
    now = world.now()
    with pool.transaction() as connection:
        who = auth.terminal(connection, asked, now)
        horizon = _horizon(connection)  # first: every statement after it sees all that lies below
        cursor = _opened(connection, keys, who, after) or _beginning(who, horizon)
        if cursor.stage:
            lines, following = _walk(connection, cursor, limit)
        else:
            lines, following = _follow(connection, cursor, limit, horizon)
        remaining = _remaining(connection, following, horizon)
        row = connection.execute("SELECT coalesce(max(number), 0) FROM reference").fetchone()
    sources, runs, body = packed(lines)
    said = Page(
        who.terminal_id,
        after,
        _closed(keys, following),
        remaining,
        who.generation,
        row[0] if row else 0,
        utc_text(now),
        sources,
        runs,
        sha256(body).hexdigest(),
        following.stage,
    )
    return feed.join(signed.encode(keys.sign("page", said)), body)


def scope(pool: Pool, keys: KeyRing, asked: Asked, after: str, world: World) -> bytes:
    """What the clinic must hold once it has read up to `after`. Raises Refused, 409 BEHIND when more follows."""
    now = world.now()
    with pool.transaction() as connection:
        who = auth.terminal(connection, asked, now)
        cursor = _opened(connection, keys, who, after)
        if cursor is None or cursor.stage:
            raise Refused(409, "BEHIND")
        params = {"clinic": cursor.clinic, "xid": cursor.xid, "id": cursor.id}
        found = {row[0]: Bucket(row[1], row[2]) for row in connection.execute(_BUCKETS, params)}
    if -1 in found:
        raise Refused(409, "BEHIND")
    buckets = tuple(found.get(number, Bucket(0, 0)) for number in range(feed.BUCKETS))
    return signed.encode(keys.sign("scope", Scope(who.terminal_id, after, utc_text(now), buckets)))


def packed(lines: Sequence[Line]) -> tuple[tuple[Source, ...], tuple[Run, ...], bytes]:
    """Sources, runs and body of these lines."""
    sources: dict[tuple[str, str], int] = {}
    runs: list[Run] = []
    for what, terminal_id, clinic, _ in lines:
        source = sources.setdefault((terminal_id, clinic), len(sources)) if terminal_id else -1
        if runs and (runs[-1].what, runs[-1].source) == (what, source):
            runs[-1] = Run(runs[-1].n + 1, what, source)
        else:
            runs.append(Run(1, what, source))
    body = pages.write_lines([data for *_, data in lines])
    return tuple(Source(*source) for source in sources), tuple(runs), body


def _opened(connection: Connection, keys: KeyRing, who: Terminal, token: str) -> Cursor | None:
    """None for the first time. Raises Refused, 410."""
    if not token:
        return None
    try:
        key_id, payload, signature = token.split(".")
        document = signed.SignedDocument("cursor", key_id, _raw(payload), _raw(signature))
        keys.check(document)
        cursor = msgspec.json.decode(document.payload, type=Cursor)
    except (ValueError, WireError, *UNREADABLE) as fault:
        raise _START_OVER from fault
    forgotten = connection.execute(_FLOOR, (cursor.clinic, str(cursor.xid), cursor.id)).fetchone()
    if (cursor.generation, cursor.clinic) != (who.generation, who.clinic_code) or forgotten:
        raise _START_OVER
    return cursor


def _horizon(connection: Connection) -> int:
    """Below it every transaction has ended, and what it committed is seen."""
    row = connection.execute(_HORIZON).fetchone()
    assert row
    return int(row[0])


def _beginning(who: Terminal, horizon: int) -> Cursor:
    return Cursor(who.generation, who.clinic_code, horizon, 0, stage=_PEOPLE)


def _closed(keys: KeyRing, cursor: Cursor) -> str:
    document = keys.sign("cursor", cursor)
    return f"{document.key_id}.{_text(document.payload)}.{_text(document.signature)}"


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _follow(connection: Connection, cursor: Cursor, limit: int, horizon: int) -> tuple[list[Line], Cursor]:
    params = {"clinic": cursor.clinic, "xid": cursor.xid, "id": cursor.id, "n": cursor.n, "limit": limit}
    params["horizon"] = horizon
    lines: list[Line] = []
    size = 0
    for xid, row_id, n, ends, what, note, terminal_id, clinic, data in connection.execute(_FOLLOWING, params):
        size += len(note or data or b"") + 1
        if lines and size > feed.MAX_PLAIN_BYTES:
            break
        if note or data:  # a fact told again in another epoch stands in its first place
            lines.append((what, terminal_id or "", clinic or "", bytes(note or data)))
        place = {"id": row_id + 1, "n": 0} if ends else {"id": row_id, "n": n}
        cursor = msgspec.structs.replace(cursor, xid=xid, **place)
    return lines, cursor


def _walk(connection: Connection, cursor: Cursor, limit: int) -> tuple[list[Line], Cursor]:
    if cursor.stage == _DESK:
        return _walk_desk(connection, cursor, limit)
    if cursor.stage == _OPEN:
        return _walk_open(connection, cursor, limit)
    params = {
        "clinic": cursor.clinic,
        "at": cursor.at,
        "children": min(limit, _CHILDREN[cursor.stage]),
        "people": cursor.stage == _PEOPLE,
    }
    rows = connection.execute(_WALKED, params).fetchall()
    if not rows:
        following = {_PEOPLE: _REST, _REST: _DESK}[cursor.stage]
        return [], msgspec.structs.replace(cursor, stage=following, at=0, n=0)
    lines, taken = _cut((tuple(row[1:]) for row in rows[cursor.n :]), limit)
    taken += cursor.n
    if taken == len(rows):
        return lines, msgspec.structs.replace(cursor, at=rows[-1][0], n=0)
    here = rows[taken][0]  # the child whose facts come next, some of them perhaps taken
    before = [row for row in rows[:taken] if row[0] == here]
    at = max((row[0] for row in rows[:taken] if row[0] < here), default=cursor.at)
    return lines, msgspec.structs.replace(cursor, at=at, n=len(before))


def _walk_desk(connection: Connection, cursor: Cursor, limit: int) -> tuple[list[Line], Cursor]:
    terminal_id, epoch, seq = cursor.place
    params = {"clinic": cursor.clinic, "terminal": terminal_id, "epoch": epoch, "seq": seq, "limit": limit}
    rows = connection.execute(_DESK_FACTS, params).fetchall()
    if not rows:
        return [], msgspec.structs.replace(cursor, stage=_OPEN, place=("", "", 0))
    lines, taken = _cut((("event", row[0], row[3], row[4]) for row in rows), limit)
    last = rows[taken - 1]
    return lines, msgspec.structs.replace(cursor, place=(last[0], last[1], last[2]))


def _walk_open(connection: Connection, cursor: Cursor, limit: int) -> tuple[list[Line], Cursor]:
    params = {"clinic": cursor.clinic, "key": cursor.place[0], "limit": limit}
    rows = connection.execute(_OPEN_MATTERS, params).fetchall()
    if not rows:
        return [], Cursor(cursor.generation, cursor.clinic, cursor.xid, cursor.id)
    lines, taken = _cut((_matter(connection, cursor.clinic, *row[1:]) for row in rows), limit)
    return lines, msgspec.structs.replace(cursor, place=(rows[taken - 1][0], "", 0))


def _matter(
    connection: Connection,
    clinic: str,
    matter: str,
    one: str,
    other: str,
    field: str,
    child_id: str,
    seq: int,
    event_id: str,
    dose_id: str,
    data: bytes | None,
) -> Line:
    if data is not None:  # a fact, or at a hub what the region advised
        return ("advice", "", "", data) if matter == "heard" else ("also", one, other, data)
    if matter == "quarantine":
        news = reviews.set_aside(clinic, one, other, field, seq, event_id, child_id, dose_id)
    elif matter == "recall":
        news = reviews.recalled(clinic, child_id, dose_id, one, other)
    elif matter == "left":
        news = reviews.left(clinic, child_id, one, other)
    elif matter == replacement.MATTER:
        news = replacement.news(connection, one)
    else:
        news = reviews.finding(clinic, matter, child_id, one, other, field)
    return "advice", "", "", msgspec.json.encode(news.advice)


def _cut(rows: Iterable[tuple[Any, ...]], limit: int) -> tuple[list[Line], int]:
    """As many as fit in a page, and how many rows were looked at. A child may have no facts of a stage."""
    lines: list[Line] = []
    size = taken = 0
    for what, terminal_id, clinic, data in rows:
        if data is not None:
            size += len(data) + 1
            if lines and (size > feed.MAX_PLAIN_BYTES or len(lines) == limit):
                break
            lines.append((what, terminal_id, clinic, bytes(data)))
        taken += 1
    return lines, taken


def _remaining(connection: Connection, cursor: Cursor, horizon: int) -> int:
    """Facts, and during a walk children, that follow; 1 and more as long as anything may follow."""
    row = connection.execute(_LEFT_TO_READ, (cursor.clinic, cursor.xid, cursor.id, horizon)).fetchone()
    left = max(0, int(row[0]) - cursor.n) if row else 0
    if cursor.stage in (_DESK, _OPEN):
        return left + 1 + (cursor.stage == _DESK)
    if cursor.stage:
        here = connection.execute(_LEFT_TO_WALK, (cursor.clinic, cursor.at)).fetchone()
        left += int(here[0]) + 3 if here else 3
    if cursor.stage == _PEOPLE:
        whole = connection.execute(_LEFT_TO_WALK, (cursor.clinic, 0)).fetchone()
        left += int(whole[0]) if whole else 0
    return left
