from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.texts import table
from domain.events import Alert, ChildRegistered, Guardian, Identifier
from domain.identifiers import resident_check
from domain.people import (
    POINTS,
    Candidate,
    check_child,
    check_name,
    check_update,
    likely,
    likeness,
    tidy_name,
)
from domain.pinyin import spell
from domain.problems import Severity

TODAY = date(2026, 11, 22)
MOTHER = Guardian("mother", "李梅", "19900001234")
GOOD = ChildRegistered("王子涵", "2", "2024-01-31", guardians=(MOTHER,))


def resident_id(area: str, birth: str, serial: str) -> str:
    first = area + birth + serial
    return first + resident_check(first)


def codes(form: ChildRegistered, **kwargs: Any) -> list[str]:
    problems = check_child(form, TODAY, **kwargs)
    for problem in problems:
        for text in table()[problem.code].values():
            text.format_map(problem.params)
    return [p.code for p in problems]


def with_(**changes: Any) -> ChildRegistered:
    return msgspec.structs.replace(GOOD, **changes)


def test_a_good_form_has_nothing_wrong() -> None:
    assert codes(GOOD) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sex": ""}, "child.sex_missing"),
        ({"sex": "0"}, "child.sex_unclear"),
        ({"sex": "9"}, "child.sex_unclear"),
        ({"birth_on": "2026-11-23"}, "child.birth_in_future"),
        ({"birth_on": "2026-11-22"}, ""),
        ({"birth_on": "1899-12-31"}, "child.birth_too_early"),
        ({"birth_on": "1900-01-01"}, ""),
        ({"birth_on": "2023-02-29"}, "child.birth_date"),
        ({"birth_on": "20240131"}, "child.birth_date"),
        ({"birth_time": "23:59"}, ""),
        ({"birth_time": "24:00"}, "child.birth_time"),
        ({"birth_weight_g": 299}, "child.birth_weight"),
        ({"birth_weight_g": 300}, "child.birth_weight_unusual"),
        ({"birth_weight_g": 999}, "child.birth_weight_unusual"),
        ({"birth_weight_g": 1000}, ""),
        ({"birth_weight_g": 6000}, ""),
        ({"birth_weight_g": 6001}, "child.birth_weight_unusual"),
        ({"birth_weight_g": 10000}, "child.birth_weight"),
        ({"preterm_weeks": 19}, "child.weeks"),
        ({"preterm_weeks": 20}, ""),
        ({"preterm_weeks": 42}, ""),
        ({"preterm_weeks": 43}, "child.weeks"),
        ({"birth_order": 10}, "child.birth_order"),
        ({"mother_hbsag": "maybe"}, "child.mother_hbsag"),
        ({"guardians": ()}, "guardian.none"),
        ({"guardians": (Guardian("mother", "李梅"),)}, "guardian.no_phone"),
        ({"guardians": (MOTHER, MOTHER)}, "guardian.twice"),
        ({"guardians": (MOTHER, Guardian("father", ""))}, "guardian.empty"),
        ({"guardians": (msgspec.structs.replace(MOTHER, relation=""),)}, "guardian.relation"),
        ({"guardians": (msgspec.structs.replace(MOTHER, name="李3"),)}, "name.character"),
        ({"guardians": (msgspec.structs.replace(MOTHER, phone="12900001234"),)}, "guardian.phone"),
        ({"guardians": (msgspec.structs.replace(MOTHER, phone="1990000123"),)}, "guardian.phone"),
        ({"guardians": (msgspec.structs.replace(MOTHER, phone="010-88880000"),)}, ""),
        ({"alerts": (Alert("allergy", " "),)}, "alert.empty"),
        ({"alerts": (Alert("mood", "x"),)}, "alert.kind"),
        ({"identifiers": (Identifier("booklet", "123"), Identifier("booklet", "１２３"))}, "identifier.twice"),
        ({"identifiers": (Identifier("booklet", ""),)}, "identifier.shape"),
        ({"identifiers": (Identifier("passport", "E1"),)}, "identifier.kind"),
        ({"identifiers": (Identifier("birth_certificate", "A12345678"),)}, "identifier.birth_certificate"),
        ({"identifiers": (Identifier("birth_certificate", "A123456789"),)}, ""),
        ({"identifiers": (Identifier("child_code", "12345"),)}, "identifier.child_code"),
        ({"identifiers": (Identifier("resident_id", resident_id("110099", "20240131", "002")),)}, ""),
        (
            {"identifiers": (Identifier("resident_id", resident_id("110099", "20240130", "002")),)},
            "resident_id.other_birth_date",
        ),
        (
            {"identifiers": (Identifier("resident_id", resident_id("110099", "20240131", "001")),)},
            "resident_id.other_sex",
        ),
    ],
)
def test_one_wrong_field_is_one_problem(changes: dict[str, Any], code: str) -> None:
    assert codes(with_(**changes)) == ([code] if code else [])


