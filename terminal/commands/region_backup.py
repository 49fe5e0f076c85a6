"""`vaxdesk region backup|verify|restore|restored`: a copy of the region, read whole, put back, and a word to the
terminals after a database came back in another way."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from domain.world import World
from terminal.commands.line import DONE, Say
from terminal.commands.region_opening import actor, keys_of, reached

if TYPE_CHECKING:
    from regional.backup import Report


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    return {"backup": _backup, "verify": _verify, "restore": _restore, "restored": _restored}[args.action](args, say)


def _backup(args: argparse.Namespace, say: Say) -> int:
    with reached(args) as dsn:
        from regional import backup

        report = backup.back_up(dsn, args.folder, World())
    print(say("cli.region_backup.copied", batches=report.fresh, folder=args.folder))
    return DONE


def _verify(args: argparse.Namespace, say: Say) -> int:
    keys = keys_of(args)  # says it too when the program has no region
    from regional import backup

    _print("verified", backup.verify(args.folder, keys), say)
    return DONE


def _restore(args: argparse.Namespace, say: Say) -> int:
    keys = keys_of(args)
    with reached(args) as dsn:
        from regional import administration

        report = administration.restore(dsn, keys, World(), actor(), args.folder)
    _print("filled", report, say)
    return DONE


def _restored(args: argparse.Namespace, say: Say) -> int:
    with reached(args) as dsn:
        from regional import administration

        administration.restored(dsn, World(), actor())
    print(say("cli.region_backup.said"))
    return DONE


def _print(word: str, report: Report, say: Say) -> None:
    print(say(f"cli.region_backup.{word}", batches=report.batches, events=report.events))
    if report.sealed_for_others:
        print(say("cli.region_backup.unopened", count=report.sealed_for_others))
