"""A record kept elsewhere is asked for with a purpose, kept and opened; nobody's number is noted."""

from __future__ import annotations

import pytest

from domain import events
from domain.wire import event
from sync.feed import Found
from sync.ports import Told
from terminal.store import matters
from terminal.store.inbox import StoreInbox
from terminal.usecases.amend_dose import correct_dose, void_dose
from terminal.usecases.copy_booklet import PaperDose, copy_booklet
from terminal.usecases.corrections import request_correction
from terminal.usecases.due_list import list_due
from terminal.usecases.find_child import find_child, view_child
from terminal.usecases.lookup import PURPOSES, begin_lookup, keep_found, note_lookup
from terminal.usecases.merge_children import merge_children, unmerge_children
from terminal.usecases.move_child import move_in
from tests.fakes.desk import CLINIC, HEPB_BOX, HEPB_BOX_2
from tests.fakes.outbox import MemoryOutbox
from tests.fakes.stories import ELSEWHERE, Story, codes, made

AS_OF = "2026-11-23T01:30:00.000Z"
NUMBER = "3399000001"
CODE = "review.possible_double"


class Far:
    """A terminal elsewhere, or the clinic's other desk."""

    def __init__(self, clinic: Story, name: str = "T-far", code: str = ELSEWHERE) -> None:
        self.outbox, self.clinic, self.code = MemoryOutbox(clinic.world, name), clinic, code

    def child(self, born: str = "2026-03-19") -> str:
        numbers = (events.Identifier("booklet", NUMBER),)
        body = events.ChildRegistered("赵一", "1", born, identifiers=numbers, clinic=self.code)
        child_id = self.clinic.world.new_id()
        self.outbox.tell("child.registered", body, child_id)
        return child_id

    def give(self, child: str, vaccine: str = "0201", day: str = "2026-11-23") -> str:
        body = events.DoseGiven("", vaccine, 1, self.code)
        return self.outbox.tell("dose.given", body, child, stated=day)

    def told(self) -> list[Told]:
        return [Told(self.outbox.terminal_id, self.code, data) for data in self.outbox.events]

    def found(self) -> Found:
        subjects = dict.fromkeys(event.decode(data).subject for data in self.outbox.events)
        return Found(tuple(subjects), tuple(self.told()), AS_OF)

    def heard(self) -> None:
        """The feed brings everything."""
        inbox = StoreInbox(self.clinic.desk.store, self.clinic.world, CLINIC)
        inbox.apply_page(self.told(), f"cursor {len(self.outbox.events)}")


def test_what_was_found_is_kept_and_opened(clinic: Story) -> None:
    far = Far(clinic)
    child = far.child()
    dose = far.give(child, day="2026-04-20")
    assert made(begin_lookup(clinic.desk, clinic.nurse, "vaccination")) == "N200"
    assert made(keep_found(clinic.desk, clinic.nurse, far.found(), "vaccination")) == child
    assert made(find_child(clinic.desk, clinic.nurse, NUMBER)) == [child]
    opened = made(view_child(clinic.desk, clinic.nurse, child))
    assert [one.id for one in opened.doses] == [dose]
    assert (opened.card.known_from, opened.card.known_at) == ("region", AS_OF)
    (row,) = clinic.audit("child.lookup")
    assert row == {"actor": "N200", "subject": child, "purpose": "vaccination", "outcome": "found"}
    due = clinic.desk.store.sql("SELECT dose_no FROM forecast WHERE child_id = ? AND vaccine_group = 'HepB'", child)
    assert due == [(2,)]
    assert child not in {one.child_id for one in made(list_due(clinic.desk, clinic.nurse)).children}
    made(move_in(clinic.desk, clinic.nurse, child))
    assert child in {one.child_id for one in made(list_due(clinic.desk, clinic.nurse)).children}


def test_asking_again_brings_only_what_is_new(clinic: Story) -> None:
    far = Far(clinic)
    child = far.child()
    for wanted in (1, 2):
        far.give(child, day=f"2026-0{wanted + 3}-20")
        for _ in range(2):
            made(keep_found(clinic.desk, clinic.nurse, far.found(), "history"))
            assert len(clinic.doses(child)) == wanted


@pytest.mark.parametrize("purpose", ["", "curiosity"])
def test_nothing_is_asked_without_a_purpose(clinic: Story, purpose: str) -> None:
    assert codes(begin_lookup(clinic.desk, clinic.nurse, purpose).problems) == ["lookup.no_purpose"]
    assert codes(begin_lookup(clinic.desk, clinic.auditor, PURPOSES[0]).problems) == ["denied.child.lookup"]


