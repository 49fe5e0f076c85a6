"""The real print queue of a real store, with a way to wait for what becomes of a job."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from domain.documents import Document
from domain.world import World, utc_text
from printing import jobs
from terminal.store import papers
from terminal.store.database import Store
from terminal.store.ledger import tell

LABEL = "补打 REPRINT {copy}"


class WatchedQueue(papers.StorePrintQueue):
    """`on_claim` is called on the printer's thread, between the claim and the first byte."""

    def __init__(self, store: Store, world: World, on_claim: Callable[[], None] = lambda: None) -> None:
        super().__init__(store)
        self.store, self.world, self.on_claim = store, world, on_claim
        self._changed = threading.Condition()

    def add(self, document: Document, ttl_s: float = 3600, printer: str = "slip") -> str:
        """Queue a document as a desk does; gives the job's id."""

        def work() -> str:
            with tell(self.store, self.world, "nurse") as entry:
                return papers.queue_document(entry, document, printer, "", self._later(ttl_s))

        return self.store.run(work)

    def answer(self, job_id: str, printed: bool) -> str | None:
        """A person looked at the paper; gives the reprint's id."""

        def work() -> str | None:
            with tell(self.store, self.world, "nurse") as entry:
                return papers.answer_uncertain(entry, job_id, printed, self._later(3600), LABEL)

        return self.store.run(work)

    def state(self, job_id: str) -> str:
        return str(self.store.sql("SELECT state FROM print_job WHERE id = ?", job_id)[0][0])

    def wait(self, job_id: str, state: str, deadline_s: float = 20) -> None:
        """Until the job is in this state; AssertionError with what it is after the deadline."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.state(job_id) == state, deadline_s), self.state(job_id)

    def claim(self, printer: str, now: datetime) -> jobs.Job | None:
        job = super().claim(printer, now)
        if job:
            self.on_claim()
        return job

    def settle(self, job_id: str, state: jobs.JobState, bytes_out: int, code: str, now: datetime) -> None:
        super().settle(job_id, state, bytes_out, code, now)
        with self._changed:
            self._changed.notify_all()

    def recover(self, printer: str, now: datetime) -> int:
        count = super().recover(printer, now)
        with self._changed:
            self._changed.notify_all()
        return count

    def _later(self, seconds: float) -> str:
        return utc_text(self.world.now() + timedelta(seconds=seconds))
