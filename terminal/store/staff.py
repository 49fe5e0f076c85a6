"""The people who may sign in, and their failed tries."""

from __future__ import annotations

import json

import msgspec

from terminal.store.database import Store
from terminal.store.ledger import Entry
from terminal.store.tables import Staff


class StaffRow(msgspec.Struct, frozen=True):
    """`pin` is an Argon2id hash in PHC form; `locked_until` a UTC instant or ""."""

    code: str
    name: str
    grades: tuple[str, ...]
    pin: str
    active: bool
    failed: int
    locked_until: str


def put(entry: Entry, row: StaffRow, spelled: str) -> None:
    """Add or replace a member of staff."""
    values = msgspec.structs.asdict(row) | {"grades": json.dumps(row.grades), "pinyin": spelled, "badge": ""}
    entry.store.change(Staff.insert(values).on_conflict_replace())


def one(store: Store, code: str) -> StaffRow | None:
    return next((r for r in everyone(store) if r.code == code), None)


def everyone(store: Store) -> list[StaffRow]:
    """All staff by pinyin."""
    rows = store.sql("SELECT code, name, grades, pin, active, failed, locked_until FROM staff ORDER BY pinyin")
    return [StaffRow(c, n, tuple(json.loads(g)), p, bool(a), f, u) for c, n, g, p, a, f, u in rows]


def count_failure(entry: Entry, code: str, failed: int, locked_until: str) -> None:
    entry.store.change(Staff.update(failed=failed, locked_until=locked_until).where(Staff.code == code))
