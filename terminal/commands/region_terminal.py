"""`vaxdesk region terminal add|revoke|list`: places of the clinics' PCs in the region."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import ConfigError
from domain.world import World
from terminal.commands.line import DONE, Say
from terminal.commands.region_opening import actor, keys_of, reached

if TYPE_CHECKING:
    from regional.administration import Standing


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    return {"add": _add, "revoke": _revoke, "list": _list}[args.action](args, say)


def _add(args: argparse.Namespace, say: Say) -> int:
    """The code alone on standard output; the fingerprint to compare on the other screen beside it."""
    if not re.fullmatch(r"[0-9]{10}", args.clinic):
        raise ConfigError("region.bad_clinic", clinic=args.clinic)
    with reached(args) as dsn:
        from regional import administration

        desk = "hub" if args.hub else args.desk
        keys = keys_of(args) if (args.data / "keys").is_dir() else None
        place = {"clinic": args.clinic, "name": args.name, "desk": desk}
        code = administration.give_code(dsn, keys, World(), actor(), **place, hub=args.hub)
    print(code)
    if keys:
        from sync.crypto import fingerprint

        print(say("cli.region_code.fingerprint", fingerprint=fingerprint(keys.root)), file=sys.stderr)
    return DONE


def _revoke(args: argparse.Namespace, say: Say) -> int:
    with reached(args) as dsn:
        from regional import administration

        administration.revoke(dsn, World(), actor(), args.terminal_id)
    print(say("cli.region_terminal.done", terminal=args.terminal_id))
    return DONE


def _list(args: argparse.Namespace, say: Say) -> int:
    with reached(args) as dsn:
        from regional import administration

        for one in administration.terminals(dsn, World().now()):
            print(say("cli.region_terminal.line", **_words(one, say)))
    return DONE


def _words(one: Standing, say: Say) -> dict[str, str]:
    offset = "-" if one.offset_ms is None else f"{one.offset_ms / 1000:+.1f}"
    return {
        "terminal": one.terminal_id,
        "clinic": f"{one.clinic} {one.clinic_name}",
        "desk": one.desk,
        "state": say(f"cli.region_terminal.{one.state}"),
        "events": str(one.events),
        "acked": one.acked_at or "-",
        "client": one.client or "-",
        "offset": offset,
        "expires": one.expires_at[:10],
    }
