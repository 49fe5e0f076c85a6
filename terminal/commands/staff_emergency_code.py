"""`vaxdesk staff emergency-code`: a new code for the envelope, for the day on which nobody can sign in."""

from __future__ import annotations

import argparse
from pathlib import Path

from terminal.commands.line import Say
from terminal.commands.staff_add import by_one
from terminal.usecases.desk import Actor, Desk, Outcome
from terminal.usecases.staff_emergency import new_emergency_code


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Prints the paper to seal: `vaxdesk staff emergency-code | lp` puts it on paper alone."""

    def seal(desk: Desk, by: Actor) -> Outcome[object]:
        made = new_emergency_code(desk, by)
        return Outcome(made.value, made.problems)

    return by_one(settings, args, say, seal, lambda code: paper(say, str(code)))


def paper(say: Say, code: str) -> str:
    """What goes into the envelope."""
    return f"\n    {code}\n\n{say('emergency.paper')}\n"
