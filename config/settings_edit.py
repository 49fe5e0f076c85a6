"""Change single values of a settings file and leave the rest of it, comments too, as its owner wrote it.

Only plain `key = value` lines are edited; the result is decoded and compared before it takes the file's place, so a
file written in another style is refused, never damaged.
"""

from __future__ import annotations

import copy
import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from config.settings import Scanner, Settings, load
from domain.errors import ConfigError

Value = str | int | float | bool | None
"""None takes the key out."""
_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?\s*(#.*)?$")


def set_values(path: Path, table: str, values: Mapping[str, Value]) -> Settings:
    """Set keys of `[table]`, "" for those above all tables. Raises ConfigError; then the file is as it was."""

    def wanted(data: dict[str, Any]) -> None:
        _apply(data.setdefault(table, {}) if table else data, values)

    def edit(lines: list[str]) -> list[str]:
        begin, end = _table(lines, table)
        if begin is None:
            return [*lines, *_gap(lines), f"[{table}]", *_lines(values)]
        return [*lines[:begin], *_set(lines[begin:end], values), *lines[end:]]

    return _replace(path, edit, wanted)


def put_scanner(path: Path, scanner: Scanner) -> Settings:
    """Add a scanner, or change the one of this name. Raises ConfigError; then the file is as it was."""
    values = {name: getattr(scanner, name) for name in Scanner.__struct_fields__}
    defaults = {f.name: f.default for f in msgspec.structs.fields(Scanner)}

    def known(data: dict[str, Any]) -> dict[str, Any]:
        return next((s for s in data.get("scanners", []) if s.get("name") == scanner.name), {})

    def needed(now: dict[str, Any]) -> dict[str, Value]:
        return {k: v for k, v in values.items() if k in now or v != defaults[k]}

    def wanted(data: dict[str, Any]) -> None:
        before = known(data)
        changed = needed(before)
        if before:
            before.update(changed)
        else:
            data.setdefault("scanners", []).append(changed)

    def edit(lines: list[str]) -> list[str]:
        for begin, end in _array(lines, "scanners"):
            one = tomllib.loads("\n".join(lines[begin:end]))
            if one.get("name") == scanner.name:
                return [*lines[:begin], *_set(lines[begin:end], needed(one)), *lines[end:]]
        return [*lines, *_gap(lines), "[[scanners]]", *_lines(needed({}))]

    return _replace(path, edit, wanted)


def _replace(path: Path, edit: Callable[[list[str]], list[str]], wanted: Callable[[dict[str, Any]], None]) -> Settings:
    """Edit a copy beside the file, read it as the program would, and put it in the file's place."""
    load(path)
    before = path.read_text(encoding="utf-8")
    expected = copy.deepcopy(tomllib.loads(before))
    wanted(expected)
    try:
        after = "\n".join(edit(before.rstrip("\n").split("\n"))) + "\n"
        understood = tomllib.loads(after) == expected
    except tomllib.TOMLDecodeError:
        understood = False
    if not understood:
        raise ConfigError("config.cannot_edit", path=str(path))
    draft = path.with_name(path.name + ".new")
    try:
        with draft.open("w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        settings = load(draft)
        draft.replace(path)
    except OSError as fault:
        raise ConfigError("config.cannot_write", path=str(path)) from fault
    finally:
        draft.unlink(missing_ok=True)
    return settings


def _headers(lines: list[str]) -> list[tuple[int, str, str]]:
    """(line, "[" or "[[", name) of every header."""
    found = ((at, _HEADER.match(line)) for at, line in enumerate(lines))
    return [(at, match[1], match[2]) for at, match in found if match]


def _table(lines: list[str], name: str) -> tuple[int | None, int]:
    """From the line after the header to before the next; above all headers for ""."""
    headers = _headers(lines)
    starts = [at for at, _, _ in headers] + [len(lines)]
    if not name:
        return 0, starts[0]
    for (at, kind, found), end in zip(headers, starts[1:], strict=True):
        if (kind, found) == ("[", name):
            return at + 1, end
    return None, len(lines)


def _array(lines: list[str], name: str) -> list[tuple[int, int]]:
    headers = _headers(lines)
    starts = [at for at, _, _ in headers] + [len(lines)]
    return [
        (at + 1, end)
        for (at, kind, found), end in zip(headers, starts[1:], strict=True)
        if (kind, found) == ("[[", name)
    ]


def _apply(data: dict[str, Any], values: Mapping[str, Value]) -> None:
    data.update(values)
    for key in [k for k, v in values.items() if v is None]:
        del data[key]


def _set(lines: list[str], values: Mapping[str, Value]) -> list[str]:
    """Change the lines of these keys, the comment behind a value stays; new keys follow the last line that says
    anything."""
    kept, missing = [], dict(values)
    for line in lines:
        key, _, rest = line.partition("=")
        if key.strip() not in missing:
            kept.append(line)
            continue
        value = missing.pop(key.strip())
        if value is not None:
            kept.append(f"{key.rstrip()} = {_value(value)}{_comment(rest)}")
    says = (at + 1 for at, line in enumerate(kept) if line.strip() and not line.lstrip().startswith("#"))
    last = max(says, default=0)
    return [*kept[:last], *_lines(missing), *kept[last:]]


def _comment(rest: str) -> str:
    """The comment after a value, with the space before it; a # inside quotes is none."""
    outside = re.fullmatch(r"""\s*(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^"'#]*?)(\s*#.*)?""", rest)
    return outside[1] or "" if outside else ""


def _lines(values: Mapping[str, Value]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in values.items() if value is not None]


def _value(value: Value) -> str:
    """A JSON string is a TOML basic string once DEL is written out."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _gap(lines: list[str]) -> list[str]:
    return [""] if lines and lines[-1].strip() else []
