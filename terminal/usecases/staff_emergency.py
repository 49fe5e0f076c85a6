"""Monday, eight o'clock, and nobody enrolled can sign in: the sealed code in the envelope opens a seat for one day.

sealed -> used once -> reviewed by one who manages staff -> a new one is sealed. The seat is an account of its own,
EMERGENCY-1, -2, ..., of the general grade; whatever is done in it bears that code in the audit and in the facts.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain import pinyin
from domain.events import StaffAdded
from domain.permissions import Permission, check_pin
from domain.problems import block
from terminal.store import ledger, staff
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb
from terminal.usecases.staff_pin import fits, hash_pin

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # without I L O U, which are misread (Crockford)
GROUPS, GROUP = 4, 5  # twenty letters of five bits: no guessing, so no lock may stand before it
PREFIX = "EMERGENCY-"
GRADE = "general"


@dataclass(frozen=True)
class EmergencyUse:
    """How the sealed code stands. `used` is waiting for a review: number, account, the name that was given, when."""

    sealed: bool
    used: tuple[tuple[int, str, str, str], ...] = ()


def is_emergency(actor: Actor) -> bool:
    """Whether somebody sits here by the sealed code: the screen says so loudly."""
    return actor.code.startswith(PREFIX)


def first_emergency_code(desk: Desk) -> Outcome[str]:
    """The one of a new terminal (vaxdesk init), to be printed and sealed; refused once there was one."""
    if desk.store.run(staff.emergencies, desk.store):
        return stop(block("emergency.exists"))
    return desk.store.run(_seal, desk, "init")


@verb(Permission.STAFF_MANAGE)
def new_emergency_code(desk: Desk, actor: Actor) -> Outcome[str]:
    """A new code to print and seal; the one before is void. A use must be reviewed first."""
    if _unreviewed(desk):
        return stop(block("emergency.review_first"))
    return _seal(desk, actor.code)


def _seal(desk: Desk, by: str) -> Outcome[str]:
    raw = int.from_bytes(desk.world.random(13))
    letters = "".join(LETTERS[raw >> (5 * n) & 31] for n in range(GROUPS * GROUP))
    with ledger.tell(desk.store, desk.world, by) as entry:
        staff.seal_emergency(entry, hash_pin(letters, desk.world.random(16)))
        entry.audit("emergency.sealed")
    return Outcome("-".join(letters[n : n + GROUP] for n in range(0, len(letters), GROUP)))


def break_glass(desk: Desk, code: str, name: str, pin: str) -> Outcome[Actor]:
    """Open the emergency seat for today with the code of the envelope, once. `name` says who sits there, `pin` is her
    own choice: with the account's code she signs in again after a lock. Locks of persons and desk do not bar it."""
    return desk.store.run(_break_glass, desk, code, name.strip(), pin)


def _break_glass(desk: Desk, code: str, name: str, pin: str) -> Outcome[Actor]:
    typed = code.upper().translate(str.maketrans("OIL", "011"))
    letters = "".join(char for char in typed if char in LETTERS)
    sealed = next((e for e in staff.emergencies(desk.store) if not e.used_at), None)
    if sealed is None or not fits(letters, sealed.code):
        with ledger.tell(desk.store, desk.world, "") as entry:
            entry.audit("emergency.failed", why="wrong" if sealed else "none")
        return stop(block("emergency.wrong") if sealed else block("emergency.none"))
    account = f"{PREFIX}{sealed.no}"
    wrong = check_pin(pin, account) if name else [block("emergency.no_name", "name")]
    if wrong:
        return stop(*wrong)
    last_day = desk.today().isoformat()
    row = staff.StaffRow(account, name, (GRADE,), hash_pin(pin, desk.world.random(16)), last_day=last_day)
    with ledger.tell(desk.store, desk.world, account) as entry:
        staff.change_emergency(entry, sealed.no, used_at=entry.at, staff=account)
        entry.fact("staff.added", account, StaffAdded(name, row.grades), desk.stated_now())
        staff.put(entry, row, pinyin.spell(name))
        entry.audit("emergency.used", account, no=sealed.no)
        entry.audit("sign_in", account)
    return Outcome(Actor(account, name, row.grades))


def emergency_standing(desk: Desk) -> EmergencyUse:
    """Whether a code is sealed, and which uses wait for a review."""
    return desk.store.run(_standing, desk)


def _standing(desk: Desk) -> EmergencyUse:
    names = {row.code: row.name for row in staff.everyone(desk.store)}
    used = tuple((e.no, e.staff, names.get(e.staff, ""), e.used_at) for e in _unreviewed(desk))
    return EmergencyUse(any(not e.used_at for e in staff.emergencies(desk.store)), used)


def _unreviewed(desk: Desk) -> list[staff.EmergencyRow]:
    return [e for e in staff.emergencies(desk.store) if e.used_at and not e.reviewed_at]


@verb(Permission.STAFF_MANAGE)
def review_emergency(desk: Desk, actor: Actor, no: int, review: str) -> Outcome[int]:
    """What happened and who it was, in the words of one who looked into it. The account is closed with it."""
    used = next((e for e in _unreviewed(desk) if e.no == no), None)
    row = staff.one(desk.store, used.staff) if used else None
    if used is None or row is None:
        return stop(block("emergency.nothing_to_review"))
    if not review.strip():
        return stop(block("reason.missing", "review"))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        fields = {"reviewed_at": entry.at, "reviewed_by": actor.code, "review": review.strip()}
        staff.change_emergency(entry, no, **fields)
        closed = staff.StaffRow(row.code, row.name, row.grades, row.pin, active=False, last_day=row.last_day)
        staff.put(entry, closed, pinyin.spell(row.name))
        entry.fact("staff.changed", row.code, StaffAdded(row.name, row.grades, False), desk.stated_now())
        entry.audit("emergency.reviewed", row.code, no=no)
    return Outcome(no)
