"""`vaxdesk sync status`: what the region has, what still waits, what came back, and in words why."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from sync.feed_worker import progress
from terminal import bootstrap
from terminal.commands import control
from terminal.commands.line import DONE, Say
from terminal.commands.opening import opened
from terminal.store.outbox import StoreOutbox, unsent
from terminal.usecases.desk import Desk


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    home = bootstrap.find_home(settings)
    answer = control.ask(home.data, "sync status")
    if answer is None:
        with opened(home, say) as desk:
            answer = read(desk)
    print(lines(answer, say))
    return DONE


def read(desk: Desk) -> dict[str, Any]:
    """Counts and the last report, as plain values."""
    count = unsent(desk.store)
    outbox = StoreOutbox(desk.store, desk.world)
    report, heard = outbox.recall("sync.report"), progress(outbox)
    last = msgspec.json.decode(report) if report else {"code": "sync.never", "params": {}, "at": ""}
    return {
        "events": count.events,
        "batches": count.batches,
        "oldest_at": count.oldest_at,
        "last_ack_at": count.last_ack_at,
        "heard": {"at": heard.at, "remaining": heard.remaining, "total": heard.total},
        **last,
    }


def lines(answer: dict[str, Any], say: Say) -> str:
    waits = say("cli.sync.waits", events=answer["events"], oldest=answer["oldest_at"] or "-")
    acked = say("cli.sync.acked", at=answer["last_ack_at"] or "-")
    heard = answer["heard"]
    back = say("cli.sync.loading" if heard["remaining"] else "cli.sync.heard", **{**heard, "at": heard["at"] or "-"})
    return "\n".join((waits, acked, back, say(answer["code"], **answer["params"])))
