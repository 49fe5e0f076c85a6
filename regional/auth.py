"""Who is asking: RFC 9421 signatures of terminals, checked here so that an expired registration can still upload."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from domain.errors import WireError
from domain.wire import request, signed
from domain.world import utc_text
from regional.database import Connection
from sync import crypto


class Refused(Exception):
    """The region says no: `status`, and {code, ...params} as the body."""

    def __init__(self, status: int, code: str, **params: Any) -> None:
        super().__init__(code)
        self.status, self.code, self.params = status, code, params


@dataclass(frozen=True)
class Asked:
    """One request as it came. `path` is raw; `source` the peer's address."""

    method: str
    path: str
    query: str
    body: bytes
    headers: dict[str, str]
    source: str


@dataclass(frozen=True)
class Terminal:
    """A terminal that proved itself by its signature; `signed_at` by its own idea of the region's time. `cloned`: two
    PCs have its key; `expired`: its registration has run out."""

    terminal_id: str
    key: crypto.PublicKey
    clinic_code: str
    clinic_number: int
    epoch: str
    generation: str
    oldest_client: str
    signed_at: datetime
    cloned: bool
    expired: bool = False


def signature(asked: Asked) -> tuple[request.SignatureInput, bytes]:
    """The signature's parameters and its 64 bytes, the digest of the body already checked."""
    try:
        given, sig = request.parse(asked.headers.get("signature-input", ""), asked.headers.get("signature", ""))
    except (WireError, ValueError) as fault:
        raise Refused(401, "BAD_REQUEST") from fault
    if asked.headers.get("content-digest") != request.content_digest(asked.body):
        raise Refused(401, "BAD_REQUEST")
    return given, sig


def check(asked: Asked, given: request.SignatureInput, sig: bytes, key: crypto.PublicKey, now: datetime) -> None:
    """Signature, then freshness: only a request that is truly signed learns the region's time this way."""
    base = request.signature_base(asked.method, asked.path, asked.query, request.content_digest(asked.body), given)
    if not crypto.verify(key, sig, base):
        raise Refused(401, "BAD_REQUEST")
    if abs(now.timestamp() - given.created) > request.FRESH_S:
        raise Refused(401, "CLOCK", server_time=utc_text(now))


def use_nonce(connection: Connection, given: request.SignatureInput, now: datetime) -> None:
    """Each signed request counts once."""
    done = connection.execute(
        "INSERT INTO nonce VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (given.keyid, given.nonce, now)
    )
    if done.rowcount == 0:
        raise Refused(401, "REPLAYED")


_FIND = """
SELECT t.terminal_id, t.public_key, t.clinic_code, c.number, t.epoch, s.generation, s.oldest_client, t.revoked_at,
    t.registration, t.cloned_at IS NOT NULL
FROM terminal t JOIN clinic c ON c.code = t.clinic_code, region_state s WHERE t.key_id IS NOT NULL AND """


def registration(document: bytes) -> signed.Registration:
    """What a signed registration of ours says."""
    return signed.payload(signed.decode(bytes(document), "registration"), signed.Registration)


def terminal(connection: Connection, asked: Asked, now: datetime, *, expired_too: bool = False) -> Terminal:
    """The terminal that signed this request; with `expired_too` also one whose registration has run out, which may
    still upload and renew. Raises Refused."""
    given, sig = signature(asked)
    row = connection.execute(_FIND + "t.key_id = %s", (given.keyid,)).fetchone()
    if row is None:
        raise Refused(401, "UNKNOWN_TERMINAL")
    key = crypto.public_from_point(row[1])
    check(asked, given, sig, key, now)
    if row[7] is not None:
        raise Refused(403, "REVOKED")
    expired = registration(row[8]).not_after < utc_text(now)
    if expired and not expired_too:
        raise Refused(403, "EXPIRED")
    use_nonce(connection, given, now)
    return replace(_made(row, key, datetime.fromtimestamp(given.created, UTC)), expired=expired)


def by_id(connection: Connection, terminal_id: str, now: datetime) -> Terminal:
    """Whose batch came by another's hand; its own key still has to check it. Raises Refused."""
    row = connection.execute(_FIND + "t.terminal_id = %s", (terminal_id,)).fetchone()
    if row is None:
        raise Refused(401, "UNKNOWN_TERMINAL")
    if row[7] is not None:
        raise Refused(403, "REVOKED")
    return _made(row, crypto.public_from_point(row[1]), now)


def _made(row: tuple[Any, ...], key: crypto.PublicKey, signed_at: datetime) -> Terminal:
    terminal_id, _, clinic, number, epoch, generation, oldest, _, _, cloned = row
    return Terminal(terminal_id, key, clinic, number, epoch, generation, oldest, signed_at, cloned)
