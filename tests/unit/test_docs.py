"""The documents name every setting with its default, and every command; what they point at exists."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from config import settings, texts
from terminal.commands import line
from terminal.demo.synthetic import staff

ROOT = Path(__file__).parents[2]
TABLES = (
    settings.Settings,
    settings.Clinic,
    settings.Scanner,
    settings.Printer,
    settings.Region,
    settings.Hub,
    settings.Sound,
    settings.Backup,
    settings.Programme,
)
PAGES = (
    "README.md", "README.zh-CN.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/settings.md", "docs/settings.zh-CN.md",
    "docs/install.md", "docs/install.zh-CN.md", "docs/architecture.md", "docs/staff.md", "docs/staff.zh-CN.md",
    "docs/devices.md", "docs/devices.zh-CN.md", "docs/guide.md", "docs/guide.zh-CN.md",
    "docs/programmes.md", "docs/programmes.zh-CN.md",
    "docs/keys.md", "docs/keys.zh-CN.md", "docs/dashboard.md", "docs/dashboard.zh-CN.md",
    "docs/hub.md", "docs/hub.zh-CN.md",
)  # fmt: skip
SETTINGS_PAGES = ("docs/settings.md", "docs/settings.zh-CN.md")


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def setting_rows() -> Iterator[tuple[str, str, object]]:
    """Section, key and default (NODEFAULT: must be given) of every setting that is a value."""
    for table in TABLES:
        for field in msgspec.structs.fields(table):
            plain = not isinstance(field.default, (msgspec.Struct, tuple, type(None)))
            if plain and field.type not in TABLES:
                yield table.__name__, field.name, field.default


def rows_of_page(page: str) -> dict[str, dict[str, str]]:
    """Heading -> key -> default, as a page of the settings has them."""
    found: dict[str, dict[str, str]] = {}
    for part in read(page).split("\n## ")[1:]:
        rows = re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", part, re.MULTILINE)
        found[part.split("\n")[0]] = dict(rows)
    return found


def section(page: str, table: str) -> dict[str, str]:
    """The rows of one table of the settings; the terminal's own come first."""
    pages = rows_of_page(page)
    if table == "Settings":
        return next(iter(pages.values()))
    return next(rows for title, rows in pages.items() if title.startswith(heading(table)))


def heading(table: str) -> str:
    names = {"Scanner": "`[[scanners]]`", "Printer": "`[[printers]]`"}
    return names.get(table, f"`[{table.lower()}]`")


@pytest.mark.parametrize("page", SETTINGS_PAGES)
@pytest.mark.parametrize("table, key, default", list(setting_rows()))
def test_setting_is_explained_with_its_default(page: str, table: str, key: str, default: object) -> None:
    shown = section(page, table)[key]
    if default is msgspec.NODEFAULT:
        assert shown == "–"
    else:
        assert msgspec.toml.decode(f"value = {shown.strip('`')}")["value"] == default


@pytest.mark.parametrize("page", SETTINGS_PAGES)
def test_the_page_explains_nothing_that_is_no_setting(page: str) -> None:
    explained = sum(len(rows) for rows in rows_of_page(page).values())
    assert explained == len(list(setting_rows()))


@pytest.mark.parametrize("page", SETTINGS_PAGES)
def test_the_example_is_taken(page: str) -> None:
    example = re.search(r"```toml\n(.+?)```", read(page), re.DOTALL)
    assert example
    assert msgspec.toml.decode(example[1], type=settings.Settings).region


def commands(parser: argparse.ArgumentParser, words: str = "vaxdesk") -> Iterator[str]:
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield words
    for group in groups:
        for name, child in group.choices.items():
            yield from commands(child, f"{words} {name}")


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
@pytest.mark.parametrize("command", list(commands(line.parser("en"))))
def test_command_is_named(page: str, command: str) -> None:
    assert f"`{command}" in read(page)


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_demonstration_can_be_signed_in_to(page: str) -> None:
    pins = {member.code: member.pin for member in staff()}
    named = re.findall(r"`([A-Z]\d{3})`\D+?`(\d{6})`", read(page))
    assert len(named) == 2
    assert all(pins[code] == pin for code, pin in named)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_points_at_is_there(page: str) -> None:
    text = read(page)
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text)
    for link in links:
        if "://" not in link:
            assert (ROOT / page).parent.joinpath(link).exists(), link


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_help_names_every_command(language: texts.Language) -> None:
    assert "--self-check" in line.parser(language).format_help()
