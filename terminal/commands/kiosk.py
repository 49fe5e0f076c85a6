"""`vaxdesk`: the counter's window."""

from __future__ import annotations

import argparse
from pathlib import Path

from terminal import bootstrap
from terminal.commands import sync_status
from terminal.commands.control import Control
from terminal.commands.init import secret
from terminal.commands.line import Say


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Open the records, start the devices, show the window until it is closed."""
    home = bootstrap.find_home(settings)
    bootstrap.set_up_logging(home)
    passphrase = secret(say("cli.key.present")) if args.start_passphrase else ""
    with bootstrap.only_one(home):
        terminal = bootstrap.Terminal(home, bootstrap.open_desk(home, passphrase))
        desk = terminal.desk

        def status() -> dict[str, object]:
            return desk.store.run(sync_status.read, desk)

        def sync_now() -> dict[str, object]:
            terminal.sync_now(deadline_s=50)
            return status()

        control = Control(home.data, {"sync status": status, "sync now": sync_now})
        control.start()
        try:
            return terminal.show(args.lang if args.lang != home.settings.language else home.settings.language)
        finally:
            control.close()
            terminal.stop()
