"""`vaxdesk region fhir-export`: the children of one clinic as FHIR R4, one resource a line."""

from __future__ import annotations

import argparse
from pathlib import Path

from domain.world import World
from terminal.commands.line import DONE, Say
from terminal.commands.region_opening import actor, reached


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Audited before the first line is written."""
    with reached(args) as dsn:
        from regional import administration, exchange, queries

        with queries.connect(dsn) as connection:
            administration.audit(connection, World().now(), actor(), "records.exported", clinic=args.clinic)
            counts = exchange.export(connection, args.clinic, args.out, World())
    for kind, count in counts.items():
        print(f"{kind}\t{count}")
    return DONE
