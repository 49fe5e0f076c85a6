"""A whole day at one counter, with printer and region, in a process of its own: `... day_child SETTINGS NOW`.

A heartbeat on the main thread notes how late it comes. The line on standard output is JSON. Started and driven as
`window_child` is, by keys, scans and the lines of the rail.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest

from tests.bench.window_child import _say, _scan, _sign_in, _until

_BEAT_MS = 5
_PAGES_EACH, _LOCK_EACH, _SEARCH_EACH = 25, 60, 10  # children between two
_KEY = Qt.Key


class _Heartbeat:
    """`late`: for each beat that was late by a frame or more the step, milliseconds late by the clock, and how many of
    them this process and its main thread computed: on a busy machine the rest is other programs' work."""

    def __init__(self) -> None:
        self.step = ""
        self.late: list[tuple[str, float, float, float]] = []
        self._timer = QTimer(interval=_BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._last = _clocks()
        self._timer.start()

    def _beat(self) -> None:
        now = _clocks()
        wall, process, thread = ((new - old) * 1000 - _BEAT_MS for new, old in zip(now, self._last, strict=True))
        if wall > 16:
            self.late.append((self.step, wall, process, thread))
        self._last = now


def _clocks() -> tuple[float, float, float]:
    return time.monotonic(), time.process_time(), time.thread_time()


class _Day:
    """The open counter, and how long each step of its day took until its answer was there."""

    def __init__(self, settings: str, now: str) -> None:
        from domain.world import World
        from sync.worker import Rhythm
        from terminal import bootstrap
        from terminal.ui.app import build

        home = bootstrap.find_home(Path(settings))
        start, began = datetime.fromisoformat(now), time.monotonic()
        world = World(now=lambda: start + timedelta(seconds=time.monotonic() - began))
        self.desk = bootstrap.open_desk(home, world=world, check_first=False)
        self.terminal = bootstrap.Terminal(home, self.desk, Rhythm(debounce_s=2.0, base_s=1.0, cap_s=5.0))
        _, self.window = build(self.desk, self.terminal.services(), home.settings.language)
        self.terminal.on_report = self.window.pump.post
        self.terminal.start_reader()
        self.window.show()
        self._lines = threading.Thread(target=self.terminal.start_lines, daemon=True)
        self._lines.start()
        self.heart = _Heartbeat()
        self.took: dict[str, list[float]] = {}

    def step(self, name: str, do: Callable[[], object]) -> None:
        self.heart.step = name
        began = time.monotonic()
        do()
        counter = self.window.counter
        _until(lambda: not (self.window.tasks.busy or (counter and counter.work.turns.busy)))
        self.took.setdefault(name, []).append((time.monotonic() - began) * 1000)

    def wait_lines(self) -> None:
        """Nobody signs in as quickly as a script: printer and region are there, and the rest of the window."""
        from terminal.ui.app import load_rest

        load_rest()
        _until(lambda: not self._lines.is_alive())

    def enter(self) -> None:
        """Sign in; a date in doubt is confirmed, as the nurse would."""
        from terminal.usecases.clock_check import confirm_date

        self.step("sign in", lambda: _sign_in(self.window))
        if self.desk.clock == "doubtful":
            assert confirm_date(self.desk, self.window.counter.work.actor, self.desk.today()).ok

    def key(self, name: str, key: Qt.Key) -> None:
        self.step(name, lambda: QTest.keyClick(self.window.focusWidget() or self.window, key))

    def serve(self, booklet: str, package: str) -> None:
        """One child from the booklet to the slip."""
        work = self.window.counter.work
        self.step("scan a child", lambda: _scan(self.window, booklet))
        self.key("open the visit", _KEY.Key_F2)
        self.step("scan a package", lambda: _scan(self.window, package))
        assert work.verdict, self.window.counter.strip.said
        self.key("record the dose", _KEY.Key_Return)
        assert work.verdict is None and len(work.look.given) == 1, self.window.counter.strip.said
        self.key("close the visit", _KEY.Key_F12)

    def search(self, typed: str) -> None:
        box = self.window.shell.search
        box.setFocus()
        for letter in typed:
            self.step("type in the search", lambda letter=letter: QTest.keyClicks(box, letter))
        self.key("leave the search", _KEY.Key_Escape)

    def look_around(self) -> None:
        """Every page of the rail."""
        for entry in self.window.shell.entries:
            self.step(f"open {entry.name}", lambda name=entry.name: self.window.shell.turn_to(name))
        self.step("back to the counter", lambda: self.window.shell.turn_to("counter"))

    def stop(self) -> None:
        self.window.close()
        self._lines.join(10)
        self.terminal.stop()


def main(settings: str, now: str) -> None:
    day = _Day(settings, now)
    day.step("start", day.wait_lines)
    day.enter()
    children: list[Any] = json.loads(Path(settings).with_name("day.json").read_text())
    for number, (_, booklet, package) in enumerate(children):
        if number % _PAGES_EACH == 0:
            day.look_around()
        if number % _SEARCH_EACH == 0:
            day.search("zhang")
        if number % _LOCK_EACH == _LOCK_EACH - 1:
            day.step("lock", day.window.lock)
            day.enter()
        day.serve(booklet, package)
    unsent = day.desk.store.sql("SELECT count(*) FROM batch WHERE acked_at IS NOT NULL")[0][0]
    _say(late=day.heart.late, took=day.took, children=len(children), uploaded=unsent)
    day.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
