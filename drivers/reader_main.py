"""The process that reads every scanner, so that nothing the window does can make one wait.

Standard input: one line of JSON, the scanners; then nothing, held open for as long as the parent lives.
Standard output: one line of JSON per report.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable

import msgspec

from config.settings import Scanner
from domain.world import World
from drivers.driver import ScannerDriver
from drivers.scan import Report
from drivers.serial_scanner import SerialScanner

FLAG = "--scanner-reader"  # the frozen program has no `python -m`: its main, given this first, calls `main` at once
BACKLOG = 10_000  # reports kept for a parent that does not read; then the scanners wait


def command() -> list[str]:
    """How to start this process, from the source tree and from a frozen program."""
    if getattr(sys, "frozen", False):
        return [sys.executable, FLAG]
    return [sys.executable, "-m", "drivers.reader_main"]


def main() -> int:
    """Read the scanners until the parent closes our input or is gone. Returns the exit code."""
    from drivers.hotplug import listen, watch  # noqa: PLC0415 (the parent asks for `command` alone)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is the parent's to answer
    threading.excepthook = _die
    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    reports: queue.Queue[Report] = queue.Queue(BACKLOG)
    scanners = [_driver(s, reports.put) for s in msgspec.json.decode(line, type=tuple[Scanner, ...])]
    threading.Thread(target=_write, args=(reports,), name="reports", daemon=True).start()
    monitor = listen()
    for scanner in scanners:
        threading.Thread(target=scanner.run, name="scanner", daemon=True).start()
    if monitor:
        wakes = [scanner.wake.set for scanner in scanners]
        threading.Thread(target=watch, args=(monitor, wakes), name="hotplug", daemon=True).start()
    sys.stdin.buffer.read()
    return 0


def _driver(scanner: Scanner, report: Callable[[Report], None]) -> ScannerDriver:
    if scanner.kind == "serial":
        return SerialScanner(scanner, report, World())
    from drivers.hid_scanner import HidScanner  # noqa: PLC0415 (what it stands on is Linux alone)

    return HidScanner(scanner, report, World())


def _write(reports: queue.Queue[Report]) -> None:
    """Whole lines, unbuffered: what was written survives this process."""
    output = sys.stdout.fileno()
    try:
        while True:
            line = msgspec.json.encode(reports.get()) + b"\n"
            while line:
                line = line[os.write(output, line) :]
    except BrokenPipeError:
        os._exit(0)  # the parent is gone


def _die(args: threading.ExceptHookArgs) -> None:
    """A thread that fails ends the process: the parent sees it, says so and starts another."""
    threading.__excepthook__(args)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
