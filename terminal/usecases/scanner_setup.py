"""Set a scanner up: a sheet whose code holds two GS, what the scanner makes of it, and the change of the settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from config.settings import Scanner, Settings
from config.settings_edit import put_scanner
from config.texts import say
from domain.documents import Document, Qr, Text
from domain.errors import ConfigError
from domain.permissions import Permission
from domain.problems import block
from terminal.store import ledger
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb
from terminal.usecases.devices import queue_test

GS = "\x1d"
GS_TEST = f"VAXDESK-GS-1{GS}2{GS}3"
TERMINATORS = ("\r", "\t", "\n", "")  # as scanners are sold, the usual first; the last ends by silence
_HEARD = re.compile(r"VAXDESK-GS-1(.{0,8}?)2(.{0,8}?)3", re.DOTALL)


@dataclass(frozen=True)
class GsHeard:
    """What arrived in the place of GS: "whole" itself, "replaced" by `substitute`, "lost", or "other": another code."""

    how: str
    substitute: str = ""


def judge_gs(payload: str) -> GsHeard:
    """What a scanner made of the test sheet's code."""
    found = _HEARD.fullmatch(payload)
    if found is None or found[1] != found[2]:
        return GsHeard("other")
    if found[1] == GS:
        return GsHeard("whole")
    return GsHeard("replaced", found[1]) if found[1] else GsHeard("lost")


@verb(Permission.PRINT)
def print_gs_sheet(desk: Desk, actor: Actor) -> Outcome[str]:
    """Queue the sheet to scan; gives the printer's name."""
    language = desk.settings.language
    blocks = (
        Text(say(language, "slip.gs_title"), size=2, bold=True, align="center"),
        Text(say(language, "slip.gs_how")),
        Qr(GS_TEST, say(language, "slip.gs_code")),
    )
    return queue_test(desk, actor, Document("test", blocks), "slip")


@verb(Permission.SYSTEM)
def save_scanner(desk: Desk, actor: Actor, path: Path, scanner: Scanner) -> Outcome[Settings]:
    """Write a scanner into the settings; it is read with them at the next start."""
    if not scanner.name.strip() or len(scanner.name) > 32:
        return stop(block("scanner.no_name", "name"))
    try:
        settings = put_scanner(path, scanner)
    except ConfigError as fault:
        return stop(block(fault.code, **fault.params))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        entry.audit("settings.change", what="scanners", keys=[scanner.name])
    return Outcome(settings)
