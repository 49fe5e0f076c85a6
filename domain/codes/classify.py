"""One question for every scan: what is this?"""

from __future__ import annotations

import re

from domain.codes.gs1 import GS, Element, read_bracketed, read_elements
from domain.codes.gs1_link import read_link
from domain.codes.gs1_scan import GS1_SYMBOLOGIES, RETAIL_SYMBOLOGIES, Scan, read_scan
from domain.codes.kinds import Code, Package, PersonCode, Refused, RefusedKind, ScanRules, TracePackage, Unknown
from domain.codes.own import read_own
from domain.codes.package import Separators, package_of
from domain.identifiers import (
    ResidentId,
    half_width,
    is_birth_certificate,
    is_child_code,
    is_drug_standard_code,
    is_gtin14,
    read_resident_id,
)
from domain.problems import Problem, block

LONGEST = 512
_LONGEST_BOOKLET = 40
_LOOKS_GS1 = re.compile(r"0[0-3](?:[0-9]{10}|[0-9]{6}.{8})|(?:10|11|17|21)[!\"%-?A-Z_a-z]{3,}", re.DOTALL)


def classify(payload: str, rules: ScanRules, symbology: str = "") -> Code:
    """What a scanned text is. Total: any text of any length has an answer, nothing is raised, nothing is guessed.

    `symbology` is the AIM identifier ("]d2") where the driver knows it and the payload does not begin with it.
    """
    if len(payload) > LONGEST:
        return _refuse("scan", payload[:40], block("scan.too_long", length=len(payload), limit=LONGEST))
    text = half_width(payload)
    if rules.gs_substitute:
        text = text.replace(rules.gs_substitute, GS)
    if not text.startswith("]"):
        if rules.aim_ids and text and not symbology:
            return _refuse("scan", text, block("scan.start_missing"))
        text = symbology + text if symbology.startswith("]") else text
    if not text.startswith("]"):
        return _plain(text, rules)
    scan = read_scan(text)
    if isinstance(scan, Problem):
        gs1 = text[:3] in GS1_SYMBOLOGIES or text[:3] in RETAIL_SYMBOLOGIES
        return _refuse("package" if gs1 else "scan", text, scan)
    if scan.elements:
        return package_of(scan.elements, text, rules.today, _separators(scan.data, rules))
    return _named(scan, rules)


def _named(scan: Scan, rules: ScanRules) -> Code:
    """A symbol that says it is not GS1 may hold anything but an element string."""
    code = _self_evident(scan.data, rules) or _numbers(scan.data, rules)
    return code or Unknown(scan.data, scan.symbology)


def _plain(text: str, rules: ScanRules) -> Code:
    """A text without a symbology: the kinds that can be told surely come first."""
    return _self_evident(text, rules) or _numbers(text, rules) or _gs1(text, rules) or Unknown(text)


def _self_evident(text: str, rules: ScanRules) -> Code | None:
    """Kinds whose first characters or length leave no doubt."""
    if own := read_own(text):
        return own
    if re.match(r"https?://", text, re.IGNORECASE):
        return _link(text, rules)
    if re.match(r"\([0-9]{2,4}\)", text):
        return _package(read_bracketed(text), text, rules, "not_needed")
    if re.fullmatch(r"[0-9]{17}[0-9Xx]", text):
        return _eighteen(text.upper(), rules)
    if text.startswith(rules.trace_prefixes) and re.fullmatch(r"[0-9]{16,}", text):
        if len(text) == 20:
            return TracePackage(text, text[:7])
        return _refuse("trace_code", text, block("scan.trace_code_length", length=len(text)))
    if text and rules.booklet_pattern and len(text) <= _LONGEST_BOOKLET and re.fullmatch(rules.booklet_pattern, text):
        return PersonCode("booklet", text)
    return None


def _eighteen(text: str, rules: ScanRules) -> Code:
    """Resident id or child code. A birth date in one place, a year in another: no number has both (identifiers.py)."""
    found = read_resident_id(text, rules.today)
    if isinstance(found, ResidentId):
        return PersonCode("resident_id", text, found.birth_on, found.sex)
    if is_child_code(text, rules.today):
        return PersonCode("child_code", text)
    return _refuse("person", text, found if text[17] == "X" else block("scan.id_or_child_code"), found)


def _link(text: str, rules: ScanRules) -> Code | None:
    """A Digital Link; another web address is unknown, not wrong."""
    if not re.search(r"/01/[0-9]", text):
        return None
    return _package(read_link(text), text, rules, "not_needed")


def _gs1(text: str, rules: ScanRules) -> Code | None:
    if GS not in text and not _LOOKS_GS1.match(text):
        return None
    return _package(read_elements(text), text, rules, _separators(text, rules))


def _package(
    elements: tuple[Element, ...] | Problem, text: str, rules: ScanRules, separators: Separators
) -> Package | Refused:
    if isinstance(elements, Problem):
        return _refuse("package", text, elements)
    return package_of(elements, text, rules.today, separators)


def _separators(data: str, rules: ScanRules) -> Separators:
    """A GS between two elements shows that GS arrives; one at the ends proves nothing."""
    if GS in data.strip(GS):
        return "seen"
    return "proven" if rules.gs_proven else "unproven"


def _numbers(text: str, rules: ScanRules) -> Code | None:
    """Kinds known by shape and check digit. A bare number that begins as an element string may be half of one."""
    if is_birth_certificate(text):
        return PersonCode("birth_certificate", text.upper())
    if is_drug_standard_code(text):
        return _refuse("drug_code", text, block("scan.drug_code"))
    if re.fullmatch(r"(?!00|01)[0-9]{13,14}", text) and is_gtin14(text.zfill(14)):
        return package_of((Element("01", text.zfill(14)),), text, rules.today, "not_needed")
    return None


def _refuse(kind: RefusedKind, text: str, *problems: Problem) -> Refused:
    return Refused(kind, text, problems)
