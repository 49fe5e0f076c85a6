"""The people who may sign in, their badges, their wrong PINs, and the sealed emergency codes."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from terminal.store.database import Store
from terminal.store.ledger import Entry
from terminal.store.tables import Badge, Emergency, Guard, Staff

DESK = ""  # the guard of the desk itself


class StaffRow(msgspec.Struct, frozen=True):
    """`pin` is "salt$hash" (Argon2id); `must_change`: the PIN is good for choosing a new one only; `last_day` is the
    ISO day after which the account is closed, "" for none."""

    code: str
    name: str
    grades: tuple[str, ...]
    pin: str
    active: bool = True
    must_change: bool = False
    last_day: str = ""


class BadgeRow(msgspec.Struct, frozen=True):
    """`number` is what is printed; `staff` the code of whose it is; instants UTC, "" while it is not blocked."""

    number: str
    staff: str
    issued_at: str
    blocked_at: str = ""
    blocked_why: str = ""


class GuardRow(msgspec.Struct, frozen=True):
    """Wrong tries in a row of one person, or of the desk."""

    who: str
    failed: int = 0
    locked_until: str = ""


class EmergencyRow(msgspec.Struct, frozen=True):
    """A sealed code: `code` its hash; `staff` the account it opened when it was used; instants UTC or ""."""

    no: int
    code: str
    made_at: str
    made_by: str
    used_at: str = ""
    staff: str = ""
    reviewed_at: str = ""
    reviewed_by: str = ""
    review: str = ""


def put(entry: Entry, row: StaffRow, spelled: str) -> None:
    """Add or change a member of staff."""
    values = msgspec.structs.asdict(row) | {"grades": json.dumps(row.grades), "pinyin": spelled}
    changed = {field: value for field, value in values.items() if field != "code"}
    entry.store.change(Staff.insert(values).on_conflict(conflict_target=[Staff.code], update=changed))


def one(store: Store, code: str) -> StaffRow | None:
    """By code, in either case of letters."""
    return next((r for r in everyone(store) if r.code.upper() == code.upper()), None)


def everyone(store: Store) -> list[StaffRow]:
    """All staff by pinyin."""
    rows = store.sql("SELECT code, name, grades, pin, active, must_change, last_day FROM staff ORDER BY pinyin, code")
    return [StaffRow(c, n, tuple(json.loads(g)), p, bool(a), bool(m), d) for c, n, g, p, a, m, d in rows]


def named(store: Store, who: str) -> list[StaffRow]:
    """Who is meant by a code, else by a whole name."""
    by_code = one(store, who)
    return [by_code] if by_code else [r for r in everyone(store) if who and r.name == who]


def guard(store: Store, who: str) -> GuardRow:
    """The wrong tries of one person, or of `DESK`."""
    rows = store.sql("SELECT who, failed, locked_until FROM guard WHERE who = ?", who)
    return GuardRow(*rows[0]) if rows else GuardRow(who)


def set_guard(entry: Entry, row: GuardRow) -> None:
    """Keep it; without a wrong try there is none."""
    if row.failed:
        entry.store.change(Guard.insert(msgspec.structs.asdict(row)).on_conflict_replace())
    else:
        entry.store.change(Guard.delete().where(Guard.who == row.who))


def badges(store: Store) -> list[BadgeRow]:
    """Every number ever given, the latest last."""
    rows = store.sql("SELECT number, staff, issued_at, blocked_at, blocked_why FROM badge ORDER BY issued_at, number")
    return [BadgeRow(*row) for row in rows]


def badge(store: Store, number: str) -> BadgeRow | None:
    return next((b for b in badges(store) if b.number == number), None)


def add_badge(entry: Entry, row: BadgeRow) -> None:
    entry.store.insert(Badge, msgspec.structs.asdict(row))


def block_badge(entry: Entry, number: str, why: str) -> None:
    entry.store.change(Badge.update(blocked_at=entry.at, blocked_why=why).where(Badge.number == number))


def emergencies(store: Store) -> list[EmergencyRow]:
    """All sealed codes, oldest first."""
    fields = ", ".join(EmergencyRow.__struct_fields__)
    return [EmergencyRow(*row) for row in store.sql(f"SELECT {fields} FROM emergency ORDER BY no")]


def seal_emergency(entry: Entry, code: str) -> None:
    """A new sealed code; one that lay unused is void."""
    entry.store.change(Emergency.delete().where(Emergency.used_at == ""))
    row = EmergencyRow(0, code, entry.at, entry.actor)
    values = {field: value for field, value in msgspec.structs.asdict(row).items() if field != "no"}
    entry.store.insert(Emergency, values)


def change_emergency(entry: Entry, no: int, **fields: Any) -> None:
    entry.store.change(Emergency.update(**fields).where(Emergency.no == no))
