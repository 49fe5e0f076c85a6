"""What a region does for the clinics' hubs: takes batches a hub relays, and tells it which desks its clinic has."""

from __future__ import annotations

from dataclasses import replace

from domain.wire import signed
from domain.world import World
from regional import auth
from regional.auth import Asked, Refused, Terminal
from regional.database import Connection, Pool
from sync import crypto
from sync.messages import Desk, Desks

_SENDER = """
SELECT t.public_key, t.epoch, t.revoked_at IS NOT NULL, t.cloned_at IS NOT NULL
FROM terminal h JOIN terminal t USING (clinic_code)
WHERE h.terminal_id = %s AND h.hub AND NOT t.hub AND t.terminal_id = %s AND t.key_id IS NOT NULL
"""
_DESKS = """
SELECT t.terminal_id, t.public_key, t.registration, t.revoked_at IS NOT NULL
FROM terminal h JOIN terminal t USING (clinic_code)
WHERE h.terminal_id = %s AND h.hub AND NOT t.hub AND t.key_id IS NOT NULL ORDER BY t.enrolled_at, t.terminal_id
"""


def sender(connection: Connection, who: Terminal, terminal_id: str) -> Terminal:
    """Whose batch it is: `who` itself, or a desk of the clinic whose hub `who` is. The batch still has to be signed by
    that desk's own key. Raises Refused, 403."""
    if who.terminal_id == terminal_id:
        return who
    row = connection.execute(_SENDER, (who.terminal_id, terminal_id)).fetchone()
    if row is None:
        raise Refused(403, "FOREIGN")
    if row[2]:
        raise Refused(403, "REVOKED")
    return replace(who, terminal_id=terminal_id, key=crypto.public_from_point(row[0]), epoch=row[1], cloned=row[3])


def desks(pool: Pool, asked: Asked, world: World) -> Desks:
    """The desks of the signer's clinic, for its hub. Raises Refused, 403 for who is no hub."""
    with pool.transaction() as connection:
        who = auth.terminal(connection, asked, world.now())
        row = connection.execute("SELECT hub FROM terminal WHERE terminal_id = %s", (who.terminal_id,)).fetchone()
        if row != (True,):
            raise Refused(403, "FOREIGN")
        rows = connection.execute(_DESKS, (who.terminal_id,)).fetchall()
    return Desks(
        tuple(
            Desk(id_, bytes(key), signed.decode(bytes(place), "registration"), gone) for id_, key, place, gone in rows
        )
    )
