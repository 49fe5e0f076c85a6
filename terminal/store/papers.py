"""Receipts and the print queue.

    queued -> sending -> sent -> confirmed | uncertain | failed;  queued -> cancelled | expired

`sending` is durable before the first byte goes out, so that after a crash a slip that may be on paper is
`uncertain` and asks; it is never printed again by itself. A printer that cannot answer ends at `sent`, settled.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from domain.documents import Document
from domain.world import from_utc_text, utc_text
from printing import jobs
from terminal.store.database import Store
from terminal.store.ledger import Entry

State = Literal["queued", "sending", "sent", "confirmed", "uncertain", "failed", "cancelled", "expired"]


class Job(msgspec.Struct, frozen=True):
    """One print job. `code` names the text of what went wrong last, "" nothing; `receipt` "" for a test page."""

    id: str
    printer: str
    receipt: str
    document: Document
    copy_no: int
    state: State
    attempts: int
    bytes_out: int
    code: str
    created_at: str
    expires_at: str


_DUE = "printer = ? AND state = 'queued' AND expires_at > ?"
_UNDER_WAY = "state IN ('sending', 'sent') AND settled_at IS NULL"
_JOB = f"SELECT {', '.join(Job.__struct_fields__)} FROM print_job "


def _job(row: tuple[Any, ...]) -> Job:
    fields = dict(zip(Job.__struct_fields__, row, strict=True))
    return Job(**fields | {"document": msgspec.json.decode(fields["document"], type=Document)})


def add_receipt(entry: Entry, number: str, visit_id: str, document: Document) -> None:
    """Keep what the family was given; a reprint shows the same."""
    entry.store.db.execute_sql(
        "INSERT INTO receipt (number, visit_id, issued_at, document, voided) VALUES (?, ?, ?, ?, '')",
        (number, visit_id, entry.at, msgspec.json.encode(document)),
    )


def void_receipt(entry: Entry, number: str, reason: str) -> bool:
    """Mark a receipt void and cancel what of it still waits; False when there is none to void."""
    changed = entry.store.db.execute_sql(
        "UPDATE receipt SET voided = ? WHERE number = ? AND voided = ''", (reason, number)
    ).rowcount
    entry.store.db.execute_sql(
        "UPDATE print_job SET state = 'cancelled', settled_at = ? WHERE receipt = ? AND state = 'queued'",
        (entry.at, number),
    )
    return bool(changed)


def receipt_of(store: Store, visit_id: str) -> str:
    """The number of the visit's valid receipt, "" when it has none."""
    found = store.sql("SELECT number FROM receipt WHERE visit_id = ? AND voided = ''", visit_id)
    return str(found[0][0]) if found else ""


def queue_document(
    entry: Entry, document: Document, printer: str, receipt: str, expires_at: str, copy_no: int = 0
) -> str:
    """Put a document into the print queue; gives the job's id. `expires_at`, UTC: not printed after that."""
    job_id = entry.world.new_id()
    entry.store.db.execute_sql(
        "INSERT INTO print_job (id, printer, receipt, document, copy_no, state, attempts, bytes_out, code, created_at,"
        " expires_at) VALUES (?, ?, ?, ?, ?, 'queued', 0, 0, '', ?, ?)",
        (job_id, printer, receipt, msgspec.json.encode(document), copy_no, entry.at, expires_at),
    )
    return job_id


def reprint(entry: Entry, number: str, printer: str, expires_at: str, label: str) -> str | None:
    """Queue the next copy of a receipt, marked as such, and note it in the audit; None when there is no such
    receipt or it is void. `label` with {copy} is what the paper shows."""
    found = entry.store.sql("SELECT document FROM receipt WHERE number = ? AND voided = ''", number)
    if not found:
        return None
    return _copy(entry, msgspec.json.decode(found[0][0], type=Document), printer, number, expires_at, label)


def _copy(entry: Entry, document: Document, printer: str, number: str, expires_at: str, label: str) -> str:
    ((copies,),) = entry.store.sql("SELECT coalesce(max(copy_no), 0) FROM print_job WHERE receipt = ?", number)
    copy_no = copies + 1
    marked = msgspec.structs.replace(document, copy_no=copy_no, reprint_label=label.format(copy=copy_no))
    entry.audit("print.reprint", number, copy=copy_no)
    return queue_document(entry, marked, printer, number, expires_at, copy_no)


def answer_uncertain(entry: Entry, job_id: str, printed: bool, expires_at: str, label: str) -> str | None:
    """A person looked at the printer. Printed: confirmed. Not printed: failed, and a new job as the next copy,
    whose id is given (the first may lie under the counter). Nothing happens to a job that does not ask."""
    found = entry.store.sql(_JOB + "WHERE id = ? AND state = 'uncertain'", job_id)
    if not found:
        return None
    job = _job(found[0])
    entry.store.db.execute_sql(
        "UPDATE print_job SET state = ?, settled_at = ? WHERE id = ?",
        ("confirmed" if printed else "failed", entry.at, job_id),
    )
    entry.audit("print.answer", job.receipt, printed=printed)
    if printed:
        return None
    return _copy(entry, job.document, job.printer, job.receipt, expires_at, label)


