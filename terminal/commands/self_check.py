"""`vaxdesk --self-check`: are all parts of the program there and working? Touches no records of the clinic."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import queue
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from terminal.commands.line import DONE, TO_MEND, Say

HOUSE = ("domain", "config", "sync", "drivers", "printing", "terminal")
_SETTINGS = '[clinic]\ncode = "0000000000"\nname = "self-check"\n'
_NAME = "㛃䶮·阿卜杜热合曼"  # characters beyond the common sets, as names have them
_PIN = "739152"
_STARTED_S = 20.0


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """One line a part; exit code 3 when one is missing or broken."""
    broken = 0
    for part in (modules, words, codes, records, seal, slip, scanner, window):
        name = part.__name__
        try:
            print("✓", say(f"self_check.{name}", **part()))
        except Exception as fault:  # noqa: BLE001 (whatever a part that is missing raises is the answer)
            broken += 1
            print("✗", say("self_check.broken", part=say(f"self_check.{name}.part"), detail=_told(fault)))
    return TO_MEND if broken else DONE


def _told(fault: Exception) -> str:
    return f"{type(fault).__name__}: {fault}".strip()


def _prove(true: bool, what: str) -> None:
    if not true:
        raise RuntimeError(what)


def modules() -> dict[str, Any]:
    """Every module of ours can be imported."""
    found = [
        info.name
        for room in HOUSE
        for info in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}.")
        if not info.name.endswith("__main__")
    ]
    here = [name for name in found if sys.platform == "win32" or not name.rpartition(".")[2].startswith("windows_")]
    for name in here:
        importlib.import_module(name)
    return {"count": len(here)}


def words() -> dict[str, Any]:
    """Every text in every language."""
    from config import texts

    table = texts.table()
    _prove(all(entry[language] for entry in table.values() for language in texts.LANGUAGES), "texts")
    return {"count": len(table)}


def codes() -> dict[str, Any]:
    """The code tables of the clinic and of GS1."""
    from config import tables
    from domain.codes.gs1 import identifiers

    read: tuple[Callable[[], Any], ...] = (
        tables.vaccines, tables.areas, tables.products, tables.sites, tables.routes, tables.sexes,
        tables.ethnic_groups, tables.residences, tables.register_statuses, tables.dose_kinds, tables.components,
        identifiers,
    )  # fmt: skip
    return {"count": sum(len(table()) for table in read)}


def records() -> dict[str, Any]:
    """Encrypted records are made, written, closed, opened again and read."""
    from domain.world import World
    from terminal import bootstrap
    from terminal.store.database import sqlite_version
    from terminal.usecases.sign_in import first_staff, sign_in

    with tempfile.TemporaryDirectory(prefix="vaxdesk-self-check-") as folder:
        path = Path(folder, "vaxdesk.toml")
        path.write_text(_SETTINGS, encoding="utf-8")
        home = bootstrap.find_home(path)
        bootstrap.found_records(home, World().random(16).hex(), World())
        desk = bootstrap.open_desk(home)
        with closing(desk.store):
            made = first_staff(desk, "check", _NAME, ("general",), _PIN)
        _prove(made.ok and not home.records.read_bytes().startswith(b"SQLite"), "records.db")
        desk = bootstrap.open_desk(home)
        with closing(desk.store):
            known = sign_in(desk, "check", _PIN).value
        _prove(known is not None and known.name == _NAME, "staff")
    return {"version": sqlite_version()}


def seal() -> dict[str, Any]:
    """HPKE, a signature and zstd, there and back."""
    from sync import batches, crypto

    key, plain = crypto.new_key(), _NAME.encode() * 9
    packed = batches.compress(plain)
    opened = crypto.unseal(key, crypto.seal(key.public_key(), packed, b"self-check"), b"self-check")
    _prove(batches.decompress(opened, len(plain)) == plain, "HPKE")
    _prove(crypto.verify(key.public_key(), crypto.sign(key, plain), plain), "ECDSA")
    return {}


def slip() -> dict[str, Any]:
    """A page with every size, rare names and a QR code becomes a printer's bytes, and a slip again."""
    from config import texts
    from domain.slips import test_page
    from printing import escpos, layout
    from printing.paper import Machine

    page = test_page(lambda code, **params: texts.say("zh_CN", code, **params), _NAME)
    _prove(not layout.check(page), "font")
    data, machine = escpos.render(layout.draw(page, 576)), Machine()
    machine.feed(data)
    _prove(len(machine.slips) == 1 and not machine.stray, "ESC/POS")
    return {"bytes": len(data)}


def scanner() -> dict[str, Any]:
    """The scanner process starts and hands on a code from a simulated scanner."""
    from config.settings import Scanner
    from drivers.reader import ScannerReader
    from drivers.scan import DeviceState, Report, ScanEvent, StateChange
    from drivers.simulator import ScannerSimulator

    reports: queue.Queue[Report] = queue.Queue()
    code = "SELF-CHECK"
    with ScannerSimulator() as gun:
        reader = ScannerReader((Scanner("self-check", gun.port),), reports.put)
        reader.start()
        try:
            ready = reports.get(timeout=_STARTED_S)
            _prove(isinstance(ready, StateChange) and ready.state is DeviceState.READY, "port")
            gun.scan(code)
            scan = reports.get(timeout=_STARTED_S)
            _prove(isinstance(scan, ScanEvent) and scan.payload == code, "scan")
        finally:
            reader.stop()
    return {}


def window() -> dict[str, Any]:
    """Qt draws our look into a picture, and its plugin for a real screen can be loaded."""
    from terminal.ui import proof

    drawing = proof.draw(_NAME)
    _prove(drawing.colours > 1, "picture")
    _prove(not drawing.screen_fault, drawing.screen_fault)
    _prove(drawing.cancel == "取消", "qtbase_zh_CN.qm")
    return {"width": drawing.width, "height": drawing.height}
