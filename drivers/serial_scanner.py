"""A scanner on a serial port (RS-232, USB-CDC; COM3 on Windows): open, read."""

from __future__ import annotations

import sys
from contextlib import closing

from serial import Serial

from drivers.driver import ScannerDriver, device_faults
from drivers.scan import DeviceState

if sys.platform == "win32":
    PORT_FAULTS: tuple[type[Exception], ...] = (OSError, ValueError)
else:
    import termios

    PORT_FAULTS = (OSError, ValueError, termios.error)  # pyserial lets termios.error through when a port goes away


class SerialScanner(ScannerDriver):
    """Reads one serial scanner; one caller of `run`."""

    def read(self) -> None:
        scanner = self.scanner
        with device_faults(scanner, DeviceState.FAULTED, PORT_FAULTS):
            port = Serial(scanner.port, scanner.baud, timeout=scanner.idle_ms / 1000, exclusive=True)
        with closing(port):
            self.enter(DeviceState.READY)
            while not self.stopping.is_set():
                with device_faults(scanner, DeviceState.ABSENT, PORT_FAULTS):
                    first = port.read(1)  # waits for the idle time, so b"" is silence
                    data = first + port.read(port.in_waiting) if first else b""
                self.take(data)
