"""Runs in the guest: the product's own drivers on the kernel's HID, CDC and printer drivers. Says "HIL ok NAME"."""

from __future__ import annotations

import faulthandler
import os
import signal
import stat
import subprocess
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from fcntl import ioctl
from pathlib import Path

from config.settings import Printer, Scanner
from domain.errors import DeviceError
from domain.world import World
from drivers.devices import scanner_ports
from drivers.hid_scanner import HidScanner
from drivers.reader import ScannerReader
from drivers.scan import DeviceState, ScanLost
from printing.jobs import JobState
from printing.paper import Condition, Machine
from printing.spool import PrinterState, Spool, Timing
from printing.transport import connect, look_at
from tests.fakes.inbox import Inbox
from tests.fakes.printer_queue import MemoryQueue
from tests.fakes.printer_slips import SLIP
from tests.hil.gadgets import Gadget, type_in

GS1 = "]d20106912345678905\x1d17270131\x1d10A1b2\x1d21SN-{}"
SET_PRINTER_STATUS = 0xC0016722  # linux/usb/g_printer.h


def until(true: Callable[[], object], deadline_s: float = 30) -> None:
    ends = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < ends, "not in time"
        time.sleep(0.02)


class KeyboardScanner:
    """The reader's own process on a HID gadget."""

    def __init__(self) -> None:
        self.gadget = Gadget("scanner", "1a86:5410:SN0001", "AS-8110 Barcode Scanner", "hid.u0", "dummy_udc.0")
        until(lambda: Path("/dev/hidg0").exists())
        self.node = os.open("/dev/hidg0", os.O_RDWR)
        self.inbox = Inbox()
        scanner = Scanner("gun", kind="hid", usb="1a86:5410:SN0001", repeat_ms=0, idle_ms=300)
        self.scanner = scanner
        self.reader = ScannerReader((scanner,), self.inbox.deliver)
        until(lambda: any(port.usb for port in scanner_ports()))
        self.reader.start()
        self.inbox.wait_state(DeviceState.READY)

    def scan_exact(self) -> None:
        started = time.monotonic()
        for number in range(5):
            type_in(self.node, GS1.format(number) + "\r")
        self.inbox.wait_scans(5)
        wanted = [GS1.format(number).removeprefix("]d2") for number in range(5)]
        assert self.inbox.payloads == wanted, self.inbox.payloads
        print(f"HIL figure 5 scans of {len(GS1) - 1} characters in {time.monotonic() - started:.2f} s")

    def ruled(self) -> None:
        """The shipped rule: a link that stays, the group, and no keyboard for the desktop."""
        (link,) = Path("/dev/vaxdesk").glob("scanner-*")
        told = subprocess.run(["udevadm", "info", "-q", "property", "-n", link], capture_output=True, text=True).stdout
        about = link.stat()
        assert "LIBINPUT_IGNORE_DEVICE=1" in told and "ID_INPUT_KEYBOARD=1" not in told, told
        assert (Path(f"/sys/class/input/{link.resolve().name}").exists(), stat.S_IMODE(about.st_mode)) == (True, 0o660)
        assert link.group() == "dialout"

    def ours_alone(self) -> None:
        try:
            HidScanner(self.scanner, lambda _: None, World()).try_it()
        except DeviceError as fault:
            assert fault.params["state"] is DeviceState.BUSY
        else:
            raise AssertionError("a second program got it")

    def stalled(self) -> None:
        """The kernel keeps 64 events: a reader that stood still says what it lost, and reads on."""
        before = len(self.inbox.scans)
        os.kill(self.reader.pid, signal.SIGSTOP)
        type_in(self.node, GS1.format(8) + "\r")
        os.kill(self.reader.pid, signal.SIGCONT)
        self.inbox.wait_code("scan.missed")
        time.sleep(0.5)  # a silence ends what was left of it
        type_in(self.node, GS1.format(9) + "\r")
        self.inbox.wait_scans(before + 1)
        assert self.inbox.payloads[before:] == [GS1.format(9).removeprefix("]d2")]

    def unplugged(self) -> None:
        before = len(self.inbox.scans)
        type_in(self.node, "690123")
        os.close(self.node)
        self.gadget.unplug()
        self.inbox.wait_state(DeviceState.ABSENT)
        assert any(isinstance(r, ScanLost) and r.code == "scan.cut_off" for r in self.inbox.reports)
        self.gadget.plug()
        started = time.monotonic()
        self.inbox.wait_state(DeviceState.READY, 2)
        print(f"HIL figure plugged in to ready {time.monotonic() - started:.2f} s")
        self.node = os.open("/dev/hidg0", os.O_RDWR)
        type_in(self.node, "6901234567892\r")
        self.inbox.wait_scans(before + 1)
        assert self.inbox.payloads[-1] == "6901234567892"
        assert self.reader.stop()


