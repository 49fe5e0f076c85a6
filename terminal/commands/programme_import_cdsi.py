"""`vaxdesk programme import-cdsi`: CDC's official supporting data made into a programme of our format."""

from __future__ import annotations

import argparse
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from xml.etree.ElementTree import ParseError

import msgspec

from config import cdsi, programmes
from domain.errors import ConfigError
from domain.schedule.programme import Programme
from terminal.commands.line import DONE, Say

_VERSION = re.compile(r"(?:version|supporting[ _-]data)[ _-]*(\d+\.\d+)", re.IGNORECASE)


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Nothing is left behind unless the whole programme is good and loads again."""
    out: Path = args.out or Path(args.name)
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise ConfigError("programme.out_exists", path=str(out))
    with _official(args.source):
        made = msgspec.structs.replace(_read(args.source), name=args.name)
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        programmes.write(made, part)
        loaded = programmes.load(part)
        out.mkdir(parents=True, exist_ok=True)
        part.replace(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    doses = sum(len(series.doses) for antigen in loaded.antigens.values() for series in antigen.series)
    print(say("programme.imported", path=str(out), edition=loaded.edition, antigens=len(loaded.antigens), doses=doses))
    return DONE


def _read(source: Path) -> Programme:
    """From the published zip, or from its XML files anywhere below a directory."""
    if source.is_dir():
        paths = sorted(source.rglob("*.xml"))
        newest = max((date.fromtimestamp(path.stat().st_mtime) for path in paths), default=date.min)
        edition, origin = _edition([str(path) for path in (*paths, source.resolve())], newest)
        return cdsi.from_xml({path.name: path.read_bytes() for path in paths}, edition, newest, origin)
    with zipfile.ZipFile(source) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.endswith(".xml")]
        newest = max((date(*entry.date_time[:3]) for entry in entries), default=date.min)
        edition, origin = _edition([*(entry.filename for entry in entries), source.name], newest)
    return cdsi.from_zip(source.read_bytes(), edition, newest, origin)


def _edition(names: list[str], newest: date) -> tuple[str, str]:
    """The version in the file names, else the date of the newest file; and the source in words."""
    version = next((found[1] for name in names if (found := _VERSION.search(name))), newest.isoformat())
    return version, f"CDC, CDSi supporting data {version} ({newest.day} {newest:%B %Y})"


@contextmanager
def _official(source: Path) -> Iterator[None]:
    """What is not the supporting data is said in words."""
    try:
        yield
    except KeyError as fault:
        raise ConfigError("programme.not_cdsi", path=str(source), detail=f"{fault.args[0]}?") from fault
    except (zipfile.BadZipFile, zlib.error, ParseError, ValueError, RuntimeError, EOFError) as fault:
        raise ConfigError("programme.not_cdsi", path=str(source), detail=str(fault)) from fault
