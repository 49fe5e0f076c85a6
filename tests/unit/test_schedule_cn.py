"""The Chinese programmes of 2021, 2025 and 2026: on time to the day, catch-up, special states, edition to edition."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from config import programmes
from domain.schedule.case import Case, CaseResult, Given, GroupForecast, Observation
from domain.schedule.dates import Unreal
from domain.schedule.engine import evaluate_case
from domain.schedule.programme import Programme, Rule

ON_TIME = Path(__file__).parents[1] / "data" / "schedule" / "cn-on-time.csv"
POLICIES: tuple[tuple[Unreal, str], ...] = (
    ("month_end", "earliest_if_on_time_clamp"),
    ("next_month", "earliest_if_on_time_next_month_first"),
)
Year = Literal["2021", "2025", "2026"]
YEARS: tuple[Year, ...] = ("2021", "2025", "2026")
Due = dict[tuple[str, int], GroupForecast]


@cache
def edition(year: Year) -> Programme:
    return programmes.load(programmes.DIRECTORY / f"cn-nip-{year}")


def run(
    year: Year, birth: str, on: str, *history: str, sex: str = "F", seen: tuple[Observation, ...] = ()
) -> CaseResult:
    """A child with doses written as vaccine@date, on a day; by one edition alone."""
    return evaluate_case(edition(year), child(birth, on, *history, sex=sex, seen=seen))


def as_it_was(birth: str, on: str, *history: str, seen: tuple[Observation, ...] = ()) -> CaseResult:
    """The same by the edition in force on the day, each dose by the one in force on its own."""
    return in_force(child(birth, on, *history, seen=seen))


def in_force(case: Case) -> CaseResult:
    editions = [edition(year) for year in YEARS if edition(year).effective_on <= case.assessed_on]
    return evaluate_case(editions[-1], case, editions[:-1])


def child(birth: str, on: str, *history: str, sex: str = "F", seen: tuple[Observation, ...] = ()) -> Case:
    doses = tuple(Given(date.fromisoformat(d), vaccine=v) for v, d in (entry.split("@") for entry in history))
    return Case("x", date.fromisoformat(birth), sex, date.fromisoformat(on), seen, doses)


def group(name: str, result: CaseResult) -> GroupForecast:
    return next(g for g in result.groups if g.vaccine_group == name)


def on_time(programme: Programme | None, birth_on: date, sex: str) -> Due:
    """Every dose as it was recommended to a child who gets each one on that day; None: by the edition in force."""
    case, due = Case("x", birth_on, sex, birth_on), Due()
    while True:
        result = evaluate_case(programme, case) if programme else in_force(case)
        waiting = [g for g in result.groups if g.recommended_on]
        if not waiting:
            return due
        on = min(g.recommended_on for g in waiting if g.recommended_on)
        if on > case.assessed_on:
            case = msgspec.structs.replace(case, assessed_on=on)
            continue
        today = [g for g in waiting if g.recommended_on == on]
        due |= {(g.vaccine_group, g.target or 0): g for g in today}
        given = (Given(on, vaccine=g.vaccines[0]) for g in today)
        case = msgspec.structs.replace(case, doses=(*case.doses, *given))


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize(("policy", "column"), POLICIES)
def test_every_dose_comes_due_on_its_day(year: Year, policy: Unreal, column: str) -> None:
    programme = msgspec.structs.replace(edition(year), unreal_date=policy)
    with ON_TIME.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["edition"] == year]
    assert len(rows) == {"2021": 88, "2025": 94, "2026": 94}[year]
    for birth, sex in sorted({(row["dob"], row["sex"]) for row in rows}):
        due = on_time(programme, date.fromisoformat(birth), sex)
        wanted = {(row["series"].removesuffix("-DT"), int(row["dose"])): row for row in rows if row["dob"] == birth}
        assert due.keys() == wanted.keys()
        for key, row in wanted.items():
            got = due[key]
            assert (got.vaccines, str(got.recommended_on)) == ((row["vaccine"],), row[column]), row
            assert got.earliest_on == got.recommended_on, row
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
    due = on_time(None, date.fromisoformat(birth), "M")
    assert [str(due["DTaP", dose].recommended_on) for dose in (1, 2, 3)] == days


def test_a_child_begun_at_three_four_and_five_months_goes_on_without_restart() -> None:
    history = ("DTaP@2024-04-10", "DTaP@2024-05-10", "DTaP@2024-06-10")
    result = as_it_was("2024-01-10", "2026-07-01", *history)
    assert [(v.status, v.dose) for v in result.doses] == [("Valid", 1), ("Valid", 2), ("Valid", 3)]
    assert (group("DTaP", result).target, group("DTaP", result).recommended_on) == (4, date(2025, 7, 10))
    alone = run("2026", "2024-01-10", "2026-07-01", *history)
    assert [v.status for v in alone.doses] == ["Valid", "Valid", "Not Valid"], "by 2026 the third is a month too early"


def test_who_had_dt_at_six_before_2025_is_complete_and_later_is_asked_about() -> None:
    history = ("DTaP@2018-05-01", "DTaP@2018-06-01", "DTaP@2018-07-01", "DTaP@2019-08-01")
    before = as_it_was("2018-02-01", "2026-07-01", *history, "DT@2024-03-01")
    assert group("DTaP", before).series_status == "Complete"
    five = ("DTaP@2019-05-01", "DTaP@2019-06-01", "DTaP@2019-07-01", "DTaP@2020-08-01", "DT@2025-03-01")
    later = group("DTaP", as_it_was("2019-02-01", "2026-07-01", *five))
    assert later.series_status == "Not Complete"
    assert ("DTP-3", "unverified") in {(why.rule, why.evidence) for why in later.why}


def test_a_later_edition_does_not_judge_an_earlier_dose() -> None:
    """Inactivated JE three weeks after immunoglobulin: too soon by 2021, not by 2026."""
    seen = (Observation("IG", date(2022, 8, 20)),)
    birth, dose = "2022-01-10", "JE-I@2022-09-10"
    assert as_it_was(birth, "2026-07-01", dose, seen=seen).doses[0].status == "Not Valid"
    assert run("2026", birth, "2026-07-01", dose, seen=seen).doses[0].status == "Valid"


def test_intervals_and_ages_hold_without_grace() -> None:
    early = run("2026", "2026-01-10", "2026-08-01", "HepB@2026-01-20", "HepB@2026-02-12")
    assert [(v.status, v.reason) for v in early.doses] == [("Valid", None), ("Not Valid", "Interval: too Soon")]
    third = group("HepB", run("2026", "2026-01-10", "2026-07-12", "HepB@2026-01-10", "HepB@2026-06-01"))
    assert third.earliest_on == date(2026, 7, 31), "60 days after the second dose"
    assert run("2026", "2026-01-10", "2026-09-30", "MMR@2026-09-09").doses[0].reason == "Age: Too Young"


def test_rules_from_memory_only_warn() -> None:
    result = run("2026", "2026-01-10", "2026-08-01", "HepB@2026-03-20", "HepB@2026-04-20", "HepB@2026-07-10")
    assert [v.status for v in result.doses] == ["Valid"] * 3
    (why,) = result.doses[-1].why
    assert (why.rule, why.text, why.held_against, why.evidence) == (
        "HEPB-1",
        "Interval: too Soon",
        date(2026, 7, 20),
        "unverified",
    )
    assert group("HepB", result).series_status == "Complete"
    waiting = group("HepB", run("2026", "2026-01-10", "2026-05-01", "HepB@2026-03-20", "HepB@2026-04-20"))
    assert (waiting.earliest_on, waiting.recommended_on) == (date(2026, 7, 10), date(2026, 7, 20))


def test_dt_takes_over_at_seven_and_ends_at_twelve() -> None:
    history = ("DTaP@2017-04-01", "DTaP@2017-05-01", "DTaP@2017-07-01", "DTaP@2018-07-01")
    assert group("DTaP", run("2026", "2017-01-01", "2026-07-01", *history)).vaccines == ("DT",)
    assert run("2026", "2017-01-01", "2026-07-01", *history, "DTaP@2026-07-01").doses[-1].status == "Not Valid"
    assert run("2026", "2017-01-01", "2026-07-01", *history, "DT@2026-07-01").doses[-1].status == "Valid"
    assert group("DTaP", run("2026", "2013-01-01", "2026-07-01", "DTaP@2013-04-01")).series_status == "Aged Out"


@pytest.mark.parametrize(
    ("history", "standing", "earliest"),
    [
        (("DTaP@2016-05-01", "DTaP@2016-06-01", "DTaP@2016-07-01"), "Not Complete", "2022-02-01"),
        (("DTaP@2016-05-01", "DTaP@2016-06-01", "DTaP@2021-12-01"), "Not Complete", "2022-06-01"),
        (("DTaP@2016-05-01", "DTaP@2016-06-01", "DTaP@2016-07-01", "DT@2022-02-01"), "Complete", None),
        (("DTaP@2016-05-01", "DTaP@2021-12-01", "DT@2022-03-01"), "Complete", None),
    ],
)
def test_in_2021_from_six_years_on_three_doses_with_a_dt_are_enough(
    history: tuple[str, ...], standing: str, earliest: str | None
) -> None:
    waiting = group("DTaP", run("2021", "2016-02-01", "2022-04-01", *history))
    assert (waiting.series_status, waiting.earliest_on and str(waiting.earliest_on)) == (standing, earliest)
    assert waiting.vaccines == (("DT",) if earliest else ())


@pytest.mark.parametrize("year", YEARS)
def test_a_pentavalent_course_at_the_ages_of_its_label_counts_with_a_warning(year: Year) -> None:
    course = ("2025-03-10", "2025-04-10", "2025-05-10", "2026-07-10")
    result = run(year, "2025-01-10", "2026-08-01", *(f"DTaP-IPV/Hib@{on}" for on in course))
    doses = [v for v in result.doses if v.vaccine_group == "DTaP"]
    assert [(v.status, v.dose) for v in doses] == [("Valid", n) for n in (1, 2, 3, 4)]
    assert all(v.why[0].evidence == "unverified" for v in doses[:3])
    fifth = group("DTaP", result)
    assert (fifth.target, fifth.vaccines, fifth.earliest_on) == (
        5,
        ("DT",) if year == "2021" else ("DTaP",),
        date(2031, 1, 10),
    )
    plain = run(year, "2025-01-10", "2026-08-01", "DTaP@2025-03-01").doses[0]
    assert (plain.status, plain.reason) == ("Not Valid", "Age: Too Young")


def test_injected_live_vaccines_keep_28_days_or_go_together() -> None:
    statuses = {
        on: run("2026", "2025-01-10", "2026-01-01", "MMR@2025-09-10", f"JE-L@{on}").doses[-1].status
        for on in ("2025-09-10", "2025-10-07", "2025-10-08")
    }
    assert statuses == {"2025-09-10": "Valid", "2025-10-07": "Not Valid", "2025-10-08": "Valid"}


@pytest.mark.parametrize("previous", ["BCG", "Var"])
def test_whether_bcg_and_varicella_are_meant_by_the_28_days_is_not_known(previous: str) -> None:
    result = run("2026", "2025-01-10", "2026-01-01", f"{previous}@2025-09-01", "MMR@2025-09-10")
    mmr = next(v for v in result.doses if v.cvx == "MMR")
    assert (mmr.status, [(w.rule, w.text, w.evidence) for w in mmr.why]) == (
        "Valid",
        [("G05", "Live Virus Conflict", "unverified")],
    )


def test_a_blood_product_holds_live_vaccines_back_three_months_and_no_others() -> None:
    seen = (Observation("IG", date(2026, 8, 20)),)
    result = run("2026", "2026-01-10", "2026-09-10", seen=seen)
    assert group("MMR", result).earliest_on == group("JE", result).earliest_on == date(2026, 11, 20)
    assert group("MPSV", result).earliest_on == date(2026, 7, 10)


@pytest.mark.parametrize(
    ("year", "standing", "mark"), [("2021", "Complete", "transcribed"), ("2026", "Not Complete", "unverified")]
)
def test_four_doses_of_ipv_complete_polio_where_the_rule_is_known(year: Year, standing: str, mark: str) -> None:
    history = ("IPV@2025-03-10", "IPV@2025-04-10", "DTaP-IPV/Hib@2025-05-10")
    assert group("Polio", run(year, "2025-01-10", "2026-08-01", *history)).vaccines == ("bOPV",)
    result = run(year, "2025-01-10", "2026-08-01", *history, "IPV@2026-07-10")
    assert group("Polio", result).series_status == standing
    assert [v.status for v in result.doses if v.vaccine_group == "Polio"] == ["Valid"] * 4
    assert {w.evidence for w in group("Polio", result).why if w.rule in ("POL-2", "Table 7-10")} == {mark}


@pytest.mark.parametrize("year", YEARS)
def test_an_oral_dose_does_not_pass_for_the_fourth_ipv(year: Year) -> None:
    history = ("IPV@2024-03-10", "IPV@2024-04-10", "bOPV@2024-05-10", "bOPV@2025-07-10")
    assert run(year, "2024-01-10", "2026-07-01", *history).doses[-1].reason == "Age: Too Young"


def test_four_doses_of_ipv_given_under_an_earlier_edition_stay_complete() -> None:
    history = ("IPV@2024-03-10", "IPV@2024-04-10", "IPV@2024-05-10", "IPV@2025-07-10")
    assert group("Polio", as_it_was("2024-01-10", "2026-08-01", *history)).series_status == "Complete"


def test_before_october_2019_tops_and_one_ipv_count_and_2026_asks_for_a_second_type_two() -> None:
    history = ("IPV@2018-03-10", "bOPV@2018-04-10", "bOPV@2018-05-10", "bOPV@2022-01-10")
    assert group("Polio", run("2021", "2018-01-10", "2022-02-01", *history)).series_status == "Complete"
    second = group("Polio", run("2026", "2018-01-10", "2026-08-01", *history))
    assert (second.vaccines, second.target) == (("IPV",), 5)
    triple = ("tOPV@2015-03-10", "tOPV@2015-04-10", "tOPV@2015-05-10", "bOPV@2019-01-10")
    assert group("Polio", run("2026", "2015-01-10", "2026-08-01", *triple)).series_status == "Complete"


def test_from_24_months_meningococcal_a_is_not_caught_up() -> None:
    assert group("MPSV", run("2021", "2021-01-10", "2023-01-09")).vaccines == ("MPSV-A",)
    none = group("MPSV", run("2021", "2021-01-10", "2023-01-10"))
    assert (none.vaccines, none.target, none.earliest_on) == (("MPSV-AC",), 3, date(2023, 1, 10))
    one = group("MPSV", run("2021", "2021-01-10", "2023-01-10", "MPSV-A@2022-12-01"))
    assert (one.vaccines, one.earliest_on) == (("MPSV-AC",), date(2023, 3, 1))
    both = group("MPSV", run("2021", "2021-01-10", "2023-01-10", "MPSV-A@2021-08-01", "MPSV-A@2022-12-01"))
    assert (both.vaccines, both.earliest_on) == (("MPSV-AC",), date(2024, 1, 10))


def test_in_2026_that_is_carried_over_and_only_warns() -> None:
    given = run("2026", "2024-01-10", "2026-07-01", "MPSV-A@2026-07-01").doses[0]
    assert (given.status, given.dose, [w.rule for w in given.why]) == ("Valid", 1, ["MEN-2"])
    ac = run("2026", "2024-01-10", "2026-07-01", "MPSV-AC@2026-07-01").doses[0]
    assert (ac.status, ac.dose, {w.rule for w in ac.why}) == ("Valid", 3, {"MEN-2"})


def test_a_conjugate_course_stands_for_meningococcal_a() -> None:
    early = run("2021", "2021-01-10", "2022-01-01", "MenAC-conj@2021-04-20", "MenAC-conj@2021-06-01")
    assert [v.status for v in early.doses] == ["Valid", "Valid"]
    assert (group("MPSV", early).vaccines, group("MPSV", early).target) == (("MPSV-AC",), 3)
    at_three = run("2021", "2021-01-10", "2024-03-01", "MPSV-A@2021-07-10", "MPSV-A@2021-10-10", "MPSV-ACYW@2024-01-10")
    assert [v.dose for v in at_three.doses] == [1, 2, 3]


def test_inactivated_vaccine_once_begun_is_followed() -> None:
    forecast = group("JE", run("2026", "2025-01-10", "2025-09-15", "JE-I@2025-09-15"))
    assert (forecast.vaccines, forecast.forecast_dose, forecast.earliest_on) == (("JE-I",), 2, date(2025, 9, 22))
    assert forecast.past_due_on == date(2025, 9, 25), "seven to ten days"
    mixed = run("2026", "2023-01-10", "2025-06-01", "HepA-I@2024-07-10", "HepA-L@2025-01-10")
    assert mixed.doses[-1].status == "Valid"
    assert group("HepA", run("2021", "2023-01-10", "2025-06-01", "HepA-I@2024-07-10", "HepA-L@2025-01-10")).doses == 2


@pytest.mark.parametrize(
    ("year", "code", "statuses"),
    [
        (
            "2026",
            "HIV-SEVERE",
            {"BCG": "Contraindicated", "MMR": "Contraindicated", "JE": ("JE-I",), "Polio": ("IPV",)},
        ),
        ("2026", "HIV-NOT-SEVERE", {"BCG": "Contraindicated", "MMR": ("MMR",), "JE": ("JE-I",), "HepA": ("HepA-I",)}),
        ("2026", "HIV-UNKNOWN", {"BCG": "Contraindicated", "MMR": ("MMR",), "JE": ("JE-I",), "HepA": ("HepA-I",)}),
        ("2021", "HIV-NOT-SEVERE", {"BCG": ("BCG",), "MMR": ("MMR",), "JE": ("JE-I",)}),
        ("2026", "IMMUNODEFICIENT", {"Polio": ("IPV",), "MMR": ("MMR",), "BCG": ("BCG",)}),
        ("2026", "SEVERE-REACTION-HepB", {"HepB": ("HepB",)}),
        ("2021", "SEVERE-REACTION-HepB", {"HepB": "Contraindicated", "BCG": ("BCG",)}),
        ("2026", "PRETERM", {"BCG": ("BCG",), "HepB": ("HepB",)}),
    ],
)
def test_special_states_change_what_is_given(year: Year, code: str, statuses: dict[str, object]) -> None:
    result = run(year, "2026-01-10", "2026-02-10", seen=(Observation(code),))
    got = {name: group(name, result) for name in statuses}
    assert {name: g.vaccines or g.series_status for name, g in got.items()} == statuses


def test_what_is_to_be_weighed_or_is_not_verified_is_said_with_the_forecast() -> None:
    result = run("2026", "2026-01-10", "2026-02-10", seen=(Observation("HIV-UNKNOWN"), Observation("IMMUNODEFICIENT")))
    assert {w.rule for w in group("MMR", result).why if "weighed" in w.text} == {"HIV", "G16"}
    late = group("BCG", run("2026", "2026-01-10", "2026-05-01"))
    assert (late.series_status, late.why[-1].text, late.why[-1].evidence) == (
        "Not Complete",
        "Needs: PPD-NEGATIVE",
        "unverified",
    )


def test_bcg_from_three_months_waits_for_a_negative_ppd() -> None:
    negative, positive = (Observation("PPD-NEGATIVE"),), (Observation("PPD-POSITIVE"),)
    for on, seen, standing in (
        ("2023-04-09", (), "Not Complete"),
        ("2023-04-10", (), "Contraindicated"),
        ("2023-04-10", negative, "Not Complete"),
        ("2023-04-10", positive, "Contraindicated"),
        ("2027-01-09", negative, "Not Complete"),
        ("2027-01-10", negative, "Aged Out"),
    ):
        assert group("BCG", run("2021", "2023-01-10", on, seen=seen)).series_status == standing, on


def test_a_small_child_of_a_positive_mother_gets_three_more_after_birth() -> None:
    doses = ("HepB@2026-01-10", "HepB@2026-02-10", "HepB@2026-03-10")
    for mother in ("HBSAG-MOTHER", "HBSAG-MOTHER-UNKNOWN"):
        seen = (Observation(mother), Observation("LOW-WEIGHT"))
        forecast = group("HepB", run("2026", "2026-01-10", "2026-03-10", *doses, seen=seen))
        assert (forecast.forecast_dose, forecast.doses, forecast.recommended_on) == (4, 4, date(2026, 8, 10))
    (light,) = {group("HepB", run("2026", "2026-01-10", "2026-03-10", seen=(Observation("LOW-WEIGHT"),))).doses}
    assert light == 3


def test_a_positive_mothers_child_gets_immunoglobulin_with_the_first_dose() -> None:
    seen = (Observation("HBSAG-MOTHER"),)
    assert group("HBIG", run("2026", "2026-01-10", "2026-01-10", seen=seen)).vaccines == ("HBIG",)
    after = run("2026", "2026-01-10", "2026-01-11", "HBIG@2026-01-10", "HepB@2026-01-10", seen=seen)
    assert group("HBIG", after).series_status == "Complete"
    assert "HBIG" not in {g.vaccine_group for g in run("2026", "2026-01-10", "2026-01-10").groups}


def test_measles_rubella_and_mumps_are_counted_apart_before_october_2019() -> None:
    needs = run("2021", "2016-01-10", "2021-07-01", "MV@2016-09-10", "MV@2017-07-10")
    assert group("MMR", needs).vaccines == ("MMR",)
    done = run("2021", "2016-01-10", "2021-07-01", "MV@2016-09-10", "MV@2017-07-10", "MMR@2021-06-01")
    assert group("MMR", done).series_status == "Complete"
    later = run("2021", "2020-01-10", "2022-07-01", "MR@2020-09-10", "MMR@2021-07-10")
    assert (group("MMR", later).series_status, later.doses[-1].dose) == ("Not Complete", 2)


def test_hpv_is_for_girls_born_since_november_2011() -> None:
    assert group("HPV", run("2026", "2011-11-10", "2026-07-01")).series_status == "Not Complete"
    for birth, sex in (("2011-11-09", "F"), ("2011-11-10", "M")):
        assert "HPV" not in {g.vaccine_group for g in run("2026", birth, "2026-07-01", sex=sex).groups}
    assert "HPV" not in {g.vaccine_group for g in run("2025", "2012-01-10", "2025-11-09").groups}
    assert "HPV" in {g.vaccine_group for g in run("2025", "2012-01-10", "2025-11-10").groups}


def test_how_other_hpv_vaccines_count_is_open() -> None:
    one = run("2026", "2012-01-10", "2026-07-01", "9vHPV@2025-02-01", "2vHPV@2025-12-01")
    assert [(v.status, v.dose) for v in one.doses] == [("Valid", 1), ("Valid", 2)]
    assert group("HPV", one).series_status == "Complete"
    two = run("2026", "2012-01-10", "2026-07-01", "9vHPV@2025-02-01", "9vHPV@2025-12-01")
    assert [(v.status, v.why[-1].rule) for v in two.doses] == [("Valid", "HPV-2")] * 2
    assert group("HPV", two).series_status == "Not Complete", "nothing unverified closes a series"
    early = run("2026", "2013-01-10", "2026-07-01", "9vHPV@2023-02-01")
    assert (early.doses[0].status, group("HPV", early).target) == ("Valid", 2)


@pytest.mark.parametrize(("on", "wanted"), [("2026-11-30", "Age: Too Young"), ("2026-12-01", None)])
def test_the_programmes_own_hpv_vaccine_does_not_count_before_thirteen(on: str, wanted: str | None) -> None:
    (verdict,) = run("2026", "2013-12-01", on, f"2vHPV@{on}").doses
    assert verdict.reason == wanted


@pytest.mark.parametrize("year", YEARS)
def test_groups_are_named_and_placed_as_on_the_booklet(year: Year) -> None:
    groups = sorted(edition(year).vaccine_groups.values(), key=lambda one: one.place)
    wanted = ["BCG", "HepB", "HBIG", "Polio", "DTaP", "MPSV", "MMR", "JE", "HepA", "HPV"]
    assert [one.code for one in groups] == wanted[: len(groups)]
    assert all(one.name_zh and one.name_en for one in groups)


@pytest.mark.parametrize("year", YEARS)
def test_every_rule_has_its_id_source_and_mark(year: Year) -> None:
    programme = edition(year)
    for antigen in programme.antigens.values():
        rules: list[Rule] = [*antigen.contraindications]
        for dose in (dose for series in antigen.series for dose in series.doses):
            rules += [*dose.ages, *dose.intervals, *dose.preferable, *dose.allowable]
            rules += [one for skip in dose.skips for one in skip.sets]
        assert all(rule.rule and rule.source and rule.evidence for rule in rules)


def test_editions_follow_each_other_without_a_gap() -> None:
    for older, newer in (("2021", "2025"), ("2025", "2026")):
        ends_on = edition(older).ends_on
        assert ends_on
        assert ends_on + timedelta(days=1) == edition(newer).effective_on
