"""The booklet's page and the answer for a vaccine in hand, on a small programme of our own."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from domain.doses import Dose
from domain.events import Alert, ChildRegistered
from domain.problems import Severity
from domain.schedule.case import Case
from domain.schedule.judgement import Judgement, judge
from domain.schedule.page import Page, next_visit, read_page
from domain.schedule.plan import Plan
from domain.schedule.programme import (
    Age,
    Antigen,
    Association,
    Conflict,
    Contraindication,
    Evidence,
    Interval,
    Part,
    Products,
    Programme,
    Series,
    SeriesDose,
    Vaccine,
    VaccineGroup,
)
from domain.schedule.record import case_of

BORN = date(2026, 1, 10)
OLD = Age(max="4 years", rule="P-9", evidence="unverified")


def dose(age: str, late: str, vaccine: str, wait: str = "", evidence: Evidence | None = None) -> SeriesDose:
    between = (Interval(from_previous=True, abs_min=wait, min=wait, rule="B-2", evidence=evidence),) if wait else ()
    ages = (Age(abs_min=age, min=age, earliest_rec=age, latest_rec=late, rule="B-1", source="book"),)
    fits = (Products(vaccines=frozenset({vaccine}), recommended=True),)
    return SeriesDose(ages=ages, intervals=between, preferable=fits)


def antigen(name: str, *doses: SeriesDose, against: tuple[Contraindication, ...] = ()) -> Antigen:
    series = Series(name=name, vaccine_group=name, kind="Standard", group="1", default=True, doses=doses)
    return Antigen(series=(series,), contraindications=against)


def vaccine(name: str, code: str, *antigens: str) -> Vaccine:
    return Vaccine(name=name, antigens=tuple(Association(antigen=a) for a in antigens), codes=(code,))


LIVE = (Conflict(previous=frozenset({"V"}), begin="1 day", min_end="28 days", end="28 days", rule="G05"),)
EDITION = Programme(
    name="try",
    edition="1",
    effective_on=date(2020, 1, 1),
    source="book",
    evidence="transcribed",
    unreal_date="month_end",
    vaccine_groups={
        "P": VaccineGroup(code="P", antigens=("P",), name_zh="甲", name_en="P", place=1),
        "M": VaccineGroup(
            code="M", antigens=("M",), place=2, parts=(Part("流脑A", "MenA", 1), Part("流脑AC", "MenAC", 2))
        ),
        "L": VaccineGroup(code="L", antigens=("L",), place=3),
    },
    vaccines={
        "P": vaccine("P", "0101", "P"),
        "A": vaccine("A", "1601", "M"),
        "AC": vaccine("AC", "1701", "M"),
        "L": vaccine("L", "1201", "L"),
    },
    conflicts={"L": LIVE},
    antigens={
        "P": antigen("P", dose("0 days", "3 months", "P"), dose("2 months", "12 months", "P", "28 days", "unverified")),
        "M": antigen("M", dose("6 months", "12 months", "A"), dose("3 years", "4 years", "AC", "3 months")),
        "L": antigen("L", dose("8 months", "12 months", "L"), against=(Contraindication(observation="SICK"),)),
    },
    outside=frozenset({"V"}),
)
PAID = Programme(
    name="paid",
    edition="1",
    effective_on=date(2020, 1, 1),
    source="leaflet",
    evidence="unverified",
    unreal_date="month_end",
    vaccine_groups={"V": VaccineGroup(code="V", antigens=("V",), name_zh="水痘", name_en="Varicella", place=9)},
    vaccines={"V": vaccine("V", "2201", "V")},
    antigens={"V": antigen("V", dose("12 months", "24 months", "V"), dose("4 years", "5 years", "V", "28 days"))},
)
PLAN = Plan((EDITION,), PAID)


def child(today: str, *given: str, alerts: tuple[Alert, ...] = ()) -> tuple[Plan, Case]:
    """A child born on BORN with doses written as code@day."""
    doses = [Dose(f"d{n}", "c", *split(entry)) for n, entry in enumerate(given)]
    facts = ChildRegistered("某某", "1", BORN.isoformat(), alerts=alerts)
    return PLAN, case_of("c", facts, doses, PLAN, date.fromisoformat(today))


def split(entry: str) -> tuple[str, int, str, str]:
    code, day = entry.split("@")
    return code, 1, day, "clinic"


def page(today: str, *given: str) -> Page:
    return read_page(*child(today, *given))


def test_due_overdue_and_later_are_never_mixed() -> None:
    assert [(n.group, n.standing) for n in page("2026-01-10").nexts] == [
        ("P", "due"),
        ("M", "later"),
        ("M", "closed"),
        ("L", "later"),
        ("V", "offered"),
    ]
    assert [n.standing for n in page("2026-04-09").due] == ["due"], "the last day before the completion age"
    assert [n.standing for n in page("2026-04-10").due] == ["overdue"]


def test_the_page_shows_each_dose_in_its_place_and_the_days_to_come() -> None:
    row = page("2026-03-20", "0101@2026-01-11").rows[0]
    assert [(c.number, c.standing, c.on) for c in row.cells] == [(1, "given", None), (2, "due", date(2026, 3, 10))]
    assert (row.next.number, row.next.doses, row.cells[0].marks[0].dose_id) == (2, 2, "d0")
    first, second = page("2026-03-20").rows[1:3]
    assert [(first.next.name_zh, first.cells[0].number, first.cells[0].on)] == [("流脑A", 1, date(2026, 7, 10))]
    assert [(second.next.name_zh, second.cells[0].number, second.cells[0].on)] == [("流脑AC", 1, date(2029, 1, 10))]


def test_a_part_of_a_group_is_numbered_apart() -> None:
    given = page("2029-02-01", "1601@2026-07-10", "1701@2029-01-10")
    assert [row.cells[0].marks[0].dose_id for row in given.rows[1:3]] == ["d0", "d1"]
    assert judge(*child("2029-01-10", "1601@2026-07-10"), "1701").number == 1


def test_late_invalid_and_repeated_doses_are_marked() -> None:
    marks = page(
        "2026-10-01", "0101@2026-05-01", "1601@2026-06-01", "1601@2026-08-01", "0101@2026-06-10", "0101@2026-07-01"
    )
    kinds = {m.dose_id: m.kind for row in marks.rows for cell in row.cells for m in cell.marks}
    assert kinds == {"d0": "late", "d1": "invalid", "d2": "valid", "d3": "valid", "d4": "repeated"}
    men = marks.rows[1].cells[0]
    assert [m.dose_id for m in men.marks] == ["d1", "d2"], "the invalid one stands where it was meant for"


def test_a_dose_against_an_unverified_rule_counts_and_is_marked_early() -> None:
    second = page("2026-04-01", "0101@2026-02-20", "0101@2026-03-12").rows[0].cells[1]
    assert [(m.kind, m.why[0].rule, m.why[0].evidence) for m in second.marks] == [("early", "B-2", "unverified")]


def test_a_self_paid_vaccine_is_due_only_once_begun() -> None:
    assert page("2027-02-01").nexts[-1].standing == "offered"
    assert [row.concerns for row in page("2027-02-01").rows] == [True, True, True, True, False]
    assert page("2030-02-01", "2201@2027-02-01").rows[-1].concerns
    begun = page("2030-02-01", "2201@2027-02-01").nexts[-1]
    assert (begun.standing, begun.self_paid, begun.number) == ("due", True, 2)


def test_a_dose_without_rules_is_loose() -> None:
    assert [m.kind for m in page("2026-02-01", "9901@2026-01-20").loose] == ["unjudged"]
    assert [p.code for p in judge(*child("2026-02-01"), "9901").problems] == ["schedule.no_rules"]


@pytest.mark.parametrize(
    ("today", "given", "code", "problem", "severity", "day"),
    [
        ("2026-07-09", (), "1601", "schedule.too_young", Severity.OVERRIDE, "2026-07-10"),
        ("2026-03-12", ("0101@2026-02-20",), "0101", "schedule.too_soon", Severity.WARN, "2026-03-20"),
        ("2026-07-10", ("0101@2026-01-10", "0101@2026-03-10"), "0101", "schedule.not_needed", Severity.OVERRIDE, ""),
        ("2027-02-10", ("2201@2027-01-14",), "1201", "schedule.live_conflict", Severity.OVERRIDE, "2027-02-11"),
        ("2026-08-10", (), "1701", "schedule.wrong_vaccine", Severity.OVERRIDE, ""),
    ],
)
def test_what_speaks_against_a_vaccine(
    today: str, given: tuple[str, ...], code: str, problem: str, severity: Severity, day: str
) -> None:
    found = judge(*child(today, *given), code).problems
    assert problem in [p.code for p in found]
    said = next(p for p in found if p.code == problem)
    assert (said.severity, said.params["day"]) == (severity, day)
    assert said.params["mark"] == ("M" if severity is Severity.WARN else "S2")


def test_the_right_vaccine_on_its_day_has_nothing_against_it() -> None:
    assert judge(*child("2026-03-20", "0101@2026-02-20"), "0101") == Judgement(2, ("P",))
    assert judge(*child("2027-02-11", "2201@2027-01-14"), "1201").problems == ()


def test_a_condition_of_the_child_forbids() -> None:
    sick = (Alert("condition", "病", component="SICK"),)
    found = judge(*child("2026-10-01", alerts=sick), "1201").problems
    assert [(p.code, p.severity) for p in found] == [("schedule.contraindicated", Severity.OVERRIDE)]


def test_the_record_gives_the_observations() -> None:
    facts = ChildRegistered(
        "某",
        "2",
        "2026-01-10",
        birth_weight_g=1800,
        mother_hbsag="positive",
        preterm_weeks=35,
        alerts=(Alert("condition", "丙球", component="IG", on="2026-02-01"), Alert("allergy", "蛋")),
    )
    case = case_of("c", facts, [], PLAN, date(2026, 3, 1))
    assert case.sex == "F"
    assert [(o.code, o.observed_on) for o in case.observations] == [
        ("HBSAG-MOTHER", None),
        ("LOW-WEIGHT", None),
        ("PRETERM", None),
        ("IG", date(2026, 2, 1)),
    ]


def test_the_next_visit_is_the_first_day_something_is_due() -> None:
    assert next_visit(page("2026-01-10", "0101@2026-01-10"), date(2026, 1, 10)) == date(2026, 3, 10)
    assert next_visit(page("2026-04-20"), date(2026, 4, 20)) == date(2026, 4, 21), "what is overdue is due tomorrow too"


def test_what_was_put_off_comes_on_its_new_day() -> None:
    plan, case = child("2026-04-20")
    put_off = read_page(plan, case, {"P": date(2026, 5, 2)})
    assert [n.standing for n in put_off.due] == ["overdue"], "it is due all the same"
    assert next_visit(put_off, date(2026, 4, 20)) == date(2026, 5, 2)


def test_live_vaccines_of_one_day_do_not_put_each_other_off() -> None:
    assert judge(*child("2027-01-14", "2201@2027-01-14"), "1201").problems == ()


def test_what_was_due_this_morning_is_due_until_the_day_ends() -> None:
    alone = page("2026-11-01")
    assert [n.standing for n in alone.nexts if n.group == "L"] == ["due"]
    beside = page("2026-11-01", "2201@2026-11-01")
    (live,) = (n for n in beside.nexts if n.group == "L")
    assert (live.standing, live.recommended_on) == ("due", date(2026, 11, 29)), "from tomorrow on it waits 28 days"
    assert [n.standing for n in page("2026-11-02", "2201@2026-11-01").nexts if n.group == "L"] == ["later"]


def test_what_is_too_late_by_an_unverified_rule_is_not_asked_for() -> None:
    doubted = msgspec.structs.replace(
        EDITION.antigens["P"].series[0].doses[0], ages=(*EDITION.antigens["P"].series[0].doses[0].ages, OLD)
    )
    plan = Plan((msgspec.structs.replace(EDITION, antigens={**EDITION.antigens, "P": antigen("P", doubted)}),))
    case = case_of("c", ChildRegistered("某", "1", BORN.isoformat()), [], plan, date(2030, 1, 9))
    assert read_page(plan, case).nexts[0].standing == "overdue"
    later = msgspec.structs.replace(case, assessed_on=date(2030, 1, 10))
    row = read_page(plan, later).rows[0]
    assert (row.next.standing, [(c.standing, c.on) for c in row.cells]) == ("closed", [("closed", None)])
    assert [(p.code, p.severity) for p in judge(plan, later, "0101").problems] == [("schedule.too_old", Severity.WARN)]
