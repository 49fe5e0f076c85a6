"""What a scanned code can be."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal

import msgspec

from domain.errors import ConfigError
from domain.problems import Problem

PersonKind = Literal["resident_id", "child_code", "booklet", "birth_certificate"]
RefusedKind = Literal["package", "trace_code", "drug_code", "person", "own_code", "scan"]


class Package(msgspec.Struct, frozen=True):
    """A vaccine package by GS1: `gtin` has 14 digits and a right check digit, `expiry` is the last day of use.

    `lot` and `serial` are "" and `expiry` None when the code does not carry them; `problems` notes or warns.
    """

    gtin: str
    lot: str = ""
    expiry: date | None = None
    serial: str = ""
    problems: tuple[Problem, ...] = ()


class TracePackage(msgspec.Struct, frozen=True):
    """A Chinese drug trace code: the `code` of 20 digits names one package, its first 7, `product`, the product."""

    code: str
    product: str


class PersonCode(msgspec.Struct, frozen=True):
    """A person's number. `birth_on` and `sex` (GB/T 2261.1) are known of a resident id only."""

    kind: PersonKind
    value: str
    birth_on: date | None = None
    sex: str = ""


class StaffBadge(msgspec.Struct, frozen=True):
    """A staff member's badge: says who stands there, proves nothing; the PIN is still asked."""

    code: str


class OwnReceipt(msgspec.Struct, frozen=True):
    """A receipt this or another terminal printed: its `number` and the ten digits of the `clinic`."""

    number: str
    clinic: str


class Refused(msgspec.Struct, frozen=True):
    """What the code looks like (`kind`) and why it may not be used (`problems`, at least one)."""

    kind: RefusedKind
    text: str
    problems: tuple[Problem, ...]


class Unknown(msgspec.Struct, frozen=True):
    """None of the known kinds: kept as scanned and shown."""

    text: str
    symbology: str = ""


Code = Package | TracePackage | PersonCode | StaffBadge | OwnReceipt | Refused | Unknown


class ScanRules(msgspec.Struct, frozen=True):
    """What the clinic and the device say about codes.

    `today` anchors the century of two-digit years and bounds birth dates. `booklet_pattern` is a regular expression
    over the whole code, "" for none, trusted not to backtrack without end. `gs_substitute` is what the device
    sends instead of GS, `gs_proven` says that a test sheet has shown GS to arrive, `aim_ids` that the device always
    names the symbol first (a scan without it has lost its start). `trace_prefixes` are the first digits of trace codes
    (8: the largest platform; others are not verified). Raises ConfigError for a pattern that is none.
    """

    today: date
    booklet_pattern: str = ""
    gs_substitute: str = ""
    gs_proven: bool = False
    aim_ids: bool = False
    trace_prefixes: tuple[str, ...] = ("8",)

    def __post_init__(self) -> None:
        try:
            re.compile(self.booklet_pattern)
        except (re.error, OverflowError, RecursionError) as fault:
            raise ConfigError("config.bad_booklet_pattern", pattern=self.booklet_pattern, detail=str(fault)) from fault
