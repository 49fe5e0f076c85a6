"""What the region holds, counted from its tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from domain.errors import ConfigError
from regional.database import Connection


@dataclass(frozen=True)
class DoseRow:
    """A dose as it stands now; `state` is given, voided, moved (to another child) or unknown (only changes known)."""

    dose_id: str
    child_id: str
    terminal_id: str
    state: str
    disputed: bool
    stated: str
    body: dict[str, Any]


_DOSES = """
SELECT dose_id, child_id, terminal_id,
    CASE WHEN said IS NULL THEN 'unknown' WHEN voided_by IS NOT NULL THEN 'voided' WHEN moved_by IS NOT NULL
        THEN 'moved' ELSE 'given' END,
    disputed, stated, coalesce(said, '{}')
FROM (
    SELECT dose.*, dose_body(child_id, dose_id, clinic) AS said, bool_or(disputed_by IS NOT NULL) OVER same AS disputed,
        bool_or(given) OVER same AS told
    FROM dose WINDOW same AS (PARTITION BY child_id, dose_id)
) each
WHERE given OR NOT told ORDER BY dose_id
"""
# A dose.given told by two terminals, or standing under two children.
_DOUBLED = """
SELECT count(*) FROM (SELECT dose_id FROM dose WHERE given GROUP BY dose_id HAVING count(*) > 1
    UNION SELECT event_id FROM event WHERE kind = 'dose.given' GROUP BY event_id HAVING count(*) > 1) twice
"""


def connect(dsn: str) -> Connection:
    """A connection that commits each statement by itself."""
    return psycopg.connect(dsn, autocommit=True)


def doses(dsn: str) -> list[DoseRow]:
    """Every dose the region knows, by id."""
    with connect(dsn) as connection:
        return [DoseRow(*row) for row in connection.execute(_DOSES)]


def dose_ids(dsn: str) -> list[str]:
    """The id of every dose told to have been given, once for each row that says so."""
    with connect(dsn) as connection:
        return [row[0] for row in connection.execute("SELECT dose_id FROM dose WHERE given AND origin_dose IS NULL")]


def doubled(dsn: str) -> int:
    """How many doses are there more than once: 0, or the protocol is broken."""
    return _count(dsn, _DOUBLED)


def quarantined(dsn: str) -> int:
    """Events that wait for a person."""
    return _count(dsn, "SELECT count(*) FROM quarantine")


def batches(dsn: str) -> int:
    """Sealed batches received."""
    return _count(dsn, "SELECT count(*) FROM batch")


def unapplied(dsn: str) -> int:
    """Sealed batches received and not yet applied."""
    return _count(dsn, "SELECT count(*) FROM batch WHERE applied_at IS NULL AND problem IS NULL")


def child(dsn: str, child_id: str) -> dict[str, Any] | None:
    """The fields of a child as they stand now."""
    with connect(dsn) as connection:
        row = connection.execute("SELECT body FROM child WHERE child_id = %s", (child_id,)).fetchone()
    return row[0] if row else None


_TERMINALS = """
SELECT t.terminal_id, t.clinic_code, c.name, t.desk, CASE WHEN revoked_at IS NULL THEN 'active' ELSE 'revoked' END,
    coalesce(e.have_seq, 0)
FROM terminal t JOIN clinic c ON c.code = t.clinic_code LEFT JOIN epoch e USING (terminal_id, epoch)
ORDER BY t.clinic_code, t.desk
"""


def terminals(dsn: str) -> list[tuple[str, str, str, str, str, int]]:
    """Terminal, clinic code, clinic name, desk, active or revoked, events received of its present epoch."""
    with connect(dsn) as connection:
        return connection.execute(_TERMINALS).fetchall()


@dataclass(frozen=True)
class Request:
    """A correction asked of the clinic `asked` by the clinic `by`, due on a day; `outcome` "" while nobody answered."""

    request_id: str
    child_id: str
    dose_id: str
    by: str
    asked: str
    due: str
    outcome: str


_REQUESTS = """
SELECT c.request_id, c.child_id, c.of, c.clinic, coalesce(d.clinic, ''), c.due, coalesce(a.outcome, '')
FROM correction c LEFT JOIN dose d ON d.dose_id = c.of AND d.given
LEFT JOIN correction_answer a ON a.child_id = c.child_id AND a.request_id = c.request_id AND a.clinic = d.clinic
ORDER BY c.due, c.request_id
"""


def requests(dsn: str) -> list[Request]:
    """Every correction asked for, the earliest due first. Only the clinic of the dose answers."""
    with connect(dsn) as connection:
        return [Request(*row) for row in connection.execute(_REQUESTS)]


def revoke(dsn: str, terminal_id: str, now: datetime) -> None:
    """The terminal may not send any more; at once. Raises ConfigError("region.no_such_terminal")."""
    with connect(dsn) as connection:
        if not connection.execute(
            "UPDATE terminal SET revoked_at = coalesce(revoked_at, %s) WHERE terminal_id = %s", (now, terminal_id)
        ).rowcount:
            raise ConfigError("region.no_such_terminal", terminal_id=terminal_id)


def _count(dsn: str, statement: str) -> int:
    with connect(dsn) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return int(row[0]) if row else 0
