"""Who of the region may look at its pages: accounts, sign-in with a lock, sessions. Passwords are kept as Argon2id."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from threading import BoundedSemaphore
from typing import Literal

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from domain.errors import ConfigError
from domain.world import World
from regional.database import Connection

Right = Literal["overview", "person", "fhir"]
GRADES: dict[str, frozenset[Right]] = {
    "viewer": frozenset({"overview"}),
    "reviewer": frozenset({"overview", "person"}),
    "system": frozenset({"fhir"}),  # another program, no pages
}
SHORTEST_PASSWORD = 12
TRIES, LOCKED = 5, timedelta(minutes=15)
IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=12)
_SALT = 16
_at_once = BoundedSemaphore(2)  # a flood of tries does not take all memory and cores


@dataclass(frozen=True)
class Staff:
    """Somebody who has signed in."""

    login: str
    name: str
    grade: str

    def may(self, right: Right) -> bool:
        return right in GRADES.get(self.grade, frozenset())


def add(connection: Connection, login: str, name: str, grade: str, password: str, world: World) -> None:
    """A new account, or an old one with a new name, grade and password; its sessions end and it is open again.

    Raises ConfigError: "region.bad_login", "region.short_password".
    """
    if (
        not 1 <= len(login) <= 64
        or not login.isascii()
        or not login.isprintable()
        or ":" in login
        or grade not in GRADES
    ):
        raise ConfigError("region.bad_login")
    if len(password) < SHORTEST_PASSWORD:
        raise ConfigError("region.short_password", least=SHORTEST_PASSWORD)
    with connection.transaction():
        connection.execute(
            "INSERT INTO region_staff (login, name, grade, secret) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (login) DO UPDATE SET name = excluded.name, grade = excluded.grade, secret = excluded.secret,"
            " active = true, failures = 0, locked_until = NULL",
            (login, name, grade, _hash(password, world.random(_SALT))),
        )
        connection.execute("DELETE FROM region_session WHERE login = %s", (login,))


def close(connection: Connection, login: str) -> None:
    """The account may not sign in any more, and is signed out. Raises ConfigError("region.no_such_login")."""
    with connection.transaction():
        if not connection.execute("UPDATE region_staff SET active = false WHERE login = %s", (login,)).rowcount:
            raise ConfigError("region.no_such_login", login=login)
        connection.execute("DELETE FROM region_session WHERE login = %s", (login,))


def listed(connection: Connection) -> list[tuple[str, str, str, bool]]:
    """Login, name, grade, and whether it may sign in."""
    return connection.execute("SELECT login, name, grade, active FROM region_staff ORDER BY login").fetchall()


# The try is counted before the password is looked at: many at once are no more tries than one after another.
_TRY = """
UPDATE region_staff SET failures = CASE WHEN locked_until <= %(now)s THEN 1 ELSE failures + 1 END,
    locked_until = CASE WHEN locked_until <= %(now)s THEN NULL WHEN failures + 1 >= %(tries)s THEN %(until)s END
WHERE login = %(login)s AND active AND (locked_until IS NULL OR locked_until <= %(now)s)
RETURNING name, grade, secret
"""


def begin_try(connection: Connection, login: str, now: datetime) -> tuple[Staff, str] | None:
    """Count a try, to be committed before `proven`; None for an account that is unknown, closed or locked."""
    params = {"login": login.replace("\0", ""), "now": now, "tries": TRIES, "until": now + LOCKED}
    row = connection.execute(_TRY, params).fetchone()
    return (Staff(login, row[0], row[1]), row[2]) if row else None


def proven(tried: tuple[Staff, str] | None, password: str) -> Staff | None:
    """Whoever the password fits. An unknown, closed or locked account takes as long and answers alike."""
    with _at_once:
        fits = _fits(password, tried[1] if tried else _NOBODY)
    return tried[0] if tried and fits else None


def succeeded(connection: Connection, who: Staff) -> None:
    """The tries are forgotten."""
    connection.execute("UPDATE region_staff SET failures = 0, locked_until = NULL WHERE login = %s", (who.login,))


def begin_session(connection: Connection, who: Staff, token: str, now: datetime) -> None:
    """The token is the visitor's alone: the database keeps its hash. Sessions that ended are forgotten."""
    connection.execute("DELETE FROM region_session WHERE seen_at < %s OR begun_at < %s", (now - IDLE, now - LONGEST))
    connection.execute("INSERT INTO region_session VALUES (%s, %s, %s, %s)", (_digest(token), who.login, now, now))


def in_session(connection: Connection, token: str, now: datetime) -> Staff | None:
    """Whose session it is; looking keeps it open."""
    row = connection.execute(
        "UPDATE region_session s SET seen_at = %s FROM region_staff f WHERE f.login = s.login AND f.active"
        " AND token_hash = %s AND seen_at >= %s AND begun_at >= %s RETURNING f.login, f.name, f.grade",
        (now, _digest(token), now - IDLE, now - LONGEST),
    ).fetchone()
    return Staff(*row) if row else None


def end_session(connection: Connection, token: str) -> None:
    connection.execute("DELETE FROM region_session WHERE token_hash = %s", (_digest(token),))


def _digest(token: str) -> bytes:
    return sha256(token.encode(errors="replace")).digest()


def _argon2(salt: bytes) -> Argon2id:
    """19 MiB, two passes, one lane (OWASP password storage)."""
    return Argon2id(salt=salt, length=32, iterations=2, lanes=1, memory_cost=19 * 1024)


def _hash(password: str, salt: bytes) -> str:
    return b64encode(salt).decode() + "$" + b64encode(_argon2(salt).derive(_bytes(password))).decode()


_NOBODY = b64encode(bytes(_SALT)).decode() + "$" + b64encode(bytes(32)).decode()  # no password fits


def _fits(password: str, kept: str) -> bool:
    salt, _, derived = kept.partition("$")
    try:
        _argon2(b64decode(salt)).verify(_bytes(password), b64decode(derived))
    except InvalidKey:
        return False
    return True


def _bytes(password: str) -> bytes:
    return password.encode(errors="replace")
