"""`vaxdesk sync now`: through the running kiosk, or alone when none runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from terminal import bootstrap
from terminal.commands import control, sync_status
from terminal.commands.line import DONE, FAILED, Say
from terminal.commands.opening import opened


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Upload what waits and take what came back; exit code 1 when something still waits."""
    home = bootstrap.find_home(settings)
    answer = control.ask(home.data, "sync now")
    if answer is not None:
        print(sync_status.lines(answer, say))
        return DONE if answer["events"] == 0 else FAILED
    with bootstrap.only_one(home), opened(home, say) as desk:
        result = bootstrap.sync_alone(home, desk)
        print(say("cli.sync.done", batches=result.batches, events=result.events))
        print(sync_status.lines(sync_status.read(desk), say))
    return DONE
