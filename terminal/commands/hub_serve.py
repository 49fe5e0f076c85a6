"""`vaxdesk hub serve`: the server of one clinic, where its desks meet."""

from __future__ import annotations

import argparse
from pathlib import Path

from terminal.commands.line import DONE, Say
from terminal.commands.region_opening import installed


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Serve until interrupted; the fingerprint that the desks compare is told with the address."""
    with installed():
        from regional.hub_serve import Hub
        from regional.keys import KeyRing
        from regional.serve import EmbeddedRegion, serve

    from domain.world import World
    from sync.crypto import fingerprint

    def ready(hub: EmbeddedRegion) -> None:
        print(say("cli.hub.ready", url=hub.url, ca=hub.ca_file), flush=True)
        seen = fingerprint(KeyRing(args.data / "keys", World().now()).root)
        print(say("cli.hub.fingerprint", fingerprint=seen), flush=True)

    serve(
        args.data, host=args.host, port=args.port, dsn=args.dsn or None, names=tuple(args.name), ready=ready, kind=Hub
    )  # fmt: skip
    return DONE
