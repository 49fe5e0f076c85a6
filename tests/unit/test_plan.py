"""Which edition a child follows, and one programme made of an edition and the supplement."""

from __future__ import annotations

from datetime import date
from functools import cache

import msgspec
import pytest

from config import programmes
from domain.schedule.case import Case, Given
from domain.schedule.dates import Span
from domain.schedule.page import Next, read_page
from domain.schedule.plan import Plan, joined
from domain.schedule.programme import (
    Age,
    Antigen,
    Association,
    Conflict,
    ObservationName,
    Products,
    Programme,
    Series,
    SeriesDose,
    Vaccine,
    VaccineGroup,
)


def one_dose(antigen: str, vaccine: str, age: Span) -> Antigen:
    dose = SeriesDose(
        ages=(Age(abs_min=age, min=age, earliest_rec=age),),
        preferable=(Products(vaccines=frozenset({vaccine}), recommended=True),),
    )
    series = Series(name="one dose", vaccine_group=antigen, kind="Standard", group="1", default=True, doses=(dose,))
    return Antigen(series=(series,))


def programme(name: str, edition: str, antigen: str, vaccine: str, age: Span, **more: object) -> Programme:
    """One antigen, one vaccine with the code 9001, one dose; in force from the first of January of its edition."""
    plain = Programme(
        name=name,
        edition=edition,
        effective_on=date(int(edition), 1, 1),
        source=f"source of {name}",
        evidence="official",
        unreal_date="month_end",
        vaccine_groups={antigen: VaccineGroup(code=antigen, antigens=(antigen,))},
        vaccines={vaccine: Vaccine(name=vaccine, antigens=(Association(antigen=antigen),), codes=("9001",))},
        antigens={antigen: one_dose(antigen, vaccine, age)},
    )
    return msgspec.structs.replace(plain, **more)


OLD = programme("n-2021", "2021", "A", "va", "3 months")
NEW = programme("n-2025", "2025", "A", "va", "2 months")
EXTRA = programme(
    "extra",
    "2026",
    "B",
    "vb",
    "1 year",
    evidence="transcribed",
    outside=frozenset({"va"}),
    observations={"X": ObservationName(name_zh="某", name_en="some")},
    vaccines={
        "vb": Vaccine(name="vb", antigens=(Association(antigen="B"),), codes=("9002",)),
        "va": Vaccine(name="other words", antigens=(Association(antigen="B"),), codes=("9003",)),
    },
)
CONFLICT = Conflict(previous=frozenset({"va"}), begin="1 day", min_end="28 days", end="28 days")


@cache
def shipped() -> Plan:
    editions = [programmes.load(path) for path in programmes.DIRECTORY.glob("cn-nip-*")]
    by_age = sorted(editions, key=lambda edition: edition.effective_on)
    return Plan(tuple(by_age), programmes.load(programmes.DIRECTORY / "cn-self-paid"))


@pytest.mark.parametrize(
    ("day", "edition"),
    [("2020-06-01", "2021"), ("2021-01-01", "2021"), ("2024-12-31", "2021"), ("2025-01-01", "2025"), ("2099", "2025")],
)
def test_the_edition_in_force_on_the_day(day: str, edition: str) -> None:
    on = date.fromisoformat(day) if "-" in day else date(int(day), 1, 1)
    assert Plan((OLD, NEW)).programme(on).edition == edition


def test_a_dose_stays_judged_by_the_edition_of_its_day() -> None:
    """Two months old is too young in 2024 and right in 2025, whenever it is looked at."""
    plan = Plan((OLD, NEW))
    for birth, given, status in (("2024-09-01", "2024-11-01", "Not Valid"), ("2024-11-01", "2025-01-01", "Valid")):
        doses = (Given(date.fromisoformat(given), vaccine="va"),)
        case = Case("x", date.fromisoformat(birth), "F", date(2025, 6, 1), doses=doses)
        assert [v.status for v in plan.evaluate(case).doses] == [status]