def test_an_area_is_looked_up_only_when_a_table_is_given() -> None:
    form = with_(identifiers=(Identifier("resident_id", resident_id("110099", "20240131", "002")),))
    assert codes(form, known_areas=lambda area: area == "110099") == []
    problems = check_child(form, TODAY, lambda area: False)
    assert [(p.code, p.severity, p.field) for p in problems] == [
        ("resident_id.unknown_area", Severity.WARN, "identifiers.0")
    ]


@pytest.mark.parametrize(
    ("birth_on", "severity"),
    [
        ("2026-11-22", Severity.WARN),
        ("2026-09-23", Severity.WARN),
        ("2026-09-22", Severity.BLOCK),
        ("", Severity.BLOCK),
    ],
)
def test_a_newborn_may_be_without_a_name_for_sixty_days(birth_on: str, severity: Severity) -> None:
    form = with_(name="", birth_on=birth_on)
    assert [p.severity for p in check_child(form, TODAY) if p.field == "name"] == [severity]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("买买提·艾力", ""),
        ("𬭊𬍛〇㛃䶮", ""),
        ("\U00031350\U0002ebf0", ""),  # ideographs newer than Python's tables
        ("Anne-Marie O'Neill", ""),
        ("Nguyễn Thị Minh Khai", ""),
        ("José María", ""),
        ("ئالىم", ""),
        ("王", "name.short"),
        ("王2", "name.character"),
        ("王\u3000子涵", "name.blank"),
        ("王 子涵", "name.blank"),
        (" 王子涵", "name.blank"),
        ("Anna  Lee", "name.blank"),
        ("Ａnna", "name.character"),
        ("买买提•艾力", "name.dot"),
        ("买买提・艾力", "name.dot"),
        ("买买提··艾力", "name.mark_alone"),
        ("·", "name.mark_alone"),
        ("王\ue000", "name.character"),  # private use: no other PC shows it
        ("王\u200b涵", "name.character"),
        ("王<b>", "name.character"),
        ("王" * 50, ""),
        ("王" * 51, "name.too_long"),
    ],
)
def test_a_name_is_written_properly(name: str, code: str) -> None:
    assert [p.code for p in check_name(name)] == ([code] if code else [])


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("\u3000王 子涵 ", "王子涵"),
        ("买买提 • 艾力", "买买提·艾力"),
        ("Ａｎｎａ\u3000Ｌｅｅ", "Anna Lee"),
        ("José  María", "José María"),
    ],
)
def test_a_name_is_tidied(typed: str, name: str) -> None:
    assert tidy_name(typed) == name
    assert check_name(name) == []


@given(
    st.builds(
        ChildRegistered,
        *[st.text(max_size=12)] * 3,
        identifiers=st.tuples(st.builds(Identifier, st.sampled_from(["resident_id", "child_code"]), st.text())),
    )
)
def test_any_form_is_answered_with_known_texts(form: ChildRegistered) -> None:
    codes(form)


def update(old: ChildRegistered, **changes: Any) -> list[tuple[str, Severity]]:
    return [(p.code, p.severity) for p in check_update(old, changes, TODAY)]


def test_naming_a_newborn_is_no_conflict_at_any_age() -> None:
    assert update(with_(name=""), name="王一") == []


def test_an_update_is_checked_for_what_it_touches() -> None:
    old = with_(guardians=(), birth_weight_g=10)  # old troubles
    assert update(old, address="Elsewhere") == []
    assert update(old, name="王3") == [("name.character", Severity.BLOCK), ("child.name_changed", Severity.WARN)]
    assert update(old, name="") == [("child.name_erased", Severity.BLOCK)]
    assert update(old, birth_on="2024-02-01") == [("child.birth_changed", Severity.WARN)]
    with pytest.raises(TypeError):
        update(old, shoe_size=21)


