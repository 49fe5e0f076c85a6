"""Days of an office, over weekends, both ways."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import workdays

SUNDAY, MONDAY, FRIDAY = date(2026, 11, 22), date(2026, 11, 23), date(2026, 11, 27)


@pytest.mark.parametrize(
    ("day", "count", "due"),
    [
        (MONDAY, 0, MONDAY),
        (MONDAY, 4, FRIDAY),
        (MONDAY, 10, date(2026, 12, 7)),
        (FRIDAY, 1, date(2026, 11, 30)),
        (SUNDAY, 1, MONDAY),
    ],
)
def test_weekends_do_not_count(day: date, count: int, due: date) -> None:
    assert workdays.after(day, count) == due


@pytest.mark.parametrize(
    ("today", "due", "left"),
    [
        (FRIDAY, FRIDAY, 0),
        (FRIDAY, date(2026, 11, 30), 1),
        (MONDAY, FRIDAY, 4),
        (date(2026, 11, 30), FRIDAY, -1),
        (date(2026, 11, 28), FRIDAY, -1),  # over is over, on a Saturday too
    ],
)
def test_what_is_left_falls_to_nothing_and_below(today: date, due: date, left: int) -> None:
    assert workdays.left(today, due) == left


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.integers(0, 60))
def test_what_was_given_is_what_is_left(day: date, count: int) -> None:
    due = workdays.after(day, count)
    assert workdays.left(day, due) == count
    assert workdays.left(due + timedelta(days=1), due) < 0
