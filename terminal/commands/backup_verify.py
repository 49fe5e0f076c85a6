"""`vaxdesk backup verify`: open a backup and prove it whole."""

from __future__ import annotations

import argparse
from pathlib import Path

from domain.errors import StoreError
from terminal import bootstrap
from terminal.commands.line import DONE, Say
from terminal.commands.opening import start_passphrase
from terminal.store import backup


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    home = bootstrap.find_home(settings)
    path = args.file or latest(home)
    report = backup.verify(path, bootstrap.unlock(home, start_passphrase(home, say)))
    print(say("cli.backup.whole", path=path, children=report.children, doses=report.doses, last=report.last_at or "-"))
    return DONE


def latest(home: bootstrap.Home) -> Path:
    """The newest backup. Raises StoreError when there is none."""
    found = backup.backups(home.backups, bootstrap.world_of(home).now())
    if not found:
        raise StoreError("backup.missing", path=str(home.backups))
    return found[-1]
