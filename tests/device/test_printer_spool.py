"""The spool with the simulated printer on a real socket: one slip for one job, or an honest question."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import zxingcpp

from config.settings import Printer
from domain.documents import Document, Text
from domain.world import World
from printing import layout
from printing.jobs import INTERRUPTED, JobState
from printing.simulator import SimulatedPrinter
from printing.spool import Health, PrinterState, Spool, Timing, render
from tests.fakes.printer_queue import MemoryQueue
from tests.fakes.printer_slips import QR, SLIP

QUICK = Timing(retry=0.05, retry_most=0.2, fence=0.6, mute=0.3, ask=0.1, idle=30)
Start = Callable[..., Spool]


class Board:
    """What the health board heard; `wait` for a state."""

    def __init__(self) -> None:
        self._changed, self.seen = threading.Condition(), list[Health]()

    def __call__(self, health: Health) -> None:
        with self._changed:
            self.seen.append(health)
            self._changed.notify_all()

    def wait(self, state: PrinterState, code: str | None = None) -> None:
        def there() -> bool:
            return any(h.state is state and code in (None, h.code) for h in self.seen)

        with self._changed:
            assert self._changed.wait_for(there, 15), (state, code, self.seen)


@pytest.fixture
def paper() -> Iterator[SimulatedPrinter]:
    with SimulatedPrinter() as printer:
        yield printer


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def start(paper: SimulatedPrinter, queue: MemoryQueue, board: Board) -> Iterator[Start]:
    spools: list[Spool] = []

    def begin(printer: Printer | None = None, timing: Timing = QUICK, world: World | None = None) -> Spool:
        printer = printer or Printer("slip", "tcp", paper.address)
        spool = Spool(printer, queue, world or World(), on_health=board, timing=timing)
        spools.append(spool)
        spool.start()
        return spool

    yield begin
    assert all([spool.stop(10) for spool in spools])


def complete(paper: SimulatedPrinter) -> int:
    return sum(slip.complete for slip in paper.slips)


def test_a_slip_is_printed_and_confirmed(paper: SimulatedPrinter, queue: MemoryQueue, start: Start) -> None:
    spool = start()
    job = queue.add(SLIP)
    spool.wake()
    row = queue.wait(job, JobState.CONFIRMED)
    assert row.history == [JobState.QUEUED, JobState.SENDING, JobState.SENT, JobState.CONFIRMED]
    (slip,) = paper.slips
    picture = layout.draw(SLIP, 576)
    assert slip.picture.crop((0, 0, *picture.size)).tobytes() == picture.tobytes()
    assert [found.text for found in zxingcpp.read_barcodes(slip.picture.convert("L"))] == [QR]
    assert paper.stray == 0


def test_many_jobs_in_their_order_each_once(paper: SimulatedPrinter, queue: MemoryQueue, start: Start) -> None:
    pages = [Document("slip", (Text(f"第 {number} 张"),)) for number in range(8)]
    jobs = [queue.add(page) for page in pages]
    start()
    for job in jobs:
        queue.wait(job, JobState.CONFIRMED)
    cropped = [slip.picture.crop((0, 0, 576, layout.draw(pages[0], 576).height)) for slip in paper.slips]
    assert [slip.tobytes() for slip in cropped] == [layout.draw(page, 576).tobytes() for page in pages]


def test_a_reprint_says_so_whatever_the_document_says(
    paper: SimulatedPrinter, queue: MemoryQueue, start: Start
) -> None:
    job = queue.add(msgspec.structs.replace(SLIP, reprint_label="补打 1"), copy_no=1)
    start()
    queue.wait(job, JobState.CONFIRMED)
    marked = layout.draw(msgspec.structs.replace(SLIP, copy_no=1, reprint_label="补打 1"), 576)
    assert paper.slips[0].picture.crop((0, 0, *marked.size)).tobytes() == marked.tobytes()


@pytest.mark.parametrize("fault", ["paper_out", "cover_open", "offline"])
def test_a_printer_not_ready_gets_nothing_and_prints_when_it_is(
    fault: str, paper: SimulatedPrinter, queue: MemoryQueue, board: Board, start: Start
) -> None:
    paper.set(**{fault: True})
    job = queue.add(SLIP)
    spool = start()
    board.wait(PrinterState.BLOCKED, f"print.{fault}")
    assert queue.rows[job].history == [JobState.QUEUED], "not even claimed"
    paper.set(**{fault: False})
    spool.wake()
    queue.wait(job, JobState.CONFIRMED)
    board.wait(PrinterState.READY)
    assert complete(paper) == 1


def test_paper_out_in_a_slip_keeps_waiting_for_the_paper(
    paper: SimulatedPrinter, queue: MemoryQueue, board: Board, start: Start
) -> None:
    queue.on_claim = lambda: paper.set(paper_out=True)
    job = queue.add(SLIP)
    start()
    board.wait(PrinterState.BLOCKED, "print.paper_out")
    assert queue.stays_sent(job, 2 * QUICK.fence), "longer than the fence is waited for"
    paper.set(cover_open=True)  # a person changes the roll
    queue.on_claim = lambda: None
    paper.set(paper_out=False, cover_open=False)
    queue.wait(job, JobState.CONFIRMED)
    assert complete(paper) == 1


def test_a_printer_that_dies_in_a_slip_asks_and_never_prints_again_by_itself(
    paper: SimulatedPrinter, queue: MemoryQueue, board: Board, start: Start
) -> None:
    queue.on_claim = lambda: paper.set(die_after=20_000)
    first, second = queue.add(SLIP), queue.add(Document("slip", (Text("二"),)))
    spool = start()
    row = queue.wait(first, JobState.UNCERTAIN)
    assert row.bytes_out > 0 and row.code == "print.lost"
    board.wait(PrinterState.UNREACHABLE)
    queue.on_claim = lambda: None
    paper.power_on()
    spool.wake()
    queue.wait(second, JobState.CONFIRMED)
    assert [slip.complete for slip in paper.slips] == [False, True], "a torn piece, and only the second slip"
    again = queue.add(SLIP, copy_no=1)  # the person said: not printed
    spool.wake()
    queue.wait(again, JobState.CONFIRMED)
    assert complete(paper) == 2
    assert queue.rows[first].state is JobState.UNCERTAIN


def test_a_refused_connection_leaves_the_job_untouched_until_the_printer_is_back(
    paper: SimulatedPrinter, queue: MemoryQueue, board: Board, start: Start
) -> None:
    paper.power_off()
    job = queue.add(SLIP)
    start()
    board.wait(PrinterState.UNREACHABLE, "print.refused")
    assert (queue.rows[job].state, queue.rows[job].bytes_out) == (JobState.QUEUED, 0)
    paper.power_on()
    queue.wait(job, JobState.CONFIRMED)
    assert complete(paper) == 1


def test_silence_of_a_printer_that_used_to_answer_is_uncertain(
    paper: SimulatedPrinter, queue: MemoryQueue, start: Start
) -> None:
    spool = start()
    first = queue.add(SLIP)
    spool.wake()
    queue.wait(first, JobState.CONFIRMED)
    paper.set(swallow=True)
    job = queue.add(SLIP)
    spool.wake()
    assert queue.wait(job, JobState.UNCERTAIN).code == "print.no_answer"
    assert complete(paper) == 1


def test_a_printer_that_never_answers_ends_at_sent(
    paper: SimulatedPrinter, queue: MemoryQueue, board: Board, start: Start
) -> None:
    paper.set(mute=True)
    job = queue.add(SLIP)
    start()
    row = queue.wait(job, JobState.SENT)
    assert row.code == ""
    assert paper.wait(1, 5)
    board.wait(PrinterState.READY, "print.unknown")
    assert queue.recover("slip", World().now()) == 0, "nobody is asked about it later"


def test_a_file_ends_at_sent_with_every_byte(queue: MemoryQueue, start: Start, tmp_path: Path) -> None:
    job = queue.add(SLIP)
    printer = Printer("slip", "file", str(tmp_path / "slips.bin"))
    start(printer)
    row = queue.wait(job, JobState.SENT)
    assert (tmp_path / "slips.bin").read_bytes() == render(msgspec.json.encode(SLIP), 0, printer)
    assert row.bytes_out == (tmp_path / "slips.bin").stat().st_size


def test_old_slips_expire_instead_of_printing_next_morning(
    paper: SimulatedPrinter, queue: MemoryQueue, start: Start
) -> None:
    late, fresh = queue.add(SLIP, ttl_s=-1), queue.add(SLIP)
    start()
    queue.wait(fresh, JobState.CONFIRMED)
    assert queue.rows[late].history == [JobState.QUEUED, JobState.EXPIRED]
    assert len(paper.slips) == 1


def test_what_was_under_way_when_the_program_ended_is_asked_about(
    paper: SimulatedPrinter, queue: MemoryQueue, start: Start
) -> None:
    job, other = queue.add(SLIP), queue.add(Document("slip", (Text("二"),)))
    assert queue.claim("slip", World().now()) is not None  # and then the power went, before the first byte
    start()
    assert queue.wait(job, JobState.UNCERTAIN).code == INTERRUPTED
    queue.wait(other, JobState.CONFIRMED)
    assert len(paper.slips) == 1


def test_a_full_disk_is_shown_and_nothing_is_printed_until_it_is_not(
    paper: SimulatedPrinter, queue: MemoryQueue, board: Board, start: Start
) -> None:
    queue.full = True
    job = queue.add(SLIP)
    spool = start()
    board.wait(PrinterState.FAULTED, "store.disk_full")
    assert paper.slips == [] and queue.rows[job].state is JobState.QUEUED
    queue.full = False
    spool.wake()
    queue.wait(job, JobState.CONFIRMED)
    assert complete(paper) == 1


def test_a_disk_that_fills_while_printing_does_not_print_twice(
    paper: SimulatedPrinter, queue: MemoryQueue, board: Board, start: Start
) -> None:
    def fill() -> None:
        queue.full = True

    queue.on_claim = fill
    job = queue.add(SLIP)
    start()
    board.wait(PrinterState.FAULTED, "store.disk_full")
    assert paper.wait(1, 10)
    queue.on_claim, queue.full = lambda: None, False
    assert queue.wait(job, JobState.CONFIRMED).history.count(JobState.SENDING) == 1
    assert complete(paper) == 1


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"{not a document", "print.document_unreadable"),
        (b'{"kind":"slip","blocks":[{"type":"film"}]}', "print.document_unreadable"),
        (msgspec.json.encode(Document("slip", (Text("\ue000"),))), "print.cannot_draw"),
    ],
)
def test_a_document_that_cannot_be_printed_fails_and_holds_nobody_up(
    document: bytes, code: str, paper: SimulatedPrinter, queue: MemoryQueue, start: Start
) -> None:
    bad, good = queue.add(document), queue.add(SLIP)
    start()
    assert queue.wait(bad, JobState.FAILED).code == code
    queue.wait(good, JobState.CONFIRMED)
    assert len(paper.slips) == 1


def test_a_mistake_in_the_worker_is_shown_and_the_printer_goes_on(
    paper: SimulatedPrinter, queue: MemoryQueue, board: Board, start: Start
) -> None:
    def mistake() -> None:
        queue.on_claim = lambda: None
        raise RuntimeError("ours")

    queue.on_claim = mistake
    first, second = queue.add(SLIP), queue.add(SLIP)
    start()
    board.wait(PrinterState.FAULTED, "print.worker_failed")
    queue.wait(first, JobState.UNCERTAIN)
    queue.wait(second, JobState.CONFIRMED)
    assert len(paper.slips) == 1


def test_stop_does_not_wait_for_paper(paper: SimulatedPrinter, queue: MemoryQueue, start: Start) -> None:
    queue.on_claim = lambda: paper.set(paper_out=True)
    job = queue.add(SLIP)
    spool = start()
    queue.wait_sent(job)
    began = time.monotonic()
    assert spool.stop(5)
    assert time.monotonic() - began < 2
    assert queue.recover("slip", World().now()) == 1


def test_killed_between_the_claim_and_the_first_byte_nothing_comes_out(paper: SimulatedPrinter) -> None:
    """A real kill -9 of a real process that has claimed and not yet sent: no byte reaches the printer."""
    work = (
        "import os, signal, sys\n"
        "from config.settings import Printer\n"
        "from domain.world import World\n"
        "from printing.spool import Spool\n"
        "from tests.fakes.printer_queue import MemoryQueue\n"
        "from tests.fakes.printer_slips import SLIP\n"
        "queue = MemoryQueue(on_claim=lambda: os.kill(os.getpid(), signal.SIGKILL))\n"
        "queue.add(SLIP)\n"
        "spool = Spool(Printer('slip', 'tcp', sys.argv[1]), queue, World())\n"
        "spool.start()\n"
        "spool._thread.join(30)\n"
    )
    done = subprocess.run([sys.executable, "-c", work, paper.address], cwd=Path(__file__).parents[2], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert paper.slips == [] and paper.stray == 0


def test_commit_to_last_byte_is_within_the_target(
    paper: SimulatedPrinter, queue: MemoryQueue, start: Start, record_property: Callable[[str, object], None]
) -> None:
    """400 ms from the commit to the last byte at the printer, raster: here until the fence has answered."""
    spool = start()
    times = []
    for _ in range(10):
        job = queue.add(SLIP)
        began = time.perf_counter()
        spool.wake()
        queue.wait(job, JobState.CONFIRMED)
        times.append((time.perf_counter() - began) * 1000)
    record_property("commit_to_confirmed_ms", [round(t) for t in times])
    assert sorted(times)[len(times) // 2] < 400, times
