from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.texts import say
from domain.ages import add_months, age_code, age_text_parts

DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))


@pytest.mark.parametrize(
    ("birth_on", "on", "parts"),
    [
        ("2026-01-15", "2026-01-15", (0, 0, 0)),
        ("2026-01-15", "2026-02-14", (0, 0, 30)),
        ("2026-01-15", "2026-02-15", (0, 1, 0)),
        ("2026-01-31", "2026-02-27", (0, 0, 27)),
        ("2026-01-31", "2026-02-28", (0, 1, 0)),  # the month has no 31st
        ("2024-01-31", "2024-02-28", (0, 0, 28)),
        ("2024-01-31", "2024-02-29", (0, 1, 0)),
        ("2026-01-31", "2026-03-01", (0, 1, 1)),
        ("2026-01-31", "2026-03-30", (0, 1, 30)),
        ("2026-01-31", "2026-03-31", (0, 2, 0)),
        ("2024-02-29", "2025-02-27", (0, 11, 29)),
        ("2024-02-29", "2025-02-28", (1, 0, 0)),
        ("2024-02-29", "2028-02-28", (3, 11, 30)),
        ("2024-02-29", "2028-02-29", (4, 0, 0)),
        ("2020-12-31", "2026-11-30", (5, 11, 0)),
        ("2020-12-31", "2026-12-30", (5, 11, 30)),
        ("2020-12-31", "2026-12-31", (6, 0, 0)),
    ],
)
def test_ages_at_the_edges_of_months(birth_on: str, on: str, parts: tuple[int, int, int]) -> None:
    assert age_text_parts(date.fromisoformat(birth_on), date.fromisoformat(on)) == parts


@given(DAYS, st.integers(0, 20000))
def test_an_age_never_goes_back_and_its_parts_lead_to_the_day(birth_on: date, days: int) -> None:
    on = birth_on + timedelta(days)
    years, months, rest = age_text_parts(birth_on, on)
    assert 0 <= months < 12 and 0 <= rest < 31
    assert add_months(birth_on, years * 12 + months) + timedelta(rest) == on
    assert age_text_parts(birth_on, on + timedelta(1)) > (years, months, rest)


@given(DAYS, st.integers(-500, 500))
def test_months_go_forth_and_back_to_the_same_month(day: date, months: int) -> None:
    there = add_months(day, months)
    assert (there.year * 12 + there.month) - (day.year * 12 + day.month) == months
    assert there.day == day.day or ((there + timedelta(1)).day == 1 and there.day < day.day)


def test_before_birth_there_is_no_age() -> None:
    with pytest.raises(ValueError):
        age_text_parts(date(2026, 1, 2), date(2026, 1, 1))


@pytest.mark.parametrize(
    ("birth_on", "on", "zh", "en"),
    [
        ("2026-01-15", "2026-01-15", "0天", "0 days"),
        ("2026-01-15", "2026-01-16", "1天", "1 day"),
        ("2026-01-15", "2026-02-15", "1月龄", "1 month"),
        ("2026-01-15", "2026-02-16", "1月龄1天", "1 month 1 day"),
        ("2026-01-15", "2026-07-18", "6月龄3天", "6 months 3 days"),
        ("2026-01-15", "2027-03-20", "1岁2月", "1 year 2 months"),
        ("2024-01-15", "2026-02-20", "2岁1月", "2 years 1 month"),
        ("2024-01-15", "2026-01-20", "2岁", "2 years"),
    ],
)
def test_an_age_in_words(birth_on: str, on: str, zh: str, en: str) -> None:
    code, params = age_code(date.fromisoformat(birth_on), date.fromisoformat(on))
    assert (say("zh_CN", code, **params), say("en", code, **params)) == (zh, en)


@given(DAYS, st.integers(0, 5000))
def test_every_age_has_its_words(birth_on: date, days: int) -> None:
    code, params = age_code(birth_on, birth_on + timedelta(days))
    assert say("zh_CN", code, **params) and say("en", code, **params)
