"""Bytes to a printer: raw TCP, serial or a file. Every fault says how many of the job's bytes had been accepted."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import serial

from config.settings import Printer
from domain.errors import DeviceError
from printing import escpos
from printing.status import ONE_WAY, UNKNOWN, Answers, Status

CONNECT_S = 3.0
STATUS_S = 1.0
STALL_S = 30.0  # no byte accepted for so long: given up
SLOWEST_BYTES_S = 400  # the whole may take STALL_S and this; 9600 baud give 960

_CODES = {
    errno.ECONNREFUSED: "print.refused",
    errno.ENOENT: "print.no_device",
    errno.ENXIO: "print.no_device",
    errno.ENODEV: "print.no_device",
    errno.EACCES: "print.no_permission",
    errno.EPERM: "print.no_permission",
    errno.EBUSY: "print.busy",
    errno.EAGAIN: "print.busy",
    errno.ENOSPC: "print.no_space",
    errno.EPIPE: "print.lost",
    errno.ECONNRESET: "print.lost",
    errno.EIO: "print.lost",
}


class PrinterFault(DeviceError):
    """The way to the printer failed after `bytes_out` of the job's bytes were accepted: 0 means nothing is on paper."""

    def __init__(self, code: str, bytes_out: int, printer: str) -> None:
        super().__init__(code, "operator" if bytes_out else "later", printer=printer)
        self.bytes_out = bytes_out


@contextmanager
def faults(printer: str, bytes_out: Callable[[], int] = lambda: 0) -> Iterator[None]:
    """The one place where the operating system's and pyserial's errors become PrinterFault."""
    try:
        yield
    except TimeoutError as fault:
        raise PrinterFault("print.timeout", bytes_out(), printer) from fault
    except (OSError, ValueError) as fault:  # pyserial's are OSError, or ValueError for a setting it cannot take
        code = _CODES.get(getattr(fault, "errno", None) or 0, "print.unreachable")
        raise PrinterFault(code, bytes_out(), printer) from fault


@dataclass
class Connection:
    """An open way to one printer, not shared between threads. `two_way` is False where no answer can ever come."""

    printer: str
    two_way: bool
    _fd: int
    _close: Callable[[], None]

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
            if (status := self.listen(left)) is not None:
                return status
        return UNKNOWN

    def ask(self) -> None:
        """Send the status question without waiting; a printer that takes no bytes now is not asked."""
        self._answers.forget()
        with faults(self.printer):
            if self._ready(selectors.EVENT_WRITE, 0):
                self._some(escpos.STATUS)

    def listen(self, timeout_s: float) -> Status | None:
        """Take what the printer says within `timeout_s`: a whole status, or None. See also `fences`."""
        with faults(self.printer):
            if self._ready(selectors.EVENT_READ, timeout_s):
                data = os.read(self._fd, 256)
                if not data:
                    raise ConnectionResetError(errno.ECONNRESET, "the printer closed the connection")
                self._answers.feed(data)
        return self._answers.status()

    @property
    def fences(self) -> int:
        """How many GS r 1 have been answered on this connection."""
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


def connect(printer: Printer) -> Connection:
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
    line = serial.Serial(printer.address, printer.baud, timeout=0, exclusive=True)
    line.reset_input_buffer()
    return Connection(printer.name, True, line.fileno(), line.close)


def _file(printer: Printer) -> Connection:
    """A USB printer's node (/dev/usb/lp0) answers. Any other file grows, for its owner only; none is made in /dev,
    where it would swallow the slips of an unplugged printer."""
    device = printer.address.startswith("/dev/")
    access = os.O_RDWR | os.O_NOCTTY if device else os.O_WRONLY | os.O_CREAT | os.O_APPEND
    fd = os.open(printer.address, access | os.O_NONBLOCK, 0o600)
    return Connection(printer.name, device, fd, lambda: os.close(fd))


_OPENERS: dict[str, Callable[[Printer], Connection]] = {"tcp": _tcp, "serial": _serial, "file": _file}
