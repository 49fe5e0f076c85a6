"""Where a test waits for what the scanners report."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drivers.driver import ScannerDriver
from drivers.scan import DeviceState, Report, ScanEvent, StateChange

DEADLINE_S = 20.0


class Inbox:
    """Keeps every report with the time it came. `open` held back makes the consumer stall."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.came: list[float] = []
        self.open = threading.Event()
        self.open.set()
        self._news = threading.Condition()

    def deliver(self, report: Report) -> None:
        self.open.wait()
        with self._news:
            self.reports.append(report)
            self.came.append(time.monotonic())
            self._news.notify_all()

    def wait(self, met: Callable[[], object]) -> None:
        with self._news:
            assert self._news.wait_for(met, DEADLINE_S), self.reports

    @property
    def scans(self) -> list[ScanEvent]:
        return [report for report in self.reports if isinstance(report, ScanEvent)]

    @property
    def payloads(self) -> list[str]:
        return [scan.payload for scan in self.scans]

    @property
    def codes(self) -> list[str]:
        """The story as codes; a good scan is "scan"."""
        return [report.code or "scan" for report in self.reports]

    def wait_state(self, state: DeviceState, times: int = 1) -> None:
        self.wait(lambda: sum(isinstance(r, StateChange) and r.state is state for r in self.reports) >= times)

    def wait_scans(self, count: int) -> None:
        self.wait(lambda: len(self.scans) >= count)

    def wait_code(self, code: str) -> None:
        self.wait(lambda: code in self.codes)


@contextmanager
def in_thread(driver: ScannerDriver) -> Iterator[None]:
    """The driver at work; it must end when it is asked to."""
    thread = threading.Thread(target=driver.run)
    thread.start()
    try:
        yield
    finally:
        driver.stop()
        thread.join(10)
        assert not thread.is_alive()
