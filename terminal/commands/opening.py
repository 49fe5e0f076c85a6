"""What the commands have in common: secrets asked for, the records opened and closed again, problems told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from getpass import getpass

from domain.problems import Problem
from terminal import bootstrap
from terminal.commands.line import Say
from terminal.store import keyfile
from terminal.usecases.desk import Desk


def secret(prompt: str) -> str:
    """A secret from the person, or one line of standard input when there is no terminal."""
    return getpass(prompt + " ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


def start_passphrase(home: bootstrap.Home, say: Say, ask: Callable[[str], str] = secret) -> str:
    """Asked for where the records need one; "" where this PC opens them. Raises StoreError."""
    return "" if keyfile.has(keyfile.load(home.key), "machine") else ask(say("cli.key.present"))


@contextmanager
def opened(home: bootstrap.Home, say: Say) -> Iterator[Desk]:
    """The records, open; also beside a running window; what is written is its owner's. StoreError, ConfigError."""
    os.umask(0o077)
    passphrase = start_passphrase(home, say) if home.key.exists() else ""
    desk = bootstrap.open_desk(home, passphrase)
    try:
        yield desk
    finally:
        desk.store.close()


def tell(problems: tuple[Problem, ...], say: Say) -> None:
    """Every problem in words, on standard error."""
    for problem in problems:
        print(say(problem.code, **problem.params), file=sys.stderr)
