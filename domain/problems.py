"""What is wrong with what a person did: returned, never raised."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec


class Severity(StrEnum):
    """How far a problem stops the work."""

    BLOCK = "block"  # cannot go on
    OVERRIDE = "override"  # goes on with a named person's reason
    WARN = "warn"  # goes on; shown
    NOTE = "note"  # what could not be checked


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One finding: `code` names its text in config/locale, `params` fill the text.

    `field` names the entry it belongs to, "" for the whole form.
    """

    code: str
    severity: Severity = Severity.BLOCK
    field: str = ""
    params: dict[str, Any] = {}


def block(code: str, field: str = "", **params: Any) -> Problem:
    return Problem(code, Severity.BLOCK, field, params)


def override(code: str, field: str = "", **params: Any) -> Problem:
    return Problem(code, Severity.OVERRIDE, field, params)


def warn(code: str, field: str = "", **params: Any) -> Problem:
    return Problem(code, Severity.WARN, field, params)


def note(code: str, field: str = "", **params: Any) -> Problem:
    return Problem(code, Severity.NOTE, field, params)


def stops(problems: Iterable[Problem], reasons: Iterable[str] = ()) -> list[Problem]:
    """The problems that still stop: every block, and each override without a reason under its code."""
    given = set(reasons)
    return [
        p for p in problems if p.severity is Severity.BLOCK or (p.severity is Severity.OVERRIDE and p.code not in given)
    ]
