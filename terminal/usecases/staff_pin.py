"""PINs: proved with a lock that grows after wrong ones, changed by their owner, set anew by who manages staff.

wrong tries in a row | a person waits       | the desk waits (whoever tries)
up to 4              | not                  | not
5, 6, 7, ...         | 1, 2, 4, ... 60 min  | not
up to 14             |                      | not
15, 16, 17, ...      |                      | 1, 2, 4, ... 15 min

A right PIN ends both. Tries are on disk, so a restart shortens no wait. GB/T 22239-2019, 8.1.4.1 b.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from domain import pinyin
from domain.permissions import Permission, allowed, check_pin
from domain.problems import Problem, block
from domain.world import from_utc_text, utc_text
from terminal.store import ledger, staff
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb


@dataclass(frozen=True)
class Patience:
    """`free` wrong tries cost nothing; then a wait doubles from one minute to `longest`."""

    free: int
    longest: timedelta

    def wait(self, failed: int) -> timedelta:
        """How long nothing is tried after so many wrong ones in a row."""
        over = failed - self.free
        return min(timedelta(minutes=2 ** min(over - 1, 10)), self.longest) if over > 0 else timedelta()


PERSON = Patience(4, timedelta(minutes=60))
DESK = Patience(14, timedelta(minutes=15))
ONE_TIME_DIGITS = 8


def _argon2(salt: bytes) -> Argon2id:
    """19 MiB, two passes, one lane (OWASP password storage): 35 ms on a shared server core; an old PC may take five
    times that, once a sign-in."""
    return Argon2id(salt=salt, length=32, iterations=2, lanes=1, memory_cost=19 * 1024)


def hash_pin(pin: str, salt: bytes) -> str:
    """Argon2id of a PIN: "salt$hash", base64."""
    derived = _argon2(salt).derive(pin.encode(errors="replace"))
    return b64encode(salt).decode() + "$" + b64encode(derived).decode()


NOBODY = b64encode(bytes(16)).decode() + "$" + b64encode(bytes(32)).decode()  # no PIN fits; trying takes as long


def fits(pin: str, kept: str) -> bool:
    """Whether a typed PIN is the kept one."""
    salt, _, derived = kept.partition("$")
    try:
        _argon2(b64decode(salt)).verify(pin.encode(errors="replace"), b64decode(derived))
    except InvalidKey:
        return False
    return True


def prove(desk: Desk, who: str, pin: str) -> Outcome[staff.StaffRow]:
    """The person a code or name and a PIN prove; wrong tries are counted and audited. On the store thread.

    An unknown name, a closed account and a wrong PIN answer alike.
    """
    found = staff.named(desk.store, who)
    if len(found) > 1:
        return stop(block("sign_in.same_name"))
    row = found[0] if found and _open(desk, found[0]) else None
    waits = _waits(desk, row.code if row else "")
    if waits:
        with ledger.tell(desk.store, desk.world, row.code if row else "") as entry:
            entry.audit("sign_in.failed", row.code if row else "", why="locked")
        return stop(waits)
    if not fits(pin, row.pin if row else NOBODY) or row is None:
        return stop(_count(desk, row))
    tried = [who for who in (row.code, staff.DESK) if staff.guard(desk.store, who).failed]
    if tried:
        with ledger.tell(desk.store, desk.world, row.code) as entry:
            for who in tried:
                staff.set_guard(entry, staff.GuardRow(who))
    return Outcome(row)


def _open(desk: Desk, row: staff.StaffRow) -> bool:
    return row.active and (not row.last_day or desk.today().isoformat() <= row.last_day)


def _waits(desk: Desk, code: str) -> Problem | None:
    """What is locked, the person or the desk, and for how long. A lock longer than any is of a clock set back since."""
    guards = [(code, PERSON, "sign_in.locked")] if code else []
    for who, patience, text in (*guards, (staff.DESK, DESK, "sign_in.desk_locked")):
        until = staff.guard(desk.store, who).locked_until
        left = from_utc_text(until) - desk.world.now() if until else timedelta()
        if timedelta() < left <= patience.longest:
            return block(text, minutes=_minutes(left))
    return None


def _count(desk: Desk, row: staff.StaffRow | None) -> Problem:
    """Count a wrong try for the person, if there is one, and for the desk; what to say of it."""
    told = block("sign_in.wrong")
    with ledger.tell(desk.store, desk.world, row.code if row else "") as entry:
        guards = [(staff.DESK, DESK, "sign_in.desk_locked")]
        if row:
            guards.append((row.code, PERSON, "sign_in.locked"))
        failed = 0
        for who, patience, text in guards:
            failed = staff.guard(desk.store, who).failed + 1
            wait = patience.wait(failed)
            staff.set_guard(entry, staff.GuardRow(who, failed, utc_text(entry.now + wait) if wait else ""))
            if wait:
                told = block(text, minutes=_minutes(wait))
        if row:
            entry.audit("sign_in.failed", row.code, why="pin", failed=failed)
        else:
            entry.audit("sign_in.failed", why="unknown")
    return told


def _minutes(left: timedelta) -> int:
    return max(1, -(-int(left.total_seconds()) // 60))


def change_pin(desk: Desk, who: str, old: str, new: str) -> Outcome[Actor]:
    """Its owner chooses a new PIN, proving the old one, and is signed in."""
    return desk.store.run(_change_pin, desk, who, old, new)


def _change_pin(desk: Desk, who: str, old: str, new: str) -> Outcome[Actor]:
    proved = prove(desk, who, old)
    if proved.value is None:
        return stop(*proved.problems)
    row = proved.value
    wrong = [block("pin.same", "pin")] if new == old else check_pin(new, row.code)
    if wrong:
        return stop(*wrong)
    with ledger.tell(desk.store, desk.world, row.code) as entry:
        keep_pin(desk, entry, row, new, must_change=False)
        entry.audit("staff.pin_changed", row.code)
        entry.audit("sign_in", row.code)
    return Outcome(Actor(row.code, row.name, row.grades))


def keep_pin(desk: Desk, entry: ledger.Entry, row: staff.StaffRow, pin: str, *, must_change: bool) -> None:
    """Put a PIN in the place of another and forget the wrong tries."""
    kept = msgspec.structs.replace(row, pin=hash_pin(pin, desk.world.random(16)), must_change=must_change)
    staff.put(entry, kept, pinyin.spell(row.name))
    staff.set_guard(entry, staff.GuardRow(row.code))


def one_time_pin(desk: Desk, code: str) -> str:
    """Digits to be told to their owner, who must change them at the first sign-in."""
    while True:
        pin = f"{int.from_bytes(desk.world.random(8)) % 10**ONE_TIME_DIGITS:0{ONE_TIME_DIGITS}d}"
        if not check_pin(pin, code):
            return pin


@verb(Permission.STAFF_MANAGE)
def reset_pin(desk: Desk, actor: Actor, code: str) -> Outcome[str]:
    """A PIN to tell its owner, once; she must change it at her first sign-in. It ends a lock too."""
    row = staff.one(desk.store, code)
    if row is None:
        return stop(block("staff.unknown", who=code))
    pin = one_time_pin(desk, row.code)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        keep_pin(desk, entry, row, pin, must_change=True)
        entry.audit("staff.pin_reset", row.code)
    return Outcome(pin)


RECOVERY = "recovery"  # who acts when the passphrase of the safe does


def recover_pin(desk: Desk, code: str) -> Outcome[str]:
    """A new PIN for one who manages staff and cannot sign in any more, as nobody else may give her one. The caller has
    proved the recovery passphrase; any other account is helped by the one who manages staff."""
    return desk.store.run(_recover_pin, desk, code)


def _recover_pin(desk: Desk, code: str) -> Outcome[str]:
    row = staff.one(desk.store, code)
    if row is None:
        return stop(block("staff.unknown", who=code))
    if not (_open(desk, row) and allowed(row.grades, Permission.STAFF_MANAGE)):
        return stop(block("staff.recovers_managers_only", who=row.code))
    pin = one_time_pin(desk, row.code)
    with ledger.tell(desk.store, desk.world, RECOVERY) as entry:
        keep_pin(desk, entry, row, pin, must_change=True)
        entry.audit("staff.pin_recovered", row.code)
    return Outcome(pin)


@verb(Permission.STAFF_MANAGE)
def unlock_staff(desk: Desk, actor: Actor, code: str) -> Outcome[str]:
    """End a person's wait after wrong PINs; her PIN stays. Gives her code."""
    row = staff.one(desk.store, code)
    if row is None:
        return stop(block("staff.unknown", who=code))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        staff.set_guard(entry, staff.GuardRow(row.code))
        entry.audit("staff.unlocked", row.code)
    return Outcome(row.code)
