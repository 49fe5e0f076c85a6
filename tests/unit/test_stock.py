"""Which vial the next dose comes from, and whether it may still be used."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.stock import Contents, Use, check_vial, next_vial

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
BCG = Contents(5, 2, 0.5)
ONE = Contents(1, 1, None)


def use(vial: int, dose: str, minutes: float = 0, doses: int = 1) -> Use:
    return Use(vial, doses, NINE + timedelta(minutes=minutes), dose)


def codes(uses: list[Use], contents: Contents, after_min: float, fresh: bool = False) -> list[str]:
    vial = next_vial(uses, contents, fresh)
    return [p.code for p in check_vial(vial, contents, NINE + timedelta(minutes=after_min))]


def test_a_new_package_begins_with_its_first_vial() -> None:
    vial = next_vial([], BCG)
    assert (vial.number, vial.opened_at, vial.left_in_vial, vial.left_in_package) == (1, None, 5, 10)
    assert next_vial([], BCG, fresh=True).number == 1, "nothing is open yet"


def test_the_next_vial_when_one_is_empty_or_given_up() -> None:
    full = [use(1, f"d{n}") for n in range(5)]
    assert next_vial(full, BCG).number == 2
    fresh = next_vial(full[:2], BCG, fresh=True)
    assert (fresh.number, fresh.opened_at, fresh.left_in_package) == (2, None, 5), "three doses were thrown away"
    after = next_vial([*full[:2], use(2, "x")], BCG)
    assert (after.number, after.left_in_vial, after.left_in_package) == (2, 4, 4)


def test_a_use_given_back_is_as_if_never() -> None:
    uses = [use(1, "a", 0), use(1, "b", 20), use(1, "a", 25, -1)]
    vial = next_vial(uses, BCG)
    assert (vial.number, vial.opened_at, vial.left_in_vial) == (1, NINE + timedelta(minutes=20), 4)
    assert next_vial([use(1, "a"), use(1, "a", doses=-1)], ONE).opened_at is None


def test_a_use_given_back_by_a_clock_set_back() -> None:
    """Order is the order of recording; the void's clock reads an hour earlier than the dose's."""
    vial = next_vial([use(1, "a", 60), use(1, "a", 0, -1)], ONE)
    assert (vial.number, vial.left_in_package) == (1, 1)


@pytest.mark.parametrize(("minutes", "found"), [(30, []), (30.1, ["vial.open_too_long"]), (-5, [])])
def test_open_too_long(minutes: float, found: list[str]) -> None:
    assert codes([use(1, "a")], BCG, minutes) == found
    assert codes([use(1, "a")], BCG, minutes, fresh=True) == []


@pytest.mark.parametrize(("hours", "found"), [(14.9, []), (15.1, ["vial.opened_another_day"])])
def test_without_a_limit_a_vial_ends_with_the_clinics_day(hours: float, found: list[str]) -> None:
    assert codes([use(1, "a")], Contents(20, 1, None), hours * 60) == found


def test_used_up() -> None:
    assert codes([use(1, "a")], ONE, 1) == ["package.used_up"]
    assert codes([use(1, "a"), use(2, "b")], BCG, 1, fresh=True) == ["package.used_up"]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40), st.integers(1, 5), st.integers(1, 4))
def test_never_more_doses_than_the_package_holds(acts: list[tuple[bool, bool]], per_vial: int, vials: int) -> None:
    """Doses drawn while nothing stops, some of them given back, some from a fresh vial."""
    contents, uses, standing, names = Contents(per_vial, vials, None), list[Use](), list[Use](), count()
    for back, fresh in acts:
        if back and standing:
            drawn = standing.pop(0)
            uses.append(Use(drawn.vial_no, -1, NINE, drawn.dose_id))
            continue
        vial = next_vial(uses, contents, fresh)
        if not check_vial(vial, contents, NINE):
            assert 1 <= vial.left_in_vial <= per_vial
            assert vial.number <= vials
            one = Use(vial.number, 1, NINE, f"d{next(names)}")
            uses.append(one)
            standing.append(one)
    assert len(standing) <= contents.doses
    assert all(sum(u.vial_no == n for u in standing) <= per_vial for n in range(1, vials + 1))