def test_editions_stand_oldest_first() -> None:
    for editions in ((), (NEW, OLD), (OLD, OLD)):
        with pytest.raises(ValueError, match="oldest first"):
            Plan(editions)


def test_codes_name_the_vaccine_of_the_day() -> None:
    renamed = msgspec.structs.replace(
        NEW, vaccines={"va": msgspec.structs.replace(NEW.vaccines["va"], codes=("9009",))}
    )
    plan = Plan((OLD, renamed))
    assert [plan.vaccine(code, date(year, 6, 1)) for year in (2024, 2026) for code in ("9001", "9009")] == [
        "va",
        "",
        "",
        "va",
    ]


def test_the_supplement_joins_every_edition() -> None:
    plan = Plan((OLD, NEW), msgspec.structs.replace(EXTRA, conflicts={"vb": (CONFLICT,)}))
    whole = plan.programme(date(2022, 1, 1))
    assert set(whole.antigens) == set(whole.vaccine_groups) == {"A", "B"}
    assert [part.antigen for part in whole.vaccines["va"].antigens] == ["A", "B"]
    assert whole.vaccines["va"].codes == ("9001", "9003")
    assert (whole.vaccines["va"].name, whole.outside, set(whole.observations)) == ("va", frozenset(), {"X"})
    assert [plan.self_paid(group) for group in ("A", "B", "C")] == [False, True, False]
    assert not Plan((OLD,)).self_paid("A")


def test_conflicts_of_both_add_up() -> None:
    both = joined(
        msgspec.structs.replace(OLD, conflicts={"va": (CONFLICT,)}),
        msgspec.structs.replace(EXTRA, conflicts={"va": (CONFLICT,), "vb": (CONFLICT,)}),
    )
    assert {key: len(found) for key, found in both.conflicts.items()} == {"va": 2, "vb": 1}


def test_a_rule_of_the_supplement_keeps_its_own_source_and_mark() -> None:
    both = joined(OLD, EXTRA)
    (dose,) = both.antigens["B"].series[0].doses
    rules = (both.antigens["B"].series[0], *dose.ages, *dose.preferable)
    assert {(rule.source, rule.evidence) for rule in rules} == {("source of extra", "transcribed")}
    assert both.antigens["A"] == OLD.antigens["A"]


def test_what_stands_in_both_is_refused() -> None:
    same_code = msgspec.structs.replace(
        EXTRA, vaccines={"vb": msgspec.structs.replace(EXTRA.vaccines["vb"], codes=("9001",))}
    )
    for supplement, name in ((NEW, "A"), (same_code, "9001")):
        with pytest.raises(ValueError, match=name):
            Plan((OLD,), supplement)


def test_what_ships_stands_together() -> None:
    plan = shipped()
    for edition in plan.editions:
        whole = plan.programme(edition.effective_on)
        assert whole.edition == edition.edition
        assert plan.vaccine("2801", edition.effective_on) == "Rabies"
        assert whole.outside == frozenset(), "a vaccine the rules name is in no programme"
        places = [group.place for group in whole.vaccine_groups.values() if group.place]
        assert len(set(places)) == len(places)


def test_joining_is_done_once() -> None:
    plan = shipped()
    assert plan.programme(date(2026, 11, 22)) is plan.programme(date(2026, 11, 23))


@pytest.mark.parametrize(
    "history", [(), ("BCG@2025-01-10", "HepB@2025-01-10"), ("Hib@2025-04-10",), ("Var@2026-02-01",)]
)
def test_what_was_never_begun_may_be_left_out(history: tuple[str, ...]) -> None:
    plan = shipped()
    doses = tuple(Given(date.fromisoformat(day), vaccine=v) for v, day in (one.split("@") for one in history))
    case = Case("c", date(2025, 1, 10), "F", date(2026, 11, 22), doses=doses)

    def asked(of: Plan) -> list[Next]:
        return [n for n in read_page(of, case).nexts if n.standing not in ("offered", "closed")]

    small = plan.without_offers(case)
    assert asked(small) == asked(plan)
    assert (small is plan) == any(vaccine in one for one in history for vaccine in ("Hib", "Var"))
