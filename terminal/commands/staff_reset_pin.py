"""`vaxdesk staff reset-pin`: a PIN to tell its owner, who must change it at her first sign-in."""

from __future__ import annotations

import argparse
from pathlib import Path

from domain.errors import StoreError
from terminal import bootstrap
from terminal.commands.line import DONE, FAILED, Say
from terminal.commands.opening import opened, secret, tell
from terminal.commands.staff_add import by_one
from terminal.store import keyfile, ledger
from terminal.usecases.desk import Actor, Desk, Outcome
from terminal.usecases.staff_pin import RECOVERY, recover_pin, reset_pin


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """It ends a lock after wrong tries too. --with-recovery: for the only one who manages staff, with the recovery
    passphrase in the place of a colleague's PIN."""

    def told(pin: object) -> str:
        return say("cli.staff_reset_pin.done", code=args.code, pin=pin)

    def reset(desk: Desk, by: Actor) -> Outcome[object]:
        made = reset_pin(desk, by, args.code)
        return Outcome(made.value, made.problems)

    if not args.with_recovery:
        return by_one(settings, args, say, reset, told)
    home = bootstrap.find_home(settings)
    with bootstrap.only_one(home), opened(home, say) as desk:
        _prove_recovery(home, desk, secret(say("cli.backup_restore.ask")))
        done = recover_pin(desk, args.code)
    tell(done.problems, say)
    if not done.ok:
        return FAILED
    print(told(done.value))
    return DONE


def _prove_recovery(home: bootstrap.Home, desk: Desk, passphrase: str) -> None:
    """Raises StoreError key.wrong, key.no_passphrase_slot; a wrong one is in the audit."""
    try:
        keyfile.unlock_passphrase(keyfile.load(home.key), "recovery", passphrase)
    except StoreError as fault:
        ledger.note(desk.store, desk.world, RECOVERY, "staff.recovery_failed", why=fault.code)
        raise
