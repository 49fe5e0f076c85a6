"""A person is what the facts say, in whatever order they are heard."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain import events
from domain.demographics import fold
from domain.heard import Heard, hear
from domain.wire import event

REGISTERED = events.ChildRegistered("王", "1", "2026-01-02", residence="1", address="一号", clinic="A")


def fact(number: int, body: Any, kind: str = "child.updated", who: str = "T-1", hlc: int | None = None) -> Heard:
    data = event.encode(
        event_id=f"event-{number}", kind=kind, subject="child", actor="S", hlc=f"{number if hlc is None else hlc:016x}",
        stated=f"2026-02-{number % 28 + 1:02}T09:00", recorded_at=f"2026-02-{number % 28 + 1:02}T01:00:00.000Z",
        offset_ms=None, body=body,
    )  # fmt: skip
    return hear(who, "A", event.decode(data))


def updated(number: int, who: str = "T-1", hlc: int | None = None, **fields: Any) -> Heard:
    return fact(number, events.ChildUpdated({name: ("", new) for name, new in fields.items()}), who=who, hlc=hlc)


def registered(number: int = 1) -> Heard:
    return fact(number, REGISTERED, "child.registered")


def test_nobody_without_a_registration() -> None:
    assert fold([]) is None and fold([updated(2, name="李")]) is None


def test_the_later_of_a_field_wins_and_the_others_stay() -> None:
    person = fold([updated(4, name="孙"), registered(), updated(3, name="李", address="三号")])
    assert person and (person.facts.name, person.facts.address, person.facts.sex) == ("孙", "三号", "1")
    assert person.registered_at == "2026-02-02T01:00:00.000Z"


def test_of_equal_clocks_the_greater_id_wins() -> None:
    person = fold([registered(), updated(4, "T-1", 9, name="孙"), updated(3, "T-2", 9, name="李")])
    assert person and person.facts.name == "孙"


def test_a_move_makes_another_clinic_the_home() -> None:
    person = fold([registered(), fact(2, events.ChildMoved("B", "A"), "child.moved")])
    assert person and person.facts.clinic == "B"


def test_every_residence_is_kept_with_its_day() -> None:
    person = fold([updated(5, residence="3"), registered(), updated(3, residence="2")])
    assert person and person.facts.residence == "3"
    assert sorted((since.code, since.day) for since in person.since) == [
        ("1", "2026-02-02"), ("2", "2026-02-04"), ("3", "2026-02-06")
    ]  # fmt: skip


def test_what_cannot_be_is_passed_over_field_by_field() -> None:
    strange = {
        "birth_on": "31.12.2025", "birth_weight_g": 10**30, "alerts": "none", "moon": 1, "sex": 3, "address": "五号",
        "guardians": None,
    }  # fmt: skip
    person = fold([registered(), updated(2, **strange)])
    assert person and person.facts == msgspec.structs.replace(REGISTERED, address="五号", guardians=())


def test_a_birth_date_that_is_none_registers_nobody() -> None:
    bad = msgspec.structs.replace(REGISTERED, birth_on="2026-02-30")
    assert fold([fact(1, bad, "child.registered")]) is None


def test_another_schema_and_a_clock_that_is_none_tell_nothing() -> None:
    said = registered().said
    assert hear("T-1", "A", msgspec.structs.replace(said, schema=2)).body is None
    assert hear("T-1", "A", msgspec.structs.replace(said, hlc="soon")).body is None


CHANGES = st.lists(
    st.builds(
        lambda hlc, who, fields: (hlc, who, fields),
        st.integers(2, 9),
        st.sampled_from(["T-1", "T-2", "T-3"]),
        st.dictionaries(
            st.sampled_from(["name", "address", "residence", "clinic"]), st.sampled_from("甲乙丙"), min_size=1
        ),
    ),
    max_size=8,
)


@given(CHANGES, st.randoms(use_true_random=False))
def test_any_order_gives_the_same_person(changes: list[Any], chance: Any) -> None:
    facts = [registered(), *(updated(n, who, hlc, **fields) for n, (hlc, who, fields) in enumerate(changes, 10))]
    first = fold(facts)
    shuffled = chance.sample(facts, len(facts)) + facts[:3]
    again = fold(shuffled)
    assert first and again and again.facts == first.facts
    assert set(again.since) == set(first.since)
