"""A simulated slip printer on the loopback network, with faults to set: for the demo, for support, for tests."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from printing.paper import Condition, Machine, Slip


@dataclass
class Faults(Condition):
    """Set by name with SimulatedPrinter.set. `die_after`: after so many further bytes the power goes, mid-slip."""

    mute: bool = False  # prints, and answers nothing
    swallow: bool = False  # takes everything, prints and answers nothing
    die_after: int | None = None


@dataclass
class SimulatedPrinter:
    """One client at a time, as a real one. `with SimulatedPrinter() as printer:` listens at `printer.address`.
    `on_slip` is called on the simulator's thread."""

    on_slip: Callable[[Slip], None] = lambda _: None
    port: int = 0  # chosen by the system at the first start, kept for the next
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        self._machine = Machine(self.faults)
        self._changed = threading.Condition()
        self._client: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> SimulatedPrinter:
        self.power_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.power_off()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def slips(self) -> list[Slip]:
        """All paper so far, the torn too."""
        with self._changed:
            return list(self._machine.slips)

    @property
    def stray(self) -> int:
        """Bytes that were no known command."""
        return self._machine.stray

    def set(self, **faults: Any) -> None:
        """Set or clear faults by name: `set(paper_out=True)`. What waited for paper is printed when it is put in."""
        with self._changed:
            for name, value in faults.items():
                if not hasattr(self.faults, name):
                    raise AttributeError(name)
                setattr(self.faults, name, value)
            self._say(self._work(self._machine.run))

    def wait(self, slips: int, timeout_s: float) -> bool:
        """Until so many complete slips are cut; False when they are not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: sum(s.complete for s in self._machine.slips) >= slips, timeout_s)

    def save(self, directory: Path) -> list[Path]:
        """Every slip as slip-001.png and so on; "-torn" when it was never cut."""
        directory.mkdir(parents=True, exist_ok=True)
        paths = []
        for number, slip in enumerate(self.slips, 1):
            path = directory / f"slip-{number:03d}{'' if slip.complete else '-torn'}.png"
            path.write_bytes(slip.png())
            paths.append(path)
        return paths

    def power_on(self) -> None:
        """Listen again, at the same port."""
        self.power_off()
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._bell, bell = socket.socketpair()
        self._thread = threading.Thread(
            target=self._serve, args=(listener, bell), name="simulated-printer", daemon=True
        )
        self._thread.start()

    def power_off(self) -> None:
        """The plug is pulled: connections are refused from now on, a slip in the works is torn."""
        if self._thread is not None:
            self._bell.close()
            self._thread.join()
            self._thread = None

    def _serve(self, listener: socket.socket, bell: socket.socket) -> None:
        with listener, bell, selectors.DefaultSelector() as selector:
            selector.register(bell, selectors.EVENT_READ)
            alive = True
            while alive:
                waiting = self._client or listener
                selector.register(waiting, selectors.EVENT_READ)
                ready = {key.fileobj for key, _ in selector.select()}
                selector.unregister(waiting)
                if bell in ready:
                    alive = False
                elif waiting is listener:
                    self._client = listener.accept()[0]
                else:
                    alive = self._take()
        with self._changed:
            self._machine.power_cut()
            self._hang_up(rudely=True)
            self._changed.notify_all()

    def _take(self) -> bool:
        """Serve what the client sent; False when the power goes with it."""
        assert self._client is not None
        limit = self.faults.die_after
        try:
            data = self._client.recv(4096 if limit is None else max(1, min(4096, limit)))
        except ConnectionError:
            data = b""
        with self._changed:
            if not data:
                self._hang_up(rudely=False)
            elif not self.faults.swallow:
                self._say(self._work(lambda: self._machine.feed(data)))
            if limit is None or not data:
                return True
            self.faults.die_after = limit - len(data) if limit > len(data) else None
            return self.faults.die_after is not None

    def _work(self, work: Callable[[], bytes]) -> bytes:
        before = len(self._machine.slips)
        answers = work()
        for slip in self._machine.slips[before:]:
            self.on_slip(slip)
        self._changed.notify_all()
        return answers

    def _say(self, answers: bytes) -> None:
        if answers and self._client is not None and not self.faults.mute:
            with suppress(ConnectionError):  # the next read says so
                self._client.sendall(answers)

    def _hang_up(self, rudely: bool) -> None:
        """Close the client's connection; rudely is a reset, as a printer without power gives at the next byte."""
        if self._client is not None:
            if rudely:
                self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._client.close()
            self._client = None
