"""The simulated slip printer that ships with the product: raw TCP, status, fence, and faults to order."""

from __future__ import annotations

import contextlib
import socket
import threading
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from PIL import Image

from printing.paper import Paper

_STATUS = {1: 0x12, 2: 0x12, 4: 0x12}


class Fault(StrEnum):
    """What can be wrong with it until `mend`. `dies` breaks the line after `after` more bytes and stays off."""

    PAPER_OUT = "paper_out"
    COVER_OPEN = "cover_open"
    OFFLINE = "offline"
    DIES = "dies"
    SWALLOWS = "swallows"  # takes every byte, prints nothing, says nothing
    MUTE = "mute"  # prints, says nothing


_BITS = {Fault.PAPER_OUT: {4: 0x60, 2: 0x20}, Fault.COVER_OPEN: {2: 0x04}, Fault.OFFLINE: {1: 0x08}}


class PrinterSimulator:
    """A context manager; `address` is (host, port). `slips` are the pictures cut so far."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self._left = 0  # bytes until it dies
        self._paper = Paper()
        self._held = b""  # received while it cannot print
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self._line: socket.socket | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="printer-simulator", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._listener.getsockname()[:2]
        return str(host), int(port)

    @property
    def slips(self) -> list[Image.Image]:
        with self._lock:
            return list(self._paper.slips)

    def __enter__(self) -> PrinterSimulator:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._hang_up()
        self._thread.join(5)
        self._listener.close()

    def fail(self, fault: Fault, after: int = 0) -> None:
        """Something is wrong from now on."""
        with self._changed:
            self.fault, self._left = fault, after
            if fault is Fault.DIES and not after:
                self._hang_up()

    def mend(self) -> None:
        """Paper put in, cover closed, power on: what was held is printed, the fence answered."""
        with self._changed:
            if self.fault is Fault.DIES:
                self._paper.forget()
                self._held = b""
            self.fault = None
            held, self._held = self._held, b""
            self._print(held)

    def wait_slips(self, count: int, deadline_s: float) -> bool:
        """Wait until so many slips were cut."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._paper.slips) >= count, deadline_s)

    def save(self, folder: Path) -> list[Path]:
        """Write every slip as slip-001.png and on."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for number, slip in enumerate(self.slips, 1):
            paths.append(folder / f"slip-{number:03d}.png")
            slip.save(paths[-1])
        return paths

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                line, _ = self._listener.accept()
            except TimeoutError:
                continue
            if self.fault is Fault.DIES and not self._left:
                line.close()
                continue
            self._line = line
            with contextlib.suppress(OSError), line:
                while data := line.recv(4096):
                    if not self._take(data):
                        break
            self._line = None

    def _take(self, data: bytes) -> bool:
        """One piece of the line; False when the printer has died of it."""
        with self._changed:
            if self.fault is Fault.DIES:
                data = self._answer_status(data)
                data, died = data[: self._left], len(data) >= self._left
                self._left -= len(data)
                self._paper.feed(data)
                if died:
                    self._left = 0
                    return False
                return True
            if self.fault is Fault.SWALLOWS:
                return True
            data = self._answer_status(data)
            if self.fault in _BITS:
                self._held += data
            else:
                self._print(data)
            return True

    def _answer_status(self, data: bytes) -> bytes:
        """Status questions are answered at once, whatever state the printer is in; the rest is given back."""
        while data[:2] == b"\x10\x04" and len(data) >= 3:
            n, data = data[2], data[3:]
            bits = _BITS.get(self.fault, {}) if self.fault else {}
            self._say(bytes([_STATUS.get(n, 0x12) | bits.get(n, 0) | (0x08 if n == 1 and bits else 0)]))
        return data

    def _print(self, data: bytes) -> None:
        self._paper.feed(data)
        while self._paper.fences:
            self._paper.fences -= 1
            self._say(b"\x00")
        self._changed.notify_all()

    def _say(self, answer: bytes) -> None:
        if self._line and self.fault is not Fault.MUTE:
            with contextlib.suppress(OSError):
                self._line.sendall(answer)

    def _hang_up(self) -> None:
        if self._line:
            with contextlib.suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)