def test_another_sex_or_birth_date_is_held_against_the_resident_number() -> None:
    old = with_(identifiers=(Identifier("resident_id", resident_id("110099", "20240131", "002")),))
    assert update(old, sex="1") == [("resident_id.other_sex", Severity.OVERRIDE)]
    assert ("resident_id.other_birth_date", Severity.OVERRIDE) in update(old, birth_on="2024-01-30")


HERE = Candidate("c1", "王子涵", "wang zi han", "2", "2024-03-05", ("19900001234",), ("B100",))
FORM = ChildRegistered("王子涵", "2", "2024-03-05", guardians=(MOTHER,))


def like(**changes: Any) -> tuple[int, list[str], bool]:
    found = likeness(msgspec.structs.replace(FORM, **changes), HERE)
    assert all(reason in table() for reason in found.reasons)
    return found.score, [reason.split(".")[1] for reason in found.reasons], found.twin_or_sibling


OTHER = {"guardians": (Guardian("mother", "李梅", "19900009999"),)}


@pytest.mark.parametrize(
    ("changes", "score", "reasons", "twin"),
    [
        ({}, 99, ["same_name", "same_birth", "same_phone"], False),
        ({**OTHER}, 90, ["same_name", "same_birth"], False),
        ({**OTHER, "sex": "1"}, 80, ["same_name", "same_birth", "other_sex"], False),
        ({**OTHER, "name": "王梓晗"}, 80, ["same_birth", "same_pinyin"], False),
        ({**OTHER, "birth_on": "2024-05-03"}, 75, ["same_name", "day_and_month_swapped"], False),
        ({"name": ""}, 70, ["same_birth", "same_phone"], False),
        ({"name": "王子轩"}, 70, ["same_birth", "same_phone", "twin_or_sibling"], True),
        ({"name": "王子轩", "sex": "1"}, 60, ["same_birth", "same_phone", "other_sex", "twin_or_sibling"], True),
        ({"name": "王梓晗"}, 99, ["same_birth", "same_pinyin", "same_phone"], False),
        ({**OTHER, "birth_on": "2020-01-01"}, 45, ["same_name"], False),
        ({**OTHER, "birth_on": "2020-01-01", "name": "李四"}, 0, [], False),
        (
            {**OTHER, "birth_on": "2020-01-01", "name": "李四", "identifiers": (Identifier("booklet", "b-100"),)},
            100,
            ["same_identifier"],
            False,
        ),
        (
            {"name": "王子轩", "identifiers": (Identifier("booklet", "B100"),)},
            100,
            ["same_identifier", "same_birth", "same_phone"],
            False,
        ),
    ],
)
def test_likeness(changes: dict[str, Any], score: int, reasons: list[str], twin: bool) -> None:
    assert like(**changes) == (score, reasons, twin)


def test_unnamed_twins_are_told_apart_by_their_order() -> None:
    first = msgspec.structs.replace(HERE, name="", pinyin="", birth_order=1)
    second = msgspec.structs.replace(FORM, name="", birth_order=2)
    assert likeness(second, first).twin_or_sibling
    assert not likeness(msgspec.structs.replace(second, birth_order=1), first).twin_or_sibling


def test_the_likeliest_come_first_and_the_unlikely_not_at_all() -> None:
    people = [
        Candidate("stranger", "赵一", spell("赵一"), "1", "2023-01-01"),
        Candidate("twin", "王子轩", spell("王子轩"), "1", "2024-03-05", ("199 0000 1234",)),
        Candidate("same", "王子涵", spell("王子涵"), "2", "2024-03-05"),
        HERE,
    ]
    assert [candidate.id for candidate, _ in likely(FORM, people)] == ["c1", "same", "twin"]
    assert [candidate.id for candidate, _ in likely(FORM, people, 90)] == ["c1", "same"]


def test_only_a_number_in_common_is_certain() -> None:
    assert [reason for reason, points in POINTS.items() if points >= 100] == ["likeness.same_identifier"]
