"""Numbers of people, clinics and drugs."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from config import tables
from domain.identifiers import (
    check_resident_id,
    is_birth_certificate,
    is_child_code,
    is_clinic_code,
    is_drug_standard_code,
    is_gtin14,
    read_resident_id,
)
from domain.problems import Severity, stops

TODAY = date(2026, 11, 22)
FILE = Path(__file__).parents[1] / "data" / "codes" / "resident_id_vectors.csv"
# A county that never was cannot be told from an abolished one without the history of the areas: it warns.
ONLY_WARNED = {"110199202301011239"}


def rows() -> list[dict[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", rows(), ids=[f"{n}-{row['why']}" for n, row in enumerate(rows(), 2)])
def test_resident_id(row: dict[str, str]) -> None:
    problems = check_resident_id(row["id"], None, "", tables.areas(), TODAY)
    expected = row["expected"]
    if row["id"] in ONLY_WARNED:
        expected = "warn"
    assert (not stops(problems)) == (expected in ("valid", "warn"))
    if expected == "warn":
        assert [p.code for p in problems] == ["resident_id.unknown_area"]


def test_published_sample() -> None:
    number = read_resident_id("11010519491231002x", TODAY)
    assert (number.value, number.birth_on, number.sex) == ("11010519491231002X", date(1949, 12, 31), "2")


def test_every_wrong_character_is_found() -> None:
    right = "11010120230601103X"
    for place in range(18):
        for wrong in "0123456789X":
            if wrong != right[place]:
                assert stops(check_resident_id(right[:place] + wrong + right[place + 1 :], None, "", (), TODAY))


def test_cross_checks() -> None:
    problems = check_resident_id("11010120230601103X", date(2023, 6, 2), "2", {"110101"}, TODAY)
    assert [p.code for p in problems] == ["resident_id.other_birth_date", "resident_id.other_sex"]
    assert {p.severity for p in problems} == {Severity.OVERRIDE}
    assert check_resident_id("11010120230601103X", date(2023, 6, 1), "1", {"110101"}, TODAY) == []
    assert [p.code for p in check_resident_id("11010120230601103X", None, "9", (), TODAY)] == [
        "resident_id.unknown_area"
    ]


def test_not_born_yet() -> None:
    assert [p.code for p in check_resident_id("11010120230601103X", None, "", (), date(2023, 5, 31))] == [
        "resident_id.birth_date"
    ]


def test_no_number_is_both_resident_id_and_child_code() -> None:
    """Month and day stand where the child code has its year."""
    for row in rows():
        assert not (row["expected"] == "valid" and is_child_code(row["id"], TODAY))
    for month in range(1, 13):
        for day in range(1, 32):
            assert not is_child_code(f"11010120{23:02}{month:02}{day:02}0017", TODAY)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (is_birth_certificate, ["L350247695", "l350247695"], ["L35024769", "3350247695", "ſ350247695", "L３50247695"]),
        (is_clinic_code, ["3406030301"], ["0006030301", "340603030", "34060303012"]),
        (is_gtin14, ["00300064827019", "00364141234565"], ["00300064827018", "0300064827019", "0030006482701９"]),
        (is_drug_standard_code, ["86900000000003"], ["86900000000004", "00300064827019"]),
    ],
)
def test_shapes(check: object, good: list[str], bad: list[str]) -> None:
    assert callable(check)
    assert all(check(text) for text in good)
    assert not any(check(text) for text in bad)
