"""The print queue on disk, the spool and a printer: what a power cut, a full disk or a second worker leaves."""

from __future__ import annotations

import os
import queue
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from config.settings import Printer
from domain.documents import Document, Text
from domain.world import World
from printing import layout
from printing.escpos import FENCE, STATUS
from printing.paper import Machine
from printing.simulator import SimulatedPrinter
from printing.spool import Health, PrinterState, Spool, Timing
from terminal.store import papers
from terminal.store.database import Store
from tests.fakes.disks import small_disk
from tests.fakes.ledgers import KEY, new_store
from tests.fakes.print_queue import LABEL, WatchedQueue
from tests.fakes.printer_slips import SLIP

QUICK = Timing(retry=0.05, retry_most=0.2, fence=0.6, mute=0.3, ask=0.1, idle=30)
HOUSE = Path(__file__).parents[2]
Start = Callable[..., Spool]


@pytest.fixture
def paper() -> Iterator[SimulatedPrinter]:
    with SimulatedPrinter() as printer:
        yield printer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path / "records.db")
    yield store
    store.close()


@pytest.fixture
def jobs(store: Store) -> WatchedQueue:
    return WatchedQueue(store, World())


@pytest.fixture
def start(paper: SimulatedPrinter, jobs: WatchedQueue) -> Iterator[Start]:
    spools: list[Spool] = []

    def begin(printer: Printer | None = None, queue: WatchedQueue = jobs, **more: object) -> Spool:
        printer = printer or Printer("slip", "tcp", paper.address)
        spools.append(Spool(printer, queue, World(), timing=QUICK, **more))
        spools[-1].start()
        return spools[-1]

    yield begin
    assert all([spool.stop(10) for spool in spools])


def top(paper: SimulatedPrinter, number: int, document: Document) -> bool:
    """Whether the slip begins with the document as laid out, dot by dot; the feed before the cut follows."""
    wanted, slip = layout.draw(document, 576), paper.slips[number].picture
    return slip.crop((0, 0, *wanted.size)).tobytes() == wanted.tobytes()


def test_fifty_slips_in_a_row_in_order_and_in_time(
    paper: SimulatedPrinter, jobs: WatchedQueue, start: Start, record_property: Callable[[str, object], None]
) -> None:
    """From the commit to the answer behind the last byte: at most 400 ms in the middle."""
    spool, took = start(), []
    pages = [msgspec.structs.replace(SLIP, blocks=(Text(f"第 {n} 张"), *SLIP.blocks)) for n in range(50)]
    for page in pages:
        job = jobs.add(page)
        began = time.perf_counter()
        spool.wake()
        jobs.wait(job, "confirmed")
        took.append((time.perf_counter() - began) * 1000)
    assert len(paper.slips) == 50 and all(top(paper, n, page) for n, page in enumerate(pages))
    p50, p99 = statistics.median(took), sorted(took)[-1]
    print(f"commit -> confirmed, 50 raster slips: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    record_property("commit_to_confirmed_ms", (round(p50), round(p99)))
    assert p50 < 400


def test_killed_between_claim_and_first_byte_asks_and_the_reprint_is_marked(
    paper: SimulatedPrinter, jobs: WatchedQueue, start: Start, tmp_path: Path
) -> None:
    """A real kill -9 with a real database: `sending` is on disk, no byte is out, and the next start asks."""
    job = jobs.add(SLIP)
    jobs.store.close()
    work = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from config.settings import Printer\n"
        "from domain.world import World\n"
        "from printing.spool import Spool\n"
        "from terminal.store.database import Store\n"
        "from tests.fakes.ledgers import KEY\n"
        "from tests.fakes.print_queue import WatchedQueue\n"
        "die = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
        "queue = WatchedQueue(Store(Path(sys.argv[1]), KEY), World(), die)\n"
        "spool = Spool(Printer('slip', 'tcp', sys.argv[2]), queue, World())\n"
        "spool.start()\n"
        "spool._thread.join(30)\n"
    )
    killed = [sys.executable, "-c", work, str(tmp_path / "records.db"), paper.address]
    assert subprocess.run(killed, cwd=HOUSE, timeout=60).returncode == -signal.SIGKILL
    assert paper.slips == [] and paper.stray == 0
    jobs = WatchedQueue(Store(tmp_path / "records.db", KEY), World())
    try:
        assert jobs.state(job) == "sending"
        spool = start(queue=jobs)
        jobs.wait(job, "uncertain")
        again = jobs.answer(job, printed=False)
        assert again is not None
        spool.wake()
        jobs.wait(again, "confirmed")
        assert spool.stop(10)
        assert papers.counts(jobs.store) == {"failed": 1, "confirmed": 1}
    finally:
        jobs.store.close()
    assert len(paper.slips) == 1
    assert top(paper, 0, msgspec.structs.replace(SLIP, copy_no=1, reprint_label=LABEL.format(copy=1)))


def test_a_printer_that_dies_in_a_slip_asks_and_it_is_on_paper_once(
    paper: SimulatedPrinter, jobs: WatchedQueue, start: Start
) -> None:
    jobs.on_claim = lambda: paper.set(die_after=20_000)
    job = jobs.add(SLIP)
    spool = start()
    jobs.wait(job, "uncertain")
    jobs.on_claim = lambda: None
    paper.power_on()
    again = jobs.answer(job, printed=False)
    assert again is not None
    spool.wake()
    jobs.wait(again, "confirmed")
    assert [slip.complete for slip in paper.slips] == [False, True]
    assert jobs.answer(job, printed=False) is None, "asked once, answered once"


