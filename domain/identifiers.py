"""Numbers of people, clinics and drugs: their shape, their check digit and what they say."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal

from domain.problems import Problem, block, override, warn

Sex = Literal["1", "2"]  # GB/T 2261.1: 1 male, 2 female
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_PROVINCES = frozenset(
    f"{area}{place}"
    for area, places in enumerate(("", "12345", "123", "1234567", "123456", "01234", "12345", "1", "123"))
    for place in places
)
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


@dataclass(frozen=True)
class ResidentId:
    """A resident identity number that holds: `area` six digits (GB/T 2260), `sex` by GB/T 2261.1."""

    value: str
    area: str
    birth_on: date
    sex: Sex


def half_width(text: str) -> str:
    """Full-width letters, digits and marks of an input method as the ASCII they mean, outer blanks gone."""
    return text.translate(_FULL_WIDTH).strip(" \t\r\n")


def tidy_number(text: str) -> str:
    """A person's number as it is kept and looked for: half width, capital letters."""
    return half_width(text).upper()


def resident_check(first17: str) -> str:
    """The check character of GB 11643-1999 (ISO 7064, MOD 11-2)."""
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(first17, _WEIGHTS, strict=True)) % 11]


def read_resident_id(text: str, today: date) -> ResidentId | Problem:
    """Read an 18-character resident identity number (GB 11643-1999), or say what is wrong with it.

    The area's province must exist (81-83 are residence permits of Hong Kong, Macao and Taiwan; 9 and the province is a
    foreigner's permanent residence card); the county is not judged here, see check_resident_id.
    """
    value = half_width(text).upper()
    if not re.fullmatch(r"[0-9]{17}[0-9X]", value):
        return block("resident_id.shape", "resident_id")
    province = value[1:3] if value[0] == "9" else value[:2]
    if province not in _PROVINCES:
        return block("resident_id.province", "resident_id", province=province)
    birth_on = calendar_day(value[6:14])
    if birth_on is None or not date(1850, 1, 1) <= birth_on <= today:
        return block("resident_id.birth_date", "resident_id", digits=value[6:14])
    if value[17] != resident_check(value[:17]):
        return block("resident_id.check_digit", "resident_id")
    return ResidentId(value, value[:6], birth_on, "1" if int(value[16]) % 2 else "2")


def check_resident_id(
    text: str, birth_on: date | None, sex: str, known_areas: Collection[str], today: date | None = None
) -> list[Problem]:
    """Everything wrong with a number beside what was entered. `sex` "1", "2" or "" when not known.

    A number that does not hold blocks. Another birth date or sex than entered needs a reason: one of the two is wrong,
    or the number is another person's. An area not in `known_areas` only warns: counties are abolished, numbers are not.
    `today` bounds the birth date; without it any date up to the end of the calendar is taken.
    """
    number = read_resident_id(text, today or date.max)
    if isinstance(number, Problem):
        return [number]
    problems = []
    if birth_on is not None and birth_on != number.birth_on:
        says = number.birth_on.isoformat()
        problems.append(
            override("resident_id.other_birth_date", "resident_id", says=says, entered=birth_on.isoformat())
        )
    if sex in ("1", "2") and sex != number.sex:
        problems.append(override("resident_id.other_sex", "resident_id"))
    if number.area not in known_areas and number.area[0] not in "89":
        problems.append(warn("resident_id.unknown_area", "resident_id", area=number.area))
    return problems


def calendar_day(yyyymmdd: str) -> date | None:
    """The day eight digits name, None if there is no such day."""
    try:
        return date(int(yyyymmdd[:4]), int(yyyymmdd[4:6]), int(yyyymmdd[6:8]))
    except ValueError:
        return None


def is_child_code(text: str, today: date) -> bool:
    """A child code: clinic 10 digits, then the year and a serial of 4 digits each, not 0000.

    The four digits after the clinic are a year up to the next one, or a series from 9000 as one provincial system
    writes them. A resident number has month and day there, so no text is both. There is no check digit.
    """
    if not re.fullmatch(r"[0-9]{18}", text) or text[:2] not in _PROVINCES or text[14:] == "0000":
        return False
    return 1949 <= int(text[10:14]) <= today.year + 1 or text[10] == "9"


def is_birth_certificate(text: str) -> bool:
    """A birth certificate number: a letter and nine digits; no public check digit."""
    return re.fullmatch(r"[A-Za-z][0-9]{9}", text) is not None


def is_clinic_code(text: str) -> bool:
    """A clinic's code: county 6, township 2, unit 2 digits, the province existing."""
    return re.fullmatch(r"[0-9]{10}", text) is not None and text[:2] in _PROVINCES


def is_gtin14(text: str) -> bool:
    """A GTIN written with 14 digits and its check digit (GS1 General Specifications 7.9)."""
    return re.fullmatch(r"[0-9]{14}", text) is not None and gs1_check_digit(text[:-1]) == text[-1]


def gs1_check_digit(digits: str) -> str:
    """The check digit that follows `digits`: weights 3, 1 from the right (GS1 General Specifications 7.9.1)."""
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def is_drug_standard_code(text: str) -> bool:
    """A Chinese drug standard code (本位码): 869, eleven digits, check digit as a GTIN's. It names a product only."""
    return text.startswith("869") and is_gtin14(text)
