"""Badge or name and PIN; failed tries are counted, audited and lock the account for a while. Staff upkeep."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import timedelta

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from domain import pinyin
from domain.events import StaffAdded
from domain.permissions import Permission, check_grades, check_pin
from domain.problems import block, stops
from domain.world import from_utc_text, utc_text
from terminal.store import ledger, staff
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb

TRIES = 5  # GB/T 22239: lock after failures
LOCKED_FOR = timedelta(minutes=15)


def _argon2(salt: bytes) -> Argon2id:
    """19 MiB, two passes, one lane (OWASP password storage): about 25 ms."""
    return Argon2id(salt=salt, length=32, iterations=2, lanes=1, memory_cost=19 * 1024)


def hash_pin(pin: str, salt: bytes) -> str:
    """Argon2id of a PIN: "salt$hash", base64."""
    derived = _argon2(salt).derive(pin.encode())
    return b64encode(salt).decode() + "$" + b64encode(derived).decode()


def _fits(pin: str, kept: str) -> bool:
    salt, _, derived = kept.partition("$")
    try:
        _argon2(b64decode(salt)).verify(pin.encode(), b64decode(derived))
    except InvalidKey:
        return False
    return True


def sign_in(desk: Desk, code: str, pin: str) -> Outcome[Actor]:
    """The person behind a staff code and PIN. Unknown code and wrong PIN answer alike."""
    return desk.store.run(_sign_in, desk, code, pin)


def _sign_in(desk: Desk, code: str, pin: str) -> Outcome[Actor]:
    row = staff.one(desk.store, code)
    now = desk.world.now()
    with ledger.tell(desk.store, desk.world, code if row else "") as entry:
        if row is None or not row.active:
            entry.audit("sign_in.failed", why="unknown")
            return stop(block("sign_in.wrong"))
        left = from_utc_text(row.locked_until) - now if row.locked_until else timedelta()
        if timedelta() < left <= LOCKED_FOR:  # longer than any lock: the clock was set back since
            entry.audit("sign_in.failed", row.code, why="locked")
            return stop(block("sign_in.locked", minutes=_minutes_left(row.locked_until, desk)))
        if not _fits(pin, row.pin):
            failed = row.failed + 1
            locks = failed >= TRIES
            staff.count_failure(entry, code, 0 if locks else failed, utc_text(now + LOCKED_FOR) if locks else "")
            entry.audit("sign_in.failed", row.code, why="pin", failed=failed)
            return stop(block("sign_in.locked", minutes=15) if locks else block("sign_in.wrong"))
        if row.failed or row.locked_until:
            staff.count_failure(entry, code, 0, "")
        entry.audit("sign_in", row.code)
    return Outcome(Actor(row.code, row.name, row.grades))


def _minutes_left(until: str, desk: Desk) -> int:
    return max(1, round((from_utc_text(until) - desk.world.now()).total_seconds() / 60))


@verb(Permission.STAFF_MANAGE)
def put_staff(
    desk: Desk, actor: Actor, code: str, name: str, grades: tuple[str, ...], pin: str, active: bool = True
) -> Outcome[staff.StaffRow]:
    """Add a member of staff or change one; a PIN is set anew, never read."""
    return _put(desk, actor.code, code, name, grades, pin, active)


def first_staff(desk: Desk, code: str, name: str, grades: tuple[str, ...], pin: str) -> Outcome[staff.StaffRow]:
    """The first account of an empty database (vaxdesk init); refused once anyone exists."""
    if desk.store.run(staff.everyone, desk.store):
        return stop(block("staff.not_empty"))
    return desk.store.run(_put, desk, "init", code, name, grades, pin, True)


def _put(
    desk: Desk, by: str, code: str, name: str, grades: tuple[str, ...], pin: str, active: bool
) -> Outcome[staff.StaffRow]:
    problems = [*check_grades(grades), *check_pin(pin, code)]
    if not code.isalnum() or len(code) > 16:
        problems.append(block("staff.bad_code", "code"))
    if stops(problems):
        return stop(*problems)
    row = staff.StaffRow(code, name, tuple(grades), hash_pin(pin, desk.world.random(16)), active, 0, "")
    known = staff.one(desk.store, code) is not None
    with ledger.tell(desk.store, desk.world, by) as entry:
        kind = "staff.changed" if known else "staff.added"
        entry.fact(kind, code, StaffAdded(name, tuple(grades), active), desk.stated_now())
        staff.put(entry, row, pinyin.spell(name))
        entry.audit(kind, code, grades=list(grades))
    return Outcome(row)
