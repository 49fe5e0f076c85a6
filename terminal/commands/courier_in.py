"""`vaxdesk courier in FOLDER`: the region's answers from the stick."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sync import anew
from terminal import bootstrap
from terminal.commands.line import DONE, FAILED, Say
from terminal.commands.opening import opened
from terminal.store.outbox import unsent


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Exit code 1 when the region refused a batch or an answer is damaged; what is right counts all the same."""
    home = bootstrap.find_home(settings)
    with opened(home, say) as desk:
        brought = bootstrap.courier_in(desk, args.folder)
        waits = unsent(desk.store).events
    print(say("cli.courier.in", received=brought.received_upto, waiting=waits))
    if brought.rewound:
        print(say("cli.courier.rewound"))
    if brought.anew:
        print(say("cli.courier.anew"))
    for fault in brought.refusals:
        if fault.code not in anew.ANSWERS:
            print(say(fault.code, **fault.params), file=sys.stderr)
    if brought.damaged:
        print(say("cli.courier.damaged", count=brought.damaged), file=sys.stderr)
    return FAILED if brought.refusals or brought.damaged else DONE
