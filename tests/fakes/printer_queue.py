"""A print queue in memory that keeps the promises of printing.jobs.PrintQueue, and can fail like a full disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from domain.documents import Document
from domain.errors import StoreError
from domain.world import World
from printing.jobs import AWAITING_ANSWER, INTERRUPTED, Job, JobState


@dataclass
class Row:
    job: Job
    state: JobState = JobState.QUEUED
    bytes_out: int = 0
    code: str = ""
    history: list[JobState] = field(default_factory=lambda: [JobState.QUEUED])

    def become(self, state: JobState, bytes_out: int, code: str) -> None:
        self.state, self.bytes_out, self.code = state, bytes_out, code
        self.history.append(state)


@dataclass
class MemoryQueue:
    """`full` makes every write fail; `on_claim` is called after a claim, before the printer gets a byte."""

    world: World = field(default_factory=World)
    full: bool = False
    on_claim: Callable[[], object] = lambda: None
    printer: str = "slip"
    rows: dict[str, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._changed = threading.Condition()

    def add(self, document: Document | bytes, copy_no: int = 0, ttl_s: float = 3600) -> str:
        """Queue a document; gives the job's id."""
        now = self.world.now()
        data = document if isinstance(document, bytes) else msgspec.json.encode(document)
        job = Job(self.world.new_id(), self.printer, data, copy_no, now, now + timedelta(seconds=ttl_s), 0)
        with self._changed:
            self.rows[job.id] = Row(job)
        return job.id

    def wait(self, job_id: str, *states: JobState, timeout_s: float = 20) -> Row:
        """The row once it is in one of the states, and not only on its way there; fails the test after the timeout."""
        row = self.rows[job_id]
        with self._changed:
            good = self._changed.wait_for(lambda: row.state in states and row.code != AWAITING_ANSWER, timeout_s)
        assert good, (row.state, row.code, row.history)
        return row

    def wait_sent(self, job_id: str, timeout_s: float = 20) -> Row:
        """The row once all bytes are out and the answer is awaited."""
        with self._changed:
            row = self.rows[job_id]
            assert self._changed.wait_for(lambda: row.code == AWAITING_ANSWER, timeout_s), (row.state, row.code)
        return row

    def stays_sent(self, job_id: str, seconds: float) -> bool:
        """Whether the job's answer is still awaited after so long."""
        row = self.wait_sent(job_id)
        with self._changed:
            return not self._changed.wait_for(lambda: row.code != AWAITING_ANSWER, seconds)

    def waiting(self, printer: str, now: datetime) -> bool:
        with self._changed:
            return any(self._due(printer, now))

    def claim(self, printer: str, now: datetime) -> Job | None:
        with self._changed:
            row = next(iter(self._due(printer, now)), None)
            if row is None:
                return None
            self._write()
            row.job = msgspec.structs.replace(row.job, attempts=row.job.attempts + 1)
            row.become(JobState.SENDING, 0, "")
        self.on_claim()
        return row.job

    def settle(self, job_id: str, state: JobState, bytes_out: int, code: str, now: datetime) -> None:
        with self._changed:
            self._write()
            self.rows[job_id].become(state, bytes_out, code)

    def expire(self, printer: str, now: datetime) -> int:
        with self._changed:
            late = [row for row in self.rows.values() if row.state is JobState.QUEUED and row.job.expires_at <= now]
            for row in late:
                self._write()
                row.become(JobState.EXPIRED, 0, "")
            return len(late)

    def recover(self, printer: str, now: datetime) -> int:
        with self._changed:
            open_rows = [
                row for row in self.rows.values() if row.state is JobState.SENDING or row.code == AWAITING_ANSWER
            ]
            for row in open_rows:
                self._write()
                row.become(JobState.UNCERTAIN, row.bytes_out, INTERRUPTED)
            return len(open_rows)

    def _due(self, printer: str, now: datetime) -> list[Row]:
        rows = [row for row in self.rows.values() if row.job.printer == printer and row.job.expires_at > now]
        return [row for row in rows if row.state is JobState.QUEUED]

    def _write(self) -> None:
        if self.full:
            raise StoreError("store.disk_full", "later")
        self._changed.notify_all()
