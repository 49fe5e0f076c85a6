"""Word from the system that something was plugged in or out. Where there is none, the drivers' slow poll does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

try:
    import pyudev
except ImportError:  # not Linux
    pyudev = None


def watch(wakes: Sequence[Callable[[], None]]) -> None:
    """Call every one of `wakes` at each event of a serial port or a keyboard; blocks.

    Returns at once where there is no udev.
    """
    if pyudev is None:
        return
    try:
        monitor = pyudev.Monitor.from_netlink(pyudev.Context())
        for subsystem in ("tty", "input"):
            monitor.filter_by(subsystem)
        monitor.start()
        while True:
            if monitor.poll() is not None:
                for wake in wakes:
                    wake()
    except (ImportError, OSError):  # no libudev, or netlink is closed to us, as in some containers
        return
