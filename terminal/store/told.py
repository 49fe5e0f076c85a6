"""Facts of others, kept as they were told: who told them, which way they came, and which still wait for a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from domain.heard import Heard, hear
from domain.wire import event
from terminal.store.database import Store

Source = Literal["region", "hub"]
PERSON = ("child.registered", "child.updated", "child.moved")  # the kinds a person is folded from

_KNOWN = "SELECT no, {source} FROM told WHERE event_id = ? AND terminal_id = ?"
_OURS = "SELECT stored FROM event WHERE event_id = ?"
_KEEP = """INSERT INTO told (terminal_id, event_id, clinic, kind, subject, other, hlc, region, hub, done, stored)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)"""
_KINDS = f"kind IN ({', '.join(repr(kind) for kind in PERSON)})"
_OF_A_PERSON = f"""
    SELECT coalesce((SELECT max(terminal_id) FROM told t WHERE t.event_id = e.event_id), h.terminal_id), '', e.stored
    FROM event e JOIN head h WHERE subject = ? AND {_KINDS}
    UNION ALL SELECT terminal_id, clinic, stored FROM told WHERE subject = ? AND {_KINDS} AND stored IS NOT NULL
"""
_WAITING = """SELECT no, terminal_id, clinic, stored FROM told WHERE done = 0 AND subject IN ({marks})
    UNION SELECT no, terminal_id, clinic, stored FROM told WHERE done = 0 AND other <> '' AND other IN ({marks})"""


@dataclass(frozen=True)
class Hearing:
    """What the writers of rows ask (`terminal.store.ledger.Telling`), for a fact of others."""

    store: Store
    actor: str
    at: str
    hlc: str


def hearing(store: Store, fact: Heard) -> Hearing:
    return Hearing(store, fact.said.actor, fact.said.recorded_at, fact.said.hlc)


def is_new(store: Store, terminal_id: str, event_id: str, source: Source, heard: int) -> bool:
    """Whether a fact is told for the first time; of one that is known it is noted how it came."""
    found = store.sql(_KNOWN.format(source=source), event_id, terminal_id)
    if found and found[0][1] < heard:
        store.db.execute_sql(f"UPDATE told SET {source} = ? WHERE no = ?", (heard, found[0][0]))
    return not found


def keep(store: Store, fact: Heard, data: bytes, source: Source, heard: int) -> int | None:
    """Keep a new fact; its number, None when it is one of ours, whose rows are there."""
    said = fact.said
    ours = store.sql(_OURS, said.event_id)
    own = bool(ours) and bytes(ours[0][0]) == data
    ways = (heard if source == "region" else 0, heard if source == "hub" else 0)
    row = (fact.terminal_id, said.event_id, fact.clinic, said.kind, said.subject, fact.other, said.hlc)
    cursor = store.db.execute_sql(_KEEP, (*row, *ways, None if own else data))
    return None if own else int(cursor.lastrowid)


def of_a_person(store: Store, child_id: str) -> list[Heard]:
    """All facts a person is folded from, ours and those of others."""
    rows = store.sql(_OF_A_PERSON, child_id, child_id)
    return [hear(terminal_id, clinic, event.decode(bytes(stored))) for terminal_id, clinic, stored in rows]


def waiting(store: Store, ids: Iterable[str]) -> list[tuple[int, Heard]]:
    """The facts that wait and speak of these, in the order of their clocks."""
    known = tuple(ids)
    rows = store.sql(_WAITING.format(marks=", ".join("?" * len(known))), *known, *known)
    found = [(no, hear(terminal_id, clinic, event.decode(bytes(stored)))) for no, terminal_id, clinic, stored in rows]
    return sorted(found, key=lambda one: (one[1].clock, one[0]))


def set_done(store: Store, no: int, *, done: bool) -> None:
    store.db.execute_sql("UPDATE told SET done = ? WHERE no = ?", (int(done), no))


def one(store: Store, event_id: str) -> Heard | None:
    """A fact of others by its id, whoever told it first."""
    rows = store.sql(
        "SELECT terminal_id, clinic, stored FROM told WHERE event_id = ? AND stored IS NOT NULL ORDER BY no LIMIT 1",
        event_id,
    )
    return next((hear(who, clinic, event.decode(bytes(stored))) for who, clinic, stored in rows), None)
