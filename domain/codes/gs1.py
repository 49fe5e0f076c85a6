"""GS1 element strings: read strictly, refused rather than guessed.

Application identifiers (AIs), their formats and rules are data: gs1_ai.csv (GS1 General Specifications, section 3).
biip is not used here: it takes wrong check digits, knows neither brackets nor ]J1, and reads any century as of now;
the tests hold this reader against it.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from domain.codes.gs1_checks import obeys
from domain.problems import Problem, block

GS = "\x1d"
_CHARACTERS = {"N": r"\d", "X": r'[!"%-?A-Z_a-z]', "Y": r"[#\-/0-9A-Z]", "Z": r"[-0-9A-Z_a-z=]"}
_BRACKET = re.compile(r"(?<!\\)\(([0-9]{2,4})\)")
_OPEN = re.compile(r"(?<!\\)\(")


@dataclass(frozen=True)
class Element:
    """One AI with its value; `ended` when a separator or its fixed length ended it, not the end of the data."""

    ai: str
    value: str
    ended: bool = True


@dataclass(frozen=True)
class Identifier:
    """What is known of one AI. `fixed`: no separator follows; `pattern`: one group a component; `rules`: per group.

    `link_key` holds the allowed orders of key qualifiers when the AI may be the key of a Digital Link, else None.
    """

    ai: str
    fixed: bool
    pattern: re.Pattern[str]
    rules: tuple[tuple[str, ...], ...]
    length: int
    link_key: tuple[tuple[str, ...], ...] | None
    link_attribute: bool
    title: str


@cache
def identifiers() -> dict[str, Identifier]:
    """Every AI of the table, ranges written out."""
    known: dict[str, Identifier] = {}
    with Path(__file__).with_name("gs1_ai.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            first, _, last = row["ai"].partition("-")
            for number in range(int(first), int(last or first) + 1):
                ai = str(number).zfill(len(first))
                known[ai] = _identifier(ai, row)
    return known


def _identifier(ai: str, row: dict[str, str]) -> Identifier:
    pattern, rules, length = "", [], 0
    for component in row["format"].split():
        optional = component.startswith("[")
        shape, *names = component.replace("[", "").replace("]", "").split(",")
        size = shape[1:].replace("..", "1,")
        pattern += f"({_CHARACTERS[shape[0]]}{{{size}}}){'?' if optional else ''}"
        rules.append(tuple(names))
        length += int(size.split(",")[-1])
    link = row["link_key"]
    orders = tuple(tuple(order.split()) for order in link.strip("-").split("|")) if link else None
    return Identifier(
        ai,
        row["fixed"] == "yes",
        re.compile(pattern, re.ASCII),
        tuple(rules),
        length,
        orders,
        row["link_attribute"] == "yes",
        row["title"],
    )


def check_value(ai: str, value: str) -> Problem | None:
    """What is wrong with a value under its AI, None if nothing."""
    known = identifiers().get(ai)
    if known is None:
        return block("scan.unknown_ai", ai=_shown(ai))
    found = known.pattern.fullmatch(value)
    if found is None:
        return block("scan.bad_element", ai=ai, value=_shown(value))
    for part, names in zip(found.groups(), known.rules, strict=True):
        for name in names:
            if part is not None and not obeys(name, part):
                return _broken(ai, name, value)
    return None


def _broken(ai: str, rule: str, value: str) -> Problem:
    if rule == "csum" and ai in {"01", "02", "03"}:
        return block("scan.gtin_check_digit", gtin=value)
    if rule.startswith("yy"):
        return block("scan.bad_date", ai=ai, value=value)
    return block("scan.bad_element", ai=ai, value=_shown(value))


def _shown(value: str) -> str:
    """The beginning of a value with nothing in it that does not print."""
    return "".join(char if char.isprintable() else "\ufffd" for char in value[:40])


def read_elements(text: str) -> tuple[Element, ...] | Problem:
    """Read an unbracketed element string, FNC1 as GS (0x1D). Leading and superfluous separators are taken."""
    elements: list[Element] = []
    rest = text.lstrip(GS)
    while rest:
        ai = next((rest[:n] for n in (2, 3, 4) if rest[:n] in identifiers()), "")
        if not ai:
            return block("scan.unknown_ai", ai=_shown(rest[:4]))
        known = identifiers()[ai]
        body = rest[len(ai) :]
        end = known.length if known.fixed else len(body)
        value, found, _ = body[:end].partition(GS)
        if problem := check_value(ai, value):
            return problem
        rest = body[len(value) :].lstrip(GS)
        elements.append(Element(ai, value, known.fixed or bool(found)))
    return _agreeing(elements)


def read_bracketed(text: str) -> tuple[Element, ...] | Problem:
    r"""Read the printed form (01)...(10)...; a bracket inside a value is written \(."""
    parts = _BRACKET.split(text)
    if parts[0] or len(parts) < 3 or any(_OPEN.search(value) for value in parts[2::2]):
        return block("scan.bad_brackets")
    elements = []
    for ai, escaped in zip(parts[1::2], parts[2::2], strict=True):
        element = Element(ai, escaped.replace("\\(", "("))
        if problem := check_value(ai, element.value):
            return problem
        elements.append(element)
    return _agreeing(elements)


def _agreeing(elements: list[Element]) -> tuple[Element, ...] | Problem:
    """An AI said twice must say the same (General Specifications 4.15)."""
    if not elements:
        return block("scan.empty_gs1")
    said: dict[str, str] = {}
    for element in elements:
        if said.setdefault(element.ai, element.value) != element.value:
            return block("scan.contradiction", ai=element.ai)
    return tuple(elements)
