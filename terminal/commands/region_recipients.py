"""`vaxdesk region recipients`: who received a dose of a lot, doses that were moved followed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from domain.world import World
from terminal.commands.line import DONE, Say
from terminal.commands.region_opening import actor, reached


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Clinic, child, dose and time, a line each; how many is said beside. Audited before the first line."""
    with reached(args) as dsn:
        from regional import administration

        found = administration.recipients(dsn, World(), actor(), args.lot_no, args.maker)
    for one in found:
        print(one.clinic, one.child_id, one.dose_id, one.stated, sep="\t")
    print(say("cli.region_recipients.count", lot=args.lot_no, count=len(found)), file=sys.stderr)
    return DONE
