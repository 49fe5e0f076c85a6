"""What every scanner's driver does: read until it cannot, say why, and try again when something is plugged in."""

from __future__ import annotations

import errno
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from config.settings import Scanner
from domain.errors import DeviceError
from domain.world import World
from drivers.framing import Frame, Framer
from drivers.scan import DeviceState, Report, ScanLost, StateChange, to_report

POLL_S = 1.0  # how often a device that cannot be opened is tried again when no plug event comes

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
# A COM port's errors: not found, access denied (another program has it), unplugged.
_WINDOWS = {2: DeviceState.ABSENT, 5: DeviceState.BUSY, 22: DeviceState.ABSENT, 1167: DeviceState.ABSENT}


@contextmanager
def device_faults(
    scanner: Scanner, otherwise: DeviceState, faults: tuple[type[Exception], ...] = (OSError,)
) -> Iterator[None]:
    """Errors of the device leave as DeviceError with params device, state, detail.

    `otherwise` is the state that an error without a known number stands for.
    """
    try:
        yield
    except faults as fault:
        state, detail = _told(fault, otherwise)
        raise DeviceError(state.code, "later", device=scanner.name, state=state, detail=detail) from fault


def _told(fault: Exception, otherwise: DeviceState) -> tuple[DeviceState, str]:
    """What the system's error means, and its name for support."""
    number = getattr(fault, "errno", None) or 0
    if not number and (system := windows_error(str(fault))):
        return _WINDOWS.get(system, otherwise), f"WinError {system}"
    return _STATES.get(number, otherwise), errno.errorcode.get(number, type(fault).__name__)


def windows_error(words: str) -> int:
    """The system's number in what pyserial says of a COM port ("... FileNotFoundError(2, '...', None, 2)"), else 0.

    pyserial keeps the words of the WinError only; its own errno is a sentence there.
    """
    head, found, tail = words.rpartition(", ")
    number = tail.rstrip(")")
    return int(number) if found and "Error(" in head and number.isdigit() else 0


class ScannerDriver(ABC):
    """Reads one scanner until told to stop. Everything it has to say goes to `report`, in order.

    Unplugging is a state: the half scan is thrown away and said to be lost, and the device is opened again as soon as
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
        self.stopping = Event()
        self.scanner = scanner
        self.mono = mono
        self._report = report
        self._world = world
        self._state: DeviceState | None = None
        self.framer = Framer.of(scanner)

    def run(self) -> None:
        """Until `stop`; blocks."""
        while not self.stopping.is_set():
            self.wake.clear()
            try:
                self.read()
            except DeviceError as fault:
                self._gone(fault)
                self.wake.wait(POLL_S)

    def stop(self) -> None:
        """`run` returns within the scanner's idle time."""
        self.stopping.set()
        self.wake.set()

    @abstractmethod
    def read(self) -> None:
        """Open and read; returns when stopped. Raises DeviceError when it cannot be opened, or is gone."""

    def take(self, data: bytes) -> None:
        """What the device sent; b"" is a silence as long as the scanner's idle time."""
        mono = self.mono()
        for frame in self.framer.feed(data, mono) if data else self.framer.idle(mono):
            self.tell(frame, mono)

    def tell(self, frame: Frame, mono: float) -> None:
        self._report(to_report(self.scanner.name, frame, self._world.now(), mono))

    def lose(self, code: str) -> None:
        """A scan could not be kept; `code` names the text."""
        self._report(ScanLost(self.scanner.name, code, self._world.now(), self.mono()))

    def enter(self, state: DeviceState, detail: str = "") -> None:
        """The device is now so; said once."""
        if state is not self._state:
            self._state = state
            self._report(StateChange(self.scanner.name, state, self._world.now(), self.mono(), detail))

    def _gone(self, fault: DeviceError) -> None:
        if self.framer.drop():
            self.lose("scan.cut_off")
        self.enter(fault.params["state"], fault.params["detail"])
