"""A child enters the register: newborns, numbers, look-alikes, twins, and what a form may not say."""

from __future__ import annotations

import pytest

from domain.events import ChildRegistered, Guardian, Identifier
from domain.problems import stops
from domain.wire.signed import Lease
from terminal.store import children, leases
from terminal.usecases.find_child import find_child, view_child
from terminal.usecases.register_child import doubles, give_code, register_child, update_child
from tests.fakes.ledgers import TERMINAL
from tests.fakes.stories import CLINIC, Story, codes, made

MOTHER = (Guardian("mother", "李芳", "13900008888"),)
REASON = {"child.possible_double": "双胞胎，已核对出生证"}


def test_a_newborn_without_name_or_number_is_routine_and_named_later(clinic: Story) -> None:
    outcome = register_child(clinic.desk, clinic.nurse, ChildRegistered("", "1", "2026-11-22", guardians=MOTHER))
    card = made(outcome)
    assert codes(outcome.problems) == ["child.newborn_without_name"]
    assert card.identifier("child_code") == f"{CLINIC}20260002"
    named = update_child(
        clinic.desk,
        clinic.nurse,
        card.id,
        {"name": "李晨", "identifiers": (*card.facts.identifiers, Identifier("birth_certificate", "X320000001"))},
    )
    assert codes(named.problems) == []
    assert made(named).facts.name == "李晨"
    assert clinic.scan("X320000001").child_id == card.id
    assert [f.id for f in clinic.read(children.search, "lc")] == [card.id]


def test_the_number_comes_from_the_lease_by_birth_year(clinic: Story) -> None:
    numbers = [
        made(register_child(clinic.desk, clinic.nurse, clinic.form(born), REASON)).identifier("child_code")
        for born in ("2024-01-05", "2024-02-06", "2026-06-07")
    ]
    assert numbers == [f"{CLINIC}20240001", f"{CLINIC}20240002", f"{CLINIC}20260002"]


def test_without_numbers_the_child_is_registered_and_gets_its_code_later(clinic: Story) -> None:
    clinic.desk.store.run(_use_up, clinic)
    outcome = register_child(clinic.desk, clinic.nurse, clinic.form())
    card = made(outcome)
    assert codes(outcome.problems) == ["child.no_code_left"]
    assert card.identifier("child_code") == ""
    assert codes(give_code(clinic.desk, clinic.nurse, card.id).problems) == ["child.no_code_left"]
    clinic.desk.store.run(_lease_more, clinic)
    coded = made(give_code(clinic.desk, clinic.nurse, card.id))
    assert coded.identifier("child_code") == f"{CLINIC}20260501"
    assert made(give_code(clinic.desk, clinic.nurse, card.id)).facts == coded.facts, "only once"
    assert codes(give_code(clinic.desk, clinic.nurse, "nobody").problems) == ["child.not_found"]


def _use_up(clinic: Story) -> None:
    with clinic.desk.store.transaction():
        clinic.desk.store.db.execute_sql("DELETE FROM lease_use")
        clinic.desk.store.db.execute_sql("DELETE FROM lease")


def _lease_more(clinic: Story) -> None:
    with clinic.desk.store.transaction():
        leases.add(clinic.desk.store, [Lease("L-more", TERMINAL, "child_code", CLINIC, 501, 502, 4)])


def test_a_child_from_elsewhere_keeps_the_code_it_has(clinic: Story) -> None:
    code = "330199010120250077"
    form = clinic.form("2025-03-01", identifiers=(Identifier("child_code", code, "3301990101"),))
    card = made(register_child(clinic.desk, clinic.nurse, form))
    assert [i.value for i in card.facts.identifiers] == [code]
    assert clinic.scan(code).child_id == card.id


def test_a_likely_double_is_offered_and_needs_a_reason(clinic: Story) -> None:
    first = clinic.form("2023-04-05")
    child = made(register_child(clinic.desk, clinic.nurse, first)).id
    again = ChildRegistered(first.name, first.sex, first.birth_on, guardians=first.guardians)
    assert [c.id for c, _ in doubles(clinic.desk, again)] == [child]
    outcome = register_child(clinic.desk, clinic.nurse, again)
    assert not outcome.ok
    assert [(p.code, p.params) for p in stops(outcome.problems)] == [
        ("child.possible_double", {"count": 1, "child": child})
    ]
    assert not register_child(clinic.desk, clinic.nurse, again, {"child.possible_double": "  "}).ok
    assert register_child(clinic.desk, clinic.nurse, again, REASON).ok
    assert clinic.audit("child.register")[-1]["overrides"] == ["child.possible_double"]


