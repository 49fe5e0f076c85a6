"""Scans through a real pseudo-terminal, the real serial driver and the real reading process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
from serial import Serial

from config.settings import Scanner
from drivers import reader_main
from drivers.reader import ScannerReader
from drivers.scan import DeviceState, ScanEvent
from drivers.simulator import Fault, ScannerSimulator
from tests.fakes.inbox import Inbox
from tests.fakes.scanner_latency import measure_latency

GS1 = "0106912345678905\x1d17270131\x1d10A1B2\x1d21{:09d}"
Start = Callable[..., ScannerReader]


@pytest.fixture
def gun() -> Iterator[ScannerSimulator]:
    with ScannerSimulator() as simulator:
        yield simulator


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def start(gun: ScannerSimulator, inbox: Inbox) -> Iterator[Start]:
    """Starts a reader on the simulator, with settings of the scanner as given."""
    started: list[ScannerReader] = []

    def _start(**settings: object) -> ScannerReader:
        profile = {"idle_ms": 150, "repeat_ms": 2000} | settings
        reader = ScannerReader((Scanner("gun", gun.port, **profile),), inbox.deliver)
        started.append(reader)
        reader.start()
        return reader

    yield _start
    inbox.open.set()
    assert all(reader.stop() for reader in started)


def test_a_thousand_scans_arrive_exact_and_in_order(gun: ScannerSimulator, inbox: Inbox, start: Start) -> None:
    start()
    inbox.wait_state(DeviceState.READY)
    before = time.monotonic()
    assert all(gun.scan("]d2" + GS1.format(number)) for number in range(1000))
    inbox.wait_scans(1000)
    assert inbox.payloads == [GS1.format(number) for number in range(1000)]
    assert {(scan.device, scan.symbology, scan.code) for scan in inbox.scans} == {("gun", "]d2", "")}
    assert all(before < scan.mono < time.monotonic() for scan in inbox.scans)  # one clock in both processes
    assert inbox.scans[0].wall.tzinfo is not None


def test_a_stalled_consumer_loses_nothing(gun: ScannerSimulator, inbox: Inbox, start: Start) -> None:
    start()
    inbox.wait_state(DeviceState.READY)
    inbox.open.clear()
    assert all(gun.scan(GS1.format(number)) for number in range(2000))  # far more than the pipe holds
    inbox.open.set()
    inbox.wait_scans(2000)
    assert inbox.payloads == [GS1.format(number) for number in range(2000)]


def test_a_stopped_process_loses_nothing(gun: ScannerSimulator, inbox: Inbox, start: Start) -> None:
    reader = start()
    inbox.wait_state(DeviceState.READY)
    os.kill(reader.pid, signal.SIGSTOP)
    assert all(gun.scan(GS1.format(number)) for number in range(20))
    os.kill(reader.pid, signal.SIGCONT)
    inbox.wait_scans(20)
    assert inbox.payloads == [GS1.format(number) for number in range(20)]


@pytest.mark.parametrize(
    ("fault", "payload", "code"),
    [
        (Fault.GARBAGE, None, "scan.garbled"),
        (Fault.WRONG_LAYOUT, "à&à-ç&é\"'(-è_çà(", ""),
        (Fault.LOST_GS, "0106912345678905" + "17270131" + "10A1B2" + "21000000007", ""),
        (Fault.NO_TERMINATOR, GS1.format(7), "scan.unterminated"),
    ],
)
def test_a_faulty_scan_comes_as_it_is(
    fault: Fault, payload: str | None, code: str, gun: ScannerSimulator, inbox: Inbox, start: Start
) -> None:
    start()
    inbox.wait_state(DeviceState.READY)
    gun.fail_next(fault)
    gun.scan("0106912345678905" if fault is Fault.WRONG_LAYOUT else GS1.format(7))
    inbox.wait_scans(1)
    gun.scan(GS1.format(8))  # once only
    inbox.wait_scans(2)
    assert inbox.scans[0].code == code
    assert payload is None or inbox.scans[0].payload == payload
    assert (inbox.scans[1].payload, inbox.scans[1].code) == (GS1.format(8), "")


def test_a_code_sent_twice_is_one_scan_unless_a_key_came_between(
    gun: ScannerSimulator, inbox: Inbox, start: Start
) -> None:
    reader = start(repeat_ms=10_000)
    inbox.wait_state(DeviceState.READY)
    gun.fail_next(Fault.REPEAT)
    gun.scan("vial")
    gun.scan("other")
    inbox.wait_scans(2)
    assert inbox.payloads == ["vial", "other"]
    gun.scan("vial")  # the brother's dose
    inbox.wait_scans(3)
    reader.forget()
    gun.scan("vial")
    inbox.wait_scans(4)
    assert inbox.payloads == ["vial", "other", "vial", "vial"]


def test_unplugged_in_the_middle_of_a_code(gun: ScannerSimulator, inbox: Inbox, start: Start) -> None:
    start()
    inbox.wait_state(DeviceState.READY)
    gun.fail_next(Fault.DROP)
    gun.scan(GS1.format(1))
    inbox.wait_state(DeviceState.ABSENT)
    assert not gun.scan(GS1.format(2))  # nobody hears it
    gun.replug()
    inbox.wait_state(DeviceState.READY, times=2)
    gun.scan(GS1.format(3))
    inbox.wait_scans(1)
    assert inbox.codes == ["device.ready", "scan.cut_off", "device.absent", "device.ready", "scan"]
    assert inbox.payloads == [GS1.format(3)]


def test_too_long_is_said(gun: ScannerSimulator, inbox: Inbox, start: Start) -> None:
    start()
    inbox.wait_state(DeviceState.READY)
    gun.scan("9" * 3000)
    gun.scan("next")
    inbox.wait_scans(1)
    assert inbox.codes == ["device.ready", "scan.overflow", "scan"]


def test_plugged_in_after_the_start(gun: ScannerSimulator, inbox: Inbox, start: Start) -> None:
    gun.unplug()
    start()
    inbox.wait_state(DeviceState.ABSENT)
    gun.replug()
    inbox.wait_state(DeviceState.READY)
    assert inbox.codes == ["device.absent", "device.ready"]


def test_a_port_in_use_is_busy_until_it_is_free(gun: ScannerSimulator, inbox: Inbox, start: Start) -> None:
    with Serial(gun.port, exclusive=True):
        start()
        inbox.wait_state(DeviceState.BUSY)
    inbox.wait_state(DeviceState.READY)
    assert inbox.codes == ["device.busy", "device.ready"]


def test_two_scanners_in_one_process(gun: ScannerSimulator, inbox: Inbox) -> None:
    with ScannerSimulator() as second:
        reader = ScannerReader((Scanner("gun", gun.port), Scanner("second", second.port)), inbox.deliver)
        reader.start()
        inbox.wait_state(DeviceState.READY, times=2)
        second.scan("b")
        inbox.wait_scans(1)
        gun.scan("a")
        inbox.wait_scans(2)
        assert [(scan.device, scan.payload) for scan in inbox.scans] == [("second", "b"), ("gun", "a")]
        assert reader.stop()


def test_a_killed_process_is_reported_and_replaced(gun: ScannerSimulator, inbox: Inbox, start: Start) -> None:
    reader = start()
    inbox.wait_state(DeviceState.READY)
    first = reader.pid
    os.kill(first, signal.SIGKILL)
    inbox.wait_state(DeviceState.READY, times=2)
    assert inbox.codes == ["device.ready", "device.faulted", "device.ready"]
    assert reader.pid != first
    gun.scan("after")
    inbox.wait_scans(1)
    assert inbox.payloads == ["after"]


def test_stop_ends_the_process_and_frees_the_port(gun: ScannerSimulator, inbox: Inbox, start: Start) -> None:
    reader = start()
    inbox.wait_state(DeviceState.READY)
    pid = reader.pid
    assert reader.stop(deadline_s=5)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    Serial(gun.port, exclusive=True).close()
    assert inbox.codes == ["device.ready"]


PARENT = """
import sys, msgspec
from config.settings import Scanner
from drivers import reader_main
from drivers.reader import ScannerReader
reader = ScannerReader((Scanner("gun", sys.argv[1]),), lambda report: print(reader.pid, report.code, flush=True))
reader.start()
if sys.argv[2] == "wait": sys.stdin.read()
else: reader._thread.join(0.5)
"""


def test_the_process_dies_with_a_killed_parent(gun: ScannerSimulator) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, gun.port, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout
        pid, code = parent.stdout.readline().split()
        assert code == "device.ready"
        parent.kill()
        assert parent.stdout.read() == ""
    deadline = time.monotonic() + 10
    while _runs(int(pid)):
        assert time.monotonic() < deadline


def test_the_thread_does_not_keep_the_parent(gun: ScannerSimulator) -> None:
    done = subprocess.run([sys.executable, "-c", PARENT, gun.port, "leave"], capture_output=True, timeout=20, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_process_imports_no_more_than_it_needs() -> None:
    """It starts with every counter, on an old PC, before the window is up."""
    script = "import sys, drivers.reader_main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "serial" in loaded
    assert not {"PySide6", "peewee", "sqlcipher3", "cryptography", "PIL", "asyncio", "multiprocessing"} & set(loaded)


def test_a_desk_without_scanners_needs_no_process(inbox: Inbox) -> None:
    reader = ScannerReader((), inbox.deliver)
    reader.start()
    assert reader.stop()
    assert (reader.pid, inbox.reports) == (0, [])


def test_the_frozen_program_starts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert reader_main.command() == [sys.executable, reader_main.FLAG]
    program = subprocess.run([sys.executable, "-m", "terminal", reader_main.FLAG], input=b"[]\n", capture_output=True)
    assert (program.returncode, program.stdout, program.stderr) == (0, b"", b"")


def test_reports_do_not_show_what_was_scanned() -> None:
    scan = msgspec.convert(
        {"type": "scan", "device": "gun", "payload": "44010619850101", "symbology": "", "wall": "2026-11-22T00:00:00Z"}
        | {"mono": 1.0},
        ScanEvent,
    )
    assert "4401" not in repr(scan)


def test_latency_through_pty_process_and_pipe() -> None:
    latency = measure_latency(200)
    print(f"\nscan end -> report, ms: p50 {latency.p50:.2f}  p99 {latency.p99:.2f}  longest {latency.longest:.2f}")
    assert latency.p50 < 50  # the whole budget of scan to screen


def _runs(pid: int) -> bool:
    """A process whose parent is gone is reaped by init, at its own pace: a zombie counts as ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
