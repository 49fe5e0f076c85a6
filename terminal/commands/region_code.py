"""`vaxdesk region code`: a one-time code with which a clinic's PC enrols."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from domain.errors import ConfigError
from terminal.commands.line import Say


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Print the code alone on its line: good for 24 hours, for one terminal."""
    try:
        from regional import __main__ as region
    except ImportError as fault:
        raise ConfigError("region.not_installed") from fault
    if not re.fullmatch(r"[0-9]{10}", args.clinic):
        raise ConfigError("region.bad_clinic", clinic=args.clinic)
    if not args.dsn and not (args.data / "keys").is_dir():
        raise ConfigError("region.no_data", path=str(args.data))
    words = ["code", "--data", str(args.data), "--clinic", args.clinic, "--name", args.name, "--desk", args.desk]
    return region.main(words + (["--dsn", args.dsn] if args.dsn else []))
