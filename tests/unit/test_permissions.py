import itertools

import pytest

from domain.permissions import APART, GRADES, Permission, allowed, check_grades, check_pin, permissions, require


def test_grades_rise_and_only_the_auditor_reads_the_audit() -> None:
    assert GRADES["general"] < GRADES["advanced"] < GRADES["super"]
    assert {grade for grade, rights in GRADES.items() if Permission.AUDIT_READ in rights} == {"auditor"}
    assert frozenset().union(*GRADES.values()) == set(Permission)


def test_every_mix_of_grades_that_joins_system_and_audit_is_refused() -> None:
    for size in range(1, len(GRADES) + 1):
        for grades in itertools.combinations(GRADES, size):
            joined = permissions(grades) >= APART
            assert [p.code for p in check_grades(grades)] == (["staff.system_and_audit"] if joined else [])
    assert check_grades(["super", "auditor"])


def test_no_grade_and_an_unknown_grade_are_refused() -> None:
    assert [p.code for p in check_grades([])] == ["staff.no_grade"]
    assert [(p.code, p.params) for p in check_grades(["boss"])] == [("staff.unknown_grade", {"grade": "boss"})]


@pytest.mark.parametrize(
    ("grades", "permission", "may"),
    [
        (["general"], Permission.DOSE_RECORD, True),
        (["general"], Permission.DOSE_VOID_ANY, False),
        (["advanced"], Permission.DOSE_VOID_ANY, True),
        (["advanced"], Permission.SYSTEM, False),
        (["general", "auditor"], Permission.AUDIT_READ, True),
        (["auditor"], Permission.CHILD_VIEW, False),
        (["boss"], Permission.CHILD_VIEW, False),
        ([], Permission.CHILD_VIEW, False),
    ],
)
def test_a_right_comes_from_a_grade(grades: list[str], permission: Permission, may: bool) -> None:
    assert allowed(grades, permission) is may
    assert [p.code for p in require(grades, permission)] == ([] if may else [f"denied.{permission}"])


@pytest.mark.parametrize(
    ("pin", "code"),
    [
        ("12345", "pin.shape"),
        ("", "pin.shape"),
        ("12a456", "pin.shape"),
        ("١٢٣٤٥٦", "pin.shape"),  # other scripts' digits cannot be typed on the pad
        ("7294810583746", "pin.shape"),
        ("000000", "pin.pattern"),
        ("1212121", "pin.pattern"),
        ("123123", "pin.pattern"),
        ("123456", "pin.pattern"),
        ("789012", "pin.pattern"),
        ("987654", "pin.pattern"),
        ("210987", "pin.pattern"),
        ("100427", "pin.own_number"),
        ("910042", "pin.own_number"),
        ("900131", "pin.own_number"),
        ("19900131", "pin.own_number"),
        ("729481", ""),
        ("112233", ""),
    ],
)
def test_a_pin_is_no_first_guess(pin: str, code: str) -> None:
    problems = check_pin(pin, "N10042" if pin != "100427" else "N1004", "1990-01-31")
    assert [p.code for p in problems] == ([code] if code else [])
