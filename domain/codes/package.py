"""From GS1 elements to a vaccine package, or the reason why not.

A lost GS. A scanner that drops the separator runs a lot or serial into what follows: lot LOT17X with expiry 260310
becomes the lot LOT17X17260310. Nothing in the text proves it, so what could have been swallowed is never split by us:

- 17 and a valid date at the end of a value, while the code has no expiry of its own: always refused. An honest value of
  random digits ends so once in some 2,500; letters and short lots practically never.
- 10, 21 or another date anywhere in a value, while this scan holds no GS: refused on a device that is not proven. An
  honest lot with a 21 inside is then refused too (7 in 100 lots of ten random digits); the remedy is the test sheet. A
  proven device is believed, but the person is asked to compare with the label, for a device can lose its setting.

An AI the code has elsewhere cannot have been swallowed. Brackets and Digital Links need no GS and are not suspected.
"""

from __future__ import annotations

import calendar
from datetime import date
from typing import Literal

from domain.codes.gs1 import Element, identifiers, read_elements
from domain.codes.kinds import Package, Refused
from domain.problems import Problem, block, note, warn

_WEAK = ("10", "21", "11", "15", "16")

Separators = Literal["not_needed", "seen", "proven", "unproven"]
"""Is GS known to arrive: not needed in this form, seen in this very scan, proven or not on this device."""


def package_of(elements: tuple[Element, ...], text: str, today: date, separators: Separators) -> Package | Refused:
    """The package the elements name; `text` is the scan, kept in a refusal."""
    values = {element.ai: element.value for element in elements}
    if "01" not in values:
        return Refused("package", text, (block("scan.no_gtin"),))
    problems: list[Problem] = []
    for element in elements if separators != "not_needed" else ():
        if _swallowed(element, values, ("17",)) or (separators == "unproven" and _swallowed(element, values, _WEAK)):
            return Refused("package", text, (block("scan.gs_missing", ai=element.ai, value=element.value),))
        if separators == "proven" and _swallowed(element, values, _WEAK):
            problems.append(warn("scan.compare_label", ai=element.ai, value=element.value))
    expiry = expiry_day(values["17"], today) if "17" in values else None
    if "10" not in values:
        problems.append(note("scan.no_lot"))
    if expiry is None:
        problems.append(note("scan.no_expiry"))
    return Package(values["01"], values.get("10", ""), expiry, values.get("21", ""), tuple(problems))


def expiry_day(yymmdd: str, today: date) -> date | None:
    """The day a GS1 date means: day 00 is the month's last; the century lies 49 years back to 50 ahead (7.12)."""
    century = today.year - today.year % 100
    ahead = int(yymmdd[:2]) - today.year % 100
    year = int(yymmdd[:2]) + century + (-100 if ahead >= 51 else 100 if ahead <= -50 else 0)
    month, day = int(yymmdd[2:4]), int(yymmdd[4:])
    last = calendar.monthrange(year, month)[1]
    return date(year, month, day or last) if day <= last else None


def _swallowed(element: Element, values: dict[str, str], suspects: tuple[str, ...]) -> bool:
    """Whether the end of a value of variable length reads as elements that begin with one of the suspects."""
    value = element.value
    starts = range(1, len(value) - 2) if not identifiers()[element.ai].fixed else ()
    return any(value[start : start + 2] in suspects and _reads_as_more(value[start:], values) for start in starts)


def _reads_as_more(tail: str, values: dict[str, str]) -> bool:
    """Whether the tail is whole element strings, none of them an AI the code has already."""
    if tail[:2] in values:
        return False
    found = read_elements(tail)
    return not isinstance(found, Problem) and not any(element.ai in values for element in found)
