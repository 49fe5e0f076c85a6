"""What a clinic's hub answers beside what a region answers: terminals introduce themselves by their place in the
region, and leave batches sealed for the region, which the hub passes on unread (regional/relay.py).

A hub gives out no places and no numbers: those are asked of the region, as the terminal signed it. It looks nobody up:
it knows its clinic's children only, and "not found" would be taken for the region's word.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI, Response
from psycopg import errors

from domain.errors import SyncError, WireError
from domain.wire import UNREADABLE, signed
from domain.world import World, utc_text
from regional import auth, hub_place, inbox
from regional.app import Name, Signed
from regional.auth import Asked, Refused
from regional.database import Connection, Pool
from regional.hub_place import Place
from regional.keys import KeyRing
from sync import batches, crypto
from sync.client import carry_on
from sync.hub import to_prove
from sync.messages import Introduced, Introduction, Relayed

_LIFE = timedelta(days=90)  # of a terminal's place here; it introduces itself at every start
_MOST_WAITING = 2000  # batches of one terminal
_REGIONS_ALONE = ("/v1/enrolments", "/v1/registrations", "/v1/leases", "/v1/desks", "/v1/children/lookup")

_INTRODUCE = "SELECT introduce(%s, %s, %b, %s, %s, %b, %s)"
# What a batch takes the place of: whatever of its own epoch reaches into it, what was acknowledged of that the region
# has lost again, else its desk would not send it; and of other epochs what has its answer. What still waits of those
# may be the only copy, of an evening that went with the desk's disk.
_OVERTAKEN = """
DELETE FROM relay WHERE terminal_id = %s
    AND CASE WHEN epoch = %s THEN last_seq >= %s ELSE ack IS NOT NULL OR refused <> '' END
"""
_WAITING = "SELECT count(*) FROM relay WHERE terminal_id = %s AND ack IS NULL"
_KEEP = """
INSERT INTO relay (terminal_id, epoch, first_seq, last_seq, file, arrived_at) VALUES (%s, %s, %s, %s, %b, %s)
ON CONFLICT DO NOTHING
"""
_STANDING = """
SELECT epoch, max(last_seq) FILTER (WHERE refused = ''),
    (array_agg(ack ORDER BY last_seq DESC) FILTER (WHERE ack IS NOT NULL))[1],
    (array_agg(refused ORDER BY first_seq) FILTER (WHERE refused <> ''))[1],
    (array_agg(params ORDER BY first_seq) FILTER (WHERE refused <> ''))[1]
