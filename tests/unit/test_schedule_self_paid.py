"""The self-paid vaccines: courses, ages at start, seasons, and live vaccines beside the national programme."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import msgspec
import pytest

from config import programmes
from domain.schedule.case import Case, CaseResult, Given, GroupForecast, Observation
from domain.schedule.engine import evaluate_case
from domain.schedule.plan import joined
from domain.schedule.programme import Programme

DAY_0 = date(2026, 10, 1)
Seen = tuple[Observation, ...]


@cache
def self_paid() -> Programme:
    return programmes.load(programmes.DIRECTORY / "cn-self-paid")


@cache
def whole() -> Programme:
    return joined(programmes.load(programmes.DIRECTORY / "cn-nip-2026"), self_paid())


def run(birth: str, on: str, *history: str, seen: Seen = (), programme: Programme | None = None) -> CaseResult:
    """A girl with doses written as vaccine@date, on a day."""
    doses = tuple(Given(date.fromisoformat(d), vaccine=v) for v, d in (entry.split("@") for entry in history))
    case = Case("x", date.fromisoformat(birth), "F", date.fromisoformat(on), seen, doses)
    return evaluate_case(programme or self_paid(), case)


def group(name: str, result: CaseResult) -> GroupForecast:
    return next(g for g in result.groups if g.vaccine_group == name)


def rabies(*days: int, on: int | None = None, seen: Seen = ()) -> tuple[list[str], GroupForecast]:
    """Statuses and forecast of doses given on these days of a course."""
    today = DAY_0 + timedelta(days[-1] if on is None else on)
    history = (f"Rabies@{DAY_0 + timedelta(day)}" for day in days)
    result = run("2020-01-01", str(today), *history, seen=seen)
    return [v.status for v in result.doses if v.vaccine_group == "Rabies"], group("Rabies", result)


@pytest.mark.parametrize(
    ("days", "number", "doses", "next_day"),
    [
        ((0,), 2, 5, 3),
        ((0, 3), 3, 5, 7),
        ((0, 3, 7), 4, 5, 14),
        ((0, 3, 7, 14), 5, 5, 28),
        ((0, 0), 3, 4, 7),
        ((0, 0, 7), 4, 4, 21),
        ((0, 5), 3, 5, 9),  # late: the doses after it keep their spacing
        ((0, 7), 3, 5, 11),
        ((0, 7, 14), 4, 5, 21),
        ((0, 0, 10), 4, 4, 24),
    ],
)
def test_a_rabies_course_goes_on_from_where_it_is(
    days: tuple[int, ...], number: int, doses: int, next_day: int
) -> None:
    statuses, forecast = rabies(*days)
    assert statuses == ["Valid"] * len(days)
    assert (forecast.forecast_dose, forecast.doses) == (number, doses)
    assert forecast.recommended_on == forecast.past_due_on == DAY_0 + timedelta(next_day)


@pytest.mark.parametrize("days", [(0, 3, 7, 14, 28), (0, 0, 7, 21), (0, 5, 9, 16, 30), (0, 3, 7, 30, 44)])
def test_a_rabies_course_ends(days: tuple[int, ...]) -> None:
    statuses, forecast = rabies(*days)
    assert (set(statuses), forecast.series_status) == ({"Valid"}, "Complete")


@pytest.mark.parametrize("days", [(0, 2), (0, 3, 6), (0, 3, 7, 13), (0, 3, 7, 14, 27), (0, 0, 6), (0, 0, 7, 20)])
def test_a_dose_before_its_day_does_not_count(days: tuple[int, ...]) -> None:
    statuses, forecast = rabies(*days)
    assert statuses == ["Valid"] * (len(days) - 1) + ["Not Valid"]
    assert forecast.recommended_on
    assert forecast.recommended_on > DAY_0 + timedelta(days[-1])


@pytest.mark.parametrize("course", [(0, 3, 7, 14, 28), (0, 0, 7, 21)])
def test_exposed_again_after_a_full_course(course: tuple[int, ...]) -> None:
    seen = (Observation("RABIES-REEXPOSURE", DAY_0 + timedelta(200)),)
    assert rabies(*course, on=200)[1].series_status == "Complete"
    first = rabies(*course, on=200, seen=seen)[1]
    assert (first.forecast_dose, first.recommended_on) == (len(course) + 1, DAY_0 + timedelta(200))
    second = rabies(*course, 200, seen=seen)[1]
    assert (second.forecast_dose, second.recommended_on) == (len(course) + 2, DAY_0 + timedelta(203))
    assert rabies(*course, 200, 203, seen=seen)[1].series_status == "Complete"


def test_tetanus_course_and_booster() -> None:
    first = group("Tetanus", run("2015-01-10", "2026-08-10", "TT@2026-07-10"))
    assert (first.forecast_dose, first.recommended_on) == (2, date(2026, 8, 10))
    third = group("Tetanus", run("2015-01-10", "2026-08-10", "TT@2026-07-10", "TT@2026-08-10"))
    assert (third.earliest_on, third.past_due_on) == (date(2027, 2, 10), date(2027, 8, 9))
    course = ("TT@2016-07-10", "TT@2016-08-10", "TT@2017-02-10")
    booster = group("Tetanus", run("2005-01-10", "2026-08-10", *course))
    assert (booster.earliest_on, booster.recommended_on) == (date(2022, 2, 10), date(2027, 2, 10))


@pytest.mark.parametrize(
    ("birth", "history", "expected"),
    [
        ("2026-04-10", (), (1, "2026-10-10")),
        ("2025-01-10", (), (1, "2026-09-01")),
        ("2025-01-10", ("2026-10-10",), (2, "2026-11-07")),
        ("2025-01-10", ("2026-09-10", "2026-10-08"), None),
        ("2024-01-10", ("2025-10-10",), (1, "2026-09-01")),
        ("2024-01-10", ("2025-10-10", "2025-11-10"), (1, "2026-09-01")),
        ("2024-01-10", ("2025-10-10", "2026-10-10"), None),
        ("2015-01-10", ("2026-10-10",), None),
    ],
)
def test_influenza_by_season(birth: str, history: tuple[str, ...], expected: tuple[int, str] | None) -> None:
    forecast = group("Influenza", run(birth, "2026-10-20", *(f"Flu@{day}" for day in history)))
    got = (forecast.forecast_dose, str(forecast.recommended_on)) if forecast.recommended_on else None
    assert got == expected
    assert (forecast.series_status == "Complete") == (expected is None)


def test_influenza_ends_with_its_season() -> None:
    assert group("Influenza", run("2025-01-10", "2027-08-31")).series_status == "Not Complete"
    assert group("Influenza", run("2025-01-10", "2027-09-01")).series_status == "Not Recommended"
    extra = run("2024-01-10", "2026-12-20", "Flu@2025-10-10", "Flu@2026-10-10", "Flu@2026-11-30")
    assert extra.doses[-1].status == "Extraneous"


@pytest.mark.parametrize(
    ("birth", "vaccine", "doses"),
    [
        ("2026-09-01", "PCV13", 4),
        ("2026-03-20", "PCV13", 3),
        ("2025-06-01", "PCV13", 2),
        ("2024-06-01", "PCV13", 1),
        ("2026-08-01", "Hib", 4),
        ("2026-03-20", "Hib", 3),
        ("2025-06-01", "Hib", 1),
        ("2026-08-01", "Hib-OMPC", 3),
        ("2025-12-01", "Hib-OMPC", 2),
        ("2025-06-01", "Hib-OMPC", 1),
        ("2026-09-01", "RotV-5", 3),
        ("2026-01-01", "EV71", 2),
        ("2025-01-01", "Var", 2),
    ],
)
def test_age_at_start_decides_how_many(birth: str, vaccine: str, doses: int) -> None:
    """Given on each recommended day, first on 20 November 2026 or as soon as it may, the course ends after so many."""
    antigen = self_paid().vaccines[vaccine].antigens[0].antigen
    on, history = date(2026, 11, 20), []
    while len(history) <= doses:
        history.append(f"{vaccine}@{on}")
        result = run(birth, str(on), *history)
        assert all(v.status == "Valid" for v in result.doses), result.doses
        forecast = group(antigen, result)
        if forecast.recommended_on is None:
            break
        on = max(on, forecast.recommended_on)
    assert (len(history), forecast.series_status) == (doses, "Complete")


@pytest.mark.parametrize(
    ("name", "birth", "status"),
    [
        ("PCV13", "2020-11-20", "Aged Out"),
        ("EV71", "2020-11-20", "Aged Out"),
        ("Rotavirus", "2023-11-20", "Aged Out"),
        ("PCV13", "2020-11-21", "Not Complete"),
    ],
)
def test_who_is_too_old(name: str, birth: str, status: str) -> None:
    assert group(name, run(birth, "2026-11-20")).series_status == status


def test_rotavirus_pentavalent_has_its_weeks() -> None:
    birth = date(2026, 6, 1)
    for weeks, good in ((5, False), (6, True), (12, True), (13, False)):
        on = birth + timedelta(weeks=weeks)
        assert [v.status == "Valid" for v in run(str(birth), str(on), f"RotV-5@{on}").doses] == [good], weeks
    lamb = group("Rotavirus", run("2025-01-10", "2026-05-25", "LLR@2025-05-25"))
    assert (lamb.vaccines, lamb.recommended_on) == (("LLR",), date(2026, 5, 25))


@pytest.mark.parametrize("other", ["MMR", "JE-L", "HepA-L"])
def test_varicella_and_other_injected_live_vaccines_keep_28_days_both_ways(other: str) -> None:
    for days, status in ((0, "Valid"), (27, "Not Valid"), (28, "Valid")):
        later = date(2025, 9, 1) + timedelta(days)
        for first, second in (("Var", other), (other, "Var")):
            history = (f"{first}@2025-09-01", f"{second}@{later}")
            result = run("2023-01-10", "2026-11-20", *history, programme=whole())
            last = [v for v in result.doses if v.cvx == second]
            assert {v.status for v in last} == {status}, (first, second, days)


def test_a_combined_vaccine_counts_for_hib_and_for_the_national_programme() -> None:
    history = [f"DTaP-IPV/Hib@{day}" for day in ("2026-03-10", "2026-05-10", "2026-07-10")]
    result = run("2026-01-10", "2026-11-20", *history, programme=whole())
    assert {v.vaccine_group: v.status for v in result.doses} == {"Hib": "Valid", "DTaP": "Valid", "Polio": "Valid"}
    assert group("Hib", result).forecast_dose == 4


def test_hpv_at_own_cost_is_for_who_the_national_programme_does_not_reach() -> None:
    assert "HPV-paid" in {g.vaccine_group for g in run("2011-11-09", "2026-11-20").groups}
    assert "HPV-paid" not in {g.vaccine_group for g in run("2011-11-10", "2026-11-20").groups}
    forecast = group("HPV-paid", run("2005-01-10", "2026-11-20", "9vHPV@2026-10-10"))
    assert (forecast.vaccines, forecast.recommended_on) == (("9vHPV",), date(2026, 12, 10))


def test_every_rule_names_its_source_and_an_unverified_one_says_so() -> None:
    def rules(part: object) -> list[tuple[str, str, str | None]]:
        if isinstance(part, (tuple, dict)):
            return [rule for one in (part.values() if isinstance(part, dict) else part) for rule in rules(one)]
        if not isinstance(part, msgspec.Struct):
            return []
        own = [(part.rule, part.source, part.evidence)] if getattr(part, "rule", "") else []
        return own + [rule for name in part.__struct_fields__ for rule in rules(getattr(part, name))]

    found = rules(self_paid())
    assert len(found) > 80
    assert all(source for _, source, _ in found)
    assert {mark for _, source, mark in found if "未核实" in source} == {"unverified"}
    assert {mark for _, source, mark in found if "未核实" not in source} == {None}
    marks: dict[str, set[str | None]] = {}
    for rule, _, mark in found:
        marks.setdefault(rule, set()).add(mark)
    assert {rule for rule, known in marks.items() if len(known) > 1} == set()
