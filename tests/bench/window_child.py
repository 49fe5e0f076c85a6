"""A terminal's window in a process of its own, measured from inside: `python -m tests.bench.window_child MODE ...`.

    empty                 Python and Qt with an empty window: the floor
    start SETTINGS NOW    records open, window painted, scanner heard to be ready; the clock begins at NOW, UTC
    day SETTINGS NOW      a nurse signs in, the children of day.json are scanned, a package each, the doses recorded

The line on standard output is JSON. Imports nothing of the tests: their modules are no part of a terminal.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication, QMainWindow

sys.modules.update(dict.fromkeys(("psycopg", "psycopg2")))  # the region's; peewee loads what a terminal does not have
_PATIENCE_S = 60
_BY_NUMBER = "SELECT c.* FROM identifier i JOIN child c ON c.id = i.child_id WHERE i.value = ?"


def _empty_window() -> QMainWindow:
    window = QMainWindow()
    window.resize(1366, 768)
    window.show()
    QApplication.processEvents()
    return window


def _say(**found: Any) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    told = {"rss_mib": pages * 4096 / 2**20, "cpu_ms": time.process_time() * 1000, **found}
    print(json.dumps(told), flush=True)


def _until(seen: Callable[[], object]) -> None:
    ends = time.monotonic() + _PATIENCE_S
    while not seen():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        if time.monotonic() > ends:
            raise TimeoutError


def empty() -> None:
    app, window = QApplication([]), _empty_window()
    assert app and window
    _say()


class _Running:
    """The real window over real records, as `vaxdesk` has it, without printer and region."""

    def __init__(self, settings: str, now: str) -> None:
        from concurrent.futures import Future

        from domain.world import World
        from drivers.reader import ScannerReader
        from drivers.scan import DeviceState, Report, StateChange
        from terminal import bootstrap
        from terminal.ui.app import build
        from terminal.ui.services import Services

        home = bootstrap.find_home(Path(settings))
        start, began = datetime.fromisoformat(now), time.monotonic()
        world = World(now=lambda: start + timedelta(seconds=time.monotonic() - began))
        self.desk = bootstrap.open_desk(home, world=world, check_first=False)
        self.scanner_ready = False
        heard: Future[Callable[[Report], None]] = Future()

        def report(said: Report) -> None:
            heard.result()(said)
            self.scanner_ready |= isinstance(said, StateChange) and said.state is DeviceState.READY

        self.reader = ScannerReader(home.settings.scanners, report, self.desk.world)
        self.reader.start()
        _, self.window = build(self.desk, Services(self.desk.store.submit), home.settings.language)
        self.window.show()
        heard.set_result(self.window.pump.post)

    def stop(self) -> None:
        self.window.close()
        self.reader.stop()
        self.desk.store.close()


def start(settings: str, now: str) -> None:
    running = _Running(settings, now)
    QApplication.processEvents()
    _until(lambda: running.scanner_ready)
    _say()
    running.stop()


def day(settings: str, now: str) -> None:
    from terminal.ui.app import load_rest
    from terminal.usecases.desk import Actor
    from terminal.usecases.visit import open_visit

    running = _Running(settings, now)
    desk, window, nurse = running.desk, running.window, Actor("N001", "林静", ("general",))
    load_rest()
    _sign_in(window)
    scans, verdicts, computed, floor, bare = [], [], [], [], _empty_window()
    for child_id, booklet, package in json.loads(Path(settings).with_name("day.json").read_text()):
        assert open_visit(desk, nurse, child_id, {"fever": "no"}, True, "seen").ok
        began = time.monotonic()
        desk.store.run(desk.store.sql, _BY_NUMBER, booklet)
        bare.repaint()
        floor.append((time.monotonic() - began) * 1000)
        began = time.process_time()
        scans.append(_scan(window, booklet))
        computed.append((time.process_time() - began) * 1000)
        verdicts.append(_scan(window, package))
        work = window.counter.work
        assert work.look.child_id == child_id and work.verdict, window.counter.strip.said
        work.confirm()
        _until(lambda: not window.counter.work.turns.busy)
        assert work.verdict is None and len(work.look.given) == 1
    _say(scans=scans, verdicts=verdicts, computed=computed, floor=floor)
    running.stop()


def _sign_in(window: Any) -> None:
    window.sign_in.code.setText("N001")
    window.sign_in.pin.setText("739154")
    window.sign_in.button.click()
    _until(lambda: window.counter and not window.tasks.busy)


def _scan(window: Any, payload: str) -> float:
    """Milliseconds from the scan's last byte to the end of the paint that answers it, as the window counts them."""
    from drivers.scan import ScanEvent

    before = len(window.scan_to_screen_s)
    window.pump.post(ScanEvent("counter", payload, "", datetime.now(UTC), time.monotonic()))
    _until(lambda: len(window.scan_to_screen_s) > before)
    return float(window.scan_to_screen_s[-1]) * 1000


if __name__ == "__main__":
    {"empty": empty, "start": start, "day": day}[sys.argv[1]](*sys.argv[2:])
