"""The words after `vaxdesk region`: the commands of the region, which are of the full program only."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

Text = Callable[[str], str]


def verbs(verb: Callable[..., argparse.ArgumentParser], region: Any, text: Text) -> None:
    """Add them to `region`, the group that `vaxdesk region` opens."""
    words = _Words(verb, region, text)
    _serving(words, text)
    _places(words, text)
    _keys(words, text)
    _people(words, text)
    _documents(words, text)
    _copies(words, text)


class _Words:
    """Every command says which region it means: --data, --dsn."""

    def __init__(self, verb: Callable[..., argparse.ArgumentParser], region: Any, text: Text) -> None:
        self._verb, self.region, self._text = verb, region, text

    def verb(self, name: str, module: str) -> argparse.ArgumentParser:
        return self._where(self._verb(name, module, self.region))

    def group(self, name: str) -> Any:
        text = self._text
        made = self.region.add_parser(name, help=text(f"region_{name}.help"), description=text(f"region_{name}.help"))
        return made.add_subparsers(required=True, metavar=text("command"))

    def action(self, parent: Any, module: str, name: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = parent.add_parser(name, help=self._text(f"{module}.{name}"))
        made.set_defaults(module=module, action=name)
        return self._where(made)

    def _where(self, made: argparse.ArgumentParser) -> argparse.ArgumentParser:
        dsn = os.environ.get("VAXDESK_REGION_DSN", "")
        made.add_argument("--data", type=Path, default=Path("region"), help=self._text("region_serve.data"))
        made.add_argument("--dsn", default=dsn, help=self._text("region_serve.dsn"))
        return made


def _serving(words: _Words, text: Text) -> None:
    words.verb("init-db", "region_init_db")
    serve = words.verb("serve", "region_serve")
    serve.add_argument("--host", default="127.0.0.1", help=text("region_serve.host"))
    serve.add_argument("--port", type=int, default=8443, help=text("region_serve.port"))
    serve.add_argument("--name", action="append", default=[], help=text("region_serve.name"))
    cores = os.cpu_count() or 1
    serve.add_argument("--api-processes", type=int, default=cores, help=text("region_serve.apis"))
    serve.add_argument("--workers", type=int, default=cores, help=text("region_serve.workers"))


def _places(words: _Words, text: Text) -> None:
    code, places = words.verb("code", "region_code"), words.group("terminal")
    add, revoke, _ = (words.action(places, "region_terminal", name) for name in ("add", "revoke", "list"))
    for each in (code, add):
        each.add_argument("--clinic", required=True, help=text("init.clinic-code"))
        each.add_argument("--name", required=True, help=text("init.clinic-name"))
        each.add_argument("--desk", default="1", help=text("init.desk"))
        each.add_argument("--hub", action="store_true", help=text("region_code.hub"))
    revoke.add_argument("terminal_id", help=text("region_terminal.terminal"))


def _keys(words: _Words, text: Text) -> None:
    keys, escrow = words.group("keys"), words.verb("escrow-open", "region_escrow_open")
    _, rotate = (words.action(keys, "region_keys", name) for name in ("list", "rotate"))
    rotate.add_argument("--use", action="append", choices=("seal", "sign", "escrow"), help=text("region_keys.use"))
    rotate.add_argument("--overlap-days", type=int, default=365, help=text("region_keys.overlap"))
    escrow.add_argument("--key", type=Path, required=True, help=text("region_escrow_open.key"))
    escrow.add_argument("--out", type=Path, required=True, help=text("region_escrow_open.out"))
    escrow.add_argument("--by", required=True, help=text("region_escrow_open.by"))
    escrow.add_argument("--with", dest="second", required=True, help=text("region_escrow_open.with"))
    escrow.add_argument("--reason", required=True, help=text("region_escrow_open.reason"))


def _people(words: _Words, text: Text) -> None:
    people = words.group("staff")
    hired, closed, _ = (words.action(people, "region_staff", name) for name in ("add", "close", "list"))
    for each in (hired, closed):
        each.add_argument("--login", required=True, help=text("region_staff.login"))
    hired.add_argument("--name", required=True, help=text("region_staff.name"))
    grades = ("viewer", "reviewer", "system")
    hired.add_argument("--grade", required=True, choices=grades, help=text("region_staff.grade"))


def _documents(words: _Words, text: Text) -> None:
    publish, received = words.verb("publish", "region_publish"), words.verb("recipients", "region_recipients")
    publish.add_argument("name", help=text("region_publish.name"))
    publish.add_argument("file", type=Path, help=text("region_publish.file"))
    publish.add_argument(
        "--effective", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD", help=text("region_publish.day")
    )
    received.add_argument("lot_no", help=text("region_recipients.lot"))
    received.add_argument("--maker", default="", help=text("region_recipients.maker"))
    exported = words.verb("fhir-export", "region_fhir_export")
    exported.add_argument("--clinic", required=True, help=text("init.clinic-code"))
    exported.add_argument("--out", type=Path, required=True, help=text("region_fhir_export.out"))


def _copies(words: _Words, text: Text) -> None:
    for name in ("backup", "verify", "restore"):
        made = words.action(words.region, "region_backup", name)
        made.add_argument("folder", type=Path, help=text("region_backup.folder"))
    words.action(words.region, "region_backup", "restored")
    words.verb("courier", "region_courier").add_argument("folder", type=Path, help=text("courier.folder"))
