"""`vaxdesk backup restore`: the records as they were at a backup; the terminal goes on in a new epoch."""

from __future__ import annotations

import argparse
from pathlib import Path

from terminal import bootstrap
from terminal.commands.backup_verify import latest
from terminal.commands.line import DONE, Say
from terminal.commands.opening import secret, start_passphrase
from terminal.store import backup, keyfile


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """With --with-recovery the key comes from the file beside the backup, and this PC gets a secret of its own."""
    home = bootstrap.find_home(settings)
    with bootstrap.only_one(home):
        path = args.file or latest(home)
        if args.with_recovery:
            key = _adopt_key(home, path, secret(say("cli.backup_restore.ask")))
        else:
            key = bootstrap.unlock(home, start_passphrase(home, say))
        aside = backup.restore(path, home.records, key, bootstrap.world_of(home))
    print(say("cli.backup.restored", path=path, aside=aside or "-"))
    return DONE


def _adopt_key(home: bootstrap.Home, path: Path, passphrase: str) -> bytes:
    world = bootstrap.world_of(home)
    wrapped = keyfile.load(backup.key_of(path))
    key = keyfile.unlock_passphrase(wrapped, "recovery", passphrase)
    backup.verify(path, key)
    if home.key.exists() and not keyfile.fits(keyfile.load(home.key), key):  # of other records, which go aside too
        home.key.rename(home.key.with_name(f"{home.key.name}.replaced"))
    machine = keyfile.new_machine_secret(home.secret, world.random)
    keyfile.save(home.key, keyfile.with_machine(wrapped, key, machine, world.random))
    return key
