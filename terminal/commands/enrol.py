"""`vaxdesk enrol`: take this terminal's place in the region with a one-time code."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from terminal import bootstrap
from terminal.commands.line import DONE, Say
from terminal.commands.opening import opened, secret


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """The code is asked for when it is not given: it then stays out of the shell's history."""
    home = bootstrap.find_home(settings)
    with bootstrap.only_one(home), opened(home, say) as desk:
        code = args.code or secret(say("cli.enrol.ask"))
        terminal_id = bootstrap.enrol_terminal(home, desk, code.strip(), lambda seen: same(seen, args, say))
    print(say("cli.enrol.done", terminal=terminal_id))
    return DONE


def same(
    seen: str, args: argparse.Namespace, say: Say, shown: str = "cli.enrol.fingerprint", asked: str = "cli.enrol.same"
) -> bool:
    """Whether the other side's key is the one on its own screen: compared with --fingerprint, else by the person.
    A script without either has the certificate for it, and the fingerprint in its output."""
    print(say(shown, fingerprint=seen))
    if args.fingerprint:
        return "".join(args.fingerprint.split()).upper() == seen.replace(" ", "")
    if not sys.stdin.isatty():
        return True
    return input(say(asked) + " ").strip().lower() in ("y", "yes", "是")
