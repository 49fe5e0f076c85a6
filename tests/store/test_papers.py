from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
import pytest

from domain.documents import Document, Text
from domain.events import VisitOpened
from domain.world import World, utc_text
from printing.jobs import AWAITING_ANSWER, JobState, PrintQueue
from terminal.store import papers
from terminal.store.database import Store
from terminal.store.ledger import Entry, check_audit, tell

T = TypeVar("T")
SLIP = Document("receipt", (Text("乙肝疫苗 第 1 剂"),))
LATER = "2026-11-22T09:00:00.000Z"
LABEL = "补打 {copy}"


@pytest.fixture
def told(store: Store, world: World) -> Callable[[Callable[[Entry], T]], T]:
    def run(work: Callable[[Entry], T]) -> T:
        def inside() -> T:
            with tell(store, world, "nurse") as entry:
                return work(entry)

        return store.run(inside)

    return run


Told = Callable[[Callable[[Entry], object]], object]


@pytest.fixture
def receipt(store: Store, told: Told) -> str:
    """Number of a receipt whose first print waits."""

    def visit(entry: Entry) -> None:
        run = store.db.execute_sql
        child = entry.fact("child.registered", "", VisitOpened("3301060201", "1"))
        columns = [c for _, c, *_ in run("PRAGMA table_info(child)") if c != "no"]
        integers = {"birth_weight_g", "birth_order", "preterm_weeks"}
        values = [child if c == "id" else 0 if c in integers else "" for c in columns]
        run(f"INSERT INTO child ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", values)
        run(
            "INSERT INTO visit (id, child_id, opened_at, opened_by, clinic, desk, health, informed, booklet)"
            " VALUES ('v', ?, ?, 'nurse', '', '', '{}', 1, '')",
            (child, entry.at),
        )
        papers.add_receipt(entry, "R000001", "v", SLIP)
        papers.queue_document(entry, SLIP, "slip", "R000001", LATER)

    told(visit)
    return "R000001"


def set_state(store: Store, told: Told, state: str) -> str:
    told(lambda entry: store.db.execute_sql("UPDATE print_job SET state = ?", (state,)))
    return str(store.sql("SELECT id FROM print_job")[0][0])


def test_a_queued_slip(store: Store, receipt: str) -> None:
    (job,) = papers.jobs_in(store, "queued")
    assert (job.receipt, job.document, job.copy_no, job.printer, job.expires_at) == (receipt, SLIP, 0, "slip", LATER)
    assert papers.counts(store) == {"queued": 1}


def test_reprints_are_marked_counted_and_audited(store: Store, told: Told, receipt: str) -> None:
    for copy in (1, 2):
        job_id = told(lambda entry: papers.reprint(entry, receipt, "slip", LATER, LABEL))
        job = papers.jobs_of(store, receipt)[copy]
        assert (job.id, job.copy_no, job.document.copy_no, job.document.reprint_label) == (
            job_id, copy, copy, f"补打 {copy}",
        )  # fmt: skip
    assert store.sql("SELECT subject FROM audit WHERE action = 'print.reprint'") == [(receipt,)] * 2
    assert check_audit(store) is None
    assert told(lambda entry: papers.reprint(entry, "R9", "slip", LATER, LABEL)) is None


def test_an_uncertain_slip_found_on_the_paper(store: Store, told: Told, receipt: str) -> None:
    job_id = set_state(store, told, "uncertain")
    assert told(lambda entry: papers.answer_uncertain(entry, job_id, True, LATER, LABEL)) is None
    assert papers.counts(store) == {"confirmed": 1}


def test_an_uncertain_slip_not_found_is_printed_as_a_copy(store: Store, told: Told, receipt: str) -> None:
    job_id = set_state(store, told, "uncertain")
    new = told(lambda entry: papers.answer_uncertain(entry, job_id, False, LATER, LABEL))
    (job,) = papers.jobs_in(store, "queued")
    assert (job.id, job.copy_no, job.document.reprint_label) == (new, 1, "补打 1")
    assert papers.counts(store) == {"failed": 1, "queued": 1}
    assert told(lambda entry: papers.answer_uncertain(entry, job_id, False, LATER, LABEL)) is None, "answered twice"
    assert papers.counts(store) == {"failed": 1, "queued": 1}


@pytest.mark.parametrize("state", ["queued", "sending", "sent", "confirmed", "failed", "cancelled", "expired"])
def test_only_an_uncertain_slip_asks(store: Store, told: Told, receipt: str, state: str) -> None:
    job_id = set_state(store, told, state)
    assert told(lambda entry: papers.answer_uncertain(entry, job_id, False, LATER, LABEL)) is None
    assert papers.counts(store) == {state: 1}


