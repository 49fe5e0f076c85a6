"""`vaxdesk staff badge`: a new badge for one who lost hers; the old one is blocked."""

from __future__ import annotations

import argparse
from pathlib import Path

from terminal.commands.line import Say
from terminal.commands.staff_add import by_one
from terminal.usecases.desk import Actor, Desk, Outcome
from terminal.usecases.staff_badge import issue_badge


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """--number: of a blank card; without it the next free number. Prints the text of the QR code."""

    def issue(desk: Desk, by: Actor) -> Outcome[object]:
        made = issue_badge(desk, by, args.code, args.number)
        return Outcome(made.value, made.problems)

    return by_one(settings, args, say, issue, lambda text: say("cli.staff_badge.done", code=args.code, text=text))
