"""GS1 Digital Link: a web address that carries element strings (GS1 Digital Link Standard: URI Syntax 1.3)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote

from domain.codes.gs1 import Element, check_value, identifiers
from domain.problems import Problem, block

_LINK = re.compile(
    r"(?:https?|HTTPS?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>\d{1,5}))?"
    r"(?P<path>/[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?"
)
_ALLOWED = re.compile(r"[-A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%]*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def read_link(uri: str, short_gtin: bool = True, unknown_attributes: bool = False) -> tuple[Element, ...] | Problem:
    """The elements of a Digital Link: key, qualifiers, then attributes in their order.

    `short_gtin` takes a GTIN of 8, 12 or 13 digits (allowed before 2023, still printed); `unknown_attributes` keeps
    numeric attributes no table knows. Addresses that break the standard are refused, not mended.
    """
    link = _LINK.fullmatch(uri) if _ALLOWED.fullmatch(uri) else None
    if not link or not _host(link["host"]) or int(link["port"] or 443) not in range(1, 65536):
        return block("scan.bad_link")
    path = _path_elements(link["path"], short_gtin)
    if path is None:
        return block("scan.bad_link")
    attributes = _attributes(link["query"] or "", path, short_gtin, unknown_attributes)
    if attributes is None:
        return block("scan.bad_link")
    for element in (*path, *attributes):
        problem = check_value(element.ai, element.value)
        if problem and not (unknown_attributes and element.ai not in identifiers()):
            return problem
    return (*path, *attributes)


def _host(host: str) -> bool:
    if host.startswith("["):
        try:
            return bool(ipaddress.IPv6Address(host[1:-1]))
        except ValueError:
            return False
    labels = host.removesuffix(".").split(".")
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _path_elements(path: str, short_gtin: bool) -> list[Element] | None:
    """Key and qualifiers: the last /AI/value in the path whose AI is a key, and what follows it in an allowed order."""
    parts = path.split("/")[1:]
    for start in range(len(parts) - 2, -1, -1):
        known = identifiers().get(parts[start])
        rest = parts[start:]
        if known is None or known.link_key is None or len(rest) % 2:
            continue
        ais, values = rest[::2], rest[1::2]
        if all(values) and any(_in_order(ais[1:], order) for order in known.link_key):
            return [_element(ai, unquote(value), short_gtin) for ai, value in zip(ais, values, strict=True)]
        return None
    return None


def _in_order(ais: list[str], order: tuple[str, ...]) -> bool:
    return ais == [ai for ai in order if ai in ais]


def _attributes(query: str, path: list[Element], short_gtin: bool, unknown: bool) -> list[Element] | None:
    """Data attributes of the query; names that are not numbers are somebody else's and are passed over."""
    elements: list[Element] = []
    said = {element.ai for element in path}
    for pair in re.split(r"[&;]", query):
        ai, equals, value = pair.partition("=")
        if not equals or not ai.isdigit():
            continue
        known = identifiers().get(ai)
        allowed = known.link_attribute if known else unknown and len(ai) in (2, 3, 4)
        if not value or not allowed or ai in said or _belongs_in_path(ai, path):
            return None
        said.add(ai)
        elements.append(_element(ai, unquote(value.replace("+", " ")), short_gtin))
    return elements


def _belongs_in_path(ai: str, path: list[Element]) -> bool:
    """A qualifier that still fits the path's order must stand there."""
    orders = identifiers()[path[0].ai].link_key or ()
    qualifiers = {element.ai for element in path[1:]}
    return any(ai in order and qualifiers <= set(order) for order in orders)


def _element(ai: str, value: str, short_gtin: bool) -> Element:
    if ai == "01" and short_gtin and len(value) in (8, 12, 13):
        value = value.zfill(14)
    return Element(ai, value)
