"""The Windows spooler as pywin32 shows it, faked at that boundary: this machine runs no Windows.

The fake keeps to what pywin32 312 does (codes of winspool.h); the same module printed byte for byte through the real
pywin32 under wine, whose spooler tells nothing of jobs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from types import ModuleType
from typing import Any

import pytest

from config.settings import Printer
from domain.world import World
from printing import spooler
from printing.jobs import JobState
from printing.line import Line, PrinterFault
from printing.spool import Spool, Timing, render
from printing.transport import connect, look_at
from tests.fakes.printer_queue import MemoryQueue
from tests.fakes.printer_slips import SLIP

PRINTER = Printer("slip", "spool", "XP-80C")
PRINTING, PAPER_OUT, PRINTED, DELETED, OFFLINE = 0x10, 0x40, 0x80, 0x100, 0x20


class FakeError(Exception):
    """pywintypes.error: number, function, words."""

    def __init__(self, number: int) -> None:
        super().__init__(number, "Function", "words")
        self.winerror = number


class FakeWindows(ModuleType):
    """win32print with one printer. `states` are given to one question about the job after another; None: it is gone."""

    def __init__(self) -> None:
        super().__init__("win32print")
        self.got, self.takes = b"", 1_000_000
        self.printer_status = 0
        self.states: list[int | None] = [PRINTING, PRINTED]
        self.calls: list[str] = []
        self.refuses = 0

    def OpenPrinter(self, name: str) -> int:
        if self.refuses or name != PRINTER.address:
            raise FakeError(self.refuses or 1801)
        self.calls.append("open")
        return 7

    def ClosePrinter(self, handle: int) -> None:
        self.calls.append("close")

    def GetPrinter(self, handle: int, level: int) -> dict[str, Any]:
        assert level == 2
        return {"Status": self.printer_status}

    def StartDocPrinter(self, handle: int, level: int, about: tuple[str, None, str]) -> int:
        assert (level, about) == (1, ("Vaxdesk", None, "RAW"))
        return 42

    def StartPagePrinter(self, handle: int) -> None:
        pass

    def WritePrinter(self, handle: int, data: bytes) -> int:
        if not self.takes:
            raise FakeError(31)
        piece = data[: min(4096, self.takes)]
        self.takes -= len(piece)
        self.got += piece
        return len(piece)

    def EndPagePrinter(self, handle: int) -> None:
        pass

    def EndDocPrinter(self, handle: int) -> None:
        self.calls.append("end")

    def GetJob(self, handle: int, job: int, level: int) -> dict[str, Any]:
        assert (job, level) == (42, 1)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state is None:
            raise FakeError(87)
        return {"Status": state}

    def SetJob(self, handle: int, job: int, level: int, about: None, command: int) -> None:
        self.calls.append(f"cancel {job}")


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWindows]:
    fake, types = FakeWindows(), ModuleType("pywintypes")
    types.error = FakeError
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "win32print", fake)
    monkeypatch.setitem(sys.modules, "pywintypes", types)
    monkeypatch.setattr(spooler, "POLL_S", 0.01)
    monkeypatch.delitem(sys.modules, "printing.windows_spool", raising=False)
    yield fake
    sys.modules.pop("printing.windows_spool", None)


def heard(line: Line, times: int = 20) -> list[str]:
    """The codes said until the fence is answered."""
    codes = []
    for _ in range(times):
        status = line.listen(1)
        codes += [status.code] if status else []
        if line.fences:
            return codes
    raise AssertionError(codes)


def test_every_byte_goes_raw_and_printed_is_proof(windows: FakeWindows) -> None:
    with closing(connect(PRINTER)) as line:
        line.write(bytes(range(256)) * 100)
        assert heard(line) == []
        assert line.proves_paper
    assert windows.got == bytes(range(256)) * 100
    assert windows.calls.count("open") == windows.calls.count("close")


def test_a_job_that_has_left_the_list_is_handed_over_and_no_more(windows: FakeWindows) -> None:
    windows.states = [PRINTING, None]
    with closing(connect(PRINTER)) as line:
        line.write(b"x")
        heard(line)
        assert not line.proves_paper


def test_out_of_paper_in_the_middle_is_told_and_then_printed(windows: FakeWindows) -> None:
    windows.states = [PRINTING, PRINTING | PAPER_OUT, PRINTING | OFFLINE, PRINTED]
    with closing(connect(PRINTER)) as line:
        line.write(b"x")
        assert heard(line) == ["print.paper_out", "print.offline"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(0x10, "print.paper_out"), (0x400000, "print.cover_open"), (0x80, "print.offline"), (1, "print.queue_stopped"),
     (2, "print.printer_fault")],
)  # fmt: skip
def test_what_the_printer_says_before(windows: FakeWindows, status: int, code: str) -> None:
    assert look_at(PRINTER).kind == "ok"
    windows.printer_status = status
    assert look_at(PRINTER).code == code


@pytest.mark.parametrize(
    ("number", "code"),
    [(5, "print.no_permission"), (1801, "print.no_queue"), (1722, "print.no_spooler"), (3, "print.unreachable")],
)
def test_what_windows_refuses(windows: FakeWindows, number: int, code: str) -> None:
    windows.refuses = number
    assert look_at(PRINTER).code == code


def test_a_spooler_that_stops_in_the_middle_says_how_much_it_took(windows: FakeWindows) -> None:
    windows.takes = 5000
    with closing(connect(PRINTER)) as line, pytest.raises(PrinterFault) as fault:
        line.write(b"x" * 9000)
    assert fault.value.bytes_out == 5000
    assert "end" in windows.calls


def test_a_job_given_up_is_taken_back_when_nobody_knows_its_end(windows: FakeWindows) -> None:
    windows.states = [PRINTING]
    with closing(connect(PRINTER)) as line:
        line.write(b"x")
        assert line.listen(1) is None
    assert windows.calls.count("cancel 42") == 1


@pytest.mark.parametrize(
    ("states", "state", "code"),
    [([PRINTING, PRINTED], "confirmed", ""), ([None], "sent", ""), ([DELETED], "uncertain", "print.job_failed")],
)
def test_the_queue_hears_the_truth(windows: FakeWindows, states: list[int | None], state: str, code: str) -> None:
    windows.states = states
    queue = MemoryQueue()
    job = queue.add(SLIP)
    spool = Spool(PRINTER, queue, World(), timing=Timing(retry=0.1, ask=0.05))
    spool.start()
    try:
        row = queue.wait(job, JobState(state))
    finally:
        assert spool.stop(10)
    assert (row.code, row.history.count(JobState.SENDING)) == (code, 1)
    assert windows.got == render(queue.rows[job].job.document, 0, PRINTER)


def test_it_is_there_on_windows_alone() -> None:
    assert look_at(PRINTER).code == "print.windows_only"
