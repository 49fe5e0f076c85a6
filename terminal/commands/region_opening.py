"""What the commands of the region have in common: its database, its keys, who is at work."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from domain.errors import ConfigError
from domain.world import World

if TYPE_CHECKING:
    from regional.keys import KeyRing


@contextmanager
def reached(args: argparse.Namespace) -> Iterator[str]:
    """The region's database as its owner: --dsn, or the one in --data. Raises ConfigError."""
    with installed():
        from regional import administration
    if not args.dsn and not (args.data / "keys").is_dir():
        raise ConfigError("region.no_data", path=str(args.data))
    with administration.reach(args.data, args.dsn or None) as dsn:
        yield dsn


def keys_of(args: argparse.Namespace) -> KeyRing:
    """The region's keys, which are never made here. Raises ConfigError."""
    with installed():
        from regional.keys import KeyRing
    if not (args.data / "keys" / "keyset.json").exists():
        raise ConfigError("region.no_data", path=str(args.data))
    return KeyRing(args.data / "keys", World().now())


@contextmanager
def installed() -> Iterator[None]:
    """Raises ConfigError where the program has no region: the terminal's bundle."""
    try:
        yield
    except ImportError as fault:  # the terminal's bundle has no region
        raise ConfigError("region.not_installed") from fault


def actor() -> str:
    """Who the audit names: the user of this machine."""
    return getpass.getuser()
