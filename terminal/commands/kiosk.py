"""`vaxdesk`: the counter's window."""

from __future__ import annotations

import argparse
import os
import stat
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from config.settings import Printer
from domain.errors import VaxdeskError
from drivers.scan import Report
from terminal import bootstrap
from terminal.commands import print_test, sync_status
from terminal.commands.control import Control
from terminal.commands.line import Say
from terminal.commands.opening import secret, start_passphrase
from terminal.ui.window import MainWindow


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """The counter until its window is closed; a start from an icon asks and tells in windows too."""
    from terminal.ui import app

    if not from_icon():
        return _run(settings, say, secret)
    try:
        return _run(settings, say, partial(app.ask_secret, language=args.lang))
    except VaxdeskError as fault:
        app.tell(say(fault.code, **fault.params), args.lang)
        raise


def from_icon() -> bool:
    """There is a display, and nobody types into standard input, nor does a program feed it."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if not any(os.environ.get(name) for name in names):
        return False
    if sys.stdin is None or sys.stdin.closed:
        return True
    mode = os.fstat(sys.stdin.fileno()).st_mode
    return not (sys.stdin.isatty() or stat.S_ISFIFO(mode) or stat.S_ISREG(mode))


def _run(settings: Path, say: Say, ask: Callable[[str], str]) -> int:
    """Open the records, start the devices, show the window until it is closed."""
    from terminal.ui import app

    home = bootstrap.find_home(settings)
    bootstrap.set_up_logging(home)
    passphrase = start_passphrase(home, say, ask) if home.key.exists() else ""
    with bootstrap.only_one(home):
        desk = bootstrap.open_desk(home, passphrase, check_first=False)
        terminal = bootstrap.Terminal(home, desk)
        heard: Future[Callable[[Report], None]] = Future()  # the window's ear; a scan before it is there waits
        terminal.on_report = lambda report: heard.result()(report)
        terminal.start_reader()  # a process of its own: it starts while the window is made

        def status() -> dict[str, Any]:
            return desk.store.run(sync_status.read, desk)

        def sync_now() -> dict[str, Any]:
            terminal.sync_now(deadline_s=50)
            return status()

        def test(printer: Printer) -> dict[str, Any]:
            spool = next(
                (s for p, s in zip(home.settings.printers, terminal.spools, strict=False) if p == printer), None
            )
            return print_test.through(spool, desk, printer, say) if spool else {"state": "failed", "code": ""}

        answers = {"sync status": status, "sync now": sync_now}
        answers |= {print_test.word(printer): partial(test, printer) for printer in home.settings.printers}
        control = Control(home.data, answers)
        control.start()
        lines = threading.Thread(target=terminal.start_lines, name="lines", daemon=True)

        def ready(window: MainWindow) -> None:
            heard.set_result(window.pump.post)
            lines.start()

        try:
            return app.run(desk, terminal.services(), home.settings.language, ready)
        finally:
            if not heard.done():
                heard.set_result(lambda _: None)
            control.close()
            if lines.ident:
                lines.join(10)  # a window closed at once: what starts must not meet closed records
            terminal.stop()
