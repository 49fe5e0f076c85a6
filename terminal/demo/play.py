"""Run the demonstration: with a window and a panel for a person, or the scripted morning with pictures and figures."""

from __future__ import annotations

import dataclasses
import functools
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from config.texts import Language
from drivers.scan import DeviceState, Report, StateChange
from sync.worker import Rhythm
from terminal.bootstrap import Terminal
from terminal.demo import figures
from terminal.demo.clinic import DemoClinic
from terminal.demo.morning import Morning
from terminal.demo.scene import Where
from terminal.demo.table import props
from terminal.ui import app
from terminal.ui.hand import Hand
from terminal.ui.panel import Panel
from terminal.ui.services import Services
from terminal.ui.window import MainWindow
from terminal.ui.words import Words
from terminal.usecases.record_dose import record_dose

SOON = Rhythm(debounce_s=2.0, base_s=1.0, cap_s=5.0)


class _Timed:
    """The store's `submit`, with the time each dose took on the store thread."""

    def __init__(self, submit: Callable[..., Future[Any]]) -> None:
        self._submit = submit
        self.record_s: list[float] = []

    def __call__(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        if record_dose not in args:
            return self._submit(work, *args)

        @functools.wraps(work)
        def timed(*given: Any) -> Any:
            begun = time.perf_counter()
            try:
                return work(*given)
            finally:
                self.record_s.append(time.perf_counter() - begun)

        return self._submit(timed, *args)


def with_window(seed: int, language: Language, elsewhere: Where | None = None) -> int:
    """The counter's window and the panel beside it, until the window is closed; gives the exit code."""
    with DemoClinic(seed, language, elsewhere) as clinic:
        terminal = Terminal(clinic.home, clinic.desk, SOON)
        panels: list[Panel] = []

        def ready(window: MainWindow) -> None:
            terminal.on_report = window.pump.post
            terminal.start()
            panels.append(Panel(Words(language), props(clinic)))
            panels[0].show_beside(window)

        try:
            return app.run(clinic.desk, terminal.services(), language, ready)
        finally:
            for panel in panels:
                panel.close()
            terminal.stop()


def headless(seed: int, language: Language, out: Path, elsewhere: Where | None = None) -> dict[str, Any]:
    """Play the scripted morning without a display; pictures go to `out`. Gives the figures, counted afterwards."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with DemoClinic(seed, language, elsewhere) as clinic:
        terminal = Terminal(clinic.home, clinic.desk, SOON)
        services = terminal.services()
        timed = _Timed(services.submit)
        window, fault = _play(clinic, terminal, dataclasses.replace(services, submit=timed), language, out)
        try:
            if fault:
                raise fault
            clinic.printer.save(out / "slips")
            return figures.count(clinic, window.scan_to_screen_s, timed.record_s)
        finally:
            terminal.stop()


def _play(
    clinic: DemoClinic, terminal: Terminal, services: Services, language: Language, out: Path
) -> tuple[MainWindow, BaseException | None]:
    """The window's loop here, the script on a thread; its fault is given back when the loop has ended."""
    qt, window = app.build(clinic.desk, services, language)
    hand = Hand(window)
    plugged = threading.Event()

    def hear(report: Report) -> None:
        window.pump.post(report)
        if isinstance(report, StateChange) and report.state is DeviceState.READY:
            plugged.set()

    terminal.on_report = hear
    terminal.start()
    window.show()
    fault: list[BaseException] = []

    def script() -> None:
        try:
            plugged.wait(30)
            Morning(clinic, terminal, hand, out).play()
        except BaseException as caught:  # noqa: BLE001 (raised again on the main thread)
            fault.append(caught)
        finally:
            hand.call(qt.quit)

    thread = threading.Thread(target=script, name="script", daemon=True)
    thread.start()
    qt.exec()
    thread.join(10)
    return window, fault[0] if fault else None
