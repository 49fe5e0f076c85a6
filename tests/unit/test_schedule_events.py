"""Doses of other antigens, events that begin a round anew, and doses skipped: the specification's finer points."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from domain.schedule.case import Case, CaseResult, Given, Observation
from domain.schedule.engine import evaluate_case
from domain.schedule.programme import (
    Age,
    Antigen,
    Association,
    Indication,
    Interval,
    Products,
    Programme,
    Series,
    SeriesDose,
    Skip,
    SkipCondition,
    SkipSet,
    Vaccine,
    VaccineGroup,
)

BIRTH = date(2010, 1, 15)
TDAP = Products(vaccines=frozenset({"Tdap"}))
FIRST = SeriesDose(ages=(Age(abs_min="7 years", min="7 years"),), preferable=(TDAP,))
AFTER_TD = Interval(from_vaccines=("Td",), abs_min="6 months", min="6 months")
AFTER_CELLS = Interval(from_observation="CELLS", abs_min="0 days", min="6 months", restarts=True)


def pertussis(*doses: SeriesDose, **more: object) -> Series:
    fields = {"name": "pertussis", "vaccine_group": "A", "kind": "Standard", "group": "1", "default": True, **more}
    return msgspec.convert({**fields, "doses": doses}, Series)


def run(*series: Series, doses: tuple[Given, ...] = (), on: str = "2020-01-01", seen: str = "") -> CaseResult:
    programme = Programme(
        name="small",
        edition="1",
        effective_on=date(2000, 1, 1),
        source="made up",
        evidence="transcribed",
        unreal_date="next_month",
        vaccine_groups={"A": VaccineGroup(code="AA", antigens=("a",))},
        vaccines={
            "Tdap": Vaccine(name="with the antigen", antigens=(Association(antigen="a"),)),
            "Td": Vaccine(name="without it", antigens=()),
        },
        antigens={"a": Antigen(series=series)},
    )
    observations = (Observation("CELLS", date.fromisoformat(seen)),) if seen else ()
    return evaluate_case(programme, Case("x", BIRTH, "F", date.fromisoformat(on), observations, doses))


def given(on: str, vaccine: str = "Tdap", substandard: bool = False) -> Given:
    return Given(date.fromisoformat(on), vaccine=vaccine, substandard=substandard)


def counting(vaccine: str, *, valid_only: bool = False) -> Skip:
    """Skip where more than one dose of the vaccine was given."""
    condition = SkipCondition(kind="count", count=1, valid_only=valid_only, vaccines=(vaccine,))
    return Skip(context="Both", sets=(SkipSet(conditions=(condition,)),))


@pytest.mark.parametrize(("on", "status"), [("2018-07-31", "Not Valid"), ("2018-08-01", "Valid")])
def test_an_interval_counts_from_the_latest_vaccine_named_though_it_lacks_the_antigen(on: str, status: str) -> None:
    """CALCDTINT-8."""
    series = pertussis(msgspec.structs.replace(FIRST, intervals=(AFTER_TD,)))
    doses = (given("2017-05-01", "Td"), given("2018-02-01", "Td"), given(on))
    assert [v.status for v in run(series, doses=doses).doses] == [status]


def test_a_forecast_waits_for_it_too_and_doses_after_the_assessment_do_not_count() -> None:
    series = pertussis(msgspec.structs.replace(FIRST, intervals=(AFTER_TD,)))
    doses = (given("2018-02-01", "Td"), given("2018-03-02", "Td"))
    (forecast,) = run(series, doses=doses, on="2018-03-01").groups
    assert forecast.earliest_on == date(2018, 8, 1)


def test_a_skip_counts_doses_without_the_antigen_where_it_names_them_and_asks_for_no_valid_ones() -> None:
    """CONDSKIP-1: a dose of another antigen has no evaluation status, so that it is never a valid one."""
    doses = (given("2018-02-01", "Td"), given("2018-09-01", "Td"), given("2019-01-01"))
    second = msgspec.structs.replace(FIRST, skips=(counting("Td"),))
    assert run(pertussis(FIRST, second), doses=doses).groups[0].series_status == "Complete"
    assert run(pertussis(FIRST, second), doses=doses[1:]).groups[0].series_status == "Not Complete"
    second = msgspec.structs.replace(FIRST, skips=(counting("Td", valid_only=True),))
    assert run(pertussis(FIRST, second), doses=doses).groups[0].series_status == "Not Complete"


def test_a_dose_from_before_an_event_that_begins_a_round_anew_does_not_count() -> None:
    """CALCDTINT-9, with an absolute minimum interval of no days; the number is the round's own (FORECASTDN-2)."""
    risk = pertussis(
        msgspec.structs.replace(FIRST, intervals=(AFTER_CELLS,)),
        FIRST,
        name="after cells",
        kind="Risk",
        group="2",
        indications=(Indication(observation="CELLS"),),
        default=False,
    )
    standard = pertussis(FIRST)
    before, after = given("2017-05-01"), given("2018-08-01")
    (forecast,) = run(standard, risk, doses=(before,), seen="2018-02-01").groups
    assert (forecast.series_status, forecast.forecast_dose, forecast.earliest_on) == (
        "Not Complete",
        1,
        date(2018, 8, 1),
    )
    result = run(standard, risk, doses=(before, after), seen="2018-02-01")
    assert [(v.status, v.series) for v in result.doses] == [
        ("Valid", "a: pertussis"),
        ("Valid", "a: after cells"),
    ]
    assert result.groups[0].forecast_dose == 2


@pytest.mark.parametrize(("spoilt", "target"), [(False, 2), (True, 1)])
def test_a_dose_skipped_stays_skipped_though_the_dose_given_does_not_count(spoilt: bool, target: int) -> None:
    """Table 6-11; a sub-standard dose is not evaluated at all, and skips nothing (figure 6-1)."""
    odd = SkipCondition(kind="age", begin_age="8 years", end_age="9 years")
    first = msgspec.structs.replace(FIRST, skips=(Skip(context="Evaluation", sets=(SkipSet(conditions=(odd,)),)),))
    second = SeriesDose(ages=(Age(abs_min="11 years", min="11 years"),), preferable=(TDAP,))
    (forecast,) = run(pertussis(first, second), doses=(given("2018-06-01", substandard=spoilt),)).groups
    assert forecast.target == target


def test_where_the_risk_and_the_standard_series_both_ask_for_a_dose_the_risk_one_is_told() -> None:
    """Table 8-14 leaves both: no equivalent series groups are named. Section 9: they are not blended."""
    risk = pertussis(
        msgspec.structs.replace(FIRST, intervals=(AFTER_CELLS,)),
        name="after cells",
        kind="Risk",
        group="2",
        indications=(Indication(observation="CELLS"),),
        default=False,
    )
    (forecast,) = run(pertussis(FIRST), risk, seen="2019-12-01").groups
    assert (forecast.series, forecast.earliest_on) == (("a: after cells",), date(2020, 6, 1))
    (forecast,) = run(pertussis(FIRST, FIRST), risk, seen="2019-01-01", doses=(given("2019-09-01"),)).groups
    assert (forecast.series, forecast.series_status) == (("a: pertussis",), "Not Complete"), "the risk one is complete"