def test_twins_are_shown_and_not_stopped(clinic: Story) -> None:
    born, phone = "2026-10-01", MOTHER
    elder = ChildRegistered("陈雨桐", "2", born, guardians=phone, birth_order=1)
    younger = ChildRegistered("陈雨欣", "2", born, guardians=phone, birth_order=2)
    made(register_child(clinic.desk, clinic.nurse, elder))
    assert doubles(clinic.desk, younger)[0][1].twin_or_sibling
    assert register_child(clinic.desk, clinic.nurse, younger).ok


def test_a_number_of_an_input_method_is_found_by_its_scan(clinic: Story) -> None:
    form = clinic.form("2024-03-07", sex="1", identifiers=(Identifier("booklet", "３３１２３４５６７８"),))
    card = made(register_child(clinic.desk, clinic.nurse, form))
    assert clinic.scan("3312345678").child_id == card.id
    assert made(find_child(clinic.desk, clinic.nurse, " ３３１２３４５６７８ ")) == [card.id]


def test_a_number_that_another_child_has_is_said(clinic: Story) -> None:
    a, b = clinic.child(), clinic.child()
    number = made(find_child(clinic.desk, clinic.nurse, "3300000001"))
    assert number == [a]
    outcome = update_child(clinic.desk, clinic.nurse, b, {"identifiers": (Identifier("booklet", "3300000001"),)})
    assert [(p.code, p.field) for p in outcome.problems] == [("child.number_taken", "identifiers.0")]
    answer = clinic.scan("3300000001")
    assert (set(answer.children), codes(answer.problems)) == ({a, b}, ["child.number_on_several"])


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        ({"birth_on": "2026-13-01"}, "birth_on", "child.birth_date"),
        ({"birth_on": "2027-01-01"}, "birth_on", "child.birth_in_future"),
        ({"sex": ""}, "sex", "child.sex_missing"),
        ({"name": ""}, "name", "child.name_missing"),
        ({"identifiers": (Identifier("booklet", "a b"),)}, "identifiers.0", "identifier.shape"),
        ({"birth_weight_g": 12}, "birth_weight_g", "child.birth_weight"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_kept(clinic: Story, wrong: dict[str, object], field: str, code: str):
    before = clinic.read(_children)
    outcome = register_child(clinic.desk, clinic.nurse, clinic.form(**wrong))
    assert (code, field) in [(p.code, p.field) for p in outcome.problems]
    assert clinic.read(_children) == before


def _children(store: object) -> int:
    return store.sql("SELECT count(*) FROM child")[0][0]


def test_a_change_that_changes_nothing_is_no_fact(clinic: Story) -> None:
    child = clinic.child()
    card = clinic.read(children.card, child)
    before = clinic.read(_events)
    made(update_child(clinic.desk, clinic.nurse, child, {"name": card.facts.name}))
    assert clinic.read(_events) == before
    assert codes(update_child(clinic.desk, clinic.nurse, "nobody", {"name": "某"}).problems) == ["child.not_found"]


def _events(store: object) -> int:
    return store.sql("SELECT count(*) FROM event")[0][0]


def test_where_a_child_stands_keeps_its_history(clinic: Story) -> None:
    child = clinic.child(residence="1", register_status="1")
    clinic.later(days=30)
    made(update_child(clinic.desk, clinic.nurse, child, {"register_status": "3"}))
    rows = clinic.desk.store.sql(
        "SELECT what, code, from_on FROM standing WHERE child_id = ? ORDER BY what, from_on", child
    )
    assert rows == [
        ("register_status", "1", "2026-11-23"),
        ("register_status", "3", "2026-12-23"),
        ("residence", "1", "2026-11-23"),
    ]


def test_newborns_without_a_name_are_marked_as_alike(clinic: Story) -> None:
    """Two of one day in one room have nothing else to tell them apart by; one with a name is no such case."""
    newborn = ChildRegistered("", "1", "2026-11-22")
    first, second = (made(register_child(clinic.desk, clinic.nurse, newborn, REASON)).id for _ in range(2))
    clinic.child(born=newborn.birth_on)
    opened = made(view_child(clinic.desk, clinic.nurse, first))
    assert [other.id for other in opened.alike] == [second]
