"""`vaxdesk courier out FOLDER`: what the region does not have yet, sealed, onto a stick."""

from __future__ import annotations

import argparse
from pathlib import Path

from terminal import bootstrap
from terminal.commands.line import DONE, Say
from terminal.commands.opening import opened


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Several PCs may use one stick, one after the other."""
    home = bootstrap.find_home(settings)
    with opened(home, say) as desk:
        count = bootstrap.courier_out(desk, args.folder)
    print(say("cli.courier.out", path=args.folder, copied=count.copied, waiting=count.waiting))
    return DONE
