"""Accepting is not applying: signature, seal and chain are checked, the sealed batch is stored and, after the commit,
acknowledged. No business rule stands here."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.errors import WireError
from domain.wire import batch, chain, signed
from domain.world import World, from_utc_text, utc_text
from regional import auth, hubs
from regional.auth import Asked, Refused, Terminal
from regional.database import Connection, Pool
from regional.keys import KeyRing
from sync import batches
from sync.messages import Status, version

CHANNEL = "batch"

_EPOCH = "SELECT have_seq, have_hash, safe_seq, ack FROM epoch WHERE terminal_id = %s AND epoch = %s"
_SAVE_EPOCH = """
INSERT INTO epoch (terminal_id, epoch, have_seq, have_hash, ack, sealed_at) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (terminal_id, epoch) DO UPDATE SET have_seq = excluded.have_seq, have_hash = excluded.have_hash,
ack = excluded.ack
"""
_LATE = "SELECT 1 FROM epoch WHERE terminal_id = %s AND epoch = %s AND sealed_at > %s"
_SUPERSEDE = "UPDATE epoch SET superseded_at = %s WHERE terminal_id = %s AND epoch = %s"
_RETURN = """
UPDATE epoch SET returned_at = coalesce(returned_at, %s) WHERE terminal_id = %s AND epoch = %s AND superseded_at <= %s
"""
_CLONED = """
UPDATE terminal SET cloned_at = coalesce(cloned_at, %s)
WHERE terminal_id = %s AND (SELECT count(*) FROM epoch WHERE terminal_id = %s AND returned_at IS NOT NULL) > 1
"""


def status(pool: Pool, keys: KeyRing, asked: Asked, terminal_id: str, world: World, epoch: str = "") -> Status:
    """Where we stand with the signer, which is in `epoch` ("" where it does not say). Raises Refused."""
    now = world.now()
    with pool.transaction() as connection:
        who = auth.terminal(connection, asked, now, expired_too=True)
        if who.terminal_id != terminal_id:
            raise Refused(403, "FOREIGN")
        cloned = who.cloned or (epoch not in ("", who.epoch) and _returned(connection, who, epoch, now))
        row = connection.execute(_EPOCH, (terminal_id, who.epoch)).fetchone()
    have_seq, have_hash, safe_seq = row[:3] if row else (0, b"", 0)
    said = who.generation, who.epoch, have_seq, have_hash.hex(), safe_seq, utc_text(now), keys.version
    return Status(*said, who.oldest_client, cloned, who.expired)


def receive(pool: Pool, keys: KeyRing, asked: Asked, name: tuple[str, str, int, int], world: World) -> bytes:
    """Take the batch called `name` (terminal, epoch, first, last) and give the acknowledgement. Raises Refused."""
    now = world.now()
    with pool.transaction() as connection:
        who = auth.terminal(connection, asked, now, expired_too=True)
        packed = unpacked(asked.body)
        header = packed.header
        sender = hubs.sender(connection, who, header.terminal_id)
        if header.terminal_id != name[0]:
            raise Refused(403, "FOREIGN")
        if (header.epoch, header.first_seq, header.last_seq) != name[1:]:
            raise Refused(422, "UNREADABLE")
        if version(header.client) < version(who.oldest_client):
            raise Refused(426, "UPGRADE", oldest=who.oldest_client)
        answer = take(connection, keys, sender, packed, asked.body, now, directly=sender is who)
    if isinstance(answer, Refused):  # after the commit: what it tells of a twin counts
        raise answer
    return answer


def unpacked(blob: bytes) -> batch.Packed:
    try:
        return batch.unpack(blob)
    except WireError as fault:
        if fault.code == "wire.unknown_version":
            raise Refused(422, "UNKNOWN_SUITE", suite=fault.params["suite"]) from fault
        raise Refused(413 if fault.code == "wire.batch_too_large" else 422, _word(fault)) from fault


def _opened(packed: batch.Packed, who: Terminal, keys: KeyRing, now: datetime) -> list[bytes]:
    """Nothing unreadable is ever acknowledged."""
    try:
        batches.check_signature(packed, who.key)
        return batches.open_sealed(packed, keys.seal_key(packed.header.region_key_id, now)).events
    except WireError as fault:
        raise Refused(422, _word(fault)) from fault


def _word(fault: WireError) -> str:
    words = {"bad_signature": "BAD_SIGNATURE", "bad_chain": "BAD_CHAIN", "bad_range": "BAD_CHAIN"}
    words |= {"batch_too_large": "TOO_LARGE", "seal_key_ended": "OLD_KEY"}
    return words.get(fault.code.removeprefix("wire."), "UNREADABLE")


def take(
    connection: Connection,
    keys: KeyRing,
    who: Terminal,
    packed: batch.Packed,
    blob: bytes,
    now: datetime,
    *,
    directly: bool = True,
) -> bytes | Refused:
    """Check a batch of `who` and keep it; the acknowledgement, again for one that is held. Raises Refused; one that is
    given back is to be raised after the commit. Not `directly`, by another's hand and perhaps late: an epoch that was
    left since is no sign of a twin, and is taken as long as it continues what is held."""
    events = _opened(packed, who, keys, now)
    header, terminal_id = packed.header, who.terminal_id
    locked = connection.execute("SELECT epoch FROM terminal WHERE terminal_id = %s FOR UPDATE", (terminal_id,))
    ((present,),) = locked.fetchall()
    row = connection.execute(_EPOCH, (terminal_id, header.epoch)).fetchone()
    have, have_hash, safe, ack = row or (0, chain.start(terminal_id, header.epoch), 0, b"")
    known = header.first_seq <= have + 1 and _continues(connection, keys, header, events, have, have_hash)
    if known and header.last_seq <= have:
        return bytes(ack)
    if who.cloned:
        raise Refused(403, "CLONED")
    left = row is not None and present != header.epoch
    if left and directly:
        cloned = _returned(connection, who, header.epoch, now)
        return Refused(403, "CLONED") if cloned else Refused(409, "STALE_EPOCH")
    if header.first_seq > have + 1:
        raise Refused(409, "GAP", have=have)
    if not known:
        raise Refused(409, "FORK", have=have, hash=have_hash.hex()) if have else Refused(422, "BAD_CHAIN")
    sealed_at = _sealed_at(header) or now
    if row is None and not connection.execute(_LATE, (terminal_id, present, sealed_at)).fetchone():
        connection.execute("UPDATE terminal SET epoch = %s WHERE terminal_id = %s", (header.epoch, terminal_id))
        connection.execute(_SUPERSEDE, (who.signed_at, terminal_id, present))
    ack = _acknowledge(keys, header, safe, who.generation, now)
    last_hash = bytes.fromhex(header.last_hash)
    connection.execute(
        "INSERT INTO batch (terminal_id, epoch, first_seq, last_seq, last_hash, file, received_at)"
        " VALUES (%s, %s, %s, %s, %s, %b, %s)",
        (terminal_id, header.epoch, header.first_seq, header.last_seq, last_hash, blob, now),
    )
    connection.execute(_SAVE_EPOCH, (terminal_id, header.epoch, header.last_seq, last_hash, ack, sealed_at))
    connection.execute(f"NOTIFY {CHANNEL}")
    return ack


def _sealed_at(header: batch.Header) -> datetime | None:
    """By the region's clock as the terminal knew it. An epoch whose first batch comes after that of the one which took
    its place, by a slow line or another's hand, does not become the present one."""
    try:
        return from_utc_text(header.created_at) + timedelta(milliseconds=header.offset_ms or 0)
    except (ValueError, OverflowError):
        return None


