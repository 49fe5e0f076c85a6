"""`vaxdesk staff reset-pin`: a PIN to tell its owner, who must change it at her first sign-in."""

from __future__ import annotations

import argparse
from pathlib import Path

from terminal.commands.line import Say
from terminal.commands.staff_add import by_one
from terminal.usecases.desk import Actor, Desk, Outcome
from terminal.usecases.staff_pin import reset_pin


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """It ends a lock after wrong tries too."""

    def reset(desk: Desk, by: Actor) -> Outcome[object]:
        made = reset_pin(desk, by, args.code)
        return Outcome(made.value, made.problems)

    return by_one(settings, args, say, reset, lambda pin: say("cli.staff_reset_pin.done", code=args.code, pin=pin))
