"""`vaxdesk region publish`: a document for every terminal, in force from a day on."""

from __future__ import annotations

import argparse
from pathlib import Path

from domain.world import World
from terminal.commands.line import DONE, Say
from terminal.commands.region_opening import actor, keys_of, reached


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Audited. The same document for the same day once more changes nothing."""
    keys = keys_of(args)
    with reached(args) as dsn:
        from regional import administration

        said = administration.publish(dsn, keys, World(), actor(), args.name, args.file, args.effective)
    print(say("cli.region_publish.done", name=said.name, number=said.number, day=said.effective_on))
    return DONE
