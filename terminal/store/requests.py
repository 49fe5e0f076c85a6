"""Corrections asked of the clinic of a dose: by us of another, by another of us."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from domain.events import CorrectionAnswered, CorrectionRequested
from terminal.store.database import Store
from terminal.store.ledger import Telling


class Request(msgspec.Struct, frozen=True):
    """`asked_by` is a clinic, `due` the day by which the dose's clinic answers, `fields` field -> proposed; `outcome`
    done, declined, or "" while there is no answer. Instants UTC."""

    id: str
    dose_id: str
    child_id: str
    asked_by: str
    asked_at: str
    reason: str
    due: str
    fields: dict[str, Any]
    outcome: str
    answer: str
    answered_at: str


_COLUMNS = ", ".join(Request.__struct_fields__)
_FIELDS = Request.__struct_fields__.index("fields")


def add(entry: Telling, request_id: str, child_id: str, body: CorrectionRequested, asked_by: str) -> None:
    """The row of a `correction.requested`; `asked_by` the clinic that asks."""
    row = (request_id, body.of, child_id, asked_by, entry.at, body.reason, body.due, json.dumps(body.fields))
    entry.store.db.execute_sql(
        f"INSERT OR IGNORE INTO request ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', '', '')", row
    )


def answer(entry: Telling, body: CorrectionAnswered) -> bool:
    """The row of a `correction.answered`, the latest counts; False when the request is not here."""
    run, params = entry.store.db.execute_sql, (body.outcome, body.reason, entry.at, body.of, entry.at)
    run("UPDATE request SET outcome = ?, answer = ?, answered_at = ? WHERE id = ? AND answered_at < ?", params)
    return one(entry.store, body.of) is not None


def one(store: Store, request_id: str) -> Request | None:
    return next(iter(_rows(store, "WHERE id = ?", request_id)), None)


def of_dose(store: Store, dose_id: str) -> list[Request]:
    """Everything asked about a dose, oldest first."""
    return _rows(store, "WHERE dose_id = ? ORDER BY asked_at", dose_id)


def open_requests(store: Store) -> list[Request]:
    """Without an answer, asked by whomever, the one due first on top."""
    return _rows(store, "WHERE outcome = '' ORDER BY due, asked_at")


def _rows(store: Store, where: str, *params: Any) -> list[Request]:
    rows = store.sql(f"SELECT {_COLUMNS} FROM request {where}", *params)
    return [Request(*(json.loads(v) if at == _FIELDS else v for at, v in enumerate(row))) for row in rows]


def changed_since(store: Store, request: Request) -> bool:
    """Whether the dose was corrected, voided or moved after it was asked for."""
    text = (
        "SELECT 1 FROM dose_change WHERE dose_id = ? AND kind <> 'disputed'"
        " AND hlc > coalesce((SELECT max(hlc) FROM told WHERE event_id = ?), '')"
    )
    return bool(store.sql(text, request.dose_id, request.id))