def test_no_answer_is_noted_with_why_and_never_the_number(clinic: Story) -> None:
    made(note_lookup(clinic.desk, clinic.nurse, "vaccination", "sync.lookup_not_found"))
    made(note_lookup(clinic.desk, clinic.nurse, "vaccination", "sync.unreachable", "child-1"))
    assert [(row["outcome"], row["subject"]) for row in clinic.audit("child.lookup")] == [
        ("sync.lookup_not_found", ""), ("sync.unreachable", "child-1")
    ]  # fmt: skip
    assert NUMBER not in str(clinic.desk.store.sql("SELECT * FROM audit"))


def test_doses_without_a_person_open_nobody(clinic: Story) -> None:
    far = Far(clinic)
    far.give("nobody told of this child")
    outcome = keep_found(clinic.desk, clinic.nurse, far.found(), "vaccination")
    assert codes(outcome.problems) == ["lookup.no_person"]
    assert [row["outcome"] for row in clinic.audit("child.lookup")] == ["lookup.no_person"]


def test_what_another_clinic_copied_from_paper_is_for_that_clinic_to_correct(clinic: Story) -> None:
    far = Far(clinic)
    child = far.child()
    body = events.DoseGiven("", "0201", 1, "", elsewhere="县医院")
    copied = far.outbox.tell("dose.given", body, child, stated="2026-04-20")
    made(keep_found(clinic.desk, clinic.nurse, far.found(), "correction"))
    changes = {"given_on": "2026-04-21"}
    desk, doctor = clinic.desk, clinic.doctor
    assert codes(correct_dose(desk, doctor, copied, changes, "本上是 21 日").problems) == ["dose.other_clinic"]
    made(request_correction(desk, clinic.nurse, copied, "本上是 21 日", fields=changes))
    line = PaperDose("0201", 1, "2026-04-21", copied)
    assert made(copy_booklet(desk, clinic.nurse, child, [line], "县医院", "本上是 21 日")).saved == 1
    assert [(one.state, one.given_on) for one in clinic.doses(child)] == [("disputed", "2026-04-20")]


# -- two desks that gave the same -------------------------------------------------------------------------------------


def keys(clinic: Story) -> list[str]:
    return [matter.key for matter in clinic.read(matters.open_matters, CODE)]


def test_the_same_dose_from_two_desks_is_a_matter_until_one_is_voided(clinic: Story) -> None:
    child = clinic.child()
    ours = clinic.give(child, HEPB_BOX).id
    other_desk = Far(clinic, "T-2", CLINIC)
    theirs = other_desk.give(child)
    other_desk.give(child, vaccine="0101")
    other_desk.give(child, day="2026-11-22")
    other_desk.heard()
    one, other = sorted((ours, theirs))
    assert keys(clinic) == [f"possible_double/{one}/{other}/"]
    (matter,) = clinic.read(matters.open_matters, CODE)
    assert (matter.child_id, matter.params) == (child, {"one": one, "other": other})
    other_desk.heard()
    assert len(keys(clinic)) == 1
    made(void_dose(clinic.desk, clinic.nurse, ours, "另一台已接种"))
    assert keys(clinic) == []


def test_a_void_told_by_the_other_desk_ends_it_too(clinic: Story) -> None:
    child = clinic.child()
    clinic.give(child, HEPB_BOX)
    other_desk = Far(clinic, "T-2", CLINIC)
    theirs = other_desk.give(child)
    other_desk.heard()
    assert len(keys(clinic)) == 1
    other_desk.outbox.tell("dose.voided", events.DoseVoided(theirs, "重复"), child)
    other_desk.heard()
    assert keys(clinic) == []


def test_doubles_across_merged_records_and_not_once_they_are_two(clinic: Story) -> None:
    keep, other = clinic.child(), clinic.child()
    ours = clinic.give(keep, HEPB_BOX).id
    clinic.give(clinic.child(), HEPB_BOX_2)
    other_desk = Far(clinic, "T-2", CLINIC)
    theirs = other_desk.give(other)
    other_desk.heard()
    assert keys(clinic) == []
    link = made(merge_children(clinic.desk, clinic.doctor, keep, other, "同一名儿童"))
    one, two = sorted((ours, theirs))
    assert keys(clinic) == [f"possible_double/{one}/{two}/"]
    made(unmerge_children(clinic.desk, clinic.doctor, link, "两名儿童"))
    assert keys(clinic) == []
