"""Records of one child, merged by links and taken apart again, in any order. No dose changes its record.

`child.head` names the record that goes on; it is kept, so that every list can go by it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from terminal.store.database import Store
from terminal.store.ledger import Telling

# Links that hold: told, not ended.
_HOLDS = "other <> '' AND ended_by = ''"
_CLOSURE = f"""WITH RECURSIVE part (id) AS (
    SELECT ? UNION
    SELECT l.other FROM link l JOIN part p ON l.child_id = p.id WHERE {_HOLDS}
    UNION SELECT l.child_id FROM link l JOIN part p ON l.other = p.id WHERE {_HOLDS}
) SELECT id FROM part"""
_LINK = "SELECT id, child_id, other, at, reason, actor FROM link WHERE "


class Link(msgspec.Struct, frozen=True):
    """`other` is of the child of `child_id`, whose record goes on: told at that moment (UTC), by whom and why."""

    id: str
    child_id: str
    other: str
    at: str
    reason: str
    actor: str


def head_of(store: Store, child_id: str) -> str:
    """The record that goes on for this child: itself unless it was merged into another."""
    found = store.sql("SELECT head FROM child WHERE id = ?", child_id)
    return (found[0][0] if found else "") or child_id


def group(store: Store, child_id: str) -> tuple[str, ...]:
    """The ids of all records of the child that are here, the one that goes on first; itself for an unknown one."""
    head = head_of(store, child_id)
    text = "SELECT id FROM child WHERE id = ? OR (head = ? AND head <> '') ORDER BY id <> ?, id"  # as the index has it
    found = store.sql(text, head, head, head)
    return tuple(id_ for (id_,) in found) or (child_id,)


def records(store: Store, child_ids: Iterable[str]) -> dict[str, list[str]]:
    """The ids of all records of each of these children, the one that goes on first; any thread."""
    merged = dict(store.sql("SELECT id, head FROM child WHERE head <> '' ORDER BY id"))
    together: dict[str, list[str]] = {}
    for child_id, head in merged.items():
        together.setdefault(head, [head]).append(child_id)
    return {child_id: together.get(merged.get(child_id, child_id), [child_id]) for child_id in child_ids}


def heads(store: Store, child_ids: Iterable[str]) -> list[str]:
    """The records that go on for these, each once, in their order."""
    return list(dict.fromkeys(head_of(store, child_id) for child_id in child_ids))


def standing(store: Store, child_id: str) -> list[Link]:
    """The links that hold the child's records together, oldest first."""
    ids = group(store, child_id)
    marks = ", ".join("?" * len(ids))
    text = f"{_LINK}{_HOLDS} AND child_id IN ({marks}) AND other IN ({marks}) ORDER BY at, id"
    return [Link(*row) for row in store.sql(text, *ids, *ids)]


def one(store: Store, link_id: str) -> Link | None:
    """A link that holds."""
    return next((Link(*row) for row in store.sql(f"{_LINK}id = ? AND {_HOLDS}", link_id)), None)


def add(entry: Telling, link_id: str, child_id: str, other: str, reason: str) -> None:
    """The row of a `child.merged`; its end may be known already."""
    entry.store.db.execute_sql(
        "INSERT INTO link (id, child_id, other, at, actor, reason, ended_by) VALUES (?, ?, ?, ?, ?, ?, '')"
        " ON CONFLICT (id) DO UPDATE SET child_id = excluded.child_id, other = excluded.other, at = excluded.at,"
        " actor = excluded.actor, reason = excluded.reason",
        (link_id, child_id, other, entry.at, entry.actor, reason),
    )
    renew(entry.store, child_id, other)


def end(entry: Telling, fact_id: str, link_id: str) -> None:
    """The row of a `child.unmerged`; the link itself may come later. Of several ends any will do."""
    entry.store.db.execute_sql(
        "INSERT INTO link (id, child_id, other, at, actor, reason, ended_by) VALUES (?, '', '', '', '', '', ?)"
        " ON CONFLICT (id) DO UPDATE SET ended_by = min(coalesce(nullif(ended_by, ''), excluded.ended_by),"
        " excluded.ended_by)",
        (link_id, fact_id),
    )
    found = entry.store.sql("SELECT child_id, other FROM link WHERE id = ?", link_id)
    renew(entry.store, *found[0])


def renew(store: Store, *child_ids: str) -> None:
    """Find anew which records go on, among those that are or were linked with these."""
    left = {other for child_id in child_ids if child_id for other in (child_id, *group(store, child_id))}
    left |= {id_ for child_id in left for (id_,) in store.sql(_CLOSURE, child_id)}
    while left:
        part = {id_ for (id_,) in store.sql(_CLOSURE, min(left))}
        left -= part
        here = _here(store, part)
        head = _goes_on(store, here)
        for child_id in here:
            _place(store, child_id, "" if child_id == head else head)


def _here(store: Store, part: Iterable[str]) -> list[str]:
    ids = list(part)
    return [
        i for (i,) in store.sql(f"SELECT id FROM child WHERE id IN ({', '.join('?' * len(ids))}) ORDER BY id", *ids)
    ]


def _goes_on(store: Store, part: list[str]) -> str:
    """The record that was merged into no other; of several, and of a ring, the oldest."""
    marks = ", ".join("?" * len(part))
    merged = {
        other
        for (other,) in store.sql(
            f"SELECT other FROM link WHERE {_HOLDS} AND child_id IN ({marks}) AND other IN ({marks})", *part, *part
        )
    }
    return min([child_id for child_id in part if child_id not in merged] or part, default="")


def _place(store: Store, child_id: str, head: str) -> None:
    """A record that goes on no more has no forecast of its own; one whose group changed is reckoned anew."""
    run = store.db.execute_sql
    if run("UPDATE child SET head = ? WHERE id = ? AND head <> ?", (head, child_id, head)).rowcount and head:
        run("DELETE FROM forecast WHERE child_id = ?", (child_id,))
        run("DELETE FROM reckoning WHERE child_id = ?", (child_id,))
