"""What a person of the clinic should know or answer: advice of the region, and findings of this terminal."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from domain.world import utc_text
from terminal.store.database import Store
from terminal.store.ledger import Entry


class Matter(msgspec.Struct, frozen=True):
    """`code` is a text's, `key` the matter's own, `at` when it was heard here first (UTC)."""

    key: str
    code: str
    child_id: str
    params: dict[str, Any]
    at: str


def open(store: Store, matter: Matter) -> None:
    """Open a matter, or put what it says now in its place; one that a person settled stays settled while it says the
    same. In a transaction."""
    store.db.execute_sql(
        "INSERT INTO matter (key, code, child_id, params, at, settled_at, settled_by, settled_why)"
        " VALUES (?, ?, ?, ?, ?, '', '', '')"
        " ON CONFLICT (key) DO UPDATE SET code = excluded.code, child_id = excluded.child_id, at = excluded.at,"
        " params = excluded.params, settled_at = '', settled_by = '', settled_why = ''"
        " WHERE (code, child_id, params) <> (excluded.code, excluded.child_id, excluded.params)",
        (matter.key, matter.code, matter.child_id, _text(matter.params), matter.at),
    )


def end(store: Store, key: str) -> None:
    """It is no matter any more. In a transaction."""
    store.db.execute_sql("DELETE FROM matter WHERE key = ?", (key,))


def settle(entry: Entry, key: str, why: str) -> None:
    """A person of this desk has seen to it; `why` in that person's words."""
    entry.store.db.execute_sql(
        "UPDATE matter SET settled_at = ?, settled_by = ?, settled_why = ? WHERE key = ?",
        (utc_text(entry.now), entry.actor, why, key),
    )


def open_matters(store: Store, code: str = "") -> list[Matter]:
    """What waits, oldest first; of one code or of all."""
    return _rows(store, "(? = '' OR code = ?) ORDER BY at, key", code, code)


def one(store: Store, key: str) -> Matter | None:
    """A matter that waits."""
    return next(iter(_rows(store, "key = ?", key)), None)


def count(store: Store) -> int:
    """How many wait."""
    return int(store.sql("SELECT count(*) FROM matter WHERE settled_at = ''")[0][0])


def _rows(store: Store, where: str, *params: str) -> list[Matter]:
    rows = store.sql(f"SELECT key, code, child_id, params, at FROM matter WHERE settled_at = '' AND {where}", *params)
    return [Matter(key, said, child_id, json.loads(params), at) for key, said, child_id, params, at in rows]


def _text(params: dict[str, Any]) -> str:
    return json.dumps(params, ensure_ascii=False, sort_keys=True)
