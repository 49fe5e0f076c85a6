"""`vaxdesk enrol`: take this terminal's place in the region with a one-time code."""

from __future__ import annotations

import argparse
from pathlib import Path

from terminal import bootstrap
from terminal.commands.line import DONE, Say
from terminal.commands.opening import opened, secret


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """The code is asked for when it is not given: it then stays out of the shell's history."""
    home = bootstrap.find_home(settings)
    with bootstrap.only_one(home), opened(home, say) as desk:
        code = args.code or secret(say("cli.enrol.ask"))
        terminal_id = bootstrap.enrol_terminal(home, desk, code.strip())
    print(say("cli.enrol.done", terminal=terminal_id))
    return DONE
