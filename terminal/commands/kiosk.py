"""`vaxdesk`: the counter's window."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path
from typing import Any

from terminal import bootstrap
from terminal.commands import sync_status
from terminal.commands.control import Control
from terminal.commands.line import Say
from terminal.commands.opening import start_passphrase
from terminal.ui.window import MainWindow


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Open the records, start the devices, show the window until it is closed."""
    from terminal.ui import app

    home = bootstrap.find_home(settings)
    bootstrap.set_up_logging(home)
    passphrase = start_passphrase(home, say) if home.key.exists() else ""
    with bootstrap.only_one(home):
        desk = bootstrap.open_desk(home, passphrase, check_first=False)
        terminal = bootstrap.Terminal(home, desk)

        def status() -> dict[str, Any]:
            return desk.store.run(sync_status.read, desk)

        def sync_now() -> dict[str, Any]:
            terminal.sync_now(deadline_s=50)
            return status()

        control = Control(home.data, {"sync status": status, "sync now": sync_now})
        control.start()

        def ready(window: MainWindow) -> None:
            terminal.on_report = window.pump.post
            terminal.start_reader()
            threading.Thread(target=terminal.start_lines, name="lines", daemon=True).start()

        try:
            return app.run(desk, terminal.services(), home.settings.language, ready)
        finally:
            control.close()
            terminal.stop()
