"""The window's texts: none missing, none left over, and what they make of facts."""

from __future__ import annotations

import re
from datetime import date
from itertools import product
from pathlib import Path

import pytest

import terminal.ui
from config import plans
from config.settings import Programme
from config.texts import LANGUAGES, Language, table
from domain.problems import block
from domain.schedule.case import Case
from domain.schedule.judgement import judge
from terminal.ui.words import Words, masked

ROOT = Path(terminal.ui.__path__[0])


def patterns() -> set[str]:
    """Every ui code of the window's source; what is filled in at run time stands as a hole."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("*.py"))
    found = set(re.findall(r"[\"'](ui\.[^\"'\s]+)[\"']", text))
    return {re.sub(r"\{[^}]*\}?", "{}", code) for code in found}


def as_regex(code: str) -> str:
    return "[a-zA-Z_]+(?:\\.[a-z_]+)?".join(map(re.escape, code.split("{}")))


def test_every_code_of_the_window_has_its_text() -> None:
    codes = [code for code in table() if code.startswith("ui.")]
    missing = [code for code in patterns() if not any(re.fullmatch(as_regex(code), known) for known in codes)]
    assert missing == []


def test_no_text_of_the_window_is_left_over() -> None:
    asked = [as_regex(code) for code in patterns()]
    left = [c for c in table() if c.startswith("ui.") and not any(re.fullmatch(regex, c) for regex in asked)]
    assert [code for code in left if not code.startswith("ui.panel.")] == []


def test_both_languages_take_the_same_parameters() -> None:
    def holes(text: str) -> set[str]:
        return set(re.findall(r"\{(\w+)", text))

    assert [code for code, texts in table().items() if holes(texts["zh_CN"]) != holes(texts["en"])] == []


@pytest.mark.parametrize(
    ("phone", "shown"), [("13800002071", "138****2071"), ("0571-88881234", "057****1234"), ("12", "****"), ("", "")]
)
def test_a_phone_is_masked(phone: str, shown: str) -> None:
    assert masked(phone) == shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_happened_is_parted_from_what_to_do(language: Language) -> None:
    words = Words(language)
    head, rest = words.sentences(words.problem(block("lot.expired", lot="X1", expiry="2026-01-31")))
    assert "X1" in head and "2026-01-31" in head and rest
    assert not head.endswith((".", "。"))


def test_a_vaccine_code_becomes_a_name() -> None:
    told = {lang: Words(lang).problem(block("dose.same_day", vaccine="0202")) for lang in LANGUAGES}
    assert "乙肝" in told["zh_CN"] and "HepB" in told["en"]


def test_ages_and_doses_in_words() -> None:
    today = date(2026, 11, 22)
    assert Words("zh_CN").age("2026-05-19", today) == "6月龄3天"
    assert Words("en").age("2026-05-19", today) == "6 months 3 days"
    assert Words("zh_CN").age("2026-12-01", today) == ""
    assert Words("zh_CN").dose("0202", 3) == "乙肝(酿酒酵母) 第3剂"
    for language, sex in product(LANGUAGES, ("0", "1", "2", "9", "")):
        assert Words(language).sex(sex)


@pytest.mark.parametrize(("language", "names"), [("zh_CN", "脊灰灭活 / 脊灰灭活(Sabin株)"), ("en", "IPV / sIPV")])
def test_the_right_vaccine_is_called_by_its_names(language: Language, names: str) -> None:
    """The first polio dose is an injected one (the programme of 2026); codes are for the machine."""
    plan = plans.load(Programme()).plan
    today = date(2026, 11, 23)
    judged = judge(plan, Case("x", date(2026, 9, 1), "M", today, (), ()), "0311")
    (problem,) = (p for p in judged.problems if p.code == "schedule.wrong_vaccine")
    assert names in Words(language).problem(problem)
