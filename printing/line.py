"""A way to one printer, whatever it is made of, and how it fails: every fault says how much of the job went out."""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from domain.errors import DeviceError
from printing.status import Status

CODES = {
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
        code = CODES.get(getattr(fault, "errno", None) or 0, "print.unreachable")
        raise PrinterFault(code, bytes_out(), printer) from fault


class Line(ABC):
    """An open way to one printer, not shared between threads. `printer` is its name.

    `two_way` is False where no answer can ever come. `fences` counts how often everything written was answered for;
    `proves_paper` is False where that answer means handed over, not printed. `patience_s` is how long a page may take
    before the answer, where that is longer than a slip.
    """

    printer: str
    two_way: bool
    proves_paper = True
    patience_s = 0.0

    @property
    @abstractmethod
    def fences(self) -> int:
        """How many fences have been answered on this line."""

    @abstractmethod
    def status(self) -> Status:
        """How the printer is now; "unknown" when it does not say. Raises PrinterFault on a broken way."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Hand over a whole job. Raises PrinterFault with the number of bytes accepted."""

    @abstractmethod
    def ask(self) -> None:
        """Send the question for the status, without waiting."""

    @abstractmethod
    def listen(self, timeout_s: float) -> Status | None:
        """What the printer says within `timeout_s`, None for nothing whole. Raises PrinterFault."""

    @abstractmethod
    def close(self) -> None:
        """Hang up."""
