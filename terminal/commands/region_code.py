"""`vaxdesk region code`: the short way to say `vaxdesk region terminal add`."""

from __future__ import annotations

import argparse
from pathlib import Path

from terminal.commands import region_terminal
from terminal.commands.line import Say


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Print the code alone on its line: good for 24 hours, for one terminal."""
    args.action = "add"
    return region_terminal.run(settings, args, say)
