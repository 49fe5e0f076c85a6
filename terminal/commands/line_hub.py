"""The words after `vaxdesk hub`: one PC of a clinic where its desks meet, with or without the region."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def verbs(verb: Callable[..., argparse.ArgumentParser], hub: Any, text: Callable[[str], str]) -> None:
    """Add them to `hub`, the group that `vaxdesk hub` opens. `join` is of a desk, the others are of the hub itself."""
    enrol, serve = verb("enrol", "hub_enrol", hub), verb("serve", "hub_serve", hub)
    status, join = verb("status", "hub_status", hub), verb("join", "hub_join", hub)
    for each in (enrol, serve, status):
        each.add_argument("--data", type=Path, default=Path("hub"), help=text("hub.data"))
        each.add_argument("--dsn", default=os.environ.get("VAXDESK_REGION_DSN", ""), help=text("region_serve.dsn"))
    enrol.add_argument("--region", required=True, help=text("init.region"))
    enrol.add_argument("--ca", type=Path, required=True, help=text("init.ca"))
    enrol.add_argument("--code", default="", help=text("enrol.code"))
    serve.add_argument("--host", default="127.0.0.1", help=text("hub_serve.host"))
    serve.add_argument("--port", type=int, default=8444, help=text("region_serve.port"))
    serve.add_argument("--name", action="append", default=[], help=text("region_serve.name"))
    join.add_argument("--url", default="", help=text("hub_join.url"))
    join.add_argument("--ca", default="", help=text("hub_join.ca"))
    for each in (enrol, join):
        each.add_argument("--fingerprint", default="", help=text("enrol.fingerprint_given"))
