"""The Chinese programme of 2026: on time to the day, and its catch-up rules."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import msgspec
import pytest

from config import programmes
from domain.schedule.case import Case, CaseResult, Given, GroupForecast, Observation
from domain.schedule.dates import Unreal
from domain.schedule.engine import evaluate_case
from domain.schedule.programme import Programme

ON_TIME = Path(__file__).parents[1] / "data" / "schedule" / "cn-2026-on-time.csv"
POLICIES: tuple[tuple[Unreal, str], ...] = (
    ("month_end", "earliest_if_on_time_clamp"),
    ("next_month", "earliest_if_on_time_next_month_first"),
)
Due = dict[tuple[str, int], GroupForecast]


@cache
def cn() -> Programme:
    return programmes.load(programmes.DIRECTORY / "cn-nip-2026")


def run(birth: str, on: str, *history: str, sex: str = "F", seen: tuple[Observation, ...] = ()) -> CaseResult:
    """A child with doses written as vaccine@date, on a day."""
    doses = tuple(Given(date.fromisoformat(d), vaccine=v) for v, d in (entry.split("@") for entry in history))
    return evaluate_case(cn(), Case("x", date.fromisoformat(birth), sex, date.fromisoformat(on), seen, doses))


def group(name: str, result: CaseResult) -> GroupForecast:
    return next(g for g in result.groups if g.vaccine_group == name)


def on_time(programme: Programme, birth_on: date, sex: str) -> Due:
    """Every dose as it was first recommended to a child who gets each one on that day."""
    case, due = Case("x", birth_on, sex, birth_on), Due()
    while waiting := [g for g in evaluate_case(programme, case).groups if g.recommended_on]:
        on = min(g.recommended_on for g in waiting if g.recommended_on)
        today = [g for g in waiting if g.recommended_on == on]
        due |= {(g.vaccine_group, g.forecast_dose or 0): g for g in today}
        case = msgspec.structs.replace(
            case, assessed_on=on, doses=(*case.doses, *(Given(on, vaccine=g.vaccines[0]) for g in today))
        )
    return due


@pytest.mark.parametrize(("policy", "column"), POLICIES)
def test_every_dose_comes_due_on_its_day(policy: Unreal, column: str) -> None:
    programme = msgspec.structs.replace(cn(), unreal_date=policy)
    with ON_TIME.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for birth, sex in sorted({(row["dob"], row["sex"]) for row in rows}):
        due = on_time(programme, date.fromisoformat(birth), sex)
        wanted = [row for row in rows if row["dob"] == birth]
        assert due.keys() == {(row["series"], int(row["dose"])) for row in wanted}
        for row in wanted:
            got = due[row["series"], int(row["dose"])]
            if row["series"] == "DTaP" and birth < "2025":
                continue  # judged by the edition then in force: below
            assert (got.vaccines, str(got.recommended_on)) == ((row["vaccine"],), row[column]), row
            if policy == "month_end" and row["complete_before_clamp"]:
                end = date.fromisoformat(row["complete_before_clamp"])
                assert got.past_due_on == end - timedelta(days=1), row


@pytest.mark.parametrize(
    ("birth", "days"),
    [
        ("2024-01-10", ["2024-04-10", "2024-05-10", "2024-06-10"]),
        ("2024-08-10", ["2024-11-10", "2024-12-10", "2025-02-10"]),
        ("2024-11-05", ["2025-01-05", "2025-03-05", "2025-05-05"]),
    ],
)
def test_dtap_follows_the_edition_in_force_on_the_day(birth: str, days: list[str]) -> None:
    due = on_time(cn(), date.fromisoformat(birth), "M")
    assert [str(due["DTaP", dose].recommended_on) for dose in (1, 2, 3)] == days


def test_intervals_and_ages_hold_without_grace() -> None:
    early = run("2026-01-10", "2026-08-01", "HepB@2026-01-20", "HepB@2026-02-12")
    assert [(v.status, v.reason) for v in early.doses] == [("Valid", None), ("Not Valid", "Interval: Too Soon")]
    third = group("HepB", run("2026-01-10", "2026-07-12", "HepB@2026-01-10", "HepB@2026-06-01"))
    assert third.earliest_on == date(2026, 7, 31), "60 days after the second dose"
    assert run("2026-01-10", "2026-09-30", "MMR@2026-09-09").doses[0].reason == "Age: Too Young"


def test_the_fifth_dtap_keeps_twelve_months_from_the_fourth() -> None:
    history = ("DTaP@2018-05-01", "DTaP@2018-06-01", "DTaP@2018-07-01", "DTaP@2023-10-01")
    result = run("2018-02-01", "2024-06-01", *history)
    assert [v.status for v in result.doses] == ["Valid"] * 4
    assert group("DTaP", result).earliest_on == date(2024, 10, 1)


def test_dt_takes_over_at_seven_and_ends_at_twelve() -> None:
    history = ("DTaP@2017-04-01", "DTaP@2017-05-01", "DTaP@2017-06-01", "DTaP@2018-07-01")
    assert group("DTaP", run("2017-01-01", "2026-07-01", *history)).vaccines == ("DT",)
    assert run("2017-01-01", "2026-07-01", *history, "DTaP@2026-07-01").doses[-1].status == "Not Valid"
    assert run("2017-01-01", "2026-07-01", *history, "DT@2026-07-01").doses[-1].status == "Valid"
    assert group("DTaP", run("2013-01-01", "2026-07-01", "DTaP@2013-04-01")).series_status == "Aged Out"


def test_injected_live_vaccines_keep_28_days_or_go_together() -> None:
    statuses = {
        on: run("2025-01-10", "2026-01-01", "MMR@2025-09-10", f"JE-L@{on}").doses[-1].status
        for on in ("2025-09-10", "2025-10-07", "2025-10-08")
    }
    assert statuses == {"2025-09-10": "Valid", "2025-10-07": "Not Valid", "2025-10-08": "Valid"}


def test_a_blood_product_holds_live_vaccines_back_three_months_and_no_others() -> None:
    seen = (Observation("IG", date(2026, 8, 20)),)
    result = run("2026-01-10", "2026-09-10", seen=seen)
    assert group("MMR", result).earliest_on == group("JE", result).earliest_on == date(2026, 11, 20)
    assert group("MPSV", result).earliest_on == date(2026, 7, 10)


def test_four_doses_of_ipv_complete_polio() -> None:
    history = ("IPV@2025-03-10", "IPV@2025-04-10", "IPV@2025-05-10")
    assert group("Polio", run("2025-01-10", "2026-08-01", *history)).vaccines == ("bOPV",)
    assert group("Polio", run("2025-01-10", "2026-08-01", *history, "IPV@2026-07-10")).series_status == "Complete"


def test_from_24_months_meningococcal_a_is_not_caught_up() -> None:
    assert group("MPSV", run("2023-01-10", "2025-01-09")).vaccines == ("MPSV-A",)
    later = group("MPSV", run("2023-01-10", "2025-01-10"))
    assert (later.vaccines, later.earliest_on) == (("MPSV-AC",), date(2026, 1, 10))


def test_inactivated_vaccine_once_begun_is_followed() -> None:
    forecast = group("JE", run("2025-01-10", "2025-09-15", "JE-I@2025-09-15"))
    assert (forecast.vaccines, forecast.forecast_dose, forecast.earliest_on) == (("JE-I",), 2, date(2025, 9, 22))
    mixed = run("2023-01-10", "2025-06-01", "HepA-I@2024-07-10", "HepA-L@2025-01-10")
    assert group("HepA", mixed).series_status == "Complete"


@pytest.mark.parametrize(
    ("code", "statuses"),
    [
        ("HIV-SEVERE", {"BCG": "Contraindicated", "MMR": "Contraindicated", "JE": ("JE-I",), "Polio": ("IPV",)}),
        ("HIV-NOT-SEVERE", {"BCG": "Contraindicated", "MMR": ("MMR",), "JE": ("JE-I",), "HepA": ("HepA-I",)}),
        ("IMMUNODEFICIENT", {"Polio": ("IPV",), "MMR": ("MMR",)}),
    ],
)
def test_special_states_change_what_is_given(code: str, statuses: dict[str, object]) -> None:
    result = run("2026-01-10", "2026-02-10", seen=(Observation(code),))
    got = {name: group(name, result) for name in statuses}
    assert {name: g.vaccines or g.series_status for name, g in got.items()} == statuses


def test_a_small_child_of_a_positive_mother_gets_three_more_after_birth() -> None:
    seen = (Observation("HBSAG-MOTHER-LBW"),)
    doses = ("HepB@2026-01-10", "HepB@2026-02-10", "HepB@2026-03-10")
    forecast = group("HepB", run("2026-01-10", "2026-03-10", *doses, seen=seen))
    assert (forecast.forecast_dose, forecast.recommended_on) == (4, date(2026, 8, 10))


def test_hpv_is_for_girls_born_since_november_2011() -> None:
    assert group("HPV", run("2011-11-10", "2026-07-01")).series_status == "Not Complete"
    for birth, sex in (("2011-11-09", "F"), ("2011-11-10", "M")):
        assert "HPV" not in {g.vaccine_group for g in run(birth, "2026-07-01", sex=sex).groups}


def test_rules_from_memory_are_marked() -> None:
    result = run("2026-01-10", "2026-08-01", "HepB@2026-03-20", "HepB@2026-04-20", "HepB@2026-07-10")
    (why,) = result.doses[-1].why
    assert (why.text, why.held_against, why.evidence) == ("Interval: Too Soon", date(2026, 7, 20), "unverified")
