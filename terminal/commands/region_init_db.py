"""`vaxdesk region init-db`: tables, roles and rights in a PostgreSQL of one's own, as its owner."""

from __future__ import annotations

import argparse
from pathlib import Path

from terminal.commands.line import DONE, Say
from terminal.commands.region_opening import reached


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Doing it again changes nothing; after an upgrade it brings the database along."""
    with reached(args):
        print(say("cli.region_init_db.done"))
    return DONE
