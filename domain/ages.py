"""Age by the calendar, not by counting days.

A month is over on the same day of a later month, or on that month's last day where it has no such day: a child of
31 January is one month old on 28 February, one of 29 February is one year old on 28 February.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date


def add_months(day: date, months: int) -> date:
    """The day `months` later (earlier when negative), never past the end of its month."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month0 + 1, min(day.day, monthrange(year, month0 + 1)[1]))


def age_text_parts(birth_on: date, on: date) -> tuple[int, int, int]:
    """Completed (years, months, days). A day before birth is our mistake: ValueError."""
    if on < birth_on:
        raise ValueError("an age before birth")
    months = (on.year - birth_on.year) * 12 + on.month - birth_on.month
    if add_months(birth_on, months) > on:
        months -= 1
    return months // 12, months % 12, (on - add_months(birth_on, months)).days


def age_code(birth_on: date, on: date) -> tuple[str, dict[str, int]]:
    """The text of an age as (code, params): days below a month, months and days below a year, then years and months.

    One code for each singular and plural of English: ("age.months_day", {"months": 6, "days": 1}).
    """
    years, months, days = age_text_parts(birth_on, on)
    if years:
        parts = {"years": years, "months": months}
    else:
        parts = {"months": months, "days": days}
    shown = {unit: count for unit, count in parts.items() if count} or {"days": 0}
    return "age." + "_".join(unit.removesuffix("s") if n == 1 else unit for unit, n in shown.items()), shown
