"""Word from the system that something was plugged in or out. Where there is none, the drivers' slow poll does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

try:
    import pyudev
except ImportError:  # not Linux
    pyudev = None


def listen() -> Any | None:
    """Begin to hear of serial ports and keyboards; None where the system does not tell.

    Slow (it looks for a library), so it is done before a scanner is read: nothing may hold up those threads.
    """
    if pyudev is None:
        return None
    try:
        monitor = pyudev.Monitor.from_netlink(pyudev.Context())
        for subsystem in ("tty", "input"):
            monitor.filter_by(subsystem)
        monitor.start()
    except (ImportError, OSError):  # no libudev, or netlink is closed to us, as in some containers
        return None
    return monitor


def watch(monitor: Any, wakes: Sequence[Callable[[], None]]) -> None:
    """Call every one of `wakes` at each event; blocks for as long as the system tells."""
    try:
        while True:
            if monitor.poll() is not None:
                for wake in wakes:
                    wake()
    except OSError:  # netlink broke down
        return
