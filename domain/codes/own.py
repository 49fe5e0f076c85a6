"""Our own codes: staff badges and receipts.

    VXS:1:<code>:<check>             a staff badge
    VXR:1:<number>:<clinic>:<check>  a receipt: its number, the clinic's ten digits

The second field is the version. Fields hold 0-9 A-Z and -, so that a QR code needs only its alphanumeric mode. The
check character is ISO 7064 MOD 37,36 over the letters and digits before it: it finds every single wrong character and
nearly every swap of neighbours. Nothing in them is secret and nothing names a person.
"""

from __future__ import annotations

import re

from domain.codes.kinds import OwnReceipt, Refused, StaffBadge
from domain.problems import block

_FIELD = re.compile(r"[0-9A-Z-]{1,32}")
_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def badge_text(code: str) -> str:
    """The text of a staff badge. `code` 1-32 of 0-9 A-Z -, else ValueError."""
    return _text("VXS", code)


def receipt_text(number: str, clinic: str) -> str:
    """The text of a receipt's QR code. Fields 1-32 of 0-9 A-Z -, else ValueError."""
    return _text("VXR", number, clinic)


def read_own(text: str) -> StaffBadge | OwnReceipt | Refused | None:
    """Read one of our codes in either case of letters; None if it is none, Refused if it is damaged or too new."""
    body, _, check = text.upper().rpartition(":")
    kind, *fields = body.split(":")
    if not text.isascii() or not re.match(r"VX[A-Z]:", text.upper()):
        return None
    if fields and fields[0].isdecimal() and fields[0] != "1":
        return Refused("own_code", text, (block("scan.own_code_version", version=fields[0][:8]),))
    sound = all(_FIELD.fullmatch(field) for field in fields) and check == check_character(body)
    match (kind, fields) if sound else ("", fields):
        case "VXS", ["1", code]:
            return StaffBadge(code)
        case "VXR", ["1", number, clinic]:
            return OwnReceipt(number, clinic)
    return Refused("own_code", text, (block("scan.own_code_damaged"),))


def check_character(text: str) -> str:
    """ISO 7064 MOD 37,36 over the letters and digits of `text`, all else left out."""
    rest = 36
    for char in text:
        if char in _CHARACTERS:
            rest = (rest + _CHARACTERS.index(char)) % 36 or 36
            rest = rest * 2 % 37
    return _CHARACTERS[(37 - rest) % 36]


def _text(kind: str, *fields: str) -> str:
    for field in fields:
        if not _FIELD.fullmatch(field):
            raise ValueError(f"not for a code: {field!r}")
    body = ":".join((kind, "1", *fields))
    return f"{body}:{check_character(body)}"
