"""`vaxdesk doctor`: what is wrong with this terminal, in words, and what to do."""

from __future__ import annotations

import argparse
import shutil
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from domain.errors import VaxdeskError
from drivers.devices import scanner_ports
from drivers.scan import DeviceState
from printing import font
from printing.transport import look_at
from terminal import bootstrap
from terminal.commands.line import DONE, TO_MEND, Say
from terminal.commands.opening import opened
from terminal.store import backup, keyfile
from terminal.store.database import sqlite_version
from terminal.store.hub_outbox import StoreHubOutbox
from terminal.store.outbox import StoreOutbox
from terminal.usecases.clock_check import check_clock
from terminal.usecases.desk import Desk
from terminal.usecases.staff_emergency import emergency_standing

FAR_APART_MIN = 5  # between this PC's clock and the region's
LITTLE_DISK = 1_000_000_000  # bytes
_MARK = {"ok": "✓", "look": "!", "mend": "✗"}
Level = Literal["ok", "look", "mend"]
_PRINTER: dict[str, Level] = {"ok": "ok", "problem": "mend", "unknown": "look"}


@dataclass(frozen=True)
class Finding:
    """One line of the examination; "mend" is what somebody must see to."""

    level: Level
    code: str
    params: dict[str, Any] = field(default_factory=dict)


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Print every finding; exit code 3 when something must be mended."""
    findings = list(examine(settings, say))
    for finding in findings:
        print(_MARK[finding.level], say(finding.code, **finding.params))
    return TO_MEND if any(f.level == "mend" for f in findings) else DONE


def examine(settings: Path, say: Say) -> Iterator[Finding]:
    """Program, folder, key, records, clock, devices, region: each on its own, one fault hides no other."""
    yield Finding("ok", "doctor.sqlite", {"version": sqlite_version()})
    missing = font.missing("接种䶮㛃Aa1")
    yield Finding("mend", "doctor.font_missing") if missing else Finding("ok", "doctor.font")
    try:
        home = bootstrap.find_home(settings)
    except VaxdeskError as fault:
        yield _fault(fault)
        return
    for findings in (_folder(home), _key(home), _backups(home), _devices(home), _records(home, say)):
        yield from _guarded(findings)


def _guarded(findings: Iterator[Finding]) -> Iterator[Finding]:
    try:
        yield from findings
    except VaxdeskError as fault:
        yield _fault(fault)


def _fault(fault: VaxdeskError) -> Finding:
    return Finding("mend", fault.code, fault.params)


def _folder(home: bootstrap.Home) -> Iterator[Finding]:
    free = shutil.disk_usage(home.folder).free
    level: Level = "mend" if free < LITTLE_DISK else "ok"
    yield Finding(level, "doctor.little_disk" if level == "mend" else "doctor.disk", {"mb": free // 1_000_000})
    for path in (home.data, home.secret):
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield Finding("mend", "doctor.open_to_others", {"path": str(path)})


def _key(home: bootstrap.Home) -> Iterator[Finding]:
    wrapped = keyfile.load(home.key)
    yield Finding("look", keyfile.exposure(wrapped))
    if not keyfile.has(wrapped, "recovery"):
        yield Finding("mend", "doctor.no_recovery")


def _backups(home: bootstrap.Home) -> Iterator[Finding]:
    age = backup.age(home.backups, bootstrap.world_of(home).now())
    if age is None:
        yield Finding("mend", "doctor.no_backup")
    else:
        old = age > timedelta(hours=2 * home.settings.backup.every_h)
        hours = int(age.total_seconds() // 3600)
        yield Finding("mend" if old else "ok", "doctor.backup_age", {"hours": hours})
    if home.second_medium and not home.second_medium.is_dir():
        yield Finding("mend", "doctor.no_second_medium", {"path": str(home.second_medium)})


def _devices(home: bootstrap.Home) -> Iterator[Finding]:
    for port in scanner_ports(home.settings.scanners):
        if port.name:
            good = port.state in (DeviceState.READY, DeviceState.BUSY)
            yield Finding("ok" if good else "mend", port.state.code, {"device": port.name, "detail": port.path})
    for printer in home.settings.printers:
        found = look_at(printer)
        code = found.code or ("print.ok" if found.kind == "ok" else "print.unknown")
        yield Finding(_PRINTER[found.kind], code, {"printer": printer.name})
    yield _sound(home)


def _sound(home: bootstrap.Home) -> Finding:
    """What plays the counter's tones here."""
    from terminal.ui.sounds import find_player

    player = find_player()
    if not home.settings.sound.on:
        return Finding("look", "doctor.sound_off")
    if not player:
        return Finding("look", "doctor.no_sound")
    return Finding("ok", "doctor.sound", {"player": Path(player[0]).name})


def _records(home: bootstrap.Home, say: Say) -> Iterator[Finding]:
    with opened(home, say) as desk:
        yield Finding("ok", "doctor.records")
        envelope = emergency_standing(desk)
        if envelope.used:
            yield Finding("mend", "doctor.emergency_used", {"count": len(envelope.used)})
        elif not envelope.sealed:
            yield Finding("look", "emergency.not_sealed")
        yield from (Finding("mend", p.code, p.params) for p in check_clock(desk))
        for one in bootstrap.use_published(desk):
            yield Finding(
                "mend", "reference.unusable", {"name": one.name, "day": one.effective_on, "detail": one.detail}
            )
        yield from _hub(home, desk)
        yield from _region(home, desk)


def _hub(home: bootstrap.Home, desk: Desk) -> Iterator[Finding]:
    """The clinic's own hub, where there is one; a desk works without it."""
    if home.settings.hub is None:
        return
    region, line = StoreOutbox(desk.store, desk.world), StoreHubOutbox(desk.store, desk.world)
    if not line.joined:
        yield Finding("mend", "hub.not_joined")
        return
    try:
        with closing(bootstrap.hub_client(home, region, desk.world)) as client:
            status = client.status(desk.store.sql("SELECT terminal_id FROM head")[0][0])
    except VaxdeskError as fault:
        yield _fault(fault)
    else:
        yield Finding("ok", "doctor.hub", {"have": status.have_seq})


def _region(home: bootstrap.Home, desk: Desk) -> Iterator[Finding]:
    if home.settings.region is None:
        yield Finding("look", "sync.no_region")
        return
    outbox = StoreOutbox(desk.store, desk.world)
    with closing(bootstrap.region_client(home, outbox, desk.world)) as client:
        status = client.status(desk.store.sql("SELECT terminal_id FROM head")[0][0])
        apart = abs(client.offset_ms or 0) // 60_000
    yield Finding("ok", "doctor.region", {"have": status.have_seq})
    if apart >= FAR_APART_MIN:
        yield Finding("mend", "doctor.clock_apart", {"minutes": apart})
