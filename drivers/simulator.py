"""A scanner without the scanner: its bytes go over a real pseudo-terminal into the real serial driver.

Ships with the program: the demo, the tests and support use it. Linux only.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import tempfile
import termios
import time
import tty
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from drivers.framing import GS

WRITE_S = 2.0  # how long the wire may refuse bytes before the scan counts as lost
CUT_S = 0.03  # from the last byte to the broken wire: less than any idle end

_AZERTY = str.maketrans("1234567890qwazQWAZmM-_", "&é\"'(-è_çàazqwAZQW,?)°")  # US keys as a French desktop reads them


class Fault(StrEnum):
    """What goes wrong at the next scan, once."""

    DROP = "drop"  # half the code, then the plug is out
    GARBAGE = "garbage"  # noise in the middle
    REPEAT = "repeat"  # the same code twice
    WRONG_LAYOUT = "wrong_layout"  # as a keyboard scanner on a French desktop
    LOST_GS = "lost_gs"  # the device swallows the group separators
    NO_TERMINATOR = "no_terminator"


class ScannerSimulator:
    """One simulated serial scanner, plugged in from the start. `port` is what to write into the settings.

    `port` is a symbolic link: it stays the same over unplug and replug. One caller at a time.
    """

    def __init__(self, link: Path | None = None, terminator: str = "\r") -> None:
        self._directory = None if link else tempfile.TemporaryDirectory(prefix="scanner-")
        self._link = link or Path(self._directory.name if self._directory else "", "port")
        self._terminator = terminator.encode()
        self._fault: Fault | None = None
        self._wire: tuple[int, int] | None = None  # our end, the driver's end
        self.replug()

    @property
    def port(self) -> str:
        return str(self._link)

    @property
    def plugged(self) -> bool:
        return self._wire is not None

    def fail_next(self, fault: Fault) -> None:
        """The next scan goes wrong in this way."""
        self._fault = fault

    def scan(self, payload: str) -> bool:
        """Send one code. False if the wire did not take all of it: unplugged, or nobody reads."""
        fault, self._fault = self._fault, None
        if fault is Fault.DROP:
            sent = self._send(payload.encode()[: max(len(payload) // 2, 1)])
            self._await_reader()
            self.unplug()
            return sent
        return self._send(_scan_bytes(payload, self._terminator, fault))

    def unplug(self) -> None:
        """The device goes away, and its name with it."""
        if self._wire:
            self._link.unlink(missing_ok=True)
            ours, theirs = self._wire
            self._wire = None
            os.close(ours)
            os.close(theirs)

    def replug(self) -> None:
        """The device comes back under its old name."""
        if self._wire:
            return
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(theirs))
        self._wire = ours, theirs

    def close(self) -> None:
        """Unplug for good."""
        self.unplug()
        if self._directory:
            self._directory.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _send(self, data: bytes) -> bool:
        deadline = time.monotonic() + WRITE_S
        while self._wire and data:
            _, writable, _ = select.select([], [self._wire[0]], [], max(deadline - time.monotonic(), 0))
            if not writable:
                break
            data = data[os.write(self._wire[0], data) :]
        return not data

    def _await_reader(self) -> None:
        """Until the driver took what was sent: a wire that breaks takes unread bytes with it."""
        deadline = time.monotonic() + WRITE_S
        time.sleep(CUT_S)
        while self._wire and _unread(self._wire[1]) and time.monotonic() < deadline:
            time.sleep(0.001)


def _scan_bytes(payload: str, terminator: bytes, fault: Fault | None) -> bytes:
    match fault:
        case Fault.GARBAGE:
            data, half = payload.encode(), len(payload) // 2
            return data[:half] + b"\x00\xff\xff" + data[half:] + terminator
        case Fault.REPEAT:
            return (payload.encode() + terminator) * 2
        case Fault.WRONG_LAYOUT:
            return payload.translate(_AZERTY).encode() + terminator
        case Fault.LOST_GS:
            return payload.replace(GS, "").encode() + terminator
        case Fault.NO_TERMINATOR:
            return payload.encode()
        case _:
            return payload.encode() + terminator


def _unread(theirs: int) -> int:
    """Bytes that wait at the driver's end."""
    count: int = struct.unpack("i", fcntl.ioctl(theirs, termios.FIONREAD, b"\0\0\0\0"))[0]
    return count
