"""`vaxdesk region keys list|rotate`: the region's keys, and new ones beside the old."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from domain.world import World
from terminal.commands.line import DONE, Say
from terminal.commands.region_opening import actor, keys_of, reached

if TYPE_CHECKING:
    from regional.keys import KeyRing


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Processes that run take new keys up by themselves; terminals with their next visit."""
    keys = keys_of(args)
    if args.action == "rotate":
        with reached(args) as dsn:
            from regional import administration

            uses = tuple(dict.fromkeys(args.use or ("seal", "sign")))
            administration.rotate(dsn, keys, World(), actor(), uses, timedelta(days=args.overlap_days))
    _show(keys, say)
    return DONE


def _show(keys: KeyRing, say: Say) -> None:
    from sync.crypto import fingerprint

    print(say("cli.region_code.fingerprint", fingerprint=fingerprint(keys.root)))
    for key in keys.keys:
        use = say(f"cli.region_keys.{key.use}")
        print(say("cli.region_keys.line", use=use, key=key.key_id, begins=key.not_before[:10], ends=key.not_after[:10]))
