"""Immunization programmes: one directory each, `programme.json` and `antigens/NAME.json`, read strictly."""

from __future__ import annotations

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
    """Every antigen and vaccine group named must be there."""
    grouped = {antigen for group in programme.vaccine_groups.values() for antigen in group.antigens}
    carried = {a.antigen for vaccine in programme.vaccines.values() for a in vaccine.antigens}
    named = {series.vaccine_group for antigen in programme.antigens.values() for series in antigen.series}
    unknown = (grouped - programme.antigens.keys()) | (named - programme.vaccine_groups.keys())
    unknown |= carried - programme.antigens.keys()
    if unknown:
        raise ConfigError("config.bad_setting", path=str(directory), detail=f"unknown: {', '.join(sorted(unknown))}")
