"""Ages and intervals on the calendar (CALCDT-1 to CALCDT-6), at every boundary."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.schedule.dates import Unreal, parse_span, shift, within

DAYS = st.dates(date(1950, 1, 1), date(2090, 12, 31))


@pytest.mark.parametrize(
    ("day", "span", "expected"),
    [
        ("2000-01-01", "3 years", "2003-01-01"),  # CALCDT-1
        ("2000-01-01", "6 months", "2000-07-01"),  # CALCDT-2
        ("2000-11-01", "6 months", "2001-05-01"),
        ("2000-01-01", "3 days", "2000-01-04"),  # CALCDT-3
        ("2000-01-01", "3 weeks", "2000-01-22"),
        ("2000-02-01", "5 weeks", "2000-03-07"),
        ("2001-02-01", "5 weeks", "2001-03-08"),
        ("2000-01-15", "0 days - 4 days", "2000-01-11"),  # CALCDT-4
        ("2000-03-31", "6 months", "2000-10-01"),  # CALCDT-5
        ("2000-08-31", "6 months", "2001-03-01"),
        ("2000-01-31", "6 months - 4 days", "2000-07-27"),  # CALCDT-6
    ],
)
def test_the_examples_of_the_specification(day: str, span: str, expected: str) -> None:
    assert shift(date.fromisoformat(day), span, "next_month") == date.fromisoformat(expected)


@pytest.mark.parametrize(
    ("day", "span", "next_month", "month_end"),
    [
        ("2023-01-28", "1 month", "2023-02-28", "2023-02-28"),
        ("2023-01-29", "1 month", "2023-03-01", "2023-02-28"),
        ("2024-01-29", "1 month", "2024-02-29", "2024-02-29"),
        ("2024-01-30", "1 month", "2024-03-01", "2024-02-29"),
        ("2023-03-31", "1 month", "2023-05-01", "2023-04-30"),
        ("2023-11-30", "3 months", "2024-03-01", "2024-02-29"),
        ("2024-02-29", "1 year", "2025-03-01", "2025-02-28"),
        ("2024-02-29", "4 years", "2028-02-29", "2028-02-29"),
        ("2024-12-31", "2 months", "2025-03-01", "2025-02-28"),
        ("2023-08-31", "6 months - 4 days", "2024-02-26", "2024-02-25"),
        ("2023-08-31", "6 months + 4 weeks", "2024-03-29", "2024-03-28"),
        ("2023-12-15", "1 month", "2024-01-15", "2024-01-15"),
    ],
)
def test_a_date_that_does_not_exist_is_the_programmes_to_settle(
    day: str, span: str, next_month: str, month_end: str
) -> None:
    policies: tuple[tuple[Unreal, str], ...] = (("next_month", next_month), ("month_end", month_end))
    for policy, expected in policies:
        assert shift(date.fromisoformat(day), span, policy) == date.fromisoformat(expected)


@given(DAYS, st.integers(0, 240), st.sampled_from(["next_month", "month_end"]))
def test_months_keep_the_day_or_settle_at_the_months_turn(day: date, months: int, policy: Unreal) -> None:
    moved = shift(day, f"{months} months", policy)
    turned = moved.day == 1 if policy == "next_month" else (moved + timedelta(days=1)).day == 1
    assert moved.day == day.day or (day.day > 28 and turned)


@given(DAYS, DAYS, st.sampled_from(["6 weeks - 4 days", "12 months", "5 months + 4 weeks"]))
def test_a_later_day_never_reaches_an_age_earlier(one: date, other: date, span: str) -> None:
    first, second = sorted((one, other))
    assert shift(first, span, "next_month") <= shift(second, span, "next_month")


@pytest.mark.parametrize("text", ["", "6", "weeks", "-4 days", "6 weeks -4 days", "6 fortnights", "6 weeks 4 days"])
def test_a_malformed_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a span"):
        parse_span(text)


def test_a_span_has_a_begin_that_counts_and_an_end_that_does_not() -> None:
    begin, end = date(2024, 1, 1), date(2024, 2, 1)
    assert [within(day, begin, end) for day in (begin - timedelta(1), begin, end - timedelta(1), end)] == [
        False,
        True,
        True,
        False,
    ]
    assert within(begin, None, None)
