"""Badges: a number of its own, bound to a person here and now, without the network. A lost one answers loudly."""

from __future__ import annotations

import re
from itertools import count

from domain.codes import badge_text
from domain.permissions import Permission
from domain.problems import block
from terminal.store import ledger, staff
from terminal.usecases.desk import Actor, Desk, Outcome, missing_right, stop, verb

NUMBER = re.compile(r"[0-9A-Z-]{1,32}")  # what domain.codes.own can print


def badge_holder(desk: Desk, number: str) -> Outcome[staff.StaffRow]:
    """Whose badge was scanned. It proves nothing: the PIN is asked next. A blocked or unknown one is audited."""
    return desk.store.run(_badge_holder, desk, number)


def _badge_holder(desk: Desk, number: str) -> Outcome[staff.StaffRow]:
    known = staff.badge(desk.store, number)
    row = staff.one(desk.store, known.staff) if known else None
    if known and row and row.active and not known.blocked_at:
        return Outcome(row)
    why = "blocked" if known else "unknown"
    with ledger.tell(desk.store, desk.world, "") as entry:
        entry.audit("badge.refused", known.staff if known else "", why=why)
    return stop(block("badge.blocked") if known else block("badge.unknown"))


@verb(Permission.STAFF_MANAGE)
def issue_badge(desk: Desk, actor: Actor, code: str, number: str = "") -> Outcome[str]:
    """Bind a new badge to a person and block the ones she had. Gives the text to print as a QR code.

    `number`: of a blank card that was scanned; without it the next free one of hers.
    """
    row = staff.one(desk.store, code)
    if row is None:
        return stop(block("staff.unknown", who=code))
    number = number.upper() or _next_number(desk, row.code)
    if not NUMBER.fullmatch(number):
        return stop(block("badge.bad_number", "number"))
    if staff.badge(desk.store, number):
        return stop(block("badge.taken", "number", number=number))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        for old in staff.badges(desk.store):
            if old.staff == row.code and not old.blocked_at:
                staff.block_badge(entry, old.number, "replaced")
                entry.audit("badge.blocked", row.code, badge=old.number, why="replaced")
        staff.add_badge(entry, staff.BadgeRow(number, row.code, entry.at))
        entry.audit("badge.issued", row.code, badge=number)
    return Outcome(badge_text(number))


def block_badge(desk: Desk, actor: Actor, number: str) -> Outcome[str]:
    """A badge is lost: it is good for nothing from now on. Its owner may say so, and who manages staff."""
    return desk.store.run(_block_badge, desk, actor, number)


def _block_badge(desk: Desk, actor: Actor, number: str) -> Outcome[str]:
    known = staff.badge(desk.store, number.upper())
    if known is None:
        return stop(block("badge.unknown"))
    if known.staff != actor.code and (missing := missing_right(desk, actor, Permission.STAFF_MANAGE)):
        return stop(*missing)
    if not known.blocked_at:
        with ledger.tell(desk.store, desk.world, actor.code) as entry:
            staff.block_badge(entry, known.number, "lost")
            entry.audit("badge.blocked", known.staff, badge=known.number, why="lost")
    return Outcome(known.number)


def _next_number(desk: Desk, code: str) -> str:
    taken = {b.number for b in staff.badges(desk.store)}
    base = re.sub(r"[^0-9A-Z]", "", code.upper()) or "B"
    return next(number for n in count(1) if (number := base if n == 1 else f"{base}-{n}") not in taken)
