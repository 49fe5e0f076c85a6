"""Days on which an office answers: Monday to Friday. Public holidays are not known."""

from __future__ import annotations

from datetime import date, timedelta

_DAY = timedelta(days=1)


def after(day: date, count: int) -> date:
    """The working day that comes `count` working days after `day`."""
    while count:
        day += _DAY
        count -= day.weekday() < 5
    return day


def left(today: date, due: date) -> int:
    """Working days from today until `due`: 0 on the day itself, negative once it is over."""
    first, last = min(today, due), max(today, due)
    days = sum((first + _DAY * n).weekday() < 5 for n in range(1, (last - first).days + 1))
    return days if due >= today else -max(days, 1)
