"""What must hold for any child and any doses, tried on the US programme and on each edition of the Chinese one."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import programmes
from domain.schedule.case import Case, CaseResult, Given, Observation
from domain.schedule.chart import Chart, open_chart
from domain.schedule.engine import evaluate_case
from domain.schedule.evaluate import evaluate
from domain.schedule.forecast import SeriesForecast, forecast
from domain.schedule.programme import Programme, Series

BIRTH = date(2019, 1, 31)
NO_GROUPS: frozenset[str] = frozenset()
NAMES = ("us-cdsi", "cn-nip-2021", "cn-nip-2025", "cn-nip-2026")
every_programme = pytest.mark.parametrize("name", NAMES)


@cache
def programme(name: str) -> Programme:
    return programmes.load(programmes.DIRECTORY / name)


def run(name: str, case: Case) -> CaseResult:
    """By the programme; a Chinese one with the editions before it."""
    earlier = [programme(one) for one in NAMES[1 : NAMES.index(name)]]
    return evaluate_case(programme(name), case, earlier)


def all_series(name: str) -> list[tuple[str, Series]]:
    return [(antigen, series) for antigen, known in programme(name).antigens.items() for series in known.series]


def dose(name: str, on: date, code: str, **more: object) -> Given:
    return msgspec.convert({"date": on, "cvx" if name == "us-cdsi" else "vaccine": code, **more}, Given)


@st.composite
def cases(draw: st.DrawFn, name: str) -> Case:
    """A child of up to 18 with up to eight doses of any vaccines, and up to two observations."""
    vaccines = st.sampled_from(sorted(programme(name).vaccines))
    offsets = st.integers(0, 6500)
    birth = BIRTH + timedelta(days=draw(st.integers(-2500, 2500)))
    doses = [
        dose(
            name,
            birth + timedelta(days=draw(offsets)),
            draw(vaccines),
            substandard=draw(st.booleans()) and draw(st.booleans()),
            ref=str(n),
        )
        for n in range(draw(st.integers(0, 8)))
    ]
    codes = {i.observation for _, series in all_series(name) for i in series.indications}
    observed = draw(st.lists(st.sampled_from(sorted(codes | programme(name).observations.keys())), max_size=2))
    seen = tuple(Observation(code, birth + timedelta(days=draw(offsets))) for code in observed)
    assessed_on = birth + timedelta(days=draw(offsets))
    return Case("x", birth, draw(st.sampled_from("FMU")), assessed_on, seen, tuple(doses))


@st.composite
def histories(draw: st.DrawFn, name: str) -> tuple[str, Series, Case]:
    """A series and doses of its antigen, close enough together to meet its rules on either side."""
    antigen, series = draw(st.sampled_from(all_series(name)))
    known = programme(name).vaccines.items()
    vaccines = sorted(code for code, vaccine in known if any(part.antigen == antigen for part in vaccine.antigens))
    on, doses = BIRTH + timedelta(days=draw(st.integers(0, 500))), []
    for _ in range(draw(st.integers(1, 7))):
        doses.append(dose(name, on, draw(st.sampled_from(vaccines))))
        on += timedelta(days=draw(st.integers(1, 400)))
    return antigen, series, Case("x", BIRTH, "F", date(2060, 1, 1), (), tuple(doses))


@every_programme
@given(st.data())
@settings(deadline=None, max_examples=100)
def test_a_later_dose_never_changes_an_earlier_verdict_of_one_series(name: str, data: st.DataObject) -> None:
    antigen, series, case = data.draw(histories(name))
    earlier = [programme(one) for one in NAMES[1 : NAMES.index(name)]]
    whole = evaluate(open_chart(programme(name), case, earlier), antigen, series, NO_GROUPS).judged
    for count in range(len(case.doses)):
        fewer = open_chart(programme(name), msgspec.structs.replace(case, doses=case.doses[:count]), earlier)
        before = tuple(judged for judged in whole if judged.place < count)
        assert evaluate(fewer, antigen, series, NO_GROUPS).judged == before


@every_programme
@given(st.data(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_the_order_of_the_doses_does_not_matter(name: str, data: st.DataObject, random: Random) -> None:
    case = data.draw(cases(name))
    doses = list(case.doses)
    random.shuffle(doses)
    assert run(name, msgspec.structs.replace(case, doses=tuple(doses))) == run(name, case)


@every_programme
@given(st.data())
@settings(deadline=None, max_examples=100)
def test_dates_come_in_order_and_only_with_an_open_series(name: str, data: st.DataObject) -> None:
    for group in run(name, data.draw(cases(name))).groups:
        assert (group.earliest_on is None) == (group.series_status != "Not Complete")
        if group.earliest_on and group.recommended_on:
            assert group.earliest_on <= group.recommended_on
            assert group.past_due_on is None or group.recommended_on <= group.past_due_on


@every_programme
@given(st.data())
@settings(deadline=None, max_examples=60)
def test_every_verdict_is_its_doses_and_says_why(name: str, data: st.DataObject) -> None:
    case = data.draw(cases(name))
    given_on = {one.ref: one.given_on for one in case.doses}
    for verdict in run(name, case).doses:
        assert verdict.given_on == given_on[verdict.ref]
        assert (verdict.reason is None) == (verdict.dose is not None) == (verdict.status == "Valid")
        assert all(why.rule and why.source and why.evidence and why.where and why.looked_at for why in verdict.why)
        if verdict.status == "Not Valid":
            assert all(why.evidence != "unverified" for why in verdict.why), "an unverified rule only warns"


@every_programme
@given(st.dates(date(2025, 10, 1), date(2026, 1, 31)))
@settings(deadline=None, max_examples=15)
def test_each_dose_on_its_recommended_date_completes_every_series_with_an_end(name: str, birth_on: date) -> None:
    """Of the standard series with a vaccine to be given for each dose, whose end no unverified rule makes.

    Births of a season in which the US programme gives RSV antibodies.
    """
    for antigen, series in all_series(name):
        if series.kind != "Standard" or series.evidence == "unverified":
            continue
        if any(one.recurring or not one.preferable for one in series.doses):
            continue
        case = Case("x", birth_on, "F", birth_on)
        for _ in range(len(series.doses)):
            chart, now = standing(name, antigen, series, case)
            if now.dates is None:
                break
            next_dose = vaccine_for(name, chart, series, now, now.dates.recommended_on)
            case = msgspec.structs.replace(case, doses=(*case.doses, next_dose), assessed_on=next_dose.given_on)
        _, now = standing(name, antigen, series, case)
        assert now.status == "Complete", (antigen, series.name, case, now.progress.judged)


def standing(name: str, antigen: str, series: Series, case: Case) -> tuple[Chart, SeriesForecast]:
    chart = open_chart(programme(name), case)
    progress = evaluate(chart, antigen, series, NO_GROUPS)
    return chart, forecast(chart, programme(name).antigens[antigen], progress, NO_GROUPS)


def vaccine_for(name: str, chart: Chart, series: Series, now: SeriesForecast, on: date) -> Given:
    return next(
        dose(name, on, code, mvx=products.mvx)
        for products in series.doses[now.target].preferable
        for code in sorted(products.vaccines)
        if chart.aged(on, products.begin, products.end)
    )
