"""Who may do what: permissions are checked in the use case, grades are named sets of them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise

from domain.problems import Problem, block


class Permission(StrEnum):
    """One right. Void, correct and move of a dose are one right: own and of today, or any."""

    CHILD_VIEW = "child.view"
    CHILD_REGISTER = "child.register"
    CHILD_EDIT = "child.edit"
    CHILD_LOOKUP = "child.lookup"  # ask the region for a record kept elsewhere
    CHILD_MERGE = "child.merge"  # and take apart again
    VISIT = "visit"
    DOSE_RECORD = "dose.record"
    DOSE_OVERRIDE = "dose.override"
    DOSE_VOID_OWN_TODAY = "dose.void_own_today"
    DOSE_VOID_ANY = "dose.void_any"
    DOSE_DISPUTE = "dose.dispute"  # doubt another clinic's, ask it for a correction
    CORRECTION_ANSWER = "correction.answer"
    MATTER_SETTLE = "matter.settle"
    PROGRAMME_APPROVE = "programme.approve"
    STOCK_RECEIVE = "stock.receive"
    STOCK_ADJUST = "stock.adjust"  # count and waste
    STOCK_RECALL = "stock.recall"
    PRINT = "print"
    EXPORT = "export"
    STAFF_MANAGE = "staff.manage"
    SYSTEM = "system"  # settings, backup and restore, enrolment, keys
    AUDIT_READ = "audit.read"


_GENERAL = frozenset(
    {
        Permission.CHILD_VIEW,
        Permission.CHILD_REGISTER,
        Permission.CHILD_EDIT,
        Permission.CHILD_LOOKUP,
        Permission.VISIT,
        Permission.DOSE_RECORD,
        Permission.DOSE_VOID_OWN_TODAY,
        Permission.DOSE_DISPUTE,
        Permission.STOCK_RECEIVE,
        Permission.PRINT,
    }
)
_ADVANCED = _GENERAL | {
    Permission.DOSE_OVERRIDE,
    Permission.DOSE_VOID_ANY,
    Permission.CHILD_MERGE,
    Permission.CORRECTION_ANSWER,
    Permission.MATTER_SETTLE,
    Permission.STOCK_ADJUST,
    Permission.STOCK_RECALL,
    Permission.EXPORT,
    Permission.PROGRAMME_APPROVE,
}
GRADES: dict[str, frozenset[Permission]] = {
    "general": _GENERAL,
    "advanced": _ADVANCED,
    "super": _ADVANCED | {Permission.STAFF_MANAGE, Permission.SYSTEM},
    "auditor": frozenset({Permission.AUDIT_READ}),
}
APART = frozenset({Permission.SYSTEM, Permission.AUDIT_READ})  # never in one hand: who acts is not who checks


def permissions(grades: Iterable[str]) -> frozenset[Permission]:
    """All rights of these grades; an unknown grade (a newer region's) gives none."""
    return frozenset().union(*(GRADES.get(grade, frozenset()) for grade in grades))


def allowed(grades: Iterable[str], permission: Permission) -> bool:
    return permission in permissions(grades)


def require(grades: Iterable[str], permission: Permission) -> list[Problem]:
    """Empty, or the block `denied.<permission>` whose text says who can do it."""
    return [] if allowed(grades, permission) else [block(f"denied.{permission}")]


def check_grades(grades: Iterable[str]) -> list[Problem]:
    """What is wrong with a person's grades: none, an unknown one, or system and audit together."""
    grades = list(grades)
    problems = [block("staff.unknown_grade", "grades", grade=grade) for grade in grades if grade not in GRADES]
    if not grades:
        problems.append(block("staff.no_grade", "grades"))
    if permissions(grades) >= APART:
        problems.append(block("staff.system_and_audit", "grades"))
    return problems


def check_pin(pin: str, code: str, birth_on: str = "") -> list[Problem]:
    """What is wrong with a new PIN: six to twelve digits that are not the first guess.

    `code` is the staff code, `birth_on` the person's ISO date of birth if known.
    """
    if not (pin.isascii() and pin.isdigit() and 6 <= len(pin) <= 12):
        return [block("pin.shape", "pin")]
    if _is_pattern(pin):
        return [block("pin.pattern", "pin")]
    birth = birth_on.replace("-", "")
    digits = "".join(filter(str.isdigit, code))
    if (len(digits) >= 4 and digits in pin) or (birth and (birth[2:] in pin or pin in birth)):
        return [block("pin.own_number", "pin")]
    return []


def _is_pattern(pin: str) -> bool:
    """A short piece over and over (000000, 121212, 123123), or digits in order up or down (123456, 210987)."""
    repeated = any(pin == (pin[:size] * len(pin))[: len(pin)] for size in (1, 2, 3))
    steps = {(int(right) - int(left)) % 10 for left, right in pairwise(pin)}
    return repeated or steps in ({1}, {9})
