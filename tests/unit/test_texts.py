"""Everything an operator may read is there, in both languages, with all its parameters; nothing else is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po

from config.texts import LANGUAGES, catalogue, say, table

ROOT = Path(__file__).parents[2]
ROOMS = ("config", "domain", "drivers", "printing", "regional", "sync", "terminal")
PROBLEMS = {"block", "override", "warn", "note"}
FAULTS = {"VaxdeskError", "DeviceError", "StoreError", "SyncError", "ConfigError", "WireError"}
SAID = {"say", "words", "_words", "speak"}  # say(language, code), and what has the language in it already
OWN_WORDS = {"field", "retry"}  # parameters of the constructors themselves
# Texts whose codes are nowhere whole in the source, and where they are put together.
TOGETHER = {
    "cli.": "terminal/commands/line.py: cli.<option>, cli.<command>.help",
    "quarantine.": "regional/worker.py keeps the reason alone",
}
BILINGUAL = {"slip.reprint", "slip.test_size", "ui.language.zh_CN"}  # the paper and the choice of language show both


@dataclass(frozen=True)
class Use:
    """A code at a place in the source; `params` None when they cannot be seen there."""

    where: str
    code: str
    params: frozenset[str] | None


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@cache
def trees() -> dict[str, ast.Module]:
    paths = [p for room in ROOMS for p in sorted((ROOT / room).rglob("*.py"))]
    return {str(p.relative_to(ROOT)): ast.parse(p.read_text()) for p in paths}


def name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def constants(node: ast.expr) -> list[str]:
    """The texts an argument may be: a literal, or either side of `a if b else c`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*constants(node.body), *constants(node.orelse)]
    return []


@cache
def uses() -> tuple[Use, ...]:
    return tuple(u for path, tree in trees().items() for u in uses_in(path, tree))


def uses_in(path: str, tree: ast.Module) -> Iterator[Use]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = name_of(call)
        if name not in PROBLEMS | FAULTS | SAID:
            continue
        seen = all(k.arg for k in call.keywords)
        params = frozenset(k.arg for k in call.keywords if k.arg) if seen else None
        for code in [c for arg in call.args[:2] for c in constants(arg)][:2]:
            if "." in code and " " not in code:
                yield Use(f"{path}:{call.lineno}", code, params)


@cache
def written() -> tuple[frozenset[str], tuple[str, ...]]:
    """Every literal of the source, and the beginnings of those put together at run time."""
    whole, begun = set(), set()
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.add(node.value)
            if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
                begun.add(str(node.values[0].value))
    for page in (ROOT / "regional/dashboard/templates").glob("*.html"):
        whole |= set(re.findall(r'["\']([a-z_.]+)["\']', page.read_text()))
    begun |= {text for text in whole if text.endswith(".")}
    return frozenset(whole), tuple(b for b in begun if re.fullmatch(r"[a-z_]+\.[a-z_.]*", b) and b not in TOGETHER)


def is_written(code: str) -> bool:
    whole, begun = written()
    tails = [code.removeprefix(area).removesuffix(".help") for area in TOGETHER if code.startswith(area)]
    return code in whole or code.startswith(begun) or any(tail in whole or tail.startswith(begun) for tail in tails)


def test_the_scan_finds_the_codes() -> None:
    found = {u.code for u in uses()}
    assert len(found) > 150
    assert {"dose.same_day", "store.damaged", "sync.fork"} <= found | written()[0]


@pytest.mark.parametrize(
    "use", sorted({u.code: u for u in uses()}.values(), key=lambda u: u.code), ids=lambda u: u.code
)
def test_a_code_in_use_has_its_text(use: Use) -> None:
    assert use.code in table(), f"{use.where} has no text"


def test_every_text_stands_in_both_languages_with_the_same_parameters() -> None:
    wrong = [
        code
        for code, texts in table().items()
        if set(texts) != set(LANGUAGES)
        or not all(text.strip() for text in texts.values())
        or len({frozenset(placeholders(text)) for text in texts.values()}) != 1
    ]
    assert wrong == []


def test_every_parameter_a_text_wants_is_given_where_it_is_used() -> None:
    missing = [
        f"{u.where} {u.code}: {sorted(wanted - u.params)}"
        for u in uses()
        if u.params is not None and u.code in table()
        for wanted in [placeholders(table()[u.code]["en"])]
        if wanted - (u.params - OWN_WORDS)
    ]
    assert missing == []


def test_no_text_lies_unused() -> None:
    assert [code for code in table() if not is_written(code)] == []


def test_chinese_is_chinese_and_english_is_not() -> None:
    def is_han(text: str) -> bool:
        return any("\u4e00" <= char <= "\u9fff" for char in text)

    assert {c for c, texts in table().items() if is_han(texts["en"])} == BILINGUAL


def test_a_missing_code_is_our_mistake() -> None:
    with pytest.raises(KeyError):
        say("en", "no.such_text")


def test_both_catalogues_hold_the_same_codes_in_the_same_order() -> None:
    written = []
    for language in LANGUAGES:
        with catalogue(language).open(encoding="utf-8") as file:
            written.append([message.id for message in read_po(file, abort_invalid=True) if message.id])
    assert written[0] == written[1]
    assert len(written[0]) == len(set(written[0])) == len(table())
