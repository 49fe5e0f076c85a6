"""`vaxdesk hub enrol`: the hub's place in the region, with a one-time code that is for a hub."""

from __future__ import annotations

import argparse
from pathlib import Path

from domain.errors import ConfigError
from domain.world import World
from terminal.commands.enrol import same
from terminal.commands.line import DONE, Say
from terminal.commands.opening import secret
from terminal.commands.region_opening import installed


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """The code is asked for when it is not given: it then stays out of the shell's history."""
    with installed():
        from regional import administration, hub_place, queries
    try:
        ca_pem = args.ca.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError("region.no_file", path=str(args.ca)) from fault
    code = args.code or secret(say("cli.enrol.ask"))
    args.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with administration.reach(args.data, args.dsn or None) as dsn, queries.connect(dsn) as connection:
        told = hub_place.take(
            args.data, connection, (args.region, ca_pem), code.strip(), World(), lambda seen: same(seen, args, say)
        )
    print(say("cli.hub_enrol.done", clinic=told.clinic_id, name=told.clinic_name))
    return DONE