def _returned(connection: Connection, who: Terminal, epoch: str, now: datetime) -> bool:
    """`who` is in an epoch that another took the place of before it signed this. The first such: an old copy of it was
    put back, and begins anew. The second: two copies are at work in turns; whether it is so."""
    if not connection.execute(_RETURN, (now, who.terminal_id, epoch, who.signed_at)).rowcount:
        return False
    return connection.execute(_CLONED, (now, who.terminal_id, who.terminal_id)).rowcount > 0


def _acknowledge(keys: KeyRing, header: batch.Header, safe: int, generation: str, now: datetime) -> bytes:
    time = utc_text(now)
    ack = signed.Ack(header.terminal_id, header.epoch, header.last_seq, safe, header.last_hash, generation, time)
    return signed.encode(keys.sign("ack", ack))


def _continues(
    connection: Connection, keys: KeyRing, header: batch.Header, events: list[bytes], have: int, have_hash: bytes
) -> bool:
    """The batch is the same history as ours. A chain hash stands for everything before it, so one comparison, at the
    last event both have, is enough, wherever the batches were cut."""
    before = bytes.fromhex(header.prev_hash)
    both = min(header.last_seq, have)
    if both < header.first_seq:
        return before == have_hash
    theirs = chain.run(before, header.first_seq, events[: both - header.first_seq + 1])
    return theirs == (have_hash if both == have else _hash_at(connection, keys, header, both))


def _hash_at(connection: Connection, keys: KeyRing, header: batch.Header, seq: int) -> bytes:
    """Our chain hash after `seq`, from the batch that holds it."""
    row = connection.execute(
        "SELECT last_seq, last_hash, file FROM batch WHERE terminal_id = %s AND epoch = %s"
        " AND first_seq <= %s AND last_seq >= %s ORDER BY last_seq LIMIT 1",
        (header.terminal_id, header.epoch, seq, seq),
    ).fetchone()
    if row is None:
        raise Refused(410, "START_OVER")  # archived: the terminal asks its operator
    if row[0] == seq:
        return bytes(row[1])
    packed = batch.unpack(bytes(row[2]))
    events = batches.open_sealed(packed, keys.seal_key(packed.header.region_key_id)).events
    first = packed.header.first_seq
    return chain.run(bytes.fromhex(packed.header.prev_hash), first, events[: seq - first + 1])
