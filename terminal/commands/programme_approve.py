"""`vaxdesk programme approve`: a physician answers for a programme's data; until then it is a demonstration edition."""

from __future__ import annotations

import argparse
from pathlib import Path

from terminal import bootstrap
from terminal.commands.line import DONE, FAILED, Say
from terminal.commands.opening import opened, secret, tell
from terminal.usecases.approve_programme import approve_programme
from terminal.usecases.sign_in import sign_in


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Asks for the PIN of the one who enters it (--by); prints the digest of what was approved."""
    home = bootstrap.find_home(settings)
    with bootstrap.only_one(home), opened(home, say) as desk:
        by = args.by or "admin"
        who = sign_in(desk, by, secret(say("cli.staff_add.ask_by", code=by)))
        if who.value is None:
            tell(who.problems, say)
            return FAILED
        approved = approve_programme(desk, who.value, args.name, args.physician)
    tell(approved.problems, say)
    if approved.value is None:
        return FAILED
    print(say("cli.programme_approve.done", name=args.name, digest=approved.value[:16], physician=args.physician))
    return DONE
