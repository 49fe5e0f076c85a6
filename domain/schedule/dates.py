"""Ages and intervals added to dates (CALCDT-1 to CALCDT-6)."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Literal

import msgspec

Unreal = Literal["next_month", "month_end"]
"""What becomes of a date that does not exist, such as 31 September: the first of the next month (CALCDT-5) or the
last day of its own."""

SPAN_PATTERN = r"^\d+ (day|week|month|year)s?( [+-] \d+ (day|week|month|year)s?)*$"
Span = Annotated[str, msgspec.Meta(pattern=SPAN_PATTERN)]
"""An age or interval in words: "6 weeks - 4 days"."""

_TERM = re.compile(r"([+-]?) ?(\d+) (day|week|month|year)s?")
_IN_MONTHS = {"month": 1, "year": 12}
_IN_DAYS = {"day": 1, "week": 7}


@lru_cache(maxsize=1024)
def parse_span(span: str) -> tuple[int, int]:
    """A span as (months, days), either of which may be negative. A malformed span is our mistake: ValueError."""
    if not re.match(SPAN_PATTERN, span):
        raise ValueError(f"not a span: {span}")
    months = days = 0
    for sign, count, unit in _TERM.findall(span):
        amount = -int(count) if sign == "-" else int(count)
        months += amount * _IN_MONTHS.get(unit, 0)
        days += amount * _IN_DAYS.get(unit, 0)
    return months, days


@lru_cache(maxsize=65536)
def shift(day: date, span: str, unreal: Unreal) -> date:
    """The date `span` after `day`: years and months first, then an unreal date made real, then weeks and days."""
    months, days = parse_span(span)
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    length = monthrange(year, month0 + 1)[1]
    if day.day <= length:
        moved = date(year, month0 + 1, day.day)
    else:
        moved = date(year, month0 + 1, length)
        if unreal == "next_month":
            moved += timedelta(days=1)
    return moved + timedelta(days=days)


def latest(*days: date | None) -> date | None:
    """The latest of the dates there are; None when there is none."""
    return max((day for day in days if day is not None), default=None)


def earliest(*days: date | None) -> date | None:
    """The earliest of the dates there are; None when there is none."""
    return min((day for day in days if day is not None), default=None)


def within(day: date, begin: date | None, end: date | None) -> bool:
    """begin <= day < end, an absent bound being open."""
    return (begin is None or begin <= day) and (end is None or day < end)
