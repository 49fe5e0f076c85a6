"""Open a child by the scan of any number, or by what is typed; the screen never switches under a waiting dose."""

from __future__ import annotations

import pytest

from domain.codes import badge_text, receipt_text
from domain.errors import StoreError
from domain.events import Guardian, Identifier
from terminal.usecases.find_child import find_child, note_search, search, view_child
from terminal.usecases.record_dose import dismiss_checked
from terminal.usecases.register_child import register_child, update_child
from tests.fakes.desk import HEPB_BOX
from tests.fakes.stories import CLINIC, Story, codes, made

RESIDENT = "110101202401012341"
NUMBERS = (
    Identifier("booklet", "3312000001"),
    Identifier("birth_certificate", "P320112233"),
    Identifier("resident_id", RESIDENT),
)


@pytest.fixture
def child(clinic: Story) -> str:
    form = clinic.form("2024-01-01", sex="2", name="欧阳曦", identifiers=NUMBERS[:2])
    return made(register_child(clinic.desk, clinic.nurse, form)).id


@pytest.mark.parametrize("number", ["3312000001", "P320112233", "p320112233", f"{CLINIC}20240001"])
def test_every_number_opens_the_child(clinic: Story, child: str, number: str) -> None:
    assert clinic.scan(number).child_id == child
    assert clinic.audit("child.find")[-1] == {"actor": "N200", "subject": child, "results": 1}


@pytest.mark.parametrize("typed", ["欧阳", "曦", "ouyang", "oyx", "1390000", "331200", "p32011"])
def test_search_while_typing(clinic: Story, child: str, typed: str) -> None:
    assert child in [f.id for f in search(clinic.desk, typed)]


def test_a_look_is_audited_without_what_was_typed(clinic: Story, child: str) -> None:
    opened = made(view_child(clinic.desk, clinic.nurse, child))
    assert opened.card.facts.name == "欧阳曦"
    made(note_search(clinic.desk, clinic.nurse, 3))
    assert clinic.audit("child.view")[-1] == {"actor": "N200", "subject": child}
    assert clinic.audit("child.search")[-1] == {"actor": "N200", "subject": "", "results": 3}
    assert codes(view_child(clinic.desk, clinic.nurse, "nobody").problems) == ["child.not_found"]


def test_a_number_not_known_here_is_said(clinic: Story) -> None:
    assert codes(clinic.scan("3312999999").problems) == ["child.unknown_number"]


def test_siblings_are_shown(clinic: Story) -> None:
    family = (Guardian("mother", "李芳", "13912345678"),)
    elder, younger = clinic.child("2022-01-01", guardians=family), clinic.child(guardians=family)
    assert [s.id for s in made(view_child(clinic.desk, clinic.nurse, younger)).siblings] == [elder]


def test_another_child_never_takes_the_screen_from_a_waiting_dose(clinic: Story, child: str) -> None:
    other = clinic.child()
    clinic.visit(child)
    waiting = clinic.check(child, HEPB_BOX)
    booklet = made(view_child(clinic.desk, clinic.nurse, other)).card.identifier("booklet")
    answer = clinic.scan(booklet, child)
    assert (answer.child_id, codes(answer.problems)) == (child, ["scan.other_child_waits"])
    assert clinic.scan("3312000001", child).problems == (), "the same child stays"
    made(dismiss_checked(clinic.desk, clinic.nurse, waiting.checked_id))
    assert clinic.scan(booklet, child).child_id == other


def test_a_booklet_of_both_twins_does_not_switch_under_a_waiting_dose(clinic: Story, child: str) -> None:
    twin = clinic.child()
    made(update_child(clinic.desk, clinic.nurse, twin, {"identifiers": NUMBERS[:1]}))
    assert set(clinic.scan("3312000001", child).children) == {child, twin}
    clinic.visit(child)
    clinic.check(child, HEPB_BOX)
    answer = clinic.scan("3312000001", child)
    assert (answer.child_id, answer.children) == (child, ())


def test_badges_slips_and_strange_codes(clinic: Story) -> None:
    assert clinic.scan(badge_text("N200")).badge == "N200"
    assert codes(clinic.scan(receipt_text("R2000001", CLINIC)).problems) == ["scan.own_receipt"]
    assert codes(clinic.scan("WIFI:S:cafe;;").problems) == ["scan.unknown"]


def test_half_a_character_is_refused_in_words(clinic: Story) -> None:
    broken = "王\udc52"
    assert search(clinic.desk, broken) == [] or search(clinic.desk, broken)
    assert codes(find_child(clinic.desk, clinic.nurse, broken).problems) == ["child.unknown_number"]
    with pytest.raises(StoreError) as caught:
        register_child(clinic.desk, clinic.nurse, clinic.form(name=broken))
    assert caught.value.code == "wire.bad_text"
