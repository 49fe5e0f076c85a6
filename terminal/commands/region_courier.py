"""`vaxdesk region courier FOLDER`: take the batches of a stick that was carried here, and answer on it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from domain.world import World
from sync import faults
from terminal.commands.line import DONE, FAILED, Say
from terminal.commands.region_opening import actor, keys_of, reached


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Exit code 1 when a batch was refused; the others are taken all the same."""
    with reached(args) as dsn:
        from regional import courier

        report = courier.take(dsn, keys_of(args), World(), actor(), args.folder)
    print(say("cli.region_courier.done", taken=report.taken, facts=report.facts, path=args.folder))
    for name, body in sorted(report.refused.items()):
        fault = faults.refusal(409, body, None)
        print(say("cli.region_courier.refused", name=name, words=say(fault.code, **fault.params)), file=sys.stderr)
    return FAILED if report.refused else DONE
