"""What a scanner sends when it names the kind of symbol first (AIM identifiers, ISO/IEC 15424)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from domain.codes.gs1 import Element, check_value, read_elements
from domain.problems import Problem, block

_AIM = re.compile(r"\]([ACEFGILQUXJdez])([0-9A-Za-z])", re.ASCII)
GS1_SYMBOLOGIES = frozenset({"]C1", "]e0", "]e1", "]e2", "]d2", "]Q3", "]J1"})
RETAIL_SYMBOLOGIES = {"]E0": 13, "]E4": 8}
_COMPOSITE = "|]e0"


@dataclass(frozen=True)
class Scan:
    """`symbology` is the AIM identifier; `elements` is empty for a symbol that is not GS1; `data` what followed."""

    symbology: str
    data: str
    elements: tuple[Element, ...] = ()


def read_scan(text: str) -> Scan | Problem:
    """Read a scan that begins with an AIM identifier. GS1 symbols must hold valid element strings, EAN a valid GTIN."""
    aim = _AIM.match(text)
    if aim is None:
        return block("scan.unknown_symbology")
    symbology, data = aim[0], text[3:]
    if symbology in GS1_SYMBOLOGIES:
        elements = read_elements(data)
    elif symbology in RETAIL_SYMBOLOGIES:
        elements = _retail(data, RETAIL_SYMBOLOGIES[symbology])
    else:
        return Scan(symbology, data) if data else block("scan.unknown_symbology")
    return elements if isinstance(elements, Problem) else Scan(symbology, data, elements)


def _retail(data: str, length: int) -> tuple[Element, ...] | Problem:
    """EAN-13 or EAN-8, with the composite component a scanner may add after it."""
    number, composite, rest = data.partition(_COMPOSITE)
    gtin = Element("01", number.zfill(14) if len(number) == length else number)
    if problem := check_value(gtin.ai, gtin.value):
        return problem
    more = read_elements(rest) if composite else ()
    return more if isinstance(more, Problem) else (gtin, *more)