def cancel(entry: Entry, job_id: str) -> bool:
    """Take a waiting job out of the queue; False when it no longer waits."""
    changed = entry.store.db.execute_sql(
        "UPDATE print_job SET state = 'cancelled', settled_at = ? WHERE id = ? AND state = 'queued'", (entry.at, job_id)
    ).rowcount
    if changed:
        entry.audit("print.cancel", job_id)
    return bool(changed)


def counts(store: Store) -> dict[str, int]:
    """state -> how many jobs, for the status line; states without jobs are absent."""
    return dict(store.sql("SELECT state, count(*) FROM print_job GROUP BY state"))


def jobs_in(store: Store, state: State) -> list[Job]:
    """The jobs in this state, oldest first."""
    return [_job(row) for row in store.sql(_JOB + "WHERE state = ? ORDER BY rowid", state)]


def jobs_of(store: Store, receipt: str) -> list[Job]:
    """Every copy of a receipt, oldest first."""
    return [_job(row) for row in store.sql(_JOB + "WHERE receipt = ? ORDER BY rowid", receipt)]


def last_receipt(store: Store, child_id: str) -> str:
    """The number of the child's latest receipt that is not void, "" when there is none."""
    found = store.sql(
        "SELECT r.number FROM receipt r JOIN visit v ON v.id = r.visit_id WHERE v.child_id = ? AND r.voided = ''"
        " ORDER BY r.issued_at DESC LIMIT 1",
        child_id,
    )
    return str(found[0][0]) if found else ""


def doubt_waiting(store: Store) -> None:
    """After a restore, inside the caller's transaction: what waited when the backup was made may be on paper by now."""
    store.db.execute_sql("UPDATE print_job SET state = 'uncertain' WHERE state = 'queued' OR " + _UNDER_WAY)


class StorePrintQueue:
    """The queue as a printer's worker sees it (printing.jobs.PrintQueue); any thread, each call durable on return."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def waiting(self, printer: str, now: datetime) -> bool:
        """Whether a job waits for this printer. Writes nothing."""
        return bool(self._store.sql(f"SELECT 1 FROM print_job WHERE {_DUE} LIMIT 1", printer, utc_text(now)))

    def claim(self, printer: str, now: datetime) -> jobs.Job | None:
        """The oldest waiting job, `sending` on disk before this returns; None when none waits."""
        return self._store.run(self._claim, printer, utc_text(now))

    def _claim(self, printer: str, now: str) -> jobs.Job | None:
        with self._store.transaction():
            found = self._store.sql(
                "SELECT id, document, copy_no, created_at, expires_at, attempts + 1 FROM print_job"
                f" WHERE {_DUE} ORDER BY rowid LIMIT 1",
                printer,
                now,
            )
            for job_id, document, copy_no, created, expires, attempts in found:
                self._set("state = 'sending', attempts = ?, code = '' WHERE id = ?", attempts, job_id)
                moments = (from_utc_text(created), from_utc_text(expires))
                return jobs.Job(job_id, printer, bytes(document), copy_no, *moments, attempts)
        return None

    def settle(self, job_id: str, state: jobs.JobState, bytes_out: int, code: str, now: datetime) -> None:
        """What became of a claimed job; what is still under way has no `settled_at`."""
        open_still = state is jobs.JobState.QUEUED or code == jobs.AWAITING_ANSWER
        at = None if open_still else utc_text(now)
        change = "state = ?, bytes_out = ?, code = ?, settled_at = ? WHERE id = ?"
        self._change(change, state.value, bytes_out, code, at, job_id)

    def expire(self, printer: str, now: datetime) -> int:
        """Old slips are not printed next morning. Gives how many expired."""
        at = utc_text(now)
        where = "WHERE printer = ? AND state = 'queued' AND expires_at <= ?"
        return self._change(f"state = 'expired', settled_at = ? {where}", at, printer, at)

    def recover(self, printer: str, now: datetime) -> int:
        """At start: what was under way when the program ended may be on paper. Gives how many became uncertain."""
        where = f"WHERE printer = ? AND {_UNDER_WAY}"
        change = f"state = 'uncertain', code = ?, settled_at = ? {where}"
        return self._change(change, jobs.INTERRUPTED, utc_text(now), printer)

    def _change(self, what: str, *values: Any) -> int:
        def work() -> int:
            with self._store.transaction():
                return self._set(what, *values)

        return self._store.run(work)

    def _set(self, what: str, *values: Any) -> int:
        return int(self._store.db.execute_sql(f"UPDATE print_job SET {what}", values).rowcount)
