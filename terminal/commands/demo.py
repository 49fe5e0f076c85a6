"""`vaxdesk demo`: a synthetic clinic on this PC, by hand or as a scripted morning."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from terminal.commands.line import DONE, Say


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """With a display a window opens; without, or with --headless, the scripted morning is played."""
    from terminal.demo import figures, play
    from terminal.demo.scene import Where

    logging.getLogger().addHandler(logging.NullHandler())  # its lines of an hour offline would frighten
    elsewhere = Where(args.region, Path(args.ca), args.code) if args.region else None
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if display and not args.headless and not args.json:
        return play.with_window(args.seed, args.lang, elsewhere)
    print(say("cli.demo.playing", out=args.out), file=sys.stderr, flush=True)
    found = play.headless(args.seed, args.lang, args.out, elsewhere)
    if args.json:
        print(figures.as_line(found), flush=True)
    else:
        for name, value in found.items():
            print(f"{name:>24}  {value}")
        print(say("cli.demo.pictures", out=args.out))
    return DONE
