"""Facts that concern a child beside their subject: what was told of a dose before it was moved to the child, and the
links of its record. A clinic that has that child alone gets them as `also`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

import msgspec

from domain.wire import UNREADABLE
from regional.database import Connection
from regional.projection import Place


class Concern(NamedTuple):
    """What is told of `event_id` (a dose, a link) under `subject` concerns `child_id` too."""

    subject: str
    event_id: str
    child_id: str


class Also(NamedTuple):
    """A fact of a clinic's terminal that concerns a child beside its subject."""

    child_id: str
    clinic: str
    place: Place


class _Named(msgspec.Struct):
    of: str = ""


class _Fact(msgspec.Struct):
    event_id: str
    body: _Named


_KINDS = [
    *("dose.given", "dose.corrected", "dose.voided", "dose.moved", "dose.disputed"),
    *("child.merged", "child.unmerged"),
]
# A dose back to where it was told, and from each place on to all children it was moved to; sixteen moves and no more.
_MOVED = """
WITH RECURSIVE earlier AS (
    SELECT s ->> 0 AS child_id, s ->> 1 AS dose_id, 0 AS steps FROM jsonb_array_elements(%s::jsonb) s
    UNION
    SELECT d.origin_child, d.origin_dose, steps + 1 FROM earlier e JOIN dose d USING (child_id, dose_id)
    WHERE d.origin_dose IS NOT NULL AND steps < 16
), later AS (
    SELECT DISTINCT child_id AS subject, dose_id AS event_id, child_id, dose_id, 0 AS steps FROM earlier
    UNION
    SELECT l.subject, l.event_id, d.child_id, d.dose_id, steps + 1
    FROM later l JOIN dose d ON d.origin_dose = l.dose_id AND d.origin_child = l.child_id WHERE steps < 16
)
SELECT DISTINCT subject, event_id, child_id FROM later WHERE child_id <> subject
"""
_LINKED = """
SELECT l.child_id, l.link_id, l.other FROM child_link l JOIN staged_child_link USING (child_id, link_id)
WHERE l.other IS NOT NULL
"""
_TOLD = """
SELECT e.subject, t.clinic_code, e.terminal_id, e.epoch, e.seq, e.data FROM event e JOIN terminal t USING (terminal_id)
WHERE e.subject = ANY (%s) AND e.kind = ANY (%s)
"""
_KEEP = """
INSERT INTO event_also SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[]) ORDER BY 1, 2, 3, 4
ON CONFLICT DO NOTHING RETURNING child_id, terminal_id, epoch, seq
"""


def concerns(connection: Connection, moved: Collection[tuple[str, str]]) -> set[Concern]:
    """Of the links staged (regional/rows.py) and of doses (child, id) that may have been moved."""
    found = {Concern(*row) for row in connection.execute(_LINKED)}
    if moved:
        seeds = msgspec.json.encode(list(moved)).decode()
        found |= {Concern(*row) for row in connection.execute(_MOVED, (seeds,))}
    return found


def facts(connection: Connection, of: Collection[Concern]) -> list[Also]:
    """What was told under the subjects of the things they name."""
    if not of:
        return []
    wanted: dict[tuple[str, str], list[str]] = {}
    for subject, event_id, child_id in of:
        wanted.setdefault((subject, event_id), []).append(child_id)
    told = connection.execute(_TOLD, (sorted({one.subject for one in of}), _KINDS)).fetchall()
    return [
        Also(child, clinic, (terminal_id, epoch, seq))
        for subject, clinic, terminal_id, epoch, seq, data in told
        for name in _names(data)
        for child in wanted.get((subject, name), ())
    ]


def keep(connection: Connection, also: Iterable[Also]) -> list[Also]:
    """Remember them for whoever reads later; those that are new."""
    by_row = {(one.child_id, *one.place): one for one in also}
    if not by_row:
        return []
    columns = [list(column) for column in zip(*by_row, strict=True)]
    return [by_row[row[0], row[1], row[2], row[3]] for row in connection.execute(_KEEP, columns)]


def _names(data: bytes) -> tuple[str, ...]:
    """The thing a fact is, and the thing it is about."""
    try:
        fact = msgspec.json.decode(data, type=_Fact)
    except UNREADABLE:
        return ()
    return fact.event_id, fact.body.of
