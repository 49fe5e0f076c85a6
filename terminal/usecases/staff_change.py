"""The staff list: who works here, with which rights. Nobody is ever deleted: what she did bears her name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from domain import pinyin
from domain.events import StaffAdded
from domain.permissions import Permission, check_grades, check_pin, permissions
from domain.problems import Problem, block, stops
from domain.world import from_utc_text
from terminal.store import ledger, staff
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb
from terminal.usecases.staff_badge import NUMBER
from terminal.usecases.staff_pin import hash_pin, one_time_pin


@dataclass(frozen=True)
class StaffLine:
    """One person of the list. `badge` is her good badge's number or ""; `locked` until she may try again, "" if now;
    `last_day` of an emergency account."""

    code: str
    name: str
    grades: tuple[str, ...]
    active: bool
    must_change: bool
    badge: str
    locked: str
    last_day: str


@verb(Permission.STAFF_MANAGE)
def list_staff(desk: Desk, actor: Actor) -> Outcome[list[StaffLine]]:  # noqa: ARG001 (the verb asks who)
    """Everybody by pinyin, those who left too."""
    good = {b.staff: b.number for b in staff.badges(desk.store) if not b.blocked_at}
    return Outcome([_line(desk, row, good.get(row.code, "")) for row in staff.everyone(desk.store)])


def _line(desk: Desk, row: staff.StaffRow, badge: str) -> StaffLine:
    until = staff.guard(desk.store, row.code).locked_until
    locked = until if until and from_utc_text(until) > desk.world.now() else ""
    return StaffLine(row.code, row.name, row.grades, row.active, row.must_change, badge, locked, row.last_day)


@verb(Permission.STAFF_MANAGE)
def add_staff(desk: Desk, actor: Actor, code: str, name: str, grades: tuple[str, ...]) -> Outcome[str]:
    """A new member of staff with a badge number like her code. Gives the PIN to tell her, which she must change."""
    if staff.one(desk.store, code):
        return stop(block("staff.code_taken", "code", who=code))
    pin = one_time_pin(desk, code)
    made = _put(desk, actor.code, staff.StaffRow(code, name, tuple(grades), "", must_change=True), pin)
    return Outcome(pin) if made.ok else stop(*made.problems)


@verb(Permission.STAFF_MANAGE)
def change_staff(desk: Desk, actor: Actor, code: str, name: str, grades: tuple[str, ...]) -> Outcome[staff.StaffRow]:
    """Another name or other grades; PIN and badge stay. The last who manages staff keeps that right."""
    return _change(desk, actor, code, name=name, grades=tuple(grades))


@verb(Permission.STAFF_MANAGE)
def deactivate_staff(desk: Desk, actor: Actor, code: str) -> Outcome[staff.StaffRow]:
    """She left: nothing of hers signs in from now on. Her good badge is blocked."""
    return _change(desk, actor, code, active=False)


@verb(Permission.STAFF_MANAGE)
def activate_staff(desk: Desk, actor: Actor, code: str) -> Outcome[staff.StaffRow]:
    """She is back; a blocked badge stays blocked."""
    return _change(desk, actor, code, active=True)


def _change(desk: Desk, actor: Actor, code: str, **fields: Any) -> Outcome[staff.StaffRow]:
    row = staff.one(desk.store, code)
    if row is None:
        return stop(block("staff.unknown", who=code))
    return _put(desk, actor.code, msgspec.structs.replace(row, **fields))


@verb(Permission.STAFF_MANAGE)
def put_staff(
    desk: Desk, actor: Actor, code: str, name: str, grades: tuple[str, ...], pin: str, active: bool = True
) -> Outcome[staff.StaffRow]:
    """Add a member of staff or change one, with a PIN she typed herself."""
    return _put(desk, actor.code, staff.StaffRow(code, name, tuple(grades), "", active), pin)


def first_staff(desk: Desk, code: str, name: str, grades: tuple[str, ...], pin: str) -> Outcome[staff.StaffRow]:
    """The first account of an empty database (vaxdesk init); refused once anyone exists."""
    if desk.store.run(staff.everyone, desk.store):
        return stop(block("staff.not_empty"))
    return desk.store.run(_put, desk, "init", staff.StaffRow(code, name, tuple(grades), ""), pin)


def _put(desk: Desk, by: str, row: staff.StaffRow, pin: str | None = None) -> Outcome[staff.StaffRow]:
    """Keep a member of staff, and tell it; `pin` None leaves hers."""
    known = staff.one(desk.store, row.code)
    problems = _wrong(desk, row, pin)
    if stops(problems):
        return stop(*problems)
    if pin is not None:
        row = msgspec.structs.replace(row, pin=hash_pin(pin, desk.world.random(16)))
    with ledger.tell(desk.store, desk.world, by) as entry:
        kind = "staff.changed" if known else "staff.added"
        entry.fact(kind, row.code, StaffAdded(row.name, row.grades, row.active), desk.stated_now())
        staff.put(entry, row, pinyin.spell(row.name))
        entry.audit(kind, row.code, grades=list(row.grades), active=row.active)
        _fit_badge(entry, row, known is None)
    return Outcome(row)


def _fit_badge(entry: ledger.Entry, row: staff.StaffRow, new: bool) -> None:
    """A new person's first badge has the number of her code; of who left, the good one is blocked."""
    if new and NUMBER.fullmatch(row.code.upper()) and not staff.badge(entry.store, row.code.upper()):
        staff.add_badge(entry, staff.BadgeRow(row.code.upper(), row.code, entry.at))
    good = [b for b in staff.badges(entry.store) if b.staff == row.code and not b.blocked_at]
    for badge in good if not row.active else []:
        staff.block_badge(entry, badge.number, "left")
        entry.audit("badge.blocked", row.code, badge=badge.number, why="left")


def _wrong(desk: Desk, row: staff.StaffRow, pin: str | None) -> list[Problem]:
    problems = check_grades(row.grades)
    if pin is not None:
        problems += check_pin(pin, row.code)
    if not row.last_day and not (row.code.isascii() and row.code.isalnum() and len(row.code) <= 16):
        problems.append(block("staff.bad_code", "code"))
    if not row.name.strip():
        problems.append(block("staff.no_name", "name"))
    if not row.active or Permission.STAFF_MANAGE not in permissions(row.grades):
        others = [r for r in staff.everyone(desk.store) if r.code.upper() != row.code.upper() and r.active]
        mine = staff.one(desk.store, row.code)
        managed = mine and mine.active and Permission.STAFF_MANAGE in permissions(mine.grades)
        if managed and not any(Permission.STAFF_MANAGE in permissions(r.grades) for r in others):
            problems.append(block("staff.last_manager"))
    return problems
