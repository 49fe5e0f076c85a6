"""Facts that come under two names of one PC. A PC that took another place sends again what it could not know to be here
(the answer was lost), and so do two copies of one PC, each under its new name: the first telling stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb

from regional.database import Connection
from regional.projection import Place

_MOVED = "({0}.continues <> '' OR EXISTS (SELECT FROM terminal n WHERE n.continues = {0}.terminal_id))"
# Terminals of this load, with others of their clinic that may be the same PC or a copy of it: at the same desk (records
# put back that knew of no place yet), or one of them had another name or got one since (what it was may be known no
# more, when the region came back from a copy), or both began with the same fact (copied before they had any place).
_KIN = f"""
WITH first AS MATERIALIZED (SELECT terminal_id, event_id FROM staged_event WHERE seq = 1)
SELECT t.clinic_code, t.terminal_id, k.terminal_id FROM terminal t JOIN terminal k USING (clinic_code)
WHERE t.terminal_id = ANY (%s) AND k.terminal_id <> t.terminal_id
    AND (k.desk = t.desk OR {_MOVED.format("t")} OR {_MOVED.format("k")}
        OR EXISTS (SELECT FROM first f JOIN event e USING (event_id)
            WHERE f.terminal_id = t.terminal_id AND e.terminal_id = k.terminal_id)
        OR EXISTS (SELECT FROM first f JOIN first e USING (event_id)
            WHERE f.terminal_id = t.terminal_id AND e.terminal_id = k.terminal_id))
"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('twins'), hashtext(%s))"
_KIN_OF = "jsonb_to_recordset(%s) AS kin (one text, other text)"
_SAME = "s.terminal_id = kin.one AND e.terminal_id = kin.other AND e.event_id = s.event_id AND e.data = s.data"
_PASS_OVER = (
    f"DELETE FROM staged_event s USING {_KIN_OF}, event e WHERE {_SAME} RETURNING s.terminal_id, s.epoch, s.seq",
    f"DELETE FROM staged_event s USING {_KIN_OF}, staged_event e WHERE {_SAME} AND kin.other < kin.one"
    " RETURNING s.terminal_id, s.epoch, s.seq",
)


def pass_over(connection: Connection, terminals: Sequence[str]) -> set[Place]:
    """Take out of `staged_event` what another name of the same PC has told, here or in this load; the places. Two
    workers do not do so for one clinic at once."""
    kin: list[tuple[Any, ...]] = connection.execute(_KIN, (terminals,)).fetchall()
    if not kin:
        return set()
    for clinic in sorted({clinic for clinic, _, _ in kin}):
        connection.execute(_LOCK, (clinic,))
    pairs = Jsonb([{"one": one, "other": other} for _, one, other in kin])
    return {(row[0], row[1], row[2]) for statement in _PASS_OVER for row in connection.execute(statement, (pairs,))}