def serial_scanner() -> None:
    """USB-CDC under its name by id: unplugged inside a code, plugged in again."""
    gadget = Gadget("cdc", "0c2e:0aaf:CDC7", "Serial Scanner", "acm.u0", "dummy_udc.1")
    by_id = Path("/dev/serial/by-id/usb-SIM_Serial_Scanner_CDC7-if00")
    until(by_id.exists)
    inbox = Inbox()
    reader = ScannerReader((Scanner("cdc", str(by_id), repeat_ms=0, idle_ms=300),), inbox.deliver)
    reader.start()
    inbox.wait_state(DeviceState.READY)
    far = os.open("/dev/ttyGS0", os.O_RDWR | os.O_NOCTTY)
    subprocess.run(["stty", "-F", "/dev/ttyGS0", "raw", "-echo"], check=True)
    os.write(far, GS1.format(1).encode() + b"\r")
    inbox.wait_scans(1)
    assert inbox.payloads == [GS1.format(1).removeprefix("]d2")]
    os.write(far, b"69012")
    time.sleep(0.1)  # on its way
    os.close(far)
    gadget.unplug()
    inbox.wait_state(DeviceState.ABSENT)
    gadget.plug()
    inbox.wait_state(DeviceState.READY, 2)
    far = os.open("/dev/ttyGS0", os.O_RDWR | os.O_NOCTTY)
    os.write(far, b"6901234567892\r")
    inbox.wait_scans(2)
    assert inbox.payloads[-1].endswith("6901234567892"), inbox.payloads
    os.close(far)
    assert reader.stop()


