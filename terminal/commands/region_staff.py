"""`vaxdesk region staff add|close|list`: who may sign in to the region's pages, or fetch records as another program."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from domain.world import World
from terminal.commands.line import DONE, Say
from terminal.commands.region_opening import actor, reached


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """The password is asked for, or read as one line of standard input."""
    with reached(args) as dsn:
        from regional import administration, queries, staff

        with queries.connect(dsn) as connection:
            now = World().now()
            if args.action == "list":
                for login, name, grade, active in staff.listed(connection):
                    standing = "open" if active else "closed"
                    print(login, name, grade, say(f"cli.region_staff.{standing}"), sep="\t")
            elif args.action == "close":
                staff.close(connection, args.login)
                administration.audit(connection, now, actor(), "staff.closed", login=args.login)
            else:
                staff.add(connection, args.login, args.name, args.grade, _password(say), World())
                administration.audit(connection, now, actor(), "staff.added", login=args.login, grade=args.grade)
    return DONE


def _password(say: Say) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(say("cli.region_staff.password"))
    return sys.stdin.readline().rstrip("\r\n")
