"""Bytes to a printer: raw TCP, serial line, USB or a file; and the way the settings name."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import serial

from config.settings import Printer
from printing import escpos
from printing.line import Line, PrinterFault, faults
from printing.status import ONE_WAY, UNKNOWN, Answers, Status, of_port

CONNECT_S = 3.0
STATUS_S = 1.0
LPGETSTATUS = 0x060B  # linux/lp.h
STALL_S = 30.0  # no byte accepted for so long: given up
SLOWEST_BYTES_S = 400  # the whole may take STALL_S and this; 9600 baud give 960


@dataclass
class Connection(Line):
    """A file descriptor that takes the printer's bytes and gives its answers. `port_status` is the word of the cable
    (USB), for a printer that does not answer."""

    printer: str
    two_way: bool
    _fd: int
    _close: Callable[[], None]
    port_status: Callable[[int], Status | None] = lambda _: None

    def __post_init__(self) -> None:
        os.set_blocking(self._fd, False)
        self._answers, self._waits = Answers(), True
        try:
            self._ready(selectors.EVENT_WRITE, 0)
        except PermissionError:  # epoll's word for a regular file, and for a device that is always ready
            self._waits = self.two_way = False

    def close(self) -> None:
        with faults(self.printer):
            self._close()

    def write(self, data: bytes, stall_s: float = STALL_S) -> None:
        """Hand over all bytes. Raises PrinterFault with the number accepted when the way breaks, stands still, or is
        slower than any printer."""
        sent, until = 0, time.monotonic() + stall_s + len(data) / SLOWEST_BYTES_S
        with faults(self.printer, lambda: sent):
            while sent < len(data):
                self._wait(selectors.EVENT_WRITE, min(stall_s, until - time.monotonic()))
                sent += self._some(data[sent : sent + 65536])

    def status(self, timeout_s: float = STATUS_S) -> Status:
        """Ask (DLE EOT 1, 2, 4) and wait; "unknown" when no full answer comes. Raises PrinterFault on a broken way."""
        if not self.two_way:
            return ONE_WAY
        deadline = time.monotonic() + timeout_s
        self.ask()
        while (left := deadline - time.monotonic()) > 0:
            if (status := self._heard(left)) is not None:
                return status
        return self._port() or UNKNOWN

    def ask(self) -> None:
        """Send the status question without waiting; a printer that takes no bytes now is not asked."""
        self._answers.forget()
        with faults(self.printer):
            if self._ready(selectors.EVENT_WRITE, 0):
                self._some(escpos.STATUS)

    def listen(self, timeout_s: float) -> Status | None:
        """Take what the printer says within `timeout_s`: a whole status, or None; of one that says nothing what its
        cable says is wrong."""
        heard, fences = self._heard(timeout_s), self.fences
        if heard is None and not fences and (port := self._port()) and port.kind == "problem":
            return port
        return heard

    def _port(self) -> Status | None:
        with faults(self.printer):
            return self.port_status(self._fd)

    def _heard(self, timeout_s: float) -> Status | None:
        with faults(self.printer):
            if self._ready(selectors.EVENT_READ, timeout_s):
                data = os.read(self._fd, 256)
                if not data:
                    raise ConnectionResetError(errno.ECONNRESET, "the printer closed the connection")
                self._answers.feed(data)
        return self._answers.status()

    @property
    def fences(self) -> int:
        return self._answers.fences

    def _some(self, data: bytes) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0

    def _wait(self, event: int, timeout_s: float) -> None:
        if timeout_s < 0 or not self._ready(event, timeout_s):
            raise TimeoutError

    def _ready(self, event: int, timeout_s: float) -> bool:
        if not self._waits:
            return True
        with selectors.DefaultSelector() as selector:
            selector.register(self._fd, event)
            return bool(selector.select(timeout_s))


def connect(printer: Printer) -> Line:
    """Open the way the settings name. Raises PrinterFault with bytes_out 0."""
    with faults(printer.name):
        return _OPENERS[printer.kind](printer)


def look_at(printer: Printer) -> Status:
    """Connect, ask, hang up; a printer out of reach is a problem too. Only while no worker owns it."""
    try:
        with closing(connect(printer)) as line:
            return line.status()
    except PrinterFault as fault:
        return Status("problem", fault.code)


def _tcp(printer: Printer) -> Connection:
    host, _, port = printer.address.rpartition(":")
    line = socket.create_connection((host, int(port)), CONNECT_S)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(printer.name, True, line.fileno(), line.close)


def _serial(printer: Printer) -> Connection:
    line = serial.Serial(
        printer.address,
        printer.baud,
        timeout=0,
        exclusive=True,
        xonxoff=printer.flow == "xonxoff",
        rtscts=printer.flow == "rtscts",
    )
    line.reset_input_buffer()
    return Connection(printer.name, True, line.fileno(), line.close)


def _file(printer: Printer) -> Connection:
    """A USB printer's node (/dev/usb/lp0) answers. Any other file grows, for its owner only; none is made in /dev,
    where it would swallow the slips of an unplugged printer."""
    device = printer.address.startswith("/dev/")
    access = os.O_RDWR | os.O_NOCTTY if device else os.O_WRONLY | os.O_CREAT | os.O_APPEND
    fd = os.open(printer.address, access | os.O_NONBLOCK, 0o600)
    return Connection(printer.name, device, fd, lambda: os.close(fd))


def _usb(printer: Printer) -> Connection:
    """The kernel's usblp: one owner at a time, ENODEV from the moment it is unplugged."""
    fd = os.open(printer.address, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    return Connection(printer.name, True, fd, lambda: os.close(fd), _port_status)


def _port_status(fd: int) -> Status | None:
    """The three wires of a parallel port, which a USB printer still has; None where it does not know them."""
    import fcntl  # noqa: PLC0415 (Linux alone, as the node is)

    answer = bytearray(4)
    try:
        fcntl.ioctl(fd, LPGETSTATUS, answer)
    except OSError as fault:
        if fault.errno == errno.ENODEV:
            raise
        return None
    return of_port(answer[0])


def _cups(printer: Printer) -> Line:
    from printing.cups import CupsQueue  # noqa: PLC0415 (few clinics have one)
    from printing.spooler import SpoolerLine  # noqa: PLC0415 (nor its queue)

    return SpoolerLine(printer.name, CupsQueue(printer))


def _spool(printer: Printer) -> Line:
    if sys.platform != "win32":
        raise PrinterFault("print.windows_only", 0, printer.name)
    from printing.spooler import SpoolerLine  # noqa: PLC0415 (as above)
    from printing.windows_spool import WindowsQueue  # noqa: PLC0415 (pywin32 is there alone)

    return SpoolerLine(printer.name, WindowsQueue(printer))


_OPENERS: dict[str, Callable[[Printer], Line]] = {
    "tcp": _tcp,
    "serial": _serial,
    "file": _file,
    "usb": _usb,
    "cups": _cups,
    "spool": _spool,
}
