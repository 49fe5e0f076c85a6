"""One-time codes, terminals' places and the numbers leased to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

import msgspec

from domain.errors import WireError
from domain.wire import UNREADABLE, signed
from domain.world import World, from_utc_text, utc_text
from regional import allowance, auth, replacement
from regional.auth import Asked, Refused
from regional.database import Connection, Pool
from regional.keys import KeyRing
from regional.scope import Giving
from sync import crypto
from sync.messages import EnrolmentAnswer, EnrolmentRequest, LeaseAnswer, LeaseRequest

CODE_LIFE = timedelta(hours=24)
REGISTRATION_LIFE = timedelta(days=90)
_TRIES, _TRY_WINDOW = 10, timedelta(minutes=15)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_READ_AS = str.maketrans("OIL", "011", "- \t\r\n")

LeaseKind = Literal["child_code", "booklet", "receipt"]
MAX_LEASE = 20_000
FIRST_LEASES: Mapping[LeaseKind, int] = {"child_code": 300, "booklet": 300, "receipt": 6000}


def new_code(connection: Connection, world: World, *, clinic: str, name: str, desk: str, hub: bool = False) -> str:
    """A one-time code for a desk of the clinic with this ten-digit code, or for its hub: 80 random bits, good for 24
    hours."""
    bits = int.from_bytes(world.random(10), "big")
    plain = "".join(_ALPHABET[bits >> shift & 31] for shift in range(75, -5, -5))
    connection.execute(
        "INSERT INTO clinic (code, name) VALUES (%s, %s) ON CONFLICT (code) DO UPDATE SET name = excluded.name",
        (clinic, name),
    )
    connection.execute(
        "INSERT INTO enrolment_code (code_hash, clinic_code, desk, expires_at, hub) VALUES (%s, %s, %s, %s, %s)",
        (_hash(plain), clinic, desk, world.now() + CODE_LIFE, hub),
    )
    return "-".join(plain[at : at + 4] for at in range(0, 16, 4))


def _hash(code: str) -> bytes:
    """Of 80 random bits: a plain hash is enough. O is read as 0, I and L as 1; case, dashes and spaces do not count."""
    return sha256(code.upper().translate(_READ_AS).encode("utf-8", "replace")).digest()


def enrol(pool: Pool, keys: KeyRing, asked: Asked, world: World) -> EnrolmentAnswer:
    """Give the signer of this request its place. Raises Refused.

    The same code from the same key is answered again, for the first answer may have been lost.
    """
    now = world.now()
    try:
        said = msgspec.json.decode(asked.body, type=EnrolmentRequest)
        if said.suite != signed.SIGN_SUITE:
            raise Refused(422, "UNKNOWN_SUITE", suite=said.suite)
        public = crypto.public_from_point(said.public_key)
    except (*UNREADABLE, WireError) as fault:
        raise Refused(400, "BAD_REQUEST") from fault
    if "\0" in said.before:
        raise Refused(400, "BAD_REQUEST")
    given, sig = auth.signature(asked)
    auth.check(asked, given, sig, public, now)
    if given.keyid != crypto.key_id(public):
        raise Refused(401, "BAD_REQUEST")
    with pool.transaction() as connection:
        _count_tries(connection, asked.source, now)
        auth.use_nonce(connection, given, now)
        code = _take_code(connection, said, given.keyid, now)
        if isinstance(code, Refused):
            connection.execute("INSERT INTO enrolment_failure VALUES (%s, %s)", (asked.source, now))
        else:
            answer = _place(connection, keys, world, public, said.before, *code)
    if isinstance(code, Refused):  # after the commit: the failed try counts
        raise code
    return answer


def _count_tries(connection: Connection, source: str, now: datetime) -> None:
    row = connection.execute(
        "SELECT count(*), min(at) FROM enrolment_failure WHERE source = %s AND at > %s", (source, now - _TRY_WINDOW)
    ).fetchone()
    if row and row[0] >= _TRIES:
        raise Refused(429, "TOO_MANY_TRIES", retry_after_s=max(1, round((row[1] + _TRY_WINDOW - now).total_seconds())))


def _take_code(
    connection: Connection, said: EnrolmentRequest, key_id: str, now: datetime
) -> tuple[str, str, bool] | Refused:
    """Clinic, desk and whether it is for a hub, of a good code, now used; or why not."""
    hashed = _hash(said.code)
    row = connection.execute(
        "SELECT clinic_code, desk, expires_at, used_by, hub FROM enrolment_code WHERE code_hash = %s FOR UPDATE",
        (hashed,),
    ).fetchone()
    if row is None:
        return Refused(403, "CODE_WRONG")
    if row[3] not in (None, key_id):
        return Refused(403, "CODE_USED")
    if row[3] is None and row[2] < now:
        return Refused(403, "CODE_EXPIRED")
    if row[4] != said.hub:
        return Refused(403, "CODE_KIND")
    connection.execute("UPDATE enrolment_code SET used_by = %s WHERE code_hash = %s", (key_id, hashed))
    return row[0], row[1], row[4]


_ONE_KEY = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"  # two codes at once from one key: one place
_HELD = "SELECT terminal_id, registration, revoked_at FROM terminal WHERE key_id = %s"


def _place(
    connection: Connection,
    keys: KeyRing,
    world: World,
    public: crypto.PublicKey,
    before: str,
    clinic: str,
    desk: str,
    hub: bool,
) -> EnrolmentAnswer:
    """A hub gives out no numbers and needs none."""
    now, key_id = world.now(), crypto.key_id(public)
    state = connection.execute("SELECT generation FROM region_state").fetchone()
    place = connection.execute("SELECT name, number FROM clinic WHERE code = %s", (clinic,)).fetchone()
    assert state and place  # migrate() and the foreign key see to it
    connection.execute(_ONE_KEY, (key_id,))
    held = connection.execute(_HELD, (key_id,)).fetchone()
    if held and held[2] is not None:
        raise Refused(403, "REVOKED")
    if held:
        terminal_id, document = held[0], signed.decode(held[1], "registration")
    else:
        terminal_id = world.new_id()
        document = _registration(keys, (terminal_id, clinic, place[0], desk, key_id), now, hub=hub)
        connection.execute(
            "INSERT INTO terminal (terminal_id, key_id, public_key, clinic_code, desk, enrolled_at, registration, hub,"
            " continues) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (terminal_id, key_id, crypto.point(public), clinic, desk, now, signed.encode(document), hub, before),
        )
        Giving(connection, [], now).append(replacement.of_desk(connection, clinic, desk))
    leases = _lease(connection, keys, world, terminal_id, clinic, place[1], {} if hub else FIRST_LEASES)
    return EnrolmentAnswer(document, keys.keyset(state[0]), keys.root, state[0], leases)


def _registration(
    keys: KeyRing, place: tuple[str, str, str, str, str], now: datetime, *, hub: bool
) -> signed.SignedDocument:
    """For terminal, clinic code, clinic name, desk and key id, from now on."""
    dates = utc_text(now), utc_text(now + REGISTRATION_LIFE)
    return keys.sign("registration", signed.Registration(*place, *dates, hub=hub))


_RENEWED = """
SELECT t.terminal_id, t.clinic_code, c.name, t.desk, t.key_id, t.registration, t.hub
FROM terminal t JOIN clinic c ON c.code = t.clinic_code WHERE t.terminal_id = %s FOR UPDATE OF t
"""


def renew(pool: Pool, keys: KeyRing, asked: Asked, world: World) -> signed.SignedDocument:
    """The signer's registration; a new one once half of the old one's life is over, also after its end. Raises Refused.

    Asked twice it answers the same: a lost answer costs nothing.
    """
    now = world.now()
    with pool.transaction() as connection:
        who = auth.terminal(connection, asked, now, expired_too=True)
        row = connection.execute(_RENEWED, (who.terminal_id,)).fetchone()
        assert row  # it has just signed
        if now < from_utc_text(auth.registration(row[5]).not_after) - REGISTRATION_LIFE / 2:
            return signed.decode(bytes(row[5]), "registration")
        document = _registration(keys, row[:5], now, hub=row[6])
        mine = (signed.encode(document), who.terminal_id)
        connection.execute("UPDATE terminal SET registration = %s WHERE terminal_id = %s", mine)
        return document


def lease(pool: Pool, keys: KeyRing, asked: Asked, world: World) -> LeaseAnswer:
    """Numbers for the signer alone, for ever. A lost answer burns its numbers: they are many. Raises Refused."""
    try:
        wanted = msgspec.convert(msgspec.json.decode(asked.body, type=LeaseRequest).wanted, dict[LeaseKind, int])
    except UNREADABLE as fault:
        raise Refused(400, "BAD_REQUEST") from fault
    if not all(0 < count <= MAX_LEASE for count in wanted.values()):
        raise Refused(400, "BAD_REQUEST")
    with pool.transaction() as connection:
        who = auth.terminal(connection, asked, world.now())
        wanted = allowance.within(connection, who.terminal_id, wanted, world.now())
        granted = _lease(connection, keys, world, who.terminal_id, who.clinic_code, who.clinic_number, wanted)
        if wanted and not granted:
            raise Refused(409, "EXHAUSTED", kind=", ".join(sorted(wanted)))
        return LeaseAnswer(granted)


def _lease(
    connection: Connection,
    keys: KeyRing,
    world: World,
    terminal_id: str,
    clinic: str,
    number: int,
    wanted: Mapping[LeaseKind, int],
) -> tuple[signed.SignedDocument, ...]:
    """Ranges nobody else ever gets, shorter at the end of the numbers; a kind whose numbers are used up is left out.
    Sorted by kind: one lock order."""
    documents = []
    for kind, count in sorted(wanted.items()):
        prefix, width = _numbering(kind, clinic, number)
        row = connection.execute(_NEXT, {"clinic": clinic, "kind": kind, "count": count}).fetchone()
        first = (row[0] if row else count) - count
        last = min(first + count, 10**width) - 1
        if last < first:
            continue
        granted = signed.Lease(world.new_id(), terminal_id, kind, prefix, first, last, width)
        connection.execute(
            "INSERT INTO lease VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (granted.lease_id, terminal_id, clinic, kind, granted.first, granted.last, world.now()),
        )
        documents.append(keys.sign("lease", granted))
    return tuple(documents)


_NEXT = """
INSERT INTO number_series AS n VALUES (%(clinic)s, %(kind)s, 1 + %(count)s)
ON CONFLICT (clinic_code, kind) DO UPDATE SET next = n.next + %(count)s RETURNING next
"""


def _numbering(kind: LeaseKind, clinic: str, number: int) -> tuple[str, int]:
    """Prefix and width: a child code is clinic (10) + birth year (4) + serial (4); a booklet has ten digits."""
    numbering = {"child_code": (clinic, 4), "booklet": (f"{number:04d}", 6), "receipt": (f"{number:04d}", 8)}
    return numbering[kind]
