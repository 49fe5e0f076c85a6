"""Pages through a real CUPS and its real network backend to a printer that takes, refuses, hangs or hangs up."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Literal

import pytest

from config.settings import Printer
from domain.world import World
from printing import sheet, spooler
from printing.jobs import JobState
from printing.line import PrinterFault
from printing.spool import PrinterState, Spool, Timing
from printing.transport import connect, look_at
from tests.device import private_cups
from tests.device.emupos import wait_until
from tests.fakes.printer_queue import MemoryQueue
from tests.fakes.printer_slips import SLIP

QUICK = Timing(retry=0.1, retry_most=0.3, fence=2, ask=0.2, idle=30)


class Sink:
    """A network printer: "take" reads all, "stall" reads nothing, "drop" hangs up in the middle."""

    def __init__(self, habit: Literal["take", "stall", "drop"] = "take") -> None:
        self.habit, self.jobs = habit, list[bytes]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.device = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):  # closed at the end of the test
            while True:
                line, _ = self._listener.accept()
                self._open.append(line)
                if self.habit == "drop":
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    line.recv(100)
                    line.close()
                elif self.habit == "take":
                    data = b""
                    while piece := line.recv(65536):
                        data += piece
                    self.jobs.append(data)
                    line.close()

    def close(self) -> None:
        with suppress(OSError):  # closed before
            self._listener.shutdown(socket.SHUT_RDWR)
        for line in (self._listener, *self._open):
            line.close()
        self._thread.join(5)


@pytest.fixture(scope="module")
def cups() -> Iterator[private_cups.Cups]:
    try:
        with private_cups.running() as scheduler:
            yield scheduler
    except private_cups.Missing as lack:
        pytest.skip(str(lack))


@pytest.fixture
def sink() -> Iterator[Sink]:
    printer = Sink()
    yield printer
    printer.close()


@pytest.fixture
def page(
    cups: private_cups.Cups, sink: Sink, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Printer:
    monkeypatch.setenv("CUPS_SERVER", cups.server)
    name = re.sub(r"\W+", "-", request.node.name)[:60]
    cups.add(name, sink.device)
    return Printer("page", "cups", name, role="page")


@pytest.fixture
def start(page: Printer) -> Iterator[Callable[[MemoryQueue], Spool]]:
    spools: list[Spool] = []

    def begin(queue: MemoryQueue) -> Spool:
        spools.append(Spool(page, queue, World(), timing=QUICK))
        spools[0].start()
        return spools[0]

    yield begin
    assert all([spool.stop(20) for spool in spools])


def queued() -> tuple[MemoryQueue, str]:
    queue = MemoryQueue(printer="page")
    return queue, queue.add(SLIP)


def test_a_page_reaches_the_printer_whole_and_is_said_to_be_handed_over(
    sink: Sink, page: Printer, start: Callable[[MemoryQueue], Spool]
) -> None:
    queue, job = queued()
    start(queue)
    row = queue.wait(job, JobState.SENT, timeout_s=40)
    assert row.code == "", "CUPS knows no more than that the printer took it"
    [data] = sink.jobs
    assert data.startswith(b"%PDF") and b"%%EOF" in data[-16:]
    assert len(data) == row.bytes_out
    assert len(data) == len(sheet.render(SLIP, "A5"))


def test_a_stopped_queue_gets_nothing_until_it_runs(
    cups: private_cups.Cups, sink: Sink, page: Printer, start: Callable[[MemoryQueue], Spool]
) -> None:
    cups.do("cupsdisable", page.address)
    assert look_at(page).code == "print.queue_stopped"
    queue, job = queued()
    spool = start(queue)
    wait_until(lambda: spool.health.state is PrinterState.BLOCKED, 10)
    assert queue.rows[job].state is JobState.QUEUED
    cups.do("cupsenable", page.address)
    queue.wait(job, JobState.SENT, timeout_s=40)
    assert len(sink.jobs) == 1


def test_a_printer_that_hangs_up_in_the_middle_is_asked_about_and_not_printed_again(
    sink: Sink, page: Printer, start: Callable[[MemoryQueue], Spool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the network holds, so that CUPS notices: of a short page it says that all is well."""
    monkeypatch.setattr(sheet, "render", lambda *_: b"%PDF-1.4\n" + bytes(range(256)) * 80_000)
    sink.habit = "drop"
    queue, job = queued()
    start(queue)
    row = queue.wait(job, JobState.UNCERTAIN, timeout_s=40)
    assert row.code == "print.job_failed"
    assert row.history.count(JobState.SENDING) == 1


def test_a_printer_out_of_reach_is_told_and_its_job_taken_back(
    cups: private_cups.Cups, sink: Sink, page: Printer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CUPS would try for ever, and print when nobody waits for it any more."""
    monkeypatch.setattr(spooler, "POLL_S", 0.05)
    sink.close()
    with closing(connect(page)) as line:
        line.write(sheet.render(SLIP, "A5"))
        wait_until(lambda: (s := line.listen(1)) is not None and s.code == "print.offline", 20)
        assert len(cups.jobs("not-completed")) == 1
    assert cups.jobs("not-completed") == []


def test_no_such_queue_and_no_scheduler(page: Printer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look_at(Printer("page", "cups", "nobody")).code == "print.no_queue"
    monkeypatch.setenv("CUPS_SERVER", "127.0.0.1:1")
    assert look_at(page).code == "print.no_cups"
    with pytest.raises(PrinterFault) as fault, closing(connect(page)) as line:
        line.write(b"%PDF")
    assert (fault.value.code, fault.value.bytes_out) == ("print.queue_refused", 0)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PrinterFault) as fault, closing(connect(page)) as line:
        line.write(b"%PDF")
    assert (fault.value.code, fault.value.bytes_out) == ("print.no_cups", 0)
