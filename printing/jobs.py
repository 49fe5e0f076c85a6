"""A print job, its states, and what the spool needs of the store that keeps it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec


class JobState(StrEnum):
    """`sent`: every byte handed over; with code `print.awaiting_answer` the printer's answer is still awaited, with no
    code it is all that can be known of a printer that cannot answer. `uncertain` asks a person and is never printed
    again by itself. `confirmed`, `failed`, `cancelled` and `expired` are final."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    CONFIRMED = "confirmed"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


AWAITING_ANSWER = "print.awaiting_answer"
INTERRUPTED = "print.interrupted"


class Job(msgspec.Struct, frozen=True):
    """One claimed job. `document` is the JSON of a domain.documents.Document; `copy_no` (0 the original) goes on the
    paper whatever the document says; `attempts` counts claims, this one too."""

    id: str
    printer: str
    document: bytes
    copy_no: int
    created_at: datetime
    expires_at: datetime
    attempts: int


class PrintQueue(Protocol):
    """The durable queue. Each method is one committed, fsynced transaction; any raises StoreError.
    Called from the printer's own thread."""

    def waiting(self, printer: str, now: datetime) -> bool:
        """Whether a job is `queued` for this printer and not expired. Writes nothing."""

    def claim(self, printer: str, now: datetime) -> Job | None:
        """The oldest `queued` job not expired becomes `sending` with one more attempt, on disk before this returns."""

    def settle(self, job_id: str, state: JobState, bytes_out: int, code: str, now: datetime) -> None:
        """A claimed job's new state; `queued` gives it back. `code` names a text, "" for none."""

    def expire(self, printer: str, now: datetime) -> int:
        """Every `queued` job whose `expires_at` has come becomes `expired`; how many."""

    def recover(self, printer: str, now: datetime) -> int:
        """Every job `sending`, or `sent` with AWAITING_ANSWER, becomes `uncertain` with INTERRUPTED; how many."""
