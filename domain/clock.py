"""Hybrid logical clock (Kulkarni et al., 2014): order for demographics, never for medical facts."""

from __future__ import annotations


def tick(last: str, unix_ms: int) -> str:
    """The next clock value after `last` ("" at first): 12 hex digits of milliseconds, 4 of counter.

    Values of one terminal rise strictly even when the PC's clock goes back. Text order is time order.
    """
    wall = unix_ms << 16
    return f"{max(wall, int(last, 16) + 1 if last else 0):016x}"


def merge(last: str, seen: str) -> str:
    """The clock after a value of another terminal was seen."""
    return max(last, seen)
