"""The waiting room: who arrived, and today's visits. Arrivals are this terminal's own and no facts."""

from __future__ import annotations

import msgspec

from terminal.store.database import Store
from terminal.store.ledger import Entry

_PRECHECK = "queue.precheck"


class Place(msgspec.Struct, frozen=True):
    """A child in the room. Moments are UTC, "" what has not been; `doses` counts those that stand, `last_dose_at` the
    last of them. `visit_id` "" before the visit is open; `desk` where another desk of the clinic has it."""

    child_id: str
    name: str
    pinyin: str
    sex: str
    birth_on: str
    arrived_at: str
    called_at: str
    visit_id: str
    opened_at: str
    closed_at: str
    observe_until: str
    doses: int
    last_dose_at: str
    desk: str = ""


def arrive(entry: Entry, child_id: str, day: str) -> None:
    """Of `day`; those of other days are forgotten. One who left or was done stands at the end again."""
    run = entry.store.db.execute_sql
    run("DELETE FROM arrival WHERE day <> ?", (day,))
    run(
        "INSERT OR REPLACE INTO arrival (child_id, day, arrived_at, called_at) VALUES (?, ?, ?, '')",
        (child_id, day, entry.at),
    )


def call(entry: Entry, child_id: str, day: str) -> None:
    """To the counter; for one whose visit was opened without an arrival too."""
    entry.store.db.execute_sql(
        "INSERT INTO arrival (child_id, day, arrived_at, called_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (child_id) DO UPDATE SET called_at = excluded.called_at, day = excluded.day",
        (child_id, day, entry.at, entry.at),
    )


def leave(entry: Entry, child_id: str) -> int:
    """Out of the room before a visit; how many lines went."""
    return int(entry.store.db.execute_sql("DELETE FROM arrival WHERE child_id = ?", (child_id,)).rowcount)


_CHILD = "c.id, c.name, c.pinyin, c.sex, c.birth_on"
# The child by the record that goes on.
_CHILD_OF = "JOIN child c ON c.id = (SELECT coalesce(nullif(head, ''), id) FROM child r WHERE r.id ="
_STANDS = """FROM dose d WHERE d.visit_id = v.id AND d.child_id = v.child_id AND NOT EXISTS
    (SELECT 1 FROM dose_change x WHERE x.dose_id = d.id AND x.kind IN ('voided', 'moved'))"""
_VISITS = f"""
    SELECT {_CHILD}, coalesce(a.arrived_at, ''), coalesce(a.called_at, ''), v.id, v.opened_at,
        coalesce(v.closed_at, ''), coalesce(v.observe_until, ''), (SELECT count(*) {_STANDS}),
        coalesce((SELECT max(d.recorded_at) {_STANDS}), ''), CASE v.terminal WHEN '' THEN '' ELSE v.desk END
    FROM visit v {_CHILD_OF} v.child_id) LEFT JOIN arrival a ON a.child_id IN (c.id, v.child_id) AND a.day = ?
    WHERE (v.closed_at IS NULL AND v.terminal = '') OR v.opened_at >= ?
    GROUP BY v.id ORDER BY v.opened_at
"""
_ARRIVED = f"""
    SELECT {_CHILD}, a.arrived_at, a.called_at, '', '', '', '', 0, ''
    FROM arrival a {_CHILD_OF} a.child_id) WHERE a.day = ? ORDER BY a.arrived_at
"""


def visits(store: Store, day: str, begin: str) -> list[Place]:
    """Visits of the clinic opened since `begin` (UTC), and every one this desk has open; oldest first."""
    return [Place(*row) for row in store.sql(_VISITS, day, begin)]


def arrivals(store: Store, day: str) -> list[Place]:
    return [Place(*row) for row in store.sql(_ARRIVED, day)]


def is_precheck(store: Store) -> bool:
    """Whether a scan in the waiting room puts the child into the queue here, instead of opening it on the counter."""
    return bool(store.sql("SELECT 1 FROM note WHERE name = ?", _PRECHECK))


def set_precheck(entry: Entry, on: bool) -> None:
    run = entry.store.db.execute_sql
    run("DELETE FROM note WHERE name = ?", (_PRECHECK,))
    if on:
        run("INSERT INTO note (name, value) VALUES (?, x'')", (_PRECHECK,))
