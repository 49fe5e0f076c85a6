"""`vaxdesk hub status`: whether the hub reaches the region, what waits for it, and in words why."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from terminal.commands.line import DONE, TO_MEND, Say
from terminal.commands.region_opening import installed, reached


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Exit code 3 when a way to or from the region does not work."""
    with reached(args) as dsn:
        with installed():
            from regional import hub_place, queries
        with queries.connect(dsn) as connection:
            place = hub_place.load(args.data, connection)
            reports = [hub_place.recall(connection, name) for name in (hub_place.UP, hub_place.DOWN)]
            waiting = hub_place.waiting(connection)
    told: list[dict[str, Any]] = [msgspec.json.decode(kept) if kept else _NEVER for kept in reports]
    print(say("cli.hub.place", clinic=place.clinic, name=place.registration.clinic_name, url=place.url))
    for way, report in zip(("up", "down"), told, strict=True):
        words = say("hub.line_ok") if report["code"] == "sync.ok" else say(report["code"], **report["params"])
        print(say(f"cli.hub.{way}", at=report["at"] or "-", words=words))
    print(say("cli.hub.waits", batches=waiting.batches, refused=waiting.refused, desks=waiting.desks))
    return DONE if all(report["code"] == "sync.ok" for report in told) else TO_MEND


_NEVER: dict[str, Any] = {"code": "sync.never", "params": {}, "at": ""}
