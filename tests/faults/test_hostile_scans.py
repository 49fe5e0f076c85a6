"""Whatever a scanner, a cable or a prankster sends: an answer in bounded time, never an exception, never a dose."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from config.texts import LANGUAGES, say
from domain.codes import PersonCode, Refused, Unknown, badge_text, classify, receipt_text
from domain.codes.classify import LONGEST
from terminal.store.database import Store
from terminal.usecases.scan_routing import route_scan, scan_rules
from tests.fakes.desk import CLINIC, HEPB_BOX
from tests.fakes.stories import BCG, HEPB, HEPB3, MMR, Story, gs1

SEED = 20261122
SCANS = 100_000
ROUTED = 3_000  # of those that are something: each is a look-up and an audit row on disk
GS = "\x1d"
GOOD = [
    HEPB_BOX,
    "89000010000000000999",
    "3201140017",
    f"{CLINIC}20260001",
    "110101202401012341",
    "P320112233",
    badge_text("N200"),
    receipt_text("R2000001", CLINIC),
    gs1(HEPB, "20260318", "280317", "S1"),
    gs1(HEPB3, "L9", "280101"),
    f"]d20109529900000077{GS}17280317{GS}10A1{GS}21{'7' * 18}",
    f"]C10109529900000015{GS}10LOT",
    "https://id.gs1.org/01/09529900000015/10/A1/21/S7?17=280331",
    "09529900000015",
    "86900001000013",
]
SPICE = [
    GS,
    "\x00",
    "\r",
    "\n",
    "]d2",
    "]Q3",
    "'; DROP TABLE dose;--",
    "％",
    "\ud800",
    "\U0001f600",
    "（01）",
    "٣",
    "VXS:1:",
    "{0}",
]


def hostile(chance: random.Random) -> str:
    """A good code bent, cut, doubled or mixed; or noise."""
    text = chance.choice(GOOD)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(text) + 1)
        match chance.randrange(8):
            case 0:
                text = text[:at]
            case 1:
                text = text[at:] + text[:at]
            case 2:
                text = text[:at] + chance.choice(SPICE) + text[at:]
            case 3:
                text = text[:at] + chr(chance.randrange(1, 0x3000)) + text[at + 1 :]
            case 4:
                text += chance.choice(GOOD)
            case 5:
                text = "".join(chance.choices("0123456789", k=chance.randrange(1, 40)))
            case 6:
                text = "".join(chr(chance.randrange(0x110000)) for _ in range(chance.randrange(30)))
            case 7:
                text = text * chance.randrange(1, 60)
    return text


def test_a_hundred_thousand_hostile_scans(tmp_path: Path) -> None:
    clinic, chance = Story(tmp_path), random.Random(SEED)
    child = clinic.child()
    clinic.visit(child)
    clinic.receive(BCG)
    clinic.receive(MMR)
    rules, kinds, known, slowest = scan_rules(clinic.desk), Counter[str](), list[str](), 0.0
    for _ in range(SCANS):
        text = hostile(chance)
        began = time.perf_counter()
        code = classify(text, rules)
        slowest = max(slowest, time.perf_counter() - began)
        kinds[type(code).__name__] += 1
        if not isinstance(code, Refused | Unknown):
            known.append(text)
    assert len(kinds) == 7, kinds
    assert slowest < 1.0
    facts, answers = clinic.desk.store.sql("SELECT count(*) FROM event"), 0
    for text in chance.sample(known, ROUTED):
        answer = route_scan(clinic.desk, clinic.nurse, text, chance.choice(("", child)))
        answers += 1
        for problem in answer.problems:
            assert all(say(language, problem.code, **problem.params) for language in LANGUAGES)
    assert answers == ROUTED
    assert clinic.desk.store.sql("SELECT count(*) FROM dose") == [(0,)]
    assert clinic.desk.store.sql("SELECT count(*) FROM event") == facts, "a scan is never a fact"
    clinic.whole()
    clinic.desk.store.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\x00",
        "9" * LONGEST,
        "9" * (LONGEST + 1),
        GS * 300,
        "]",
        "]d2",
        "(01)",
        "\ud800" * 8,
        "(" * 400,
        "8" * 20,
    ],
)
def test_edges(tmp_path: Path, text: str) -> None:
    clinic = Story(tmp_path)
    child = clinic.child()
    clinic.visit(child)
    for rules_child in ("", child):
        answer = clinic.scan(text, rules_child)
        assert answer.problems or answer.verdict
    assert clinic.read(Store.sql, "SELECT count(*) FROM dose") == [(0,)]
    clinic.desk.store.close()


def test_a_booklet_pattern_that_takes_anything_still_does_no_harm(tmp_path: Path) -> None:
    import msgspec

    clinic = Story(tmp_path)
    wide = msgspec.structs.replace(clinic.desk.settings.clinic, booklet_pattern=".*")
    clinic.desk.settings = msgspec.structs.replace(clinic.desk.settings, clinic=wide)
    chance = random.Random(SEED)
    for _ in range(500):
        text = hostile(chance)
        if isinstance(classify(text, scan_rules(clinic.desk)), PersonCode):
            assert route_scan(clinic.desk, clinic.nurse, text).children == ()
    clinic.whole()
    clinic.desk.store.close()
