"""The rules one by one, on a small made-up programme; the strict loader; a programme made from CDC's XML."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from config import cdsi, programmes
from domain.errors import ConfigError
from domain.schedule.case import Case, CaseResult, Given, GroupForecast, Observation
from domain.schedule.engine import evaluate_case
from domain.schedule.programme import (
    Age,
    Antigen,
    Association,
    BirthImmunity,
    Conflict,
    Contraindication,
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

BIRTH = date(2023, 1, 31)
LIVE = Products(vaccines=frozenset({"live"}))
FIRST = SeriesDose(ages=(Age(abs_min="1 month - 4 days", min="1 month", max="1 year"),), preferable=(LIVE,))
SECOND = SeriesDose(
    intervals=(Interval(from_previous=True, abs_min="28 days", min="28 days", rule="R2"),),
    preferable=(LIVE,),
)


def series(*doses: SeriesDose, **more: object) -> Series:
    fields = {"name": "two doses", "vaccine_group": "A", "kind": "Standard", "group": "1", "default": True, **more}
    return msgspec.convert({**fields, "doses": doses}, Series)


def programme(antigen: Antigen, **more: object) -> Programme:
    base = Programme(
        name="small",
        edition="1",
        effective_on=date(2020, 1, 1),
        source="made up",
        evidence="transcribed",
        unreal_date="next_month",
        vaccine_groups={"A": VaccineGroup(code="AA", antigens=("a",))},
        vaccines={
            "live": Vaccine(name="live", antigens=(Association(antigen="a"),)),
            "other": Vaccine(name="other live", antigens=()),
        },
        antigens={"a": antigen},
    )
    return msgspec.structs.replace(base, **more)


SMALL = programme(Antigen(series=(series(FIRST, SECOND),)))


def run(small: Programme, *doses: Given, on: str = "2023-06-01", **more: object) -> CaseResult:
    case = Case("x", BIRTH, "F", date.fromisoformat(on), doses=doses)
    return evaluate_case(small, msgspec.structs.replace(case, **more))


def group(small: Programme, *doses: Given, **more: object) -> GroupForecast:
    (forecast,) = run(small, *doses, **more).groups
    return forecast


def given(on: str, vaccine: str = "live", **more: object) -> Given:
    return Given(date.fromisoformat(on), vaccine=vaccine, **more)


@pytest.mark.parametrize(
    ("on", "status", "reason"),
    [
        ("2023-02-24", "Not Valid", "Age: Too Young"),  # 1 month is 1 March, 4 days of grace before
        ("2023-02-25", "Valid", None),
        ("2024-01-30", "Valid", None),
        ("2024-01-31", "Extraneous", "Age: Too Old"),
    ],
)
def test_ages_hold_to_the_day(on: str, status: str, reason: str | None) -> None:
    (verdict,) = run(SMALL, given(on), on="2025-01-01").doses
    assert (verdict.status, verdict.reason) == (status, reason)


def test_a_month_that_is_not_there_ends_where_the_programme_says() -> None:
    assert group(SMALL, on="2023-02-01").earliest_on == date(2023, 3, 1)
    clamped = msgspec.structs.replace(SMALL, unreal_date="month_end")
    assert group(clamped, on="2023-02-01").earliest_on == date(2023, 2, 28)


def test_a_dose_within_grace_is_valid_and_noted() -> None:
    (verdict,) = run(SMALL, given("2023-02-26")).doses
    assert [(w.text, w.held_against) for w in verdict.why] == [("Grace Period", date(2023, 3, 1))]


UNVERIFIED = Interval(
    from_previous=True, abs_min="28 days", min="28 days", rule="R3", source="me", evidence="unverified"
)


def test_a_reason_names_the_rule_its_source_and_its_mark_or_the_programmes() -> None:
    why = run(SMALL, given("2023-04-01"), given("2023-04-28")).doses[1].why[0]
    assert (why.rule, why.source, why.evidence, why.where) == ("R2", "made up", "transcribed", "a: two doses, 2")
    assert (why.looked_at, why.held_against) == (date(2023, 4, 28), date(2023, 4, 29))
    assert run(SMALL, given("2023-02-01")).doses[0].why[0].rule == "Table 6-15"


def test_an_unverified_interval_only_warns_and_moves_the_recommendation() -> None:
    small = programme(Antigen(series=(series(FIRST, msgspec.structs.replace(SECOND, intervals=(UNVERIFIED,))),)))
    verdict = run(small, given("2023-04-01"), given("2023-04-28")).doses[1]
    assert (verdict.status, verdict.reason, verdict.dose) == ("Valid", None, 2)
    (why,) = verdict.why
    assert (why.rule, why.text, why.held_against) == ("R3", "Interval: too Soon", date(2023, 4, 29))
    assert (why.source, why.evidence) == ("me", "unverified")
    waiting = group(small, given("2023-04-01"), on="2023-04-02")
    assert (waiting.earliest_on, waiting.recommended_on) == (date(2023, 4, 1), date(2023, 4, 29))


def test_an_unverified_age_neither_ages_out_nor_refuses() -> None:
    age = Age(abs_min="1 month", min="1 month", max="1 year", rule="R4", evidence="unverified")
    small = programme(Antigen(series=(series(msgspec.structs.replace(FIRST, ages=(age,))),)))
    assert [w.rule for w in group(small, on="2025-01-01").why] == ["R4", "FORECASTDTCAN-1", "R4"]
    for on, text in (("2023-02-05", "Age: Too Young"), ("2024-05-01", "Age: Too Old")):
        (verdict,) = run(small, given(on), on="2025-01-01").doses
        assert (verdict.status, verdict.why[0].text) == ("Valid", text)


def test_an_unverified_vaccine_counts_but_never_closes_the_series() -> None:
    other = Products(vaccines=frozenset({"other"}), rule="R5", evidence="unverified")
    first, second = (msgspec.structs.replace(dose, allowable=(other,)) for dose in (FIRST, SECOND))
    vaccines = {**SMALL.vaccines, "other": Vaccine(name="other", antigens=(Association(antigen="a"),))}
    small = programme(Antigen(series=(series(first, second),)), vaccines=vaccines)
    counted = run(small, given("2023-04-01", "other"), given("2023-05-01"))
    assert [[w.rule for w in v.why] for v in counted.doses] == [["R5"], []]
    assert counted.groups[0].series_status == "Complete"
    open_still = run(small, given("2023-04-01"), given("2023-05-01", "other"))
    assert [(v.status, v.dose) for v in open_still.doses] == [("Valid", 1), ("Valid", 2)]
    assert (open_still.groups[0].series_status, open_still.groups[0].forecast_dose) == ("Not Complete", 2)
    assert "R5" in {w.rule for w in open_still.groups[0].why}


def test_an_unverified_skip_saves_a_dose_but_ends_nothing() -> None:
    past = SkipSet(conditions=(SkipCondition(kind="age", begin_age="3 months"),), rule="R6", evidence="unverified")
    skips = (Skip(context="Both", sets=(past,)),)
    late = Age(abs_min="5 months", min="5 months")
    path = series(
        msgspec.structs.replace(FIRST, ages=(late,), skips=skips),
        msgspec.structs.replace(SECOND, ages=(Age(abs_min="4 months", min="4 months"),), skips=skips),
    )
    small = programme(Antigen(series=(path,)))
    (verdict,) = run(small, given("2023-06-01")).doses
    assert (verdict.status, verdict.dose, {w.rule for w in verdict.why}) == ("Valid", 2, {"R6"})
    (verdict,) = run(small, given("2023-07-01"), on="2023-07-01").doses
    assert (verdict.dose, [w.rule for w in verdict.why]) == (1, ["R6"])
    assert group(small, on="2023-06-01").target == 2, "the last dose stays, whatever an unverified rule says"


def test_an_age_may_depend_on_the_dose_before_being_missed() -> None:
    missed = SkipSet(conditions=(SkipCondition(kind="age", begin_age="6 months"),))
    ages = (Age(min="8 months", after_missed=False), Age(min="7 months", after_missed=True))
    path = series(
        msgspec.structs.replace(FIRST, skips=(Skip(context="Both", sets=(missed,)),)),
        msgspec.structs.replace(SECOND, ages=ages),
    )
    small = programme(Antigen(series=(path,)))
    assert group(small, on="2023-08-01").earliest_on == date(2023, 8, 31)
    assert group(small, given("2023-04-01"), on="2023-08-01").earliest_on == date(2023, 10, 1)


def test_what_needs_an_observation_waits_for_it_and_what_is_to_be_weighed_only_warns() -> None:
    test = Contraindication(unless=("NEG",), begin="3 months", rule="R7")
    weigh = Contraindication(observation="ILL", effect="evaluate", rule="R8")
    off = Contraindication(observation="HOT", effect="defer", rule="R9")
    small = programme(Antigen(series=(series(FIRST),), contraindications=(test, weigh, off)))
    assert group(small, on="2023-04-30").series_status == "Not Complete"
    closed = group(small, on="2023-05-01")
    assert (closed.series_status, closed.why[0].rule, closed.why[0].text) == ("Contraindicated", "R7", "Needs: NEG")
    seen = (Observation("NEG"), Observation("ILL"))
    warned = group(small, on="2023-05-01", observations=seen)
    assert (warned.series_status, warned.why[-1].rule) == ("Not Complete", "R8")
    put_off = group(small, observations=(Observation("NEG"), Observation("HOT")))
    assert (put_off.series_status, put_off.why[0].text) == ("Contraindicated", "To be put off")


def test_a_dose_stays_judged_by_the_edition_in_force_when_it_was_given() -> None:
    older = msgspec.structs.replace(SMALL, effective_on=date(2019, 1, 1), edition="0")
    first = msgspec.structs.replace(FIRST, ages=(Age(abs_min="3 months", min="3 months", rule="NEW"),))
    newer = programme(Antigen(series=(series(first, SECOND),)), effective_on=date(2023, 4, 1))
    doses = (given("2023-03-10"), given("2023-04-10"))
    case = Case("x", BIRTH, "F", date(2023, 6, 1), doses=doses)
    assert [v.status for v in evaluate_case(newer, case).doses] == ["Not Valid", "Not Valid"]
    both = evaluate_case(newer, case, [older])
    assert [v.status for v in both.doses] == ["Valid", "Valid"]
    assert both.groups[0].series_status == "Complete"
    early = msgspec.structs.replace(case, doses=(given("2023-04-10"),))
    assert evaluate_case(newer, early, [older]).doses[0].why[0].rule == "NEW"


def test_a_verdict_is_found_by_the_doses_own_id_and_says_which_dose_it_is() -> None:
    result = run(SMALL, given("2023-04-01", ref="b"), given("2023-05-01", ref="a"), given("2023-05-09", ref="c"))
    assert [(v.ref, v.dose, v.series) for v in result.doses] == [
        ("b", 1, "a: two doses"),
        ("a", 2, "a: two doses"),
        ("c", None, "a: two doses"),
    ]
    assert (result.groups[0].doses, result.groups[0].target) == (2, None)


def test_a_later_observation_does_not_spoil_an_earlier_dose() -> None:
    apart = Interval(from_observation="IG", abs_min="3 months", min="3 months")
    small = programme(Antigen(series=(series(msgspec.structs.replace(FIRST, intervals=(apart,))),)))
    seen = (Observation("IG", date(2023, 5, 1)), Observation("IG", date(2022, 12, 1)))
    assert run(small, given("2023-04-01"), observations=seen).doses[0].status == "Valid"
    assert run(small, given("2023-05-02"), observations=seen).doses[0].status == "Not Valid"


def test_an_allowable_interval_saves_a_dose_too_soon() -> None:
    second = msgspec.structs.replace(SECOND, allowable_intervals=(Interval(from_dose=1, abs_min="21 days"),))
    small = programme(Antigen(series=(series(FIRST, second),)))
    statuses = [run(small, given("2023-04-01"), given(on)).doses[1].status for on in ("2023-04-21", "2023-04-22")]
    assert statuses == ["Not Valid", "Valid"]


@pytest.mark.parametrize("bad", [{"substandard": True}, {"lot_expires_on": date(2023, 3, 31)}])
def test_a_spoilt_dose_must_be_repeated(bad: dict[str, object]) -> None:
    result = run(SMALL, given("2023-04-01", **bad))
    assert result.doses[0].status == "Sub-standard"
    assert result.groups[0].forecast_dose == 1


def test_a_dose_after_the_series_is_extraneous_and_one_after_assessment_is_not_looked_at() -> None:
    result = run(SMALL, given("2023-04-01"), given("2023-05-01"), given("2023-05-30"), given("2023-07-01"))
    assert [(v.status, v.reason) for v in result.doses[2:]] == [("Extraneous", "Series Already Complete")]
    assert result.groups[0].series_status == "Complete"


def test_a_conflicting_vaccine_spoils_the_dose_and_holds_the_forecast_back() -> None:
    conflict = Conflict(previous=frozenset({"other"}), begin="1 day", min_end="24 days", end="28 days")
    small = msgspec.structs.replace(SMALL, conflicts={"live": (conflict,)})
    before = given("2023-05-20", "other")
    found = {
        on: run(small, before, given(on), on=on).doses[0].reason for on in ("2023-05-20", "2023-06-12", "2023-06-13")
    }
    assert found == {"2023-05-20": None, "2023-06-12": "Live Virus Conflict", "2023-06-13": None}
    assert group(small, before).earliest_on == date(2023, 6, 17)


def test_a_dose_is_skipped_while_its_condition_holds() -> None:
    old_enough = SkipCondition(kind="age", begin_age="6 months")
    skip = Skip(context="Forecast", sets=(SkipSet(conditions=(old_enough,)),))
    small = programme(Antigen(series=(series(FIRST, msgspec.structs.replace(SECOND, skips=(skip,))),)))
    assert group(small, given("2023-06-30"), on="2023-06-30").series_status == "Not Complete"
    assert group(small, given("2023-06-30"), on="2023-07-31").series_status == "Complete"
    late = group(small, given("2023-07-10"), on="2023-07-10")
    assert late.series_status == "Complete", (
        "by its earliest date, 7 August, the second dose is not needed (section 7.6)"
    )


def test_a_season_that_is_over_asks_for_nothing() -> None:
    season = msgspec.structs.replace(FIRST, season_start_on=date(2023, 3, 15), season_end_on=date(2023, 5, 31))
    small = programme(Antigen(series=(series(season),)))
    assert group(small, on="2023-03-01").earliest_on == date(2023, 3, 15)
    assert group(small, on="2023-05-31").series_status == "Not Complete"
    assert group(small, on="2023-06-01").series_status == "Not Recommended"


def test_who_is_too_old_to_begin_has_aged_out() -> None:
    assert group(SMALL, on="2024-01-30").latest_on == date(2024, 1, 30)
    assert group(SMALL, on="2024-01-31").series_status == "Aged Out"


def test_a_series_for_girls_is_not_a_boys() -> None:
    small = programme(Antigen(series=(series(FIRST, genders=("Female",)),)))
    assert group(small).series_status == "Not Complete"
    assert run(small, sex="M").groups == ()


def test_a_series_for_later_births_is_not_an_earlier_childs() -> None:
    small = programme(Antigen(series=(series(FIRST, born_from=BIRTH),)))
    assert group(small).series_status == "Not Complete"
    assert run(small, birth_on=date(2023, 1, 30)).groups == ()


def test_a_risk_series_waits_for_its_observation_and_its_age() -> None:
    risk = series(FIRST, kind="Risk", indications=(Indication(observation="9", begin="4 months"),))
    small = programme(Antigen(series=(risk,)))
    seen = (Observation("9"),)
    assert run(small).groups == ()
    assert run(small, on="2023-05-30", observations=seen).groups == ()
    assert group(small, on="2023-05-31", observations=seen).series_status == "Not Complete"


def test_who_is_immune_needs_nothing() -> None:
    born = BirthImmunity(before=date(2023, 2, 1), country="CN", exclusions=("5",))
    small = programme(Antigen(series=(series(FIRST),), immune_by_history=("7",), immune_by_birth=(born,)))
    assert group(small).series_status == "Not Complete"
    assert group(small, birth_country="CN").series_status == "Immune"
    assert group(small, birth_country="CN", observations=(Observation("5"),)).series_status == "Not Complete"
    assert group(small, observations=(Observation("7"),)).series_status == "Immune"


def test_what_is_forbidden_is_not_forecast() -> None:
    one = Contraindication(observation="3", vaccines=(LIVE,))
    whole = Contraindication(observation="4", end="8 months")
    choice = msgspec.structs.replace(
        FIRST, preferable=(LIVE, Products(vaccines=frozenset({"other"}), recommended=True))
    )
    small = programme(Antigen(series=(series(choice),), contraindications=(one, whole)))
    assert group(small, observations=(Observation("3"),)).vaccines == ("other",)
    assert group(small, observations=(Observation("4"),)).series_status == "Contraindicated"
    assert group(small, observations=(Observation("4"),), on="2023-10-01").series_status == "Not Complete"
    single = programme(Antigen(series=(series(FIRST),), contraindications=(one,)))
    assert group(single, observations=(Observation("3"),)).series_status == "Contraindicated"


def test_a_case_is_read_and_its_result_written_as_one_line_each() -> None:
    line = (
        b'{"id":"1","birth_date":"2023-01-31","sex":"F","assessment_date":"2023-06-01",'
        b'"observations":[{"code":"4","date":null}],"doses":[{"date":"2023-02-01","vaccine":"live"}]}'
    )
    result = evaluate_case(SMALL, msgspec.json.decode(line, type=Case))
    out = msgspec.json.decode(msgspec.json.encode(result))
    assert {k: out["doses"][0][k] for k in ("date", "cvx", "vaccine_group", "status", "reason")} == {
        "date": "2023-02-01",
        "cvx": "live",
        "vaccine_group": "AA",
        "status": "Not Valid",
        "reason": "Age: Too Young",
    }
    assert out["groups"][0]["earliest_date"] == "2023-03-01"
    assert out["groups"][0]["past_due_date"] is None
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(line.replace(b'"vaccine"', b'"cvx":"1","vaccine"'), type=Case)


def test_a_programme_written_is_the_programme_read(tmp_path: Path) -> None:
    programmes.write(SMALL, tmp_path)
    assert programmes.load(tmp_path) == SMALL


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("antigens/a.json", b'"1 month"', b'"1 moon"', "config.bad_setting"),
        ("antigens/a.json", b'"preferable"', b'"preferred"', "config.bad_setting"),
        ("antigens/a.json", b'"from_previous":true', b'"from_dose":1,"from_previous":true', "config.bad_setting"),
        ("antigens/a.json", b'"vaccine_group":"A"', b'"vaccine_group":"B"', "config.bad_setting"),
        ("programme.json", b'"antigens":["a"]', b'"antigens":["b"]', "config.bad_setting"),
        ("antigens/a.json", b'"vaccines":["live"]', b'"vaccines":["lvie"]', "config.bad_setting"),
        ("programme.json", b'"vaccines":{"live"', b'"conflicts":{"lvie":[]},"vaccines":{"live"', "config.bad_setting"),
        ("programme.json", b'"vaccines":{"live"', b'"observations":{},"vaccines":{"liv"', "config.bad_setting"),
        ("programme.json", b"{", b"", "config.bad_setting"),
    ],
)
def test_a_wrong_programme_is_refused(tmp_path: Path, file: str, old: bytes, new: bytes, code: str) -> None:
    programmes.write(SMALL, tmp_path)
    path = tmp_path / file
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(ConfigError) as refused:
        programmes.load(tmp_path)
    assert refused.value.code == code
    assert str(tmp_path) in str(refused.value.params["path"])


def test_a_programme_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.no_file"):
        programmes.load(tmp_path / "none")


def test_the_xml_of_cdc_becomes_a_programme() -> None:
    made = cdsi.from_xml(
        {"ScheduleSupportingData.xml": SCHEDULE, "AntigenSupportingData- Y-508.xml": ANTIGEN}, "0", BIRTH, "made up"
    )
    (path,) = made.antigens["Y"].series
    assert (made.vaccine_groups["Polio"].code, made.vaccines["37"].name) == ("POL", "Y vaccine")
    assert made.conflicts == {
        "37": (Conflict(previous=frozenset({"03"}), begin="1 day", min_end="28 days", end="28 days"),)
    }
    assert (path.name, path.kind, path.preference, path.doses[0].recurring) == ("one dose", "Risk", 2, True)
    assert path.indications == (Indication(observation="008", begin="9 months"),)
    assert path.doses[0].ages == (Age(min="9 months", effective_on=date(2020, 2, 1)),)
    assert path.doses[0].preferable == (Products(vaccines=frozenset({"37"}), begin="9 months", mvx="PMC"),)


SCHEDULE = b"""<scheduleSupportingData>
<liveVirusConflicts><liveVirusConflict><previous><cvx>03</cvx></previous><current><cvx>37</cvx></current>
<conflictBeginInterval>1 day</conflictBeginInterval><minConflictEndInterval>28 days</minConflictEndInterval>
<conflictEndInterval>28 days</conflictEndInterval></liveVirusConflict></liveVirusConflicts>
<vaccineGroups><vaccineGroup><name>Polio</name><administerFullVaccineGroup/></vaccineGroup></vaccineGroups>
<vaccineGroupToAntigenMap><vaccineGroupMap><name>Polio</name><antigen>Y</antigen></vaccineGroupMap></vaccineGroupToAntigenMap>
<cvxToAntigenMap><cvxMap><cvx>37</cvx><shortDescription>Y vaccine</shortDescription>
<association><antigen>Y</antigen></association></cvxMap></cvxToAntigenMap></scheduleSupportingData>"""

ANTIGEN = b"""<antigenSupportingData><immunity/><contraindications><vaccineGroup/></contraindications><series>
<seriesName>one dose</seriesName><targetDisease>Y</targetDisease><vaccineGroup>Polio</vaccineGroup>
<seriesType>Risk</seriesType><equivalentSeriesGroups/><requiredGender/><selectSeries><defaultSeries>No</defaultSeries>
<productPath>No</productPath><seriesGroup>1</seriesGroup><seriesPriority>A</seriesPriority>
<seriesPreference>2</seriesPreference></selectSeries>
<indication><observationCode><code>008</code></observationCode><beginAge>9 months</beginAge><endAge/></indication>
<seriesDose><age><absMinAge/><minAge>9 months</minAge><effectiveDate>20200201</effectiveDate></age><interval/>
<preferableVaccine><cvx>37</cvx><beginAge>9 months</beginAge><tradeName>Y-VAX</tradeName><mvx>PMC</mvx>
<forecastVaccineType>N</forecastVaccineType></preferableVaccine><recurringDose>Yes</recurringDose></seriesDose>
</series></antigenSupportingData>"""
