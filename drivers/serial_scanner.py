"""A scanner on a serial port (RS-232, USB-CDC): open, read, frame, and wait for it when it is not there."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Event

from serial import Serial

from config.settings import Scanner
from domain.errors import DeviceError
from domain.world import World
from drivers.framing import Framer
from drivers.scan import DeviceState, Report, ScanLost, StateChange, to_report

if sys.platform == "win32":
    _PORT_FAULTS: tuple[type[Exception], ...] = (OSError, ValueError)
else:
    import termios

    _PORT_FAULTS = (OSError, ValueError, termios.error)  # pyserial lets termios.error through when a port goes away

POLL_S = 1.0  # how often a port that cannot be opened is tried again when no plug event comes

_STATES = {
    errno.ENOENT: DeviceState.ABSENT,
    errno.ENODEV: DeviceState.ABSENT,
    errno.ENXIO: DeviceState.ABSENT,
    errno.EIO: DeviceState.ABSENT,  # a port on its way out
    errno.EACCES: DeviceState.NO_PERMISSION,
    errno.EPERM: DeviceState.NO_PERMISSION,
    errno.EBUSY: DeviceState.BUSY,
    errno.EAGAIN: DeviceState.BUSY,  # the exclusive lock is another's
}


@contextmanager
def port_faults(scanner: Scanner, otherwise: DeviceState) -> Iterator[None]:
    """Errors of the port leave as DeviceError with params device, state, detail.

    `otherwise` is the state that an error without a known number stands for.
    """
    try:
        yield
    except _PORT_FAULTS as fault:
        number = getattr(fault, "errno", None)
        state = _STATES.get(number, otherwise) if number else otherwise
        detail = errno.errorcode.get(number or 0, type(fault).__name__)
        raise DeviceError(state.code, "later", device=scanner.name, state=state, detail=detail) from fault


class SerialScanner:
    """Reads one scanner until told to stop. Everything it has to say goes to `report`, in order.

    Unplugging is a state: the half scan is thrown away and said to be lost, and the port is opened again as soon as
    `wake` is set (a plug event) or POLL_S has passed.
    """

    def __init__(
        self,
        scanner: Scanner,
        report: Callable[[Report], None],
        world: World,
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wake = Event()
        self._stopping = Event()
        self._scanner = scanner
        self._report = report
        self._world = world
        self._mono = mono
        self._framer = Framer.of(scanner)
        self._state: DeviceState | None = None

    def run(self) -> None:
        """Until `stop`; blocks."""
        while not self._stopping.is_set():
            self.wake.clear()
            try:
                self._read()
            except DeviceError as fault:
                self._lost(fault)
                self.wake.wait(POLL_S)

    def stop(self) -> None:
        """`run` returns within the scanner's idle time."""
        self._stopping.set()
        self.wake.set()

    def _read(self) -> None:
        """Returns when stopped. Raises DeviceError when the port cannot be opened, or is gone."""
        with port_faults(self._scanner, otherwise=DeviceState.FAULTED):
            port = Serial(self._scanner.port, self._scanner.baud, timeout=self._scanner.idle_ms / 1000, exclusive=True)
        with closing(port):
            self._enter(DeviceState.READY)
            while not self._stopping.is_set():
                with port_faults(self._scanner, otherwise=DeviceState.ABSENT):
                    first = port.read(1)  # waits for the idle time, so b"" is silence
                    data = first + port.read(port.in_waiting) if first else b""
                mono = self._mono()
                for frame in self._framer.feed(data, mono) if data else self._framer.idle(mono):
                    self._report(to_report(self._scanner.name, frame, self._world.now(), mono))

    def _lost(self, fault: DeviceError) -> None:
        if self._framer.drop():
            self._report(ScanLost(self._scanner.name, "scan.cut_off", self._world.now(), self._mono()))
        self._enter(fault.params["state"], fault.params["detail"])

    def _enter(self, state: DeviceState, detail: str = "") -> None:
        if state is not self._state:
            self._state = state
            self._report(StateChange(self._scanner.name, state, self._world.now(), self._mono(), detail))
