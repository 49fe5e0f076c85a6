"""`vaxdesk backup create`: an encrypted, verified copy of the records."""

from __future__ import annotations

import argparse
from pathlib import Path

from terminal import bootstrap
from terminal.commands.line import DONE, Say
from terminal.commands.opening import opened
from terminal.store import backup


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Works beside a running kiosk: SQLite copies while the counter goes on."""
    home = bootstrap.find_home(settings)
    with opened(home, say) as desk:
        info = backup.create(desk.store, home.backups, desk.world, home.key)
        backup.prune(home.backups, home.settings.backup.keep, desk.world.now())
    print(say("cli.backup.done", path=info.path, children=info.report.children, doses=info.report.doses))
    return DONE
