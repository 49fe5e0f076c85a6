"""The engine with the US programme against CDC's own test cases (tests/data/cdsi)."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from config import programmes
from domain.schedule.case import Case, CaseResult, Given, Observation
from domain.schedule.engine import evaluate_case
from domain.schedule.programme import Programme

DATA = Path(__file__).parents[1] / "data" / "cdsi"
Row = dict[str, str]

# The condition cases spell some vaccine groups otherwise than the healthy ones do.
SPELLINGS = {
    "DTaP": "DTAP",
    "Flu": "FLU",
    "Hib": "HIB",
    "IPOL": "POL",
    "Meningococcal": "MCV",
    "Meningococcal B": "MENB",
    "Pneumococcal": "PCV",
    "Rota": "ROTA",
    "Zoster": "ZOSTER",
}


@pytest.fixture(scope="module")
def us() -> Programme:
    return programmes.load(programmes.DIRECTORY / "us-cdsi")


def rows() -> Iterator[Row]:
    for name in ("healthy.csv", "condition.csv"):
        with (DATA / name).open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)


def case_of(row: Row) -> Case:
    return Case(
        id=row["CDC_Test_ID"],
        birth_on=date.fromisoformat(row["DOB"]),
        sex=row.get("gender") or row["Gender"],
        assessed_on=date.fromisoformat(row["Assessment_Date"]),
        observations=tuple(
            Observation(row[f"Observation_Code_{n}"], day(row[f"Observation_Date_{n}"]))
            for n in range(1, 4)
            if row.get(f"Observation_Code_{n}")
        ),
        doses=tuple(
            Given(date.fromisoformat(row[f"Date_Administered_{n}"]), row[f"CVX_{n}"], row[f"MVX_{n}"])
            for n in range(1, 8)
            if row[f"Date_Administered_{n}"]
        ),
    )


def day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def misses(row: Row, result: CaseResult) -> list[str]:
    """What differs from the case, in words."""
    group = SPELLINGS.get(row["Vaccine_Group"], row["Vaccine_Group"])
    found = [text for n in range(1, 8) if row[f"Date_Administered_{n}"] for text in dose_misses(row, n, group, result)]
    wanted = (
        row["Series_Status"].lower(),
        int(row["Forecast_#"]) if row["Forecast_#"].isdigit() else None,
        day(row["Earliest_Date"]),
        day(row["Recommended_Date"]),
        day(row["Past_Due_Date"]),
    )
    got = [
        (g.series_status.lower(), g.forecast_dose, g.earliest_on, g.recommended_on, g.past_due_on)
        for g in result.groups
        if g.vaccine_group == group
    ]
    if got != [wanted]:
        found.append(f"forecast {wanted}, got {got}")
    return found


def dose_misses(row: Row, n: int, group: str, result: CaseResult) -> list[str]:
    """A dose is looked up in the case's vaccine group; one that has no part in it, in any."""
    wanted = (row[f"Evaluation_Status_{n}"], row[f"Evaluation_Reason_{n}"].lower())
    same = [v for v in result.doses if (str(v.given_on), v.cvx) == (row[f"Date_Administered_{n}"], row[f"CVX_{n}"])]
    judged = [v for v in same if v.vaccine_group == group] or same
    got = [(v.status, (v.reason or "").lower()) for v in judged]
    return [] if wanted in got else [f"dose {n} {wanted}, got {got}"]


def test_every_case_but_the_known_misses_comes_out_as_cdc_says(us: Programme) -> None:
    known = tomllib.loads((DATA / "known-misses.toml").read_text(encoding="utf-8"))
    found = {row["CDC_Test_ID"]: misses(row, evaluate_case(us, case_of(row))) for row in rows()}
    missed = {id: texts for id, texts in found.items() if texts}
    print(f"{len(found) - len(missed)} of {len(found)} cases match")
    assert len(found) == 555
    new = {id: texts for id, texts in missed.items() if id not in known}
    assert not new, "\n".join(f"{id}: {'; '.join(texts)}" for id, texts in new.items())
    assert not known.keys() - missed.keys(), "these match now: take them off the list"


def test_a_refused_dose_says_which_rule_which_dates_and_where_it_stands(us: Programme) -> None:
    too_young = next(row for row in rows() if row["CDC_Test_ID"] == "2013-0002")
    verdict = evaluate_case(us, case_of(too_young)).doses[1]
    assert (verdict.status, verdict.reason) == ("Not Valid", "Age: Too Young")
    (why,) = {(w.rule, w.looked_at, w.held_against, w.evidence) for w in verdict.why if w.text == verdict.reason}
    assert why == ("Table 6-15", date(2025, 11, 10), date(2025, 11, 11), "official")
    assert verdict.why[0].where.endswith(", 2")


def test_the_forecast_says_which_rule_set_its_earliest_date(us: Programme) -> None:
    row = next(row for row in rows() if row["CDC_Test_ID"] == "2013-0003")
    forecast = next(g for g in evaluate_case(us, case_of(row)).groups if g.vaccine_group == "DTAP")
    assert {(w.rule, w.looked_at, w.held_against, w.evidence) for w in forecast.why} == {
        ("CALCDTAGE-4", date(2025, 9, 5), date(2025, 12, 12), "official")
    }
