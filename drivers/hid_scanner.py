"""A scanner in keyboard mode, taken from the desktop: its keys reach us and nobody else. Linux."""

from __future__ import annotations

import array
import errno
import fcntl
import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from config.settings import Scanner
from domain.world import World
from drivers.driver import ScannerDriver, device_faults
from drivers.input_devices import node_of
from drivers.keys import EV_KEY, EV_SYN, EVENT, SYN_DROPPED, KeyDecoder, events
from drivers.scan import DeviceState, Report

# linux/input.h: _IOW('E', 0x90, int), _IOR('E', 0x18, 96 bytes of key bits), _IOR('E', 0x19, 8 bytes of lamp bits)
EVIOCGRAB, EVIOCGKEY, EVIOCGLED = 0x40044590, 0x80604518, 0x80084519
LED_CAPS_LOCK = 1
MOST_EVENTS = 64  # what the kernel keeps for a reader


class HidScanner(ScannerDriver):
    """Reads one scanner; one caller of `run`.

    A reader that was held up so long that the kernel dropped events reports the scan as lost: what is left of one is
    never shown as a whole.
    """

    def __init__(self, scanner: Scanner, report: Callable[[Report], None], world: World) -> None:
        super().__init__(scanner, report, world)
        self._decoder = KeyDecoder(scanner.gs_key)

    def read(self) -> None:
        with self._opened() as node:
            self._decoder.hold((), caps=caps_lock(node))
            self.enter(DeviceState.READY)
            while not self.stopping.is_set():
                with device_faults(self.scanner, DeviceState.ABSENT):
                    data = _some(node, self.scanner.idle_ms / 1000)
                    self._decode(node, data)
                if not data:
                    self.take(b"")

    def try_it(self) -> None:
        """Open and close it. Raises DeviceError with what stands in the way."""
        with self._opened():
            pass

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The device, ours alone."""
        with device_faults(self.scanner, DeviceState.FAULTED):
            path = node_of(self.scanner)
            if not path:
                raise FileNotFoundError(errno.ENOENT, "not plugged in")
            node = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            with device_faults(self.scanner, DeviceState.FAULTED):
                fcntl.ioctl(node, EVIOCGRAB, 1)
            yield node
        finally:
            os.close(node)  # gives the grab back

    def _decode(self, node: int, data: bytes) -> None:
        typed = b""
        for kind, code, value in events(data):
            if kind == EV_KEY:
                typed += self._decoder.key(code, value)
            elif (kind, code) == (EV_SYN, SYN_DROPPED):
                self._keys(typed)
                typed = b""
                self.framer.spoil()
                self.lose("scan.missed")
                self._decoder.hold(held_keys(node), caps=caps_lock(node))
        self._keys(typed)

    def _keys(self, typed: bytes) -> None:
        if typed:  # none is no silence: a key may have gone up
            self.take(typed)


def _some(node: int, timeout_s: float) -> bytes:
    """What waits, or comes within the time; b"" for a silence. Raises OSError when the device is gone."""
    if not select.select([node], [], [], timeout_s)[0]:
        return b""
    data = os.read(node, EVENT.size * MOST_EVENTS)
    if not data:
        raise OSError(errno.ENODEV, "no more events")
    return data


def caps_lock(node: int) -> bool:
    """Whether the device's caps lock lamp is on."""
    return LED_CAPS_LOCK in _bits(node, EVIOCGLED, 8)


def held_keys(node: int) -> set[int]:
    """The keys that are down now."""
    return _bits(node, EVIOCGKEY, 96)


def _bits(node: int, request: int, size: int) -> set[int]:
    bits = array.array("B", bytes(size))
    fcntl.ioctl(node, request, bits)
    return {at * 8 + bit for at, byte in enumerate(bits) for bit in range(8) if byte >> bit & 1}