FROM relay WHERE terminal_id = %s GROUP BY epoch ORDER BY max(arrived_at) DESC LIMIT 1
"""


def install(app: FastAPI, pool: Pool, keys: KeyRing, world: World, folder: Path) -> None:
    """Make a region's application a hub's. Raises ConfigError when it has no place in a region."""
    for route in [r for r in app.router.routes if getattr(r, "path", "") in _REGIONS_ALONE]:
        app.router.routes.remove(route)

    @app.post("/v1/introductions", include_in_schema=False)
    def introductions(asked: Signed) -> Response:
        return _json(introduce(pool, keys, asked, world, folder))

    @app.post("/v1/registrations", include_in_schema=False)
    @app.post("/v1/leases", include_in_schema=False)
    def regions_alone(asked: Signed) -> Response:
        return forward(pool, asked, world, folder)

    @app.post("/v1/children/lookup", include_in_schema=False)
    def children_lookup(_: Signed) -> Response:
        raise Refused(404, "REGIONS_ALONE")

    @app.put("/v1/relay/{terminal_id}/{epoch}/{first}-{last}", include_in_schema=False)
    def put_relay(terminal_id: Name, epoch: Name, first: int, last: int, asked: Signed) -> Response:
        return _json(leave(pool, asked, (terminal_id, epoch, first, last), world))

    @app.get("/v1/relay/{terminal_id}", include_in_schema=False)
    def get_relay(terminal_id: Name, asked: Signed) -> Response:
        return _json(relayed(pool, asked, terminal_id, world))


def _json(payload: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(payload), media_type="application/json", headers={"Cache-Control": "no-store"})


def introduce(pool: Pool, keys: KeyRing, asked: Asked, world: World, folder: Path) -> Introduced:
    """Take in the signer, whose place in the region the region itself has signed; at every start again. Raises Refused.

    An expired place will do: the line to the region may be down for longer than it lives, and whom the region revoked
    is learnt from it.
    """
    now = world.now()
    try:
        said = msgspec.json.decode(asked.body, type=Introduction)
        public = crypto.public_from_point(said.public_key)
    except (*UNREADABLE, WireError) as fault:
        raise Refused(400, "BAD_REQUEST") from fault
    given, sig = auth.signature(asked)
    auth.check(asked, given, sig, public, now)
    with pool.transaction() as connection:
        place = hub_place.load(folder, connection)
        desk = _checked(place, said, public)
        if given.keyid != desk.key_id:
            raise Refused(401, "BAD_REQUEST")
        auth.use_nonce(connection, given, now)
        entry = msgspec.structs.replace(desk, not_before=utc_text(now), not_after=utc_text(now + _LIFE))
        document = signed.encode(keys.sign("registration", entry))
        row = (desk.terminal_id, desk.key_id, said.public_key, desk.clinic_id, desk.desk, document, desk.not_before)
        _take_in(connection, row)
        state = connection.execute("SELECT generation FROM region_state").fetchone()
    assert state  # migrate() sees to it
    return Introduced(
        keys.keyset(state[0]),
        keys.root,
        state[0],
        place.document,
        crypto.point(place.me.key.public_key()),
        crypto.sign(place.me.key, to_prove(keys.root)),
        signed.decode(place.keyset, "keyset"),
    )


def forward(pool: Pool, asked: Asked, world: World, folder: Path) -> Response:
    """Ask the region what the signer asks, and answer what it answers; the signature covers no host. Raises Refused,
    503 while there is no line."""
    with pool.transaction() as connection:
        auth.terminal(connection, asked, world.now(), expired_too=True)
        place = hub_place.load(folder, connection)
    try:
        answer = carry_on(place.url, place.ca_pem, asked.method, asked.path, asked.body, asked.headers)
    except SyncError as fault:
        raise Refused(503, "BUSY", retry_after_s=60) from fault
    return Response(answer.body, answer.status, {"Cache-Control": "no-store"}, media_type="application/json")


def _checked(place: Place, said: Introduction, public: crypto.PublicKey) -> signed.Registration:
    """A desk of this clinic, by the region's word, made out to this key."""
    try:
        desk = signed.payload(place.keys.verified(said.registration), signed.Registration)
    except (SyncError, WireError) as fault:
        raise Refused(403, "FOREIGN") from fault
    ours = said.registration.kind == "registration" and desk.clinic_id == place.clinic and not desk.hub
    if not ours or desk.key_id != crypto.key_id(public):
        raise Refused(403, "FOREIGN")
    return desk


def _take_in(connection: Connection, row: tuple[Any, ...]) -> None:
    try:
        taken = connection.execute(_INTRODUCE, row).fetchone()
    except errors.UniqueViolation as fault:  # the key is another terminal's
        raise Refused(403, "FOREIGN") from fault
    if taken is None:
        gone = connection.execute("SELECT revoked_at FROM terminal WHERE terminal_id = %s", row[:1]).fetchone()
        raise Refused(403, "REVOKED" if gone and gone[0] else "FOREIGN")


def leave(pool: Pool, asked: Asked, name: tuple[str, str, int, int], world: World) -> Relayed:
    """Take a batch for the region, still sealed: the hub cannot open it, and sees that its terminal signed it."""
    now = world.now()
    with pool.transaction() as connection:
        who = auth.terminal(connection, asked, now, expired_too=True)
        packed = inbox.unpacked(asked.body)
        header = packed.header
        if not who.terminal_id == header.terminal_id == name[0]:
            raise Refused(403, "FOREIGN")
        if (header.epoch, header.first_seq, header.last_seq) != name[1:]:
            raise Refused(422, "UNREADABLE")
        try:
            batches.check_signature(packed, who.key)
        except WireError as fault:
            raise Refused(422, "BAD_SIGNATURE") from fault
        connection.execute(_OVERTAKEN, (header.terminal_id, header.epoch, header.first_seq))
        waiting = connection.execute(_WAITING, (header.terminal_id,)).fetchone()
        if waiting and waiting[0] >= _MOST_WAITING:
            raise Refused(503, "BUSY", retry_after_s=600)
        connection.execute(_KEEP, (*name, asked.body, now))
        return _standing(connection, who.terminal_id)


def relayed(pool: Pool, asked: Asked, terminal_id: str, world: World) -> Relayed:
    """What became of the signer's batches. Raises Refused."""
    with pool.transaction() as connection:
        who = auth.terminal(connection, asked, world.now(), expired_too=True)
        if who.terminal_id != terminal_id:
            raise Refused(403, "FOREIGN")
        return _standing(connection, terminal_id)


def _standing(connection: Connection, terminal_id: str) -> Relayed:
    row = connection.execute(_STANDING, (terminal_id,)).fetchone()
    if row is None:
        return Relayed()
    epoch, upto, ack, refused, params = row
    return Relayed(epoch, upto or 0, bytes(ack or b""), refused or "", params or {})
