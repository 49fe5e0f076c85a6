"""The answers before a visit, held against the table of the pre-check."""

from __future__ import annotations

from typing import Any

import pytest

from config import tables
from config.texts import LANGUAGES, say, table
from domain.precheck import against


def told(**health: Any) -> list[tuple[str, str]]:
    return [(p.code, p.severity.value) for p in against(health, tables.precautions())]


@pytest.mark.parametrize("degrees", [36.5, 37.5, None, "warm", True])
def test_no_fever(degrees: object) -> None:
    assert told(temperature_c=degrees, unwell=False, allergy=False, reaction=False) == []


def test_what_was_not_asked_says_nothing() -> None:
    assert told() == told(fever="no") == []


@pytest.mark.parametrize("degrees", [37.6, 38, 40.1])
def test_a_fever_asks_for_a_reason_and_says_what_to_do(degrees: float) -> None:
    (problem,) = against({"temperature_c": degrees}, tables.precautions())
    assert (problem.code, problem.severity.value) == ("precheck.temperature_c", "override")
    for language in LANGUAGES:
        text = say(language, problem.code, **problem.params)
        assert f"{degrees:g} °C" in text and "37.5 °C" in text and "F8" in text


def test_each_answer_has_its_weight() -> None:
    assert told(unwell=True, allergy=True, reaction=True) == [
        ("precheck.unwell", "override"),
        ("precheck.allergy", "warn"),
        ("precheck.reaction", "warn"),
    ]


def test_the_table_is_about_what_is_asked_and_says_where_it_is_from() -> None:
    asked = {code.split(".")[2] for code in table() if code.startswith("ui.health.") and code.endswith(".yes")}
    assert {one.question for one in tables.precautions()} == {"temperature_c", *asked}
    assert all(one.evidence.startswith("M:") for one in tables.precautions())