def test_stopped_while_the_answer_is_awaited_the_slip_is_asked_about(
    paper: SimulatedPrinter, jobs: WatchedQueue, start: Start
) -> None:
    jobs.on_claim = lambda: paper.set(paper_out=True)
    job, board = jobs.add(SLIP), threading.Event()
    spool = start(on_health=lambda health: board.set() if health.code == "print.paper_out" else None)
    assert board.wait(10)
    assert spool.stop(5) and jobs.state(job) == "sent"
    jobs.on_claim = lambda: None
    start()
    jobs.wait(job, "uncertain")
    paper.set(paper_out=False)
    assert paper.wait(1, 5), "the printer had it all in its memory"
    assert jobs.answer(job, printed=True) is None
    assert papers.counts(jobs.store) == {"confirmed": 1}


def test_a_stop_waits_for_the_answer_of_a_printer_at_work(jobs: WatchedQueue, start: Start) -> None:
    """Closing the program right after a slip leaves no question."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sent, go = threading.Event(), threading.Event()

        def serve() -> None:
            line, data = listener.accept()[0], b""
            with line:
                while not data.endswith(FENCE):
                    data += line.recv(4096)
                    if data == STATUS:
                        line.sendall(b"\x12\x12\x12")
                sent.set()
                assert go.wait(10)
                line.sendall(b"\0")
                line.recv(4096)

        server = threading.Thread(target=serve)
        server.start()
        job = jobs.add(SLIP)
        spool = start(Printer("slip", "tcp", f"127.0.0.1:{listener.getsockname()[1]}"))
        assert sent.wait(10)
        stopper = threading.Thread(target=spool.stop, args=(10,))
        stopper.start()
        go.set()
        jobs.wait(job, "confirmed")
        stopper.join(10)
        server.join(10)


def test_an_idle_printer_that_goes_is_shown(paper: SimulatedPrinter, jobs: WatchedQueue) -> None:
    board: queue.SimpleQueue[PrinterState] = queue.SimpleQueue()
    timing = replace(QUICK, idle=0.05)
    printer = Printer("slip", "tcp", paper.address)
    spool = Spool(printer, jobs, World(), on_health=lambda health: board.put(health.state), timing=timing)
    spool.start()
    try:
        assert board.get(timeout=10) is PrinterState.READY
        paper.power_off()
        assert board.get(timeout=10) is PrinterState.UNREACHABLE
        paper.power_on()
        assert board.get(timeout=10) is PrinterState.READY
    finally:
        assert spool.stop(10)


def test_no_file_is_made_where_an_unplugged_printer_was(jobs: WatchedQueue, start: Start) -> None:
    shown = threading.Event()
    gone = Printer("slip", "file", "/dev/vaxdesk-no-printer")
    job = jobs.add(SLIP)
    start(gone, on_health=lambda health: shown.set() if health.code == "print.no_device" else None)
    assert shown.wait(10)
    assert jobs.state(job) == "queued" and not Path(gone.address).exists()


def test_two_workers_on_one_printer_never_print_a_slip_twice(
    paper: SimulatedPrinter, jobs: WatchedQueue, start: Start
) -> None:
    """The caller's mistake; each job is still claimed by one of them only."""
    pages = [Document("slip", (Text(f"第 {n} 张"),)) for n in range(10)]
    start(), start()
    ids = [jobs.add(page) for page in pages]
    for spool in start(), start():
        spool.wake()
    assert paper.wait(len(ids), 60)
    printed = sorted(slip.picture.tobytes() for slip in paper.slips)
    assert len(printed) == len(set(printed)) == len(ids)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as place:
        yield place


def test_a_full_disk_is_shown_nothing_prints_and_the_worker_lives(
    paper: SimulatedPrinter, start: Start, full_disk: Path
) -> None:
    jobs = WatchedQueue(new_store(full_disk / "records.db"), World())
    shown = threading.Event()

    def hear(health: Health) -> None:
        if health.state is PrinterState.FAULTED and health.code == "store.disk_full":
            shown.set()

    try:
        job = jobs.add(SLIP)
        ballast = full_disk / "ballast"
        fill(ballast)
        spool = start(queue=jobs, on_health=hear)
        assert shown.wait(20)
        assert jobs.state(job) == "queued" and paper.slips == []
        os.truncate(ballast, 0)
        spool.wake()
        jobs.wait(job, "confirmed")
        assert spool.stop(10)
    finally:
        jobs.store.close()
    assert len(paper.slips) == 1


def fill(path: Path) -> None:
    """Take every byte that is left."""
    with path.open("wb", buffering=0) as file:
        for size in (65536, 512, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue


@pytest.mark.parametrize("kind", ["serial", "file"])
def test_a_serial_port_and_a_device_node_answer_over_a_real_line(
    kind: Literal["serial", "file"], jobs: WatchedQueue, start: Start
) -> None:
    """The printer's own inside at the far end of a pseudo-terminal."""
    near, far = os.openpty()
    tty.setraw(far)
    machine, ended = Machine(), threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                answers = machine.feed(os.read(near, 4096))
                os.write(near, answers)
            except OSError:
                return

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    try:
        job = jobs.add(SLIP)
        spool = start(Printer("slip", kind, os.ttyname(far), baud=115200))
        jobs.wait(job, "confirmed")
        assert spool.stop(10)
    finally:
        ended.set()
        os.write(far, b"\0")  # wakes the reader
        server.join(5)
        os.close(near)
        os.close(far)
    wanted = layout.draw(SLIP, 576)
    assert machine.slips[0].picture.crop((0, 0, *wanted.size)).tobytes() == wanted.tobytes()
