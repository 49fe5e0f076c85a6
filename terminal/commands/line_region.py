"""The words after `vaxdesk region`: the commands of the region, which are of the full program only."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def verbs(verb: Callable[..., argparse.ArgumentParser], region: Any, text: Callable[[str], str]) -> None:
    """Add them to `region`, the group that `vaxdesk region` opens."""

    def group(name: str) -> Any:
        made = region.add_parser(name, help=text(f"region_{name}.help"), description=text(f"region_{name}.help"))
        return made.add_subparsers(required=True, metavar=text("command"))

    def action(parent: Any, module: str, name: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = parent.add_parser(name, help=text(f"{module}.{name}"))
        made.set_defaults(module=module, action=name)
        return made

    serve, code = verb("serve", "region_serve", region), verb("code", "region_code", region)
    init, escrow = verb("init-db", "region_init_db", region), verb("escrow-open", "region_escrow_open", region)
    places, keys = group("terminal"), group("keys")
    add, revoke, listing = (action(places, "region_terminal", name) for name in ("add", "revoke", "list"))
    shown, rotate = (action(keys, "region_keys", name) for name in ("list", "rotate"))
    exported = verb("fhir-export", "region_fhir_export", region)
    exported.add_argument("--clinic", required=True, help=text("init.clinic-code"))
    exported.add_argument("--out", type=Path, required=True, help=text("region_fhir_export.out"))
    people = group("staff")
    hired, closed, people_list = (action(people, "region_staff", name) for name in ("add", "close", "list"))
    for each in (hired, closed):
        each.add_argument("--login", required=True, help=text("region_staff.login"))
    hired.add_argument("--name", required=True, help=text("region_staff.name"))
    hired.add_argument(
        "--grade", required=True, choices=("viewer", "reviewer", "system"), help=text("region_staff.grade")
    )
    serve.add_argument("--host", default="127.0.0.1", help=text("region_serve.host"))
    serve.add_argument("--port", type=int, default=8443, help=text("region_serve.port"))
    serve.add_argument("--name", action="append", default=[], help=text("region_serve.name"))
    for each in (code, add):
        each.add_argument("--clinic", required=True, help=text("init.clinic-code"))
        each.add_argument("--name", required=True, help=text("init.clinic-name"))
        each.add_argument("--desk", default="1", help=text("init.desk"))
    revoke.add_argument("terminal_id", help=text("region_terminal.terminal"))
    rotate.add_argument("--use", action="append", choices=("seal", "sign", "escrow"), help=text("region_keys.use"))
    rotate.add_argument("--overlap-days", type=int, default=365, help=text("region_keys.overlap"))
    escrow.add_argument("--key", type=Path, required=True, help=text("region_escrow_open.key"))
    escrow.add_argument("--out", type=Path, required=True, help=text("region_escrow_open.out"))
    escrow.add_argument("--by", required=True, help=text("region_escrow_open.by"))
    escrow.add_argument("--with", dest="second", required=True, help=text("region_escrow_open.with"))
    escrow.add_argument("--reason", required=True, help=text("region_escrow_open.reason"))
    for each in (serve, code, add, revoke, listing, shown, rotate, init, escrow, hired, closed, people_list, exported):
        each.add_argument("--data", type=Path, default=Path("region"), help=text("region_serve.data"))
        each.add_argument("--dsn", default=os.environ.get("VAXDESK_REGION_DSN", ""), help=text("region_serve.dsn"))
