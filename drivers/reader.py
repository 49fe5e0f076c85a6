"""The program's end of the scanner process: starts it, restarts it, hands on what it reports."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec

from config.settings import Scanner
from domain.world import World
from drivers.framing import RepeatFilter
from drivers.reader_main import command
from drivers.scan import DeviceState, Report, ScanEvent, StateChange

FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 10.0  # before a dead process is started again; doubled each time
STEADY_S = 30.0  # a process that lived this long starts the waits anew

_log = logging.getLogger(__name__)
_Process = subprocess.Popen[bytes]


class ScannerReader:
    """Every scanner of this terminal but the keyboard wedge, which is the window's, read in one process of its own.

    `deliver` gets each report once, in order, on this object's thread. It must not raise; while it blocks, reports
    wait (10,000 of them) and none is lost. The process ends with `stop`, and with the program however that ends.
    """

    def __init__(
        self, scanners: tuple[Scanner, ...], deliver: Callable[[Report], None], world: World | None = None
    ) -> None:
        self.pid = 0  # of the running process, 0 between two
        self._scanners = tuple(scanner for scanner in scanners if scanner.kind != "wedge")
        self._deliver = deliver
        self._world = world or World()
        self._repeat_s = {scanner.name: scanner.repeat_ms / 1000 for scanner in scanners}
        self._repeats = RepeatFilter()
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # guards _process
        self._process: _Process | None = None
        self._thread = threading.Thread(target=self._run, name="scanner-reader", daemon=True)

    def start(self) -> None:
        """Returns at once; the first state of each scanner is reported when its port was tried."""
        self._thread.start()

    def stop(self, deadline_s: float = 3.0) -> bool:
        """End the process and the thread. False if that took longer than `deadline_s`; the process is killed then."""
        self._stopping.set()
        with self._lock:
            process = self._process
            if process and process.stdin:
                process.stdin.close()
        if self._thread.ident:
            self._thread.join(deadline_s)
        if process and self._thread.is_alive():
            process.kill()
        return not self._thread.is_alive()

    def forget(self) -> None:
        """A key was pressed: the next scan counts even if it repeats the last one. From any thread."""
        self._repeats.forget()

    def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while self._scanners and not self._stopping.is_set():
            started = time.monotonic()
            detail = self._live()
            if self._stopping.is_set():
                return
            _log.error("scanner process ended: %s", detail)
            for scanner in self._scanners:
                self._deliver(
                    StateChange(scanner.name, DeviceState.FAULTED, self._world.now(), time.monotonic(), detail)
                )
            if time.monotonic() - started > STEADY_S:
                wait_s = FIRST_WAIT_S
            self._stopping.wait(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def _live(self) -> str:
        """One life of the process. Returns what it died of, for support."""
        try:
            process = subprocess.Popen(command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as fault:
            return type(fault).__name__
        with process:
            self._adopt(process)
            try:
                self._pump(process)
            finally:
                self._adopt(None)
                process.kill()
        return f"exit {process.returncode}"

    def _adopt(self, process: _Process | None) -> None:
        """From here on `stop` can reach the process. It gets its scanners; if stopped meanwhile none, and it ends."""
        with self._lock:
            self._process = process
            self.pid = process.pid if process else 0
            if process is None or process.stdin is None:
                return
            if self._stopping.is_set():
                process.stdin.close()
                return
            with suppress(BrokenPipeError):  # it died at once: its output ends too
                os.write(process.stdin.fileno(), msgspec.json.encode(self._scanners) + b"\n")

    def _pump(self, process: _Process) -> None:
        assert process.stdout
        decoder = msgspec.json.Decoder(Report)
        for line in process.stdout:
            if line.endswith(b"\n"):  # a killed process may leave half a line
                self._hand_on(decoder.decode(line))

    def _hand_on(self, report: Report) -> None:
        if isinstance(report, ScanEvent):
            scan = (report.device, report.symbology, report.payload, report.code)
            if self._repeats.is_repeat(scan, report.mono, self._repeat_s[report.device]):
                return
        self._deliver(report)
