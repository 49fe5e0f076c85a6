"""Immunization programmes: one directory each, `programme.json` and `antigens/NAME.json`, read strictly; or, as the
region publishes one, a document: the same in one JSON, the antigens inside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from domain.errors import ConfigError
from domain.schedule.programme import Antigen, Programme

DIRECTORY = Path(__file__).with_name("programmes")
"""The programmes that come with the product."""


def load(directory: Path) -> Programme:
    """The programme in a directory. Raises ConfigError naming the file and what is wrong in it."""
    path = directory / "programme.json"
    try:
        programme = msgspec.json.decode(path.read_bytes(), type=Programme)
        antigens = {}
        for path in sorted((directory / "antigens").glob("*.json")):
            antigens[path.stem] = msgspec.json.decode(path.read_bytes(), type=Antigen)
    except FileNotFoundError as fault:
        raise ConfigError("config.no_file", path=str(path)) from fault
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as fault:
        raise ConfigError("config.bad_setting", path=str(path), detail=str(fault)) from fault
    whole = msgspec.structs.replace(programme, antigens=antigens)
    _check_names(whole, directory)
    return whole


def read(name: str, content: bytes) -> Programme:
    """The programme in a published document of that name. Raises ConfigError saying what is wrong in it."""
    try:
        programme = msgspec.json.decode(content, type=Programme)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise ConfigError("config.bad_setting", path=name, detail=str(fault)) from fault
    if programme.name != name or not programme.antigens:
        detail = f"name: {programme.name}" if programme.antigens else "antigens: 0"
        raise ConfigError("config.bad_setting", path=name, detail=detail)
    _check_names(programme, Path(name))
    return programme


def packed(directory: Path) -> bytes:
    """The programme of a directory as a document. Raises ConfigError."""
    return msgspec.json.encode(load(directory), order="deterministic")


def write(programme: Programme, directory: Path) -> None:
    """Write a programme as `load` reads it: an antigen a file, a series a line."""
    (directory / "antigens").mkdir(parents=True, exist_ok=True)
    encoder = msgspec.json.Encoder(order="deterministic")
    for name, antigen in programme.antigens.items():
        text = encoder.encode(antigen).replace(b'},{"name":', b'},\n{"name":')
        (directory / "antigens" / f"{name}.json").write_bytes(text + b"\n")
    rest = encoder.encode(msgspec.structs.replace(programme, antigens={}))
    (directory / "programme.json").write_bytes(rest + b"\n")


def _check_names(programme: Programme, directory: Path) -> None:
    """Every vaccine, antigen, vaccine group and observation named must be there; no clinic code means two vaccines."""
    grouped = {antigen for group in programme.vaccine_groups.values() for antigen in group.antigens}
    carried = {a.antigen for vaccine in programme.vaccines.values() for a in vaccine.antigens}
    vaccines = programme.vaccines.keys() | programme.outside
    spoiling = {vaccine for found in programme.conflicts.values() for one in found for vaccine in one.previous}
    unknown = ((grouped | carried) - programme.antigens.keys()) | ((spoiling | programme.conflicts.keys()) - vaccines)
    _refuse(directory / "programme.json", "unknown", unknown)
    codes = Counter(code for vaccine in programme.vaccines.values() for code in vaccine.codes)
    _refuse(directory / "programme.json", "twice", {code for code, count in codes.items() if count > 1})
    for name, antigen in programme.antigens.items():
        path = directory / "antigens" / f"{name}.json"
        groups = {series.vaccine_group for series in antigen.series}
        unknown = (groups - programme.vaccine_groups.keys()) | (set(_vaccines(antigen)) - vaccines)
        if programme.observations:
            unknown |= set(_observations(antigen)) - programme.observations.keys()
        _refuse(path, "unknown", unknown)
        names = Counter(series.name for series in antigen.series)
        _refuse(path, "twice", {series for series, count in names.items() if count > 1})


def _vaccines(antigen: Antigen) -> Iterator[str]:
    """Every vaccine the rules of an antigen name."""
    for dose in (dose for series in antigen.series for dose in series.doses):
        yield from dose.inadvertent
        for products in (*dose.preferable, *dose.allowable):
            yield from products.vaccines
        for interval in (*dose.intervals, *dose.allowable_intervals):
            yield from interval.from_vaccines
        for skip in dose.skips:
            for condition in (condition for one in skip.sets for condition in one.conditions):
                yield from condition.vaccines
    for products in (products for one in antigen.contraindications for products in one.vaccines):
        yield from products.vaccines


def _observations(antigen: Antigen) -> Iterator[str]:
    """Every observation the rules of an antigen name."""
    yield from antigen.immune_by_history
    for birth in antigen.immune_by_birth:
        yield from birth.exclusions
    for one in antigen.contraindications:
        yield from (code for code in (one.observation, *one.unless) if code)
    for series in antigen.series:
        for indication in series.indications:
            yield from (indication.observation, *indication.also)
        for interval in (i for dose in series.doses for i in (*dose.intervals, *dose.allowable_intervals)):
            if interval.from_observation:
                yield interval.from_observation


def _refuse(path: Path, fault: str, names: Iterable[str]) -> None:
    if names := sorted(names):
        raise ConfigError("config.bad_setting", path=str(path), detail=f"{fault}: {', '.join(names)}")
