"""How long a scan is on its way: from the last byte sent into the pty to the report in the parent process."""

from __future__ import annotations

import time
from dataclasses import dataclass

from config.settings import Scanner
from drivers.reader import ScannerReader
from drivers.scan import DeviceState
from drivers.simulator import ScannerSimulator
from tests.fakes.inbox import Inbox

PAYLOAD = "]d20106912345678905\x1d17270131\x1d10A1B2\x1d21{:09d}"  # 49 characters, a vaccine's GS1 DataMatrix


@dataclass(frozen=True)
class Latency:
    """Milliseconds over `scans` scans, one after the other."""

    scans: int
    p50: float
    p99: float
    longest: float


def measure_latency(scans: int = 500) -> Latency:
    """Through the real pty, the real serial driver, the real process and its pipe."""
    inbox, times = Inbox(), []
    with ScannerSimulator() as gun:
        reader = ScannerReader((Scanner("gun", gun.port),), inbox.deliver)
        reader.start()
        try:
            inbox.wait_state(DeviceState.READY)
            for number in range(scans):
                sent = time.monotonic()
                gun.scan(PAYLOAD.format(number))
                inbox.wait_scans(number + 1)
                times.append((inbox.came[-1] - sent) * 1000)
        finally:
            reader.stop()
    times.sort()
    return Latency(scans, times[len(times) // 2], times[int(len(times) * 0.99)], times[-1])
