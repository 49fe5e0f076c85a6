"""How many numbers a terminal may draw in a day: far more than a counter needs, far fewer than a clinic has. A stolen
or a mistaken PC does not use them up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from regional.auth import Refused
from regional.database import Connection

_DAY = timedelta(days=1)
# Four times what a terminal asks for at once; those of its enrolment count.
A_DAY: Mapping[str, int] = {"child_code": 1200, "booklet": 1200, "receipt": 24_000}
_DRAWN = "SELECT kind, sum(last - first + 1), min(at) FROM lease WHERE terminal_id = %s AND at > %s GROUP BY kind"


_Kind = TypeVar("_Kind", bound=str)


def within(connection: Connection, terminal_id: str, wanted: Mapping[_Kind, int], now: datetime) -> dict[_Kind, int]:
    """What it may draw of what it wants. Raises Refused, 429 TOO_MANY_NUMBERS, when that is nothing."""
    connection.execute("SELECT FROM terminal WHERE terminal_id = %s FOR UPDATE", (terminal_id,))  # one at a time
    rows = connection.execute(_DRAWN, (terminal_id, now - _DAY)).fetchall()
    drawn = {kind: int(count) for kind, count, _ in rows}
    allowed = {kind: min(count, A_DAY[kind] - drawn.get(kind, 0)) for kind, count in wanted.items()}
    granted = {kind: count for kind, count in allowed.items() if count > 0}
    if wanted and not granted:
        first = min(at for kind, _, at in rows if kind in wanted)
        waits = max(1, round((first + _DAY - now).total_seconds()))
        raise Refused(429, "TOO_MANY_NUMBERS", kind=", ".join(sorted(wanted)), retry_after_s=waits)
    return granted
