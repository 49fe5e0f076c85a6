"""The rows of a load, written by COPY and set-based upserts: any order of loads gives the same tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from psycopg import sql

from regional.database import Connection
from regional.projection import Rows

# What one load stages; the columns of each, all text unless said.
_STAGED = {
    "child": "child_id, registered bool, body, clocks",
    "dose": "child_id, dose_id, clinic, given bool, terminal_id, stated, body, clocks, origin_child, origin_dose,"
    " voided_by, moved_by, disputed_by",
    "child_identifier": "child_id, kind, value, issuer",
    "visit": "child_id, visit_id, clinic, stated",
    "lot": "terminal_id, lot_id, body",
    "child_link": "child_id, link_id, other, merged_at, ended_at",
    "child_change": "child_id, field, clock, event_id, clinic, old, new",
    "correction": "child_id, request_id, clinic, of, due, body",
    "correction_answer": "child_id, request_id, clinic, outcome",
    "aefi": "child_id, aefi_id, clinic, body",
}

# Ordered by key: two workers take row locks in one order.
_CHILD = """
INSERT INTO child AS c SELECT child_id, registered, coalesce(body::jsonb ->> 'clinic', ''), body::jsonb, clocks::jsonb
FROM staged_child ORDER BY child_id
ON CONFLICT (child_id) DO UPDATE SET registered = c.registered OR excluded.registered,
    clinic = coalesce(later_fields(c.clocks, excluded.body, excluded.clocks) ->> 'clinic', c.clinic),
    body = c.body || later_fields(c.clocks, excluded.body, excluded.clocks),
    clocks = later_clocks(c.clocks, excluded.clocks)
"""
_DOSE = """
WITH told AS (
INSERT INTO dose AS d SELECT child_id, dose_id, clinic, given, terminal_id, stated, body::jsonb, clocks::jsonb,
    origin_child, origin_dose, voided_by, moved_by, disputed_by FROM staged_dose ORDER BY child_id, dose_id, clinic
ON CONFLICT (child_id, dose_id, clinic) DO UPDATE SET given = d.given OR excluded.given,
    terminal_id = greatest(d.terminal_id, excluded.terminal_id), stated = greatest(d.stated, excluded.stated),
    body = d.body || later_fields(d.clocks, excluded.body, excluded.clocks),
    clocks = later_clocks(d.clocks, excluded.clocks),
    origin_child = coalesce(d.origin_child, excluded.origin_child),
    origin_dose = coalesce(d.origin_dose, excluded.origin_dose),
    voided_by = least(d.voided_by, excluded.voided_by), moved_by = least(d.moved_by, excluded.moved_by),
    disputed_by = least(d.disputed_by, excluded.disputed_by)
RETURNING child_id, dose_id, given, origin_dose, moved_by
) SELECT DISTINCT child_id, dose_id FROM told WHERE NOT given OR origin_dose IS NOT NULL OR moved_by IS NOT NULL
"""
_LINK = """
INSERT INTO child_link AS l SELECT * FROM staged_child_link ORDER BY child_id, link_id
ON CONFLICT (child_id, link_id) DO UPDATE SET other = coalesce(l.other, excluded.other),
    merged_at = coalesce(l.merged_at, excluded.merged_at), ended_at = least(l.ended_at, excluded.ended_at)
"""
_UPSERTS = {
    "child": _CHILD,
    "dose": _DOSE,
    "child_identifier": "SELECT *",
    "visit": "SELECT *",
    "lot": "SELECT terminal_id, lot_id, body::jsonb",
    "child_link": _LINK,
    "child_change": "SELECT child_id, field, clock, event_id, clinic, old::jsonb, new::jsonb",
    "correction": "SELECT child_id, request_id, clinic, of, due, body::jsonb",
    "correction_answer": "SELECT *",
    "aefi": "SELECT child_id, aefi_id, clinic, body::jsonb",
}


def prepare(connection: Connection) -> None:
    """The staging tables of this connection."""
    for table, columns in _STAGED.items():
        typed = ", ".join(c if " " in c else f"{c} text" for c in columns.split(", "))
        connection.execute(f"CREATE TEMP TABLE staged_{table} ({typed}) ON COMMIT DELETE ROWS".encode())


def store(connection: Connection, rows: Rows) -> list[tuple[str, str]]:
    """Write them; what the load brought stays staged until the next load. Tables without a row are left alone. The
    doses (child, id) that may have been moved from or to another child."""
    moved: list[tuple[str, str]] = []
    connection.execute(f"TRUNCATE {', '.join(f'staged_{table}' for table in _STAGED)}".encode())
    for table, lines in _lines(rows).items():
        if lines:
            types = ["bool" if column.endswith(" bool") else "text" for column in _STAGED[table].split(", ")]
            copy(connection, f"staged_{table}", types, lines)
            done = connection.execute(_upsert(table).encode())
            if table == "dose":
                moved = [(row[0], row[1]) for row in done]
    return moved


def copy(connection: Connection, table: str, types: list[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY rows into a table."""
    command = sql.SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(sql.Identifier(table))
    with connection.cursor().copy(command) as stream:
        stream.set_types(types)
        for row in rows:
            stream.write_row(row)


def _upsert(table: str) -> str:
    statement = _UPSERTS[table]
    if not statement.startswith("SELECT "):
        return statement
    return f"INSERT INTO {table} {statement} FROM staged_{table} ORDER BY 1, 2 ON CONFLICT DO NOTHING"


def _lines(rows: Rows) -> dict[str, Sequence[Sequence[Any]]]:
    """By table, in the order of writing."""
    return {
        "child": [(key, c.registered, _json(c.body), _json(c.clocks)) for key, c in rows.children.items()],
        "dose": [
            (*key, d.given, d.terminal_id, d.stated, _json(d.body), _json(d.clocks), *d.origin, *d.ended)
            for key, d in rows.doses.items()
        ],
        "lot": [(*key, value.decode()) for key, value in rows.lots.items()],
        "child_identifier": list(rows.identifiers),
        "visit": [(*key, *value) for key, value in rows.visits.items()],
        "child_link": [(*key, *value) for key, value in rows.links.items()],
        "child_change": [(*key, *value) for key, value in rows.changes.items()],
        "correction": [(*key, *value) for key, value in rows.requests.items()],
        "correction_answer": [(*key, value) for key, value in rows.answers.items()],
        "aefi": [(*key, *value) for key, value in rows.reactions.items()],
    }


def _json(fields: object) -> str:
    return msgspec.json.encode(fields).decode()
