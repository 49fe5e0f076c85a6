"""Settings changed from the window: written into the file, audited by their names, in force from the next start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from config.settings import Settings
from config.settings_edit import Value, set_values
from domain.errors import ConfigError
from domain.permissions import Permission
from domain.problems import block
from terminal.store import ledger
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb


@verb(Permission.SYSTEM)
def change_settings(
    desk: Desk, actor: Actor, path: Path, changes: Mapping[str, Mapping[str, Value]]
) -> Outcome[Settings]:
    """table -> key -> value, "" for the keys above all tables. What the file cannot take stops it, in words."""
    keys = sorted(f"{table}.{key}".lstrip(".") for table, values in changes.items() for key in values)
    if not keys:
        return stop(block("settings.nothing_changed"))
    settings = desk.settings
    try:
        for table, values in changes.items():
            settings = set_values(path, table, values)
    except ConfigError as fault:
        return stop(block(fault.code, **fault.params))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        entry.audit("settings.change", keys=keys)
    return Outcome(settings)
