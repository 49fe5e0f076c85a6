"""Hybrid logical clock (Kulkarni et al., 2014): order for demographics, never for medical facts."""

from __future__ import annotations

import re

_LAST = f"{253402300799999 << 16:016x}"  # the end of the year 9999: counting on from there never overflows


def tick(last: str, unix_ms: int) -> str:
    """The next clock value after `last` ("" at first): 12 hex digits of milliseconds, 4 of counter.

    Values of one terminal rise strictly even when the PC's clock goes back. Text order is time order.
    """
    wall = unix_ms << 16
    return f"{max(wall, int(last, 16) + 1 if last else 0):016x}"


def merge(last: str, seen: str) -> str:
    """The clock after a value of another terminal was seen; what is no clock value is passed over."""
    return max(last, seen) if re.fullmatch("[0-9a-f]{16}", seen) and seen <= _LAST else last
