"""Two records of one child, merged and taken apart in any order, are one child everywhere at the counter or two."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise, permutations
from pathlib import Path

import pytest

from config import plans
from domain import events
from domain.wire.feed import Advice
from domain.world import World
from sync.ports import Told
from terminal.store import children, children_view, doses, forecasts, links, matters, queue, recount, visits
from terminal.store.database import Store
from terminal.store.inbox import StoreInbox
from tests.fakes.desk import CLINIC, SETTINGS
from tests.fakes.ledgers import new_store, new_world
from tests.fakes.voices import ELSEWHERE, Voice

DAY = date(2026, 11, 22)


class Three:
    """Three records: the first two of one clinic, the third of another; merged in a chain, the first link ended."""

    def __init__(self, world: World) -> None:
        self.desk, self.other = Voice(world), Voice(world, "E-1", ELSEWHERE)
        booklets = [(events.Identifier("booklet", f"320114{n:04}"),) for n in range(3)]
        egg = (events.Alert("allergy", "鸡蛋", ("12",), "egg"),)
        self.first = self.desk.child("赵一", identifiers=booklets[0])
        self.second = self.desk.child("赵一一", identifiers=booklets[1], alerts=egg)
        self.third = self.other.child("赵艺", identifiers=booklets[2])
        for child, vaccine in ((self.first, "0202"), (self.second, "1201"), (self.third, "1801")):
            self.other.dose(child, vaccine)
        self.merged = self.desk.tell("child.merged", events.ChildMerged(self.second, "同一本证"), self.first)
        self.other.hear(self.desk)
        self.also_merged = self.other.tell("child.merged", events.ChildMerged(self.third, "同一人"), self.second)
        self.ended = self.other.tell("child.unmerged", events.ChildUnmerged(self.merged, "误合并"), self.first)

    def people(self) -> list[Told]:
        return [told for told in (*self.desk.told, *self.other.told) if b"child.merged" not in told.data][:-1]

    def fact(self, id_: str) -> Told:
        return next(told for told in (*self.desk.told, *self.other.told) if f'"event_id":"{id_}"'.encode() in told.data)


@pytest.fixture
def three(world: World) -> Three:
    return Three(world)


@pytest.fixture
def merged(store: Store, world: World, three: Three) -> Iterator[StoreInbox]:
    """All three are one child."""
    held = StoreInbox(store, world, CLINIC)
    held.apply_page([*three.people(), three.fact(three.merged), three.fact(three.also_merged)], "cursor")
    yield held


def groups(store: Store, three: Three) -> list[tuple[str, ...]]:
    return [links.group(store, child) for child in (three.first, three.second, three.third)]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_any_order_of_merging_and_unmerging_gives_the_same_children(
    tmp_path: Path, three: Three, order: tuple[int, ...]
) -> None:
    store = new_store(tmp_path / "a.db")
    held = StoreInbox(store, new_world(), CLINIC)
    parts = [three.people(), *([three.fact(id_)] for id_ in (three.merged, three.also_merged, three.ended))]
    for at in order:
        held.apply_page(parts[at], "cursor")
    both = (three.second, three.third)
    assert groups(store, three) == [(three.first,), both, both]
    assert [len(doses.of_child(store, child)) for child in (three.first, three.second, three.third)] == [1, 2, 2]
    assert [link.id for link in links.standing(store, three.third)] == [three.also_merged]
    assert links.one(store, three.merged) is None
    store.close()


def test_one_child_in_every_list(merged: StoreInbox, store: Store, three: Three) -> None:
    ids = (three.first, three.second, three.third)
    assert {links.head_of(store, child) for child in ids} == {three.first}
    for child in ids:
        assert {dose.vaccine for dose in doses.of_child(store, child)} == {"0202", "1201", "1801"}
    (number,) = {one for n in range(3) for one in children.by_identifier(store, f"320114{n:04}")}
    assert number == three.first
    assert [line.id for line in children.search(store, "赵")] == [three.first]
    assert [line.id for line in children_view.lines(store)] == [three.first]
    form = events.ChildRegistered("赵艺", "1", "2025-11-20")
    assert [row["id"] for row in children.possible_doubles(store, form)] == [three.first]
    vitals = children.vitals(store, ids)
    assert {one.alerts for one in vitals.values()} == {children.alerts(store, three.first)} != {()}
    assert doses.histories(store, ids)[three.third] == doses.histories(store, [three.first])[three.first]


def test_what_the_record_that_goes_on_does_not_know_the_others_tell(store: Store, world: World, three: Three) -> None:
    """A mother found positive decides the first dose and the checks after the last: no merge may hide her."""
    held, desk = StoreInbox(store, world, CLINIC), three.desk
    bare = desk.child("钱二", mother_hbsag="negative", birth_weight_g=3000)
    told = desk.child("钱二", mother_hbsag="positive", birth_weight_g=1900, preterm_weeks=34)
    desk.tell("child.merged", events.ChildMerged(told, "同一人"), bare)
    held.apply_page(desk.told, "cursor")
    for facts in children.vitals(store, (bare, told)).values():
        assert (facts.mother_hbsag, facts.birth_weight_g, facts.preterm_weeks) == ("positive", 3000, 34)


def test_one_child_is_reckoned_once_and_two_again_after_the_end(merged: StoreInbox, store: Store, three: Three) -> None:
    known = plans.load(SETTINGS.programme)
    assert recount.recount(store, known, DAY) == 1
    reckoned = {child for (child,) in store.sql("SELECT DISTINCT child_id FROM forecast")}
    assert reckoned == {three.first} and forecasts.looked_at(store, three.third) == forecasts.last_fact(store)
    merged.apply_page([three.fact(three.ended)], "next")
    assert set(recount.stale(store, known.stamp(DAY))) == {three.first, three.second}


def test_doubles_of_two_records_end_when_they_are_two_children_again(store: Store, world: World, three: Three) -> None:
    held, desk, other = StoreInbox(store, world, CLINIC), three.desk, three.other
    one, two = desk.child("钱二"), other.child("孙三")
    desk.dose(one), other.dose(two)
    merged = desk.tell("child.merged", events.ChildMerged(two, "同一人"), one)
    held.apply_page([*desk.told, *other.told], "cursor")
    about = {matter.key for matter in matters.open_matters(store) if matter.child_id in (one, two)}
    assert len(about) == 1
    desk.tell("child.unmerged", events.ChildUnmerged(merged, "误合并"), one)
    held.apply_page(desk.told[-1:], "next")
    assert about.isdisjoint(matter.key for matter in matters.open_matters(store))


def test_a_dose_is_held_beside_its_neighbour_alone_whatever_came_first(store: Store, world: World) -> None:
    """As the region reckons (tests/e2e/test_region_links.py): many doses of one day are not every pair of them."""
    held, voices = StoreInbox(store, world, CLINIC), [Voice(world, f"T-{n}") for n in range(2, 5)]
    child = voices[0].child("钱二")
    whose = {voice.dose(child): voice for voice in [*voices, voices[2], *voices[::-1]] * 5}
    for voice in voices[::-1]:
        held.apply_page(voice.told, "cursor")
    waiting = [matter.params for matter in matters.open_matters(store) if matter.child_id == child]
    assert sorted((said["one"], said["other"]) for said in waiting) == [
        pair for pair in pairwise(sorted(whose)) if whose[pair[0]] is not whose[pair[1]]
    ]


def test_a_merge_that_another_clinic_ended_does_not_come_back_when_the_child_leaves(
    store: Store, world: World, three: Three
) -> None:
    held, desk, other = StoreInbox(store, world, CLINIC), three.desk, three.other
    stays, leaves = desk.child("钱二"), other.child("孙三")
    desk.hear(other)
    merged = desk.tell("child.merged", events.ChildMerged(stays, "同一人"), leaves)
    other.hear(desk)
    other.tell("child.unmerged", events.ChildUnmerged(merged, "误合并"), leaves)
    held.apply_page([*desk.told, *other.told], "cursor")
    held.apply_page([Advice("feed.left", f"left/{leaves}", child_id=leaves)], "next")
    assert links.group(store, stays) == (stays,)


def test_a_visit_of_either_record_is_the_childs(merged: StoreInbox, store: Store, three: Three, world: World) -> None:
    here = Voice(world, "T-1")
    visit = here.tell("visit.opened", events.VisitOpened(CLINIC, "2"), three.second)
    merged.apply_page(here.told, "next")
    found = visits.open_of(store, three.third)
    assert found and found.id == visit
    (place,) = queue.visits(store, "2026-11-22", "2026-01-01")
    assert (place.child_id, place.visit_id, place.name) == (three.first, visit, "赵一")


def test_the_oldest_of_a_ring_goes_on(merged: StoreInbox, store: Store, three: Three) -> None:
    three.desk.tell("child.merged", events.ChildMerged(three.first, "反向"), three.third)
    merged.apply_page(three.desk.told, "next")
    assert {links.head_of(store, child) for child in (three.first, three.second, three.third)} == {three.first}


def test_a_record_that_leaves_is_linked_no_more(merged: StoreInbox, store: Store, three: Three) -> None:
    merged.apply_page([Advice("feed.left", f"left/{three.third}", child_id=three.third)], "next")
    assert groups(store, three)[:2] == [(three.first, three.second)] * 2
    assert children.card(store, three.third) is None
