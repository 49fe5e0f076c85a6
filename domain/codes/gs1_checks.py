"""What a component of a GS1 element string must obey, by the rule names of the GS1 Barcode Syntax Dictionary.

Most rules are data: gs1_checks.toml. Here is only what needs arithmetic.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path

from domain.identifiers import gs1_check_digit

CSET82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
CHECK_PAIR = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83)


def obeys(rule: str, value: str) -> bool:
    """Whether `value` obeys the named rule ("csum", "yymmd0", ...). An unknown rule is our mistake: KeyError."""
    return _rules()[rule](value)


def _digits(value: str) -> bool:
    return value.isascii() and value.isdigit()


def _csum(value: str) -> bool:
    return _digits(value) and gs1_check_digit(value[:-1]) == value[-1]


def _csumalpha(value: str) -> bool:
    """Check character pair of a GMN or MUDI (General Specifications 7.9.5)."""
    body = value[:-2]
    if len(value) < 2 or len(body) > len(PRIMES) or not obeys("cset82", value):
        return False
    total = sum(CSET82.index(char) * prime for char, prime in zip(reversed(body), PRIMES, strict=False)) % 1021
    return value[-2:] == CHECK_PAIR[total >> 5] + CHECK_PAIR[total & 31]


def _iban(value: str) -> bool:
    """ISO 13616: country, two check digits, account; the whole moved by four is 1 modulo 97."""
    if not re.fullmatch(r"[A-Z]{2}\d{2}[0-9A-Z]{6,30}", value, re.ASCII) or not obeys("iso3166alpha2", value[:2]):
        return False
    return int("".join(str(int(char, 36)) for char in value[4:] + value[:4])) % 97 == 1


def _of_total(piece: str, total: str) -> bool:
    return 0 < int(piece) <= int(total)


def _pieceoftotal(value: str) -> bool:
    """Half the digits count the piece, half the pieces there are."""
    half = len(value) // 2
    return bool(value) and len(value) % 2 == 0 and _digits(value) and _of_total(value[:half], value[half:])


def _posinseqslash(value: str) -> bool:
    """Place in the order of birth: 1/2."""
    found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", value, re.ASCII)
    return found is not None and _of_total(found[1], found[2])


def _yyyymmdd(value: str) -> bool:
    if len(value) != 8 or not _digits(value):
        return False
    try:
        return bool(date(int(value[:4]), int(value[4:6]), int(value[6:])))
    except ValueError:
        return False


def _coupon(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        found = pattern.fullmatch(value)
        return found is not None and not (found["end"] and found["start"] and found["end"] < found["start"])

    return check


@cache
def _rules() -> dict[str, Callable[[str], bool]]:
    with Path(__file__).with_name("gs1_checks.toml").open("rb") as file:
        data = tomllib.load(file)
    parts: dict[str, str] = {}
    for name, text in data["parts"].items():
        parts[name] = _fill(text, parts)
    patterns = {name: re.compile(_fill(text, parts), re.ASCII | re.DOTALL) for name, text in data["patterns"].items()}
    rules: dict[str, Callable[[str], bool]] = {name: _matches(pattern) for name, pattern in patterns.items()}
    rules |= {name: frozenset(text.split()).__contains__ for name, text in data["lists"].items()}
    with_unlisted = frozenset([*data["lists"]["iso3166"].split(), "999"])
    return rules | {
        "csum": _csum,
        "csumalpha": _csumalpha,
        "iban": _iban,
        "iso3166999": with_unlisted.__contains__,
        "pieceoftotal": _pieceoftotal,
        "posinseqslash": _posinseqslash,
        "yyyymmdd": _yyyymmdd,
        "couponcode": _coupon(patterns["couponcode"]),
    }


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: pattern.fullmatch(value) is not None


def _fill(text: str, parts: dict[str, str]) -> str:
    for name, part in parts.items():
        text = text.replace("{" + name + "}", part)
    return text
