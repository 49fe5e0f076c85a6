"""The region's clinics by name, as a document every terminal reads: published anew whenever the list is another."""

from __future__ import annotations

import msgspec

from domain.world import World
from regional import reference
from regional.database import Connection
from regional.keys import KeyRing

CLINICS = "clinics"


class Clinics(msgspec.Struct, frozen=True):
    """The document: {"clinics": {ten-digit code: name}}."""

    clinics: dict[str, str]


_NAMED = "SELECT code, name FROM clinic WHERE name NOT IN (code, '') ORDER BY code COLLATE \"C\""
_IN_FORCE = """
SELECT content FROM reference WHERE name = %s AND effective_on <= %s ORDER BY effective_on DESC, number DESC LIMIT 1
"""


def publish_clinics(connection: Connection, keys: KeyRing, world: World) -> None:
    """After a code was given out, and at each start: in force from today. The same list again is no publication."""
    with connection.transaction():
        reference.one_at_a_time(connection)  # who waits here reads what the other has told
        named: dict[str, str] = dict(connection.execute(_NAMED).fetchall())
        if not named:
            return
        content = msgspec.json.encode(Clinics(named))
        held = connection.execute(_IN_FORCE, (CLINICS, world.today().isoformat())).fetchone()
        if held is None or bytes(held[0]) != content:
            reference.publish(connection, keys, CLINICS, content, world.today(), world.now())
