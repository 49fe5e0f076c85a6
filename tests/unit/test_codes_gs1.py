"""The reader of GS1 element strings against the vectors of GS1's own syntax engine (see tests/data/README.md)."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from biip.gs1_messages import GS1Message

from domain.codes.gs1 import GS, Element, identifiers, read_bracketed, read_elements
from domain.codes.gs1_checks import obeys
from domain.codes.gs1_link import read_link
from domain.codes.gs1_scan import Scan, read_scan
from domain.problems import Problem

DATA = Path(__file__).parents[1] / "data" / "barcodes"
Row = dict[str, str]

# The engine's tests switch options on and off between rows; these rows ran with another setting than our default.
STRICT_GTIN = {"dl.c:1454", "dl.c:1464", "dl.c:1474", "dl.c:1499"}  # a GTIN of fewer than 14 digits is not taken
UNKNOWN_ATTRIBUTES = {"dl.c:1767"}  # numeric attributes no table knows are kept

# Nothing here makes Digital Links, so what a maker of them must do cannot be tested.
NOT_APPLICABLE = {"test_testGenerateDLuri": "makes a Digital Link; we only read them"}


def vectors(*tests: str) -> list[Row]:
    with (DATA / "gs1_vectors.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["test"] in tests]


def cases(*tests: str) -> pytest.MarkDecorator:
    rows = vectors(*tests)
    assert rows
    return pytest.mark.parametrize("row", rows, ids=[row["where"] for row in rows])


def written(elements: tuple[Element, ...]) -> str:
    """The engine's own writing: ^ before the first and after each element that has no fixed length."""
    text, open_ended = "", True
    for element in elements:
        text += ("^" if open_ended else "") + element.ai + element.value
        open_ended = not identifiers()[element.ai].fixed if element.ai in identifiers() else True
    return text


def verdict(row: Row, found: object) -> None:
    assert isinstance(found, Problem) == (row["expect"] == "reject"), found


@cases("UNIT_TEST_PASS", "UNIT_TEST_FAIL")
def test_rule_of_a_component(row: Row) -> None:
    assert obeys(row["kind"].removeprefix("linter "), row["input"]) == (row["expect"] == "accept")


@cases("processAIdata")
def test_unbracketed(row: Row) -> None:
    if not row["input"].startswith("^"):
        assert row["expect"] == "reject"  # the engine wants FNC1 first; scanners leave it out, and so may we
        row = row | {"input": row["input"] or "^"}
    verdict(row, read_elements(row["input"].replace("^", GS)))


@cases("parseAIdata", "linters")
def test_bracketed(row: Row) -> None:
    found = read_bracketed(row["input"])
    verdict(row, found)
    if not isinstance(found, Problem) and row["expected_output_or_error"]:
        assert written(found) == row["expected_output_or_error"]


@cases("processScanData")
def test_scan(row: Row) -> None:
    found = read_scan(row["input"].replace("<GS>", GS))
    verdict(row, found)
    if isinstance(found, Scan) and found.elements and found.symbology[1] != "E":
        assert written(found.elements) == row["expected_output_or_error"].partition(" ")[2]


@cases("generateScanData")
def test_scans_the_engine_makes_are_read(row: Row) -> None:
    found = read_scan(row["expected_output_or_error"].replace("<GS>", GS))
    verdict(row, found)
    assert isinstance(found, Scan)
    if row["input"].startswith("^"):
        assert "".join(e.ai + e.value for e in found.elements) == row["input"].replace("^", "").replace("|", "")


@cases("test_parseDLuri")
def test_digital_link(row: Row) -> None:
    found = read_link(row["input"], row["where"] not in STRICT_GTIN, row["where"] in UNKNOWN_ATTRIBUTES)
    verdict(row, found)
    if not isinstance(found, Problem):
        assert written(found) == row["expected_output_or_error"]


def test_every_vector_is_tested_or_named() -> None:
    tested = {"UNIT_TEST_PASS", "UNIT_TEST_FAIL", "processAIdata", "parseAIdata", "linters"}
    tested |= {"processScanData", "generateScanData", "test_parseDLuri"}
    with (DATA / "gs1_vectors.csv").open(encoding="utf-8", newline="") as file:
        families = {row["test"] for row in csv.DictReader(file)}
    assert families == tested | NOT_APPLICABLE.keys()


def test_every_rule_of_the_table_exists() -> None:
    assert len(identifiers()) > 500
    for known in identifiers().values():
        for names in known.rules:
            for name in names:
                assert obeys(name, "") in (True, False)


def test_check_pair_of_a_model_number() -> None:
    """The example of General Specifications 7.9.5."""
    assert obeys("csumalpha", "1987654Ad4X4bL5ttr2310c2K")
    assert not obeys("csumalpha", "1987654Ad4X4bL5ttr2310c2L")


def test_a_coupon_ends_after_it_starts() -> None:
    assert not isinstance(read_bracketed("(8110)01234561234561111012332512314250101"), Problem)
    assert isinstance(read_bracketed("(8110)01234561234561111012332501014251231"), Problem)


@pytest.mark.parametrize("text", ["(10)A\x00B", "(10)A(B", "(10)", "x(10)A", "(10)A\\"])
def test_brackets_are_not_mended(text: str) -> None:
    assert isinstance(read_bracketed(text), Problem)


def test_escaped_bracket() -> None:
    assert read_bracketed("(10)A\\(B") == (Element("10", "A(B"),)


def test_an_ai_said_twice_must_agree() -> None:
    assert isinstance(read_elements(f"10A{GS}10B"), Problem)
    assert not isinstance(read_elements(f"10A{GS}10A"), Problem)


@pytest.mark.parametrize(
    "uri",
    [
        "https://a/01/09520123456788?10=A",  # a qualifier belongs in the path
        "https://a/01/09520123456788/21/A/10/B",  # order
        "https://a:65536/01/09520123456788",
        "https://a:/01/09520123456788",
        "https://a..b/01/09520123456788",
        "https://-a/01/09520123456788",
        "https://[::1/01/09520123456788",
        "https://a/01/09520123456789",
        "https://a/01/09520123456788?17=261301",
        "ftp://a/01/09520123456788",
    ],
)
def test_link_refused(uri: str) -> None:
    assert isinstance(read_link(uri), Problem)


def test_biip_reads_the_same_where_both_read() -> None:
    """An independent reader agrees on every unbracketed vector both accept."""
    compared = 0
    for row in vectors("processAIdata", "processScanData", "test_parseDLuri"):
        text = row["input"] if row["test"] == "processAIdata" else row["expected_output_or_error"].partition("^")[2]
        found = read_elements(text.replace("^", GS))
        if isinstance(found, Problem) or not found or "|" in text:
            continue
        theirs = GS1Message.parse(text.replace("^", GS).strip(GS))
        assert [(e.ai.ai, e.value) for e in theirs.element_strings] == [(e.ai, e.value) for e in found]
        compared += 1
    assert compared > 40