def test_a_void_receipt_is_not_printed(store: Store, told: Told, receipt: str) -> None:
    assert told(lambda entry: papers.void_receipt(entry, receipt, "wrong child")) is True
    assert papers.counts(store) == {"cancelled": 1}
    assert told(lambda entry: papers.void_receipt(entry, receipt, "again")) is False
    assert told(lambda entry: papers.reprint(entry, receipt, "slip", LATER, LABEL)) is None


def test_cancelling(store: Store, told: Told, receipt: str) -> None:
    (job,) = papers.jobs_in(store, "queued")
    assert told(lambda entry: papers.cancel(entry, job.id)) is True
    assert told(lambda entry: papers.cancel(entry, job.id)) is False
    assert papers.counts(store) == {"cancelled": 1}


NOW, PAST_LATER = datetime(2026, 11, 22, 2, tzinfo=UTC), datetime(2026, 11, 22, 9, 0, 1, tzinfo=UTC)


@pytest.fixture
def queue(store: Store) -> papers.StorePrintQueue:
    queue = papers.StorePrintQueue(store)
    port: PrintQueue = queue  # mypy holds it to the port
    assert port is queue
    return queue


def test_a_claimed_job_is_sending_on_disk(store: Store, queue: papers.StorePrintQueue, receipt: str) -> None:
    assert not queue.waiting("page", NOW) and queue.claim("page", NOW) is None, "another printer's"
    assert queue.waiting("slip", NOW)
    job = queue.claim("slip", NOW)
    assert job is not None and msgspec.json.decode(job.document, type=Document) == SLIP and job.attempts == 1
    assert papers.counts(store) == {"sending": 1}
    assert not queue.waiting("slip", NOW) and queue.claim("slip", NOW) is None, "never twice"
    queue.settle(job.id, JobState.SENT, 4711, AWAITING_ANSWER, NOW)
    assert store.sql("SELECT state, settled_at FROM print_job") == [("sent", None)]
    queue.settle(job.id, JobState.CONFIRMED, 4711, "", NOW)
    assert papers.counts(store) == {"confirmed": 1}
    assert store.sql("SELECT bytes_out, settled_at FROM print_job") == [(4711, utc_text(NOW))]


def test_not_one_byte_went_out(queue: papers.StorePrintQueue, receipt: str) -> None:
    job = queue.claim("slip", NOW)
    assert job is not None
    queue.settle(job.id, JobState.QUEUED, 0, "print.unreachable", NOW)
    again = queue.claim("slip", NOW)
    assert again is not None and (again.id, again.attempts) == (job.id, 2)


@pytest.mark.parametrize("sent", [False, True])
def test_a_print_cut_off_asks_after_the_restart(
    store: Store, queue: papers.StorePrintQueue, receipt: str, sent: bool
) -> None:
    job = queue.claim("slip", NOW)
    assert job is not None
    if sent:
        queue.settle(job.id, JobState.SENT, 100, AWAITING_ANSWER, NOW)
    assert queue.recover("page", NOW) == 0
    assert queue.recover("slip", NOW) == 1
    assert papers.counts(store) == {"uncertain": 1}
    assert queue.claim("slip", NOW) is None, "never printed again by itself"


def test_a_printer_that_cannot_say_is_not_asked_about(
    store: Store, queue: papers.StorePrintQueue, receipt: str
) -> None:
    job = queue.claim("slip", NOW)
    assert job is not None
    queue.settle(job.id, JobState.SENT, 100, "", NOW)
    assert queue.recover("slip", NOW) == 0
    assert papers.counts(store) == {"sent": 1}


def test_yesterdays_slips_expire(store: Store, queue: papers.StorePrintQueue, receipt: str) -> None:
    assert queue.expire("slip", NOW) == 0
    assert queue.claim("slip", PAST_LATER) is None, "not even before someone expires them"
    assert queue.expire("page", PAST_LATER) == 0 and queue.expire("slip", PAST_LATER) == 1
    assert papers.counts(store) == {"expired": 1}


def test_a_copy_never_takes_a_number_twice(store: Store, told: Told, receipt: str) -> None:
    """Reprinted while the first still asked; then the first is answered."""
    job_id = set_state(store, told, "uncertain")
    told(lambda entry: papers.reprint(entry, receipt, "slip", LATER, LABEL))
    told(lambda entry: papers.answer_uncertain(entry, job_id, False, LATER, LABEL))
    assert [job.copy_no for job in papers.jobs_of(store, receipt)] == [0, 1, 2]
