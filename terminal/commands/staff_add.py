"""`vaxdesk staff add`: an account for one who works here; the same code again changes it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from terminal import bootstrap
from terminal.commands.line import DONE, FAILED, Say
from terminal.commands.opening import opened, secret, tell
from terminal.usecases.desk import Actor, Desk, Outcome
from terminal.usecases.sign_in import put_staff, sign_in


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Asks for the PIN of the one who adds (--by), then for the new one's PIN."""

    def add(desk: Desk, by: Actor) -> Outcome[object]:
        pin = secret(say("cli.staff_add.ask", code=args.code))
        made = put_staff(desk, by, args.code, args.name, tuple(args.grade), pin)
        return Outcome(made.value, made.problems)

    return by_one(settings, args, say, add, lambda _: say("cli.staff_add.done", code=args.code))


def by_one(
    settings: Path,
    args: argparse.Namespace,
    say: Say,
    work: Callable[[Desk, Actor], Outcome[object]],
    told: Callable[[object], str],
) -> int:
    """Open the records, let the one of --by prove herself, do `work` as her and print what `told` makes of it."""
    home = bootstrap.find_home(settings)
    with bootstrap.only_one(home), opened(home, say) as desk:
        by = args.by or "admin"
        who = sign_in(desk, by, secret(say("cli.staff_add.ask_by", code=by)))
        done = work(desk, who.value) if who.value else Outcome[object](None, who.problems)
    tell(done.problems, say)
    if not done.ok:
        return FAILED
    print(told(done.value))
    return DONE
