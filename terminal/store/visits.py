"""Visits: opened at the counter, closed with one slip for all their doses."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from domain.events import VisitClosed, VisitOpened
from terminal.store import links
from terminal.store.database import Store
from terminal.store.ledger import Telling
from terminal.store.tables import Visit


class VisitRow(msgspec.Struct, frozen=True):
    """One visit; `closed_at` empty while the child is in the chair; `terminal` another desk's, "" this one's."""

    id: str
    child_id: str
    opened_at: str
    opened_by: str
    booklet: str
    informed: bool
    health: dict[str, Any]
    closed_at: str
    observe_until: str
    terminal: str = ""
    desk: str = ""


def add(entry: Telling, visit_id: str, child_id: str, body: VisitOpened, terminal: str = "") -> None:
    """The row of a `visit.opened`; `terminal` of another desk, "" this one."""
    row = msgspec.structs.asdict(body) | {"health": json.dumps(body.health, ensure_ascii=False)}
    row |= {"id": visit_id, "child_id": child_id, "opened_at": entry.at, "opened_by": entry.actor}
    row |= {"terminal": terminal}
    entry.store.insert(Visit, row)


def close(entry: Telling, body: VisitClosed) -> None:
    entry.store.db.execute_sql(
        "UPDATE visit SET closed_at = ?, closed_by = ?, row_written = ?, observe_until = ? WHERE id = ?",
        (entry.at, entry.actor, body.row, body.observe_until, body.visit),
    )


_SELECT = (
    "SELECT id, child_id, opened_at, opened_by, booklet, informed, health, coalesce(closed_at, ''),"
    " coalesce(observe_until, ''), terminal, desk FROM visit "
)


def _rows(store: Store, where: str, *params: Any) -> list[VisitRow]:
    rows = store.sql(_SELECT + where, *params)
    return [
        VisitRow(i, c, at, by, seen, bool(told), json.loads(h), end, until, terminal, desk)
        for i, c, at, by, seen, told, h, end, until, terminal, desk in rows
    ]


def one(store: Store, visit_id: str) -> VisitRow | None:
    return next(iter(_rows(store, "WHERE id = ?", visit_id)), None)


def open_ones(store: Store) -> list[VisitRow]:
    """This desk's visits not closed, oldest first: what a restart comes back to."""
    return _rows(store, "WHERE closed_at IS NULL AND terminal = '' ORDER BY opened_at")


def open_of(store: Store, child_id: str) -> VisitRow | None:
    """The visit of the child that this desk has open."""
    return next(iter(_open_of(store, child_id, "terminal = ''")), None)


def open_elsewhere(store: Store, child_id: str) -> VisitRow | None:
    """The visit of the child that another desk of the clinic has open, the latest."""
    return next(iter(_open_of(store, child_id, "terminal <> '' ORDER BY opened_at DESC")), None)


def _open_of(store: Store, child_id: str, where: str) -> list[VisitRow]:
    ids = links.group(store, child_id)
    return _rows(store, f"WHERE child_id IN ({', '.join('?' * len(ids))}) AND closed_at IS NULL AND {where}", *ids)


def closed_since(store: Store, child_id: str, since: str) -> list[str]:
    """The ids of a child's visits closed from a moment (UTC) on."""
    ids = links.group(store, child_id)
    rows = store.sql(
        f"SELECT id FROM visit WHERE child_id IN ({', '.join('?' * len(ids))}) AND closed_at >= ? ORDER BY closed_at",
        *ids,
        since,
    )
    return [visit_id for (visit_id,) in rows]
