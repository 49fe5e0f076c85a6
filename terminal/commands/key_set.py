"""`vaxdesk key start|machine|recovery`: how the records are opened on this PC, and the way back without it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from terminal import bootstrap
from terminal.commands.init import SHORTEST_PASSPHRASE
from terminal.commands.line import DONE, FAILED, Say
from terminal.commands.opening import secret, start_passphrase
from terminal.store import keyfile


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """start: a passphrase at every start, this PC alone opens nothing; machine: this PC opens by itself again;
    recovery: a new recovery passphrase. --with-recovery: the way in when the PC's secret or the passphrase is gone."""
    home = bootstrap.find_home(settings)
    world = bootstrap.world_of(home)
    with bootstrap.only_one(home):
        wrapped = keyfile.load(home.key)
        if args.with_recovery:
            key = keyfile.unlock_passphrase(wrapped, "recovery", secret(say("cli.backup_restore.ask")))
        else:
            key = bootstrap.unlock(home, start_passphrase(home, say))
        if args.slot == "machine" and keyfile.has(wrapped, "machine") and not args.with_recovery:
            pass  # it opens by itself already; a new secret that is not saved whole would lock everybody out
        elif args.slot == "machine":
            machine = keyfile.new_machine_secret(home.secret, world.random)
            keyfile.save(home.key, keyfile.with_machine(wrapped, key, machine, world.random))
        else:
            chosen = secret(say(f"cli.key.ask_{args.slot}"))
            if len(chosen) < SHORTEST_PASSPHRASE:
                print(say("key.passphrase_too_short"), file=sys.stderr)
                return FAILED
            changed = keyfile.with_passphrase(wrapped, key, args.slot, chosen, world.random)
            keyfile.save(home.key, changed)
            if args.slot == "start":
                keyfile.forget_machine_secret(home.secret)
    print(say(keyfile.exposure(keyfile.load(home.key))))
    return DONE
