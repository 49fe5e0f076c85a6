"""`vaxdesk enrol`: take this terminal's place in the region with a one-time code."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from terminal import bootstrap
from terminal.commands.line import DONE, Say


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """The code is asked for when it is not given: it then stays out of the shell's history."""
    home = bootstrap.find_home(settings)
    code = args.code or input(say("cli.enrol.ask") + " ") if sys.stdin.isatty() else args.code or sys.stdin.readline()
    with bootstrap.only_one(home):
        desk = bootstrap.open_desk(home)
        try:
            terminal_id = bootstrap.enrol_terminal(home, desk, code.strip())
        finally:
            desk.store.close()
    print(say("cli.enrol.done", terminal=terminal_id))
    return DONE
