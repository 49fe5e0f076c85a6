"""What must hold for any child and any doses, tried on the US programme."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from config import programmes
from domain.schedule.case import Case, Given, Observation
from domain.schedule.chart import Chart, open_chart
from domain.schedule.engine import evaluate_case
from domain.schedule.evaluate import evaluate
from domain.schedule.forecast import SeriesForecast, forecast
from domain.schedule.programme import Programme, Series

BIRTH = date(2019, 1, 31)
NO_GROUPS: frozenset[str] = frozenset()


@cache
def us() -> Programme:
    return programmes.load(programmes.DIRECTORY / "us-cdsi")


def all_series() -> list[tuple[str, Series]]:
    return [(name, series) for name, antigen in us().antigens.items() for series in antigen.series]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A child of up to 18 with up to eight doses of any vaccines, and one observation or none."""
    vaccines = st.sampled_from(sorted(us().vaccines))
    offsets = st.integers(0, 6500)
    doses = [
        Given(
            BIRTH + timedelta(days=draw(offsets)),
            draw(vaccines),
            substandard=draw(st.booleans()) and draw(st.booleans()),
        )
        for _ in range(draw(st.integers(0, 8)))
    ]
    codes = sorted({i.observation for _, series in all_series() for i in series.indications})
    observed = (Observation(draw(st.sampled_from(codes)), BIRTH),) if draw(st.booleans()) else ()
    assessed_on = BIRTH + timedelta(days=draw(offsets))
    return Case("x", BIRTH, draw(st.sampled_from("FMU")), assessed_on, observed, tuple(doses))


@st.composite
def histories(draw: st.DrawFn) -> tuple[str, Series, Case]:
    """A series and doses of its antigen, close enough together to meet its rules on either side."""
    antigen, series = draw(st.sampled_from(all_series()))
    vaccines = sorted(code for code, v in us().vaccines.items() if any(a.antigen == antigen for a in v.antigens))
    on, doses = BIRTH + timedelta(days=draw(st.integers(0, 500))), []
    for _ in range(draw(st.integers(1, 7))):
        doses.append(Given(on, draw(st.sampled_from(vaccines))))
        on += timedelta(days=draw(st.integers(1, 400)))
    return antigen, series, Case("x", BIRTH, "F", date(2060, 1, 1), (), tuple(doses))


@given(histories())
@settings(deadline=None, max_examples=200)
def test_a_later_dose_never_changes_an_earlier_verdict(history: tuple[str, Series, Case]) -> None:
    antigen, series, case = history
    whole = evaluate(open_chart(us(), case), antigen, series, NO_GROUPS).judged
    for count in range(len(case.doses)):
        fewer = msgspec.structs.replace(case, doses=case.doses[:count])
        earlier = tuple(judged for judged in whole if judged.place < count)
        assert evaluate(open_chart(us(), fewer), antigen, series, NO_GROUPS).judged == earlier


@given(cases(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=100)
def test_the_order_of_the_doses_does_not_matter(case: Case, random: Random) -> None:
    doses = list(case.doses)
    random.shuffle(doses)
    assert evaluate_case(us(), msgspec.structs.replace(case, doses=tuple(doses))) == evaluate_case(us(), case)


@given(cases())
@settings(deadline=None, max_examples=200)
def test_dates_come_in_order_and_only_with_an_open_series(case: Case) -> None:
    for group in evaluate_case(us(), case).groups:
        assert (group.earliest_on is None) == (group.series_status != "Not Complete")
        if group.earliest_on and group.recommended_on:
            assert group.earliest_on <= group.recommended_on
            assert group.past_due_on is None or group.recommended_on <= group.past_due_on


@given(cases())
@settings(deadline=None, max_examples=100)
def test_every_dose_not_valid_says_why(case: Case) -> None:
    for verdict in evaluate_case(us(), case).doses:
        assert (verdict.reason is None) == (verdict.status == "Valid")
        assert all(why.rule and why.source and why.looked_at for why in verdict.why)


@given(st.dates(date(2025, 10, 1), date(2026, 1, 31)))
@settings(deadline=None, max_examples=15)
def test_each_dose_on_its_recommended_date_completes_every_standard_series(birth_on: date) -> None:
    """Of the series that have an end and a vaccine to be given for each dose; births of a season RSV is given in."""
    for antigen, series in all_series():
        if series.kind != "Standard" or any(dose.recurring or not dose.preferable for dose in series.doses):
            continue
        case = Case("x", birth_on, "F", birth_on)
        for _ in range(len(series.doses)):
            chart, now = standing(antigen, series, case)
            if now.dates is None:
                break
            next_dose = vaccine_for(chart, series, now, now.dates.recommended_on)
            case = msgspec.structs.replace(case, doses=(*case.doses, next_dose), assessed_on=next_dose.given_on)
        _, now = standing(antigen, series, case)
        assert now.status == "Complete", (antigen, series.name, case, now.progress.judged)


def standing(antigen: str, series: Series, case: Case) -> tuple[Chart, SeriesForecast]:
    chart = open_chart(us(), case)
    return chart, forecast(chart, us().antigens[antigen], evaluate(chart, antigen, series, NO_GROUPS), NO_GROUPS)


def vaccine_for(chart: Chart, series: Series, now: SeriesForecast, on: date) -> Given:
    return next(
        Given(on, code, products.mvx)
        for products in series.doses[now.target].preferable
        for code in sorted(products.vaccines)
        if chart.aged(on, products.begin, products.end)
    )
