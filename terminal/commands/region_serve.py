"""`vaxdesk region serve`: the regional server with its own PostgreSQL, or on a database of yours."""

from __future__ import annotations

import argparse
from pathlib import Path

from domain.errors import ConfigError
from terminal.commands.line import DONE, Say


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Serve until interrupted. The terminal's bundle has no region: it says so."""
    try:
        from regional.serve import EmbeddedRegion, serve
    except ImportError as fault:
        raise ConfigError("region.not_installed") from fault

    def ready(region: EmbeddedRegion) -> None:
        print(say("cli.region.ready", url=region.url, ca=region.ca_file), flush=True)

    serve(
        args.data,
        host=args.host,
        port=args.port,
        dsn=args.dsn or None,
        names=tuple(args.name),
        api_processes=args.api_processes,
        workers=args.workers,
        ready=ready,
    )
    return DONE
