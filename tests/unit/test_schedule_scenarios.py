"""Fifty children before the Chinese programmes (cn-scenarios.csv): what each row expects in words, checked."""

from __future__ import annotations

import csv
import re
from datetime import date
from functools import cache
from pathlib import Path

import msgspec
import pytest

from config import programmes
from domain.schedule.case import Case, CaseResult, DoseVerdict, Given, GroupForecast, Observation
from domain.schedule.engine import evaluate_case
from domain.schedule.programme import Programme

FILE = Path(__file__).parents[1] / "data" / "schedule" / "cn-scenarios.csv"
Row = dict[str, str]

OBSERVED = {
    "mother HBsAg+": ("HBSAG-MOTHER",),
    "mother HBsAg+; 1800 g": ("HBSAG-MOTHER", "LOW-WEIGHT"),
    "HIV+ or immunodeficient": ("IMMUNODEFICIENT",),
    "HIV unknown": ("HIV-UNKNOWN",),
    "HIV infected, not severe": ("HIV-NOT-SEVERE",),
    "HIV infected, symptomatic": ("HIV-SEVERE",),
    **dict.fromkeys(("", "no scar", "no DT", "one MPSV-A", "started, interrupted 7 years", "month end"), ()),
}
"""Each context of the file as observations; "Ig given DATE" is read apart."""

BLOCKS = {
    "S09": "Aged Out",
    "S10": "Complete",
    "S14": "Not a preferable or allowable vaccine",
    "S22": "Aged Out",
    "S36": "Not a preferable or allowable vaccine",
    "S49": "Contraindicated",
}
"""What a plain "block" is with us: the standing of the series, or the reason against the dose."""

SITES = {"S46"}
"""Two injections at one site on one day: of the visit, which knows sites, not of the schedule."""


def rows() -> list[Row]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def edition(year: str) -> Programme:
    return programmes.load(programmes.DIRECTORY / f"cn-nip-{year}")


def evaluate(programme: Programme, case: Case) -> CaseResult:
    """With the edition of the row in force on the day of the row, and those before it until then."""
    earlier = [edition(year) for year in ("2021", "2025") if year < programme.edition]
    in_force = msgspec.structs.replace(programme, effective_on=min(programme.effective_on, case.assessed_on))
    return evaluate_case(in_force, case, [one for one in earlier if one.effective_on < in_force.effective_on])


def case_of(row: Row) -> Case:
    """The child before the vaccine in hand. A dose of the history given on the day is the one in hand."""
    ig = re.fullmatch(r"Ig given (\S+)", row["context"])
    seen = (
        (Observation("IG", date.fromisoformat(ig[1])),)
        if ig
        else tuple(Observation(code) for code in OBSERVED[row["context"]])
    )
    history = (entry.split("@") for entry in row["history"].split(";") if entry)
    doses = tuple(Given(date.fromisoformat(on), vaccine=vaccine) for vaccine, on in history if on != row["as_of"])
    return Case(row["id"], date.fromisoformat(row["dob"]), row["sex"], date.fromisoformat(row["as_of"]), seen, doses)


def given(programme: Programme, row: Row) -> tuple[CaseResult, list[DoseVerdict]]:
    """After the vaccine in hand (of a choice, the first) was given, and its verdicts."""
    case = case_of(row)
    names = row["candidate"].split("/")[0].split("+")
    doses = tuple(Given(case.assessed_on, vaccine=name, ref="in hand") for name in names)
    result = evaluate(programme, msgspec.structs.replace(case, doses=(*case.doses, *doses)))
    return result, [verdict for verdict in result.doses if verdict.ref == "in hand"]


def group_of(programme: Programme, result: CaseResult, vaccine: str) -> GroupForecast | None:
    antigens = {part.antigen for part in programme.vaccines[vaccine].antigens}
    codes = {g.code for g in programme.vaccine_groups.values() if antigens & set(g.antigens)}
    return next((one for one in result.groups if one.vaccine_group in codes), None)


def met(programme: Programme, row: Row) -> bool:
    """Is what the row expects what the programme says?"""
    expected = row["expected"]
    before = evaluate(programme, case_of(row))
    waiting = group_of(programme, before, row["candidate"].split("/")[0].split("+")[0])
    _, verdicts = given(programme, row)
    days = [date.fromisoformat(day) for day in re.findall(r"\d{4}-\d\d-\d\d", expected)]
    on = date.fromisoformat(row["as_of"])
    if expected.startswith("not in NIP"):
        return waiting is None
    assert waiting
    if re.match(r"ok|allowed|earliest .*: ok", expected):
        number = re.match(r"ok dose (\d)", expected)
        chosen = row["candidate"] not in waiting.vaccines or (waiting.earliest_on or date.max) <= on
        return chosen and all(v.status == "Valid" and (not number or v.dose == int(number[1])) for v in verdicts)
    if re.match(r"too early|invalid|defer until|defer: 1 month|block: 20 d", expected):
        (verdict,) = verdicts
        refused_until = max((why.held_against for why in verdict.why if why.held_against), default=None)
        early = verdict.reason in ("Age: Too Young", "Interval: too Soon", "Live Virus Conflict")
        return early and verdict.status == "Not Valid" and (not days or refused_until == days[0])
    if re.match(r"not needed|complete", expected):
        return waiting.series_status == "Complete" and all(v.status == "Extraneous" for v in verdicts)
    if re.match(r"PPD negative needed|defer$", expected):
        text = "Needs: PPD-NEGATIVE" if "PPD" in expected else "To be put off"
        return waiting.series_status == "Contraindicated" and waiting.why[0].text == text
    if expected.startswith("block"):
        return BLOCKS[row["id"]] in (waiting.series_status, *(verdict.reason for verdict in verdicts))
    if "does not count" in expected:
        return before.doses[0].reason == "Age: Too Young" and (waiting.forecast_dose, waiting.doses) == (1, 2)
    assert expected.startswith("needs MMR"), expected
    return waiting.vaccines == ("MMR",) and all("Measles" not in why.where for why in waiting.why if why.held_against)


@pytest.mark.parametrize("row", [row for row in rows() if row["id"] not in {*SITES, "S50"}], ids=lambda row: row["id"])
def test_the_programme_says_what_is_expected(row: Row) -> None:
    programme = edition(row["edition"])
    result, verdicts = given(programme, row)
    assert met(programme, row), (row["expected"], verdicts, evaluate(programme, case_of(row)).groups, result)


def test_one_row_hangs_on_the_policy_of_a_months_end() -> None:
    row = next(row for row in rows() if row["id"] == "S50")
    statuses = {}
    for policy in ("month_end", "next_month"):
        history = msgspec.structs.replace(edition("2026"), unreal_date=policy)
        born = {**row, "history": f"HepB@{row['dob']}"}
        statuses[policy] = [v.status for v in given(history, born)[1]]
    assert statuses == {"month_end": ["Valid"], "next_month": ["Not Valid"]}


def test_the_file_is_whole_and_only_rows_about_sites_are_left_to_the_visit() -> None:
    assert len(rows()) == 50
    assert [row["rule"] for row in rows() if row["id"] in SITES] == ["G03"]


def test_one_a_group_vaccine_leaves_the_plan_of_ac_three_months_later() -> None:
    row = next(row for row in rows() if row["id"] == "S36")
    waiting = group_of(edition("2021"), evaluate(edition("2021"), case_of(row)), "MPSV-A")
    assert waiting
    assert (waiting.vaccines, waiting.earliest_on) == (("MPSV-AC",), date(2022, 1, 10))
