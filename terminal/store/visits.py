"""Visits: opened at the counter, closed with one slip for all their doses."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from domain.events import VisitClosed, VisitOpened
from terminal.store.database import Store
from terminal.store.ledger import Entry
from terminal.store.tables import Visit


class VisitRow(msgspec.Struct, frozen=True):
    """One visit; `closed_at` empty while the child is in the chair."""

    id: str
    child_id: str
    opened_at: str
    opened_by: str
    booklet: str
    informed: bool
    health: dict[str, Any]
    closed_at: str
    observe_until: str


def add(entry: Entry, visit_id: str, child_id: str, body: VisitOpened) -> None:
    row = msgspec.structs.asdict(body) | {"health": json.dumps(body.health, ensure_ascii=False)}
    row |= {"id": visit_id, "child_id": child_id, "opened_at": entry.at, "opened_by": entry.actor}
    entry.store.insert(Visit, row)


def close(entry: Entry, body: VisitClosed) -> None:
    row = {
        "closed_at": entry.at,
        "closed_by": entry.actor,
        "row_written": body.row,
        "observe_until": body.observe_until,
    }
    entry.store.change(Visit.update(row).where(Visit.id == body.visit))


_SELECT = (
    "SELECT id, child_id, opened_at, opened_by, booklet, informed, health, coalesce(closed_at, ''),"
    " coalesce(observe_until, '') FROM visit "
)


def _rows(store: Store, where: str, *params: Any) -> list[VisitRow]:
    rows = store.sql(_SELECT + where, *params)
    return [
        VisitRow(i, c, at, by, seen, bool(told), json.loads(h), end, until)
        for i, c, at, by, seen, told, h, end, until in rows
    ]


def one(store: Store, visit_id: str) -> VisitRow | None:
    return next(iter(_rows(store, "WHERE id = ?", visit_id)), None)


def open_ones(store: Store) -> list[VisitRow]:
    """Visits not closed, oldest first: what a restart comes back to."""
    return _rows(store, "WHERE closed_at IS NULL ORDER BY opened_at")


def open_of(store: Store, child_id: str) -> VisitRow | None:
    return next(iter(_rows(store, "WHERE child_id = ? AND closed_at IS NULL", child_id)), None)


def observed(store: Store, now: str) -> list[VisitRow]:
    """Closed visits whose observation still runs."""
    return _rows(store, "WHERE closed_at IS NOT NULL AND observe_until > ? ORDER BY observe_until", now)


def closed_since(store: Store, child_id: str, since: str) -> list[str]:
    """The ids of a child's visits closed from a moment (UTC) on."""
    rows = store.sql("SELECT id FROM visit WHERE child_id = ? AND closed_at >= ? ORDER BY closed_at", child_id, since)
    return [visit_id for (visit_id,) in rows]