class UsbPrinter:
    """A printer gadget whose inside is the product's own simulated machine, and the spool on /dev/usb/lp0."""

    def __init__(self) -> None:
        self.gadget = Gadget("printer", "0416:5011:SNP3", "XP-58", "printer.g0", "dummy_udc.2")
        until(lambda: Path("/dev/usb/lp0").exists() and Path("/dev/g_printer0").exists())
        self.condition = Condition()
        self.machine = Machine(self.condition)
        self.mute, self.reading = False, threading.Event()
        self.node = -1
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.power_on()
        self._thread.start()
        self.printer = Printer("slip", "usb", "/dev/usb/lp0", dots=384)
        self.queue = MemoryQueue()

    def power_on(self) -> None:
        self.node = os.open("/dev/g_printer0", os.O_RDWR | os.O_NONBLOCK)
        ioctl(self.node, SET_PRINTER_STATUS, 0x18)
        self.reading.set()

    def power_off(self) -> None:
        self.reading.clear()
        time.sleep(0.3)  # the thread lets go of it
        os.close(self.node)
        self.gadget.unplug()

    def _serve(self) -> None:
        while self.reading.wait():
            try:
                answers = self.machine.feed(os.read(self.node, 4096))
                if answers and not self.mute:
                    os.write(self.node, answers)
            except OSError:
                time.sleep(0.02)

    def confirmed(self) -> None:
        assert look_at(self.printer).kind == "ok"
        self.spool = Spool(self.printer, self.queue, World(), timing=Timing(retry=0.5, retry_most=1, fence=8))
        job = self.queue.add(SLIP)
        self.spool.start()
        row = self.queue.wait(job, JobState.CONFIRMED, timeout_s=60)
        assert [slip.complete for slip in self.machine.slips] == [True], "one whole slip"
        print(f"HIL figure a slip of {row.bytes_out} bytes over USB")

    def out_of_paper(self) -> None:
        self.condition.paper_out = True
        job = self.queue.add(SLIP)
        self.spool.wake()
        until(lambda: self.spool.health.state is PrinterState.BLOCKED)
        assert self.spool.health.code == "print.paper_out"
        assert self.queue.rows[job].state is JobState.QUEUED
        self.condition.paper_out = False
        self.queue.wait(job, JobState.CONFIRMED, timeout_s=60)

    def cable_says(self) -> None:
        """A printer that answers nothing still has its wires."""
        assert self.spool.stop(20)
        self.mute = True
        ioctl(self.node, SET_PRINTER_STATUS, 0x38 & ~0x08 | 0x20)
        with closing(connect(self.printer)) as line:
            assert line.status().code == "print.paper_out"
        ioctl(self.node, SET_PRINTER_STATUS, 0x18)
        assert look_at(self.printer).kind == "ok"
        self.mute = False

    def unplugged_half_way(self) -> None:
        """The printer stops reading with a slip half out, and goes: a person is asked, nothing is printed again."""
        slips = len(self.machine.slips)
        queue = MemoryQueue()
        pulled = threading.Event()

        def stand_still() -> None:
            self.reading.clear()
            threading.Thread(target=self._pull, args=(pulled,), daemon=True).start()

        queue.on_claim = stand_still
        spool = Spool(self.printer, queue, World(), timing=Timing(retry=0.5, retry_most=1, fence=8))
        job = queue.add(SLIP)
        spool.start()
        row = queue.wait(job, JobState.UNCERTAIN, timeout_s=60)
        assert pulled.wait(20)
        print(f"HIL figure unplugged after {row.bytes_out} bytes: {row.code}")
        queue.on_claim = lambda: None
        self.gadget.plug()
        until(lambda: Path("/dev/usb/lp0").exists())
        self.machine.power_cut()
        self.power_on()
        spool.wake()
        until(lambda: spool.health.state is PrinterState.READY)
        assert row.state is JobState.UNCERTAIN
        assert sum(slip.complete for slip in self.machine.slips) == slips
        assert spool.stop(20)

    def _pull(self, pulled: threading.Event) -> None:
        time.sleep(3)  # bytes are on their way, none is read
        os.close(self.node)
        self.gadget.unplug()
        pulled.set()


def main() -> None:
    faulthandler.dump_traceback_later(150, exit=True)
    scanner: KeyboardScanner | None = None
    printer: UsbPrinter | None = None

    def make_scanner() -> None:
        nonlocal scanner
        scanner = KeyboardScanner()

    def make_printer() -> None:
        nonlocal printer
        printer = UsbPrinter()

    make_steps: list[tuple[str, Callable[[], None]]] = [
        ("scanner", make_scanner),
        *((name, lambda name=name: getattr(scanner, name)()) for name in
          ("scan_exact", "ruled", "ours_alone", "stalled", "unplugged")),
        ("serial_scanner", serial_scanner),
        ("printer", make_printer),
        *((name, lambda name=name: getattr(printer, name)()) for name in
          ("confirmed", "out_of_paper", "cable_says", "unplugged_half_way")),
    ]  # fmt: skip
    for name, step in make_steps:
        try:
            step()
        except Exception:  # noqa: BLE001 (the host judges; the other steps go on)
            print(f"HIL failed {name}: {traceback.format_exc().splitlines()[-1]}", flush=True)
            traceback.print_exc()
        else:
            print(f"HIL ok {name}", flush=True)


if __name__ == "__main__":
    main()
