"""`vaxdesk hub join`: this desk comes to the clinic's hub; again after the hub was replaced."""

from __future__ import annotations

import argparse
from pathlib import Path

from domain.errors import ConfigError
from terminal import bootstrap
from terminal.commands.enrol import same
from terminal.commands.line import DONE, Say
from terminal.commands.opening import opened


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """With --url and --ca `[hub]` is written into the settings first; both stand there from then on."""
    if bool(args.url) != bool(args.ca):
        raise ConfigError("hub.url_and_ca")
    if args.url:
        bootstrap.set_hub(bootstrap.find_home(settings), args.url, args.ca)
    home = bootstrap.find_home(settings)
    with bootstrap.only_one(home), opened(home, say) as desk:
        bootstrap.join_hub(home, desk, lambda seen: same(seen, args, say, "cli.hub.fingerprint", "cli.hub_join.same"))
    print(say("cli.hub_join.done"))
    return DONE
