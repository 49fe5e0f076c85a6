"""`vaxdesk staff add`: an account for one who works here; the same code again changes it."""

from __future__ import annotations

import argparse
from pathlib import Path

from terminal import bootstrap
from terminal.commands.line import DONE, FAILED, Say
from terminal.commands.opening import opened, secret, tell
from terminal.usecases.sign_in import put_staff, sign_in


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Asks for the PIN of the one who adds (--by), then for the new one's PIN."""
    home = bootstrap.find_home(settings)
    with bootstrap.only_one(home), opened(home, say) as desk:
        by = args.by or "admin"
        who = sign_in(desk, by, secret(say("cli.staff_add.ask_by", code=by)))
        if who.value is None:
            tell(who.problems, say)
            return FAILED
        pin = secret(say("cli.staff_add.ask", code=args.code))
        made = put_staff(desk, who.value, args.code, args.name, tuple(args.grade), pin)
    tell(made.problems, say)
    if not made.ok:
        return FAILED
    print(say("cli.staff_add.done", code=args.code))
    return DONE
