"""What concerns a child beside its own record: a dose moved to it, with all that was told of the dose before and after;
and records that were linked by mistake, which part again. In any order, and the same to whoever begins anew."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from itertools import count, permutations

import pytest
from psycopg.types.json import Jsonb

from domain import events
from regional import queries
from regional.serve import EmbeddedRegion
from sync.feed import Feed
from sync.keys import region_keys
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.region_fixtures import Terminal, apply_by_four

New = Callable[..., Terminal]
Apply = Callable[[], int]
_numbers = count(1)


@dataclass
class Desk:
    """A desk and its way back."""

    one: Terminal
    inbox: MemoryFeedInbox
    way: Feed

    def tell(self, *args: object) -> str:
        return self.one.outbox.tell(*args)

    def holds(self, child: str) -> set[str]:
        """Kinds of all facts it has with this subject."""
        return {fact.kind for fact in self.inbox.facts.values() if fact.subject == child}

    def heard(self) -> set[bytes]:
        self.way.pull()
        assert self.way.check() == [], "hashes of what is there and what should be"
        return self.inbox.stored()


@pytest.fixture
def clinic() -> str:
    return f"31014{next(_numbers):05d}"


@pytest.fixture
def desk(terminal: New) -> Callable[[str], Desk]:
    def make(clinic: str) -> Desk:
        one, inbox = terminal(clinic=clinic), MemoryFeedInbox(clinic)
        return Desk(one, inbox, Feed(inbox, one.client, region_keys(one.outbox), one.me, one.world))

    return make


New2 = Callable[[str], Desk]


def registered() -> events.ChildRegistered:
    return events.ChildRegistered("赵一", "1", "2026-11-01")


def later(one: Desk, *others: Desk) -> Desk:
    one.one.outbox.hlc = max(one.one.outbox.hlc, *(other.one.outbox.hlc for other in others))
    return one


# -- doses moved -----------------------------------------------------------------------------------------------------


def chain(home: Desk, child: str) -> list[bytes]:
    """A dose told for a, corrected, moved to b, from there to c; doubted and voided after; of each what is c's."""
    home.tell("child.registered", registered(), f"{child}-a")
    home.one.outbox.give(f"{child}-a", vaccine="0401")  # another dose, no concern of c's
    before = len(home.one.outbox.events)
    told = home.one.outbox.give(f"{child}-a", vaccine="0201")
    corrected = {"lot_no": ("B1", "B2")}
    home.tell("dose.corrected", events.DoseCorrected(told, corrected, "typed wrongly"), f"{child}-a")
    first = home.tell("dose.moved", events.DoseMoved(told, f"{child}-b", "the twin"), f"{child}-a")
    home.tell("dose.corrected", events.DoseCorrected(first, {"site": ("", "left")}, ""), f"{child}-b")
    second = home.tell("dose.moved", events.DoseMoved(first, f"{child}-c", "the third"), f"{child}-b")
    home.tell("dose.disputed", events.DoseDisputed(told, "by whom?"), f"{child}-a")
    home.tell("dose.corrected", events.DoseCorrected(second, {"site": ("left", "right")}, ""), f"{child}-c")
    return home.one.outbox.events[before:]


@pytest.mark.parametrize("seed", range(6))
def test_a_dose_moved_twice_is_whole_for_a_clinic_that_has_the_last_child_alone(
    region: EmbeddedRegion, desk: New2, terminal: New, apply: Apply, clinic: str, seed: int
):
    """Each fact its own batch, from a terminal of its own, in any order; whoever walks the scope has the same."""
    home, other, child = desk(clinic), desk(clinic + "-2"), f"child-{clinic}"
    wanted = chain(home, child)
    other.tell("visit.opened", events.VisitOpened(clinic + "-2", "1"), f"{child}-c")
    told = [*home.one.outbox.events]
    order = random.Random(seed).sample(range(len(told) + 1), len(told) + 1)
    for place in order:
        if place == len(told):
            other.one.sync()
        else:
            sender = terminal(clinic=clinic)
            sender.outbox.tell_raw(told[place])
            sender.sync()
        apply()
    assert other.heard() == {*wanted, *other.one.outbox.events}
    assert {fact.kind for fact in other.inbox.facts.values() if not fact.also} == {"visit.opened", "dose.corrected"}
    fresh = desk(clinic + "-2")
    assert fresh.heard() == other.inbox.stored()
    found = fresh.way.lookup("child", f"{child}-c", "history", "S007")
    assert {fact.data for fact in found.facts} == fresh.inbox.stored()


def test_a_child_that_leaves_leaves_what_another_child_of_the_clinic_needs_of_it(desk: New2, apply: Apply, clinic: str):
    home, other, child = desk(clinic), desk(clinic + "-2"), f"child-{clinic}"
    wanted = chain(home, child)
    for name in "abc":  # the other clinic has all three
        other.tell("visit.opened", events.VisitOpened(clinic + "-2", "1"), f"{child}-{name}")
    home.one.sync()
    other.one.sync()
    apply()
    other.heard()
    later(home, other).tell("child.moved", events.ChildMoved(clinic, clinic + "-2"), f"{child}-a")
    home.one.sync()
    apply()
    assert other.heard() >= {*wanted, *other.one.outbox.events}
    assert home.one.outbox.events[1] not in other.inbox.stored()  # the dose that was not moved went with the child
    fresh = desk(clinic + "-2")
    fresh.heard()
    about_c = {data for data in fresh.inbox.stored() if data in wanted}
    assert about_c == {data for data in other.inbox.stored() if data in wanted}


def test_workers_at_once_lose_no_fact_of_a_dose_that_is_moved_on_meanwhile(
    region: EmbeddedRegion, desk: New2, terminal: New, clinic: str
):
    """Every fact in a batch of its own, four workers, eight doses at once."""
    other = desk(clinic + "-2")
    wanted: set[bytes] = set()
    told: list[bytes] = []
    for number in range(8):
        home, child = desk(clinic), f"child-{clinic}-{number}"
        wanted |= set(chain(home, child))
        told += home.one.outbox.events
        other.tell("visit.opened", events.VisitOpened(clinic + "-2", "1"), f"{child}-c")
    random.Random(8).shuffle(told)
    sender = terminal(clinic=clinic)
    for stored in told:
        sender.outbox.tell_raw(stored)
        sender.sync()
    other.one.sync()
    apply_by_four(region)
    assert other.heard() == {*wanted, *other.one.outbox.events}


# -- records linked and parted ---------------------------------------------------------------------------------------


def merged_and_parted(desk: New2, clinic: str) -> tuple[list[Desk], list[tuple[Desk, bytes]]]:
    """Clinic 1 has one child, clinic 2 the other, clinic 3 merges, clinic 1 unmerges; each fact with who told it."""
    desks = [desk(f"{clinic}-{number}") for number in (1, 2, 3)]
    home, other, third = desks
    one, two = f"one-{clinic}", f"two-{clinic}"
    facts: list[tuple[Desk, bytes]] = []

    def tell(who: Desk, *args: object) -> str:
        event_id = later(who, *desks).tell(*args)
        facts.append((who, who.one.outbox.events[-1]))
        return event_id

    tell(home, "child.registered", registered(), one)
    tell(other, "child.registered", registered(), two)
    link = tell(third, "child.merged", events.ChildMerged(two, "one booklet"), one)
    tell(other, "dose.given", events.DoseGiven("visit", "0201", 1, clinic), two)
    tell(home, "child.unmerged", events.ChildUnmerged(link, "twins"), one)
    tell(other, "dose.given", events.DoseGiven("visit", "0301", 1, clinic), two)
    return desks, facts


def orders() -> Iterator[tuple[int, ...]]:
    yield from random.Random(3).sample(list(permutations(range(6))), 5)
    yield tuple(range(6))


@pytest.mark.parametrize("order", list(orders()))
def test_a_child_known_through_a_merge_alone_goes_with_the_unmerge(
    region: EmbeddedRegion, desk: New2, terminal: New, apply: Apply, clinic: str, order: tuple[int, ...]
):
    desks, facts = merged_and_parted(desk, clinic)
    home, other, third = desks
    one, two = f"one-{clinic}", f"two-{clinic}"
    for place in order:
        who, stored = facts[place]
        sender = terminal(clinic=who.inbox.clinic)
        sender.outbox.tell_raw(stored)
        sender.sync()
        apply()
        for each in desks:
            each.heard()
    links = {"child.merged", "child.unmerged"}
    assert (home.holds(one), home.holds(two)) == ({"child.registered", *links}, set())
    assert (other.holds(one), other.holds(two)) == (links, {"child.registered", "dose.given"})
    assert third.holds(one) == {"child.registered", *links} and third.holds(two) == set()  # it told of the first alone
    for each in desks:
        fresh = desk(each.inbox.clinic)
        assert fresh.heard() == each.inbox.stored()


def test_whoever_told_a_fact_of_the_child_or_was_moved_to_keeps_it_after_the_unmerge(
    desk: New2, apply: Apply, clinic: str
):
    desks, _ = merged_and_parted(desk, clinic)
    home, other, _ = desks
    two = f"two-{clinic}"
    later(home, *desks).one.outbox.give(two)  # while they were one at the counter
    later(other, *desks).tell("child.moved", events.ChildMoved(f"{clinic}-3", ""), two)
    for each in desks:
        each.one.sync()
        apply()
    for each in desks:
        each.heard()
        assert each.holds(two) == {"child.registered", "dose.given", "child.moved"}


def test_a_group_of_three_parts_where_the_link_was_wrong(desk: New2, apply: Apply, clinic: str):
    desks = [desk(f"{clinic}-{number}") for number in (1, 2, 3)]
    children = [f"{name}-{clinic}" for name in ("a", "b", "c")]
    for each, child in zip(desks, children, strict=True):
        each.tell("child.registered", registered(), child)
    wrong = later(desks[0], *desks).tell("child.merged", events.ChildMerged(children[1], ""), children[0])
    later(desks[1], *desks).tell("child.merged", events.ChildMerged(children[2], ""), children[1])
    for each in desks:
        each.one.sync()
    apply()
    for each in desks:
        each.heard()
        assert all("child.registered" in each.holds(child) for child in children)
    later(desks[0], *desks).tell("child.unmerged", events.ChildUnmerged(wrong, ""), children[0])
    desks[0].one.sync()
    apply()
    known = []
    for each in desks:
        each.heard()
        known.append([child[0] for child in children if "child.registered" in each.holds(child)])
    assert known == [["a"], ["b", "c"], ["b", "c"]]


def test_a_region_from_before_is_mended_by_its_migration(region: EmbeddedRegion, desk: New2, apply: Apply, clinic: str):
    """As 0004 left it: linked records have one reach for good, and what concerns a moved dose is not known."""
    desks, _ = merged_and_parted(desk, clinic)
    wanted = chain(desks[0], f"child-{clinic}")
    desks[1].tell("visit.opened", events.VisitOpened(clinic, "1"), f"child-{clinic}-c")
    for each in desks:
        each.one.sync()
    apply()
    linked = [f"one-{clinic}", f"two-{clinic}"]
    with queries.connect(region.dsn) as connection:
        joined = connection.execute("SELECT came FROM reach WHERE child_id = ANY (%s)", (linked,)).fetchall()
        came = Jsonb({name: clock for (one,) in joined for name, clock in one.items()})
        connection.execute("UPDATE reach SET came = %s WHERE child_id = ANY (%s)", (came, linked))
        for each in desks:
            row = each.inbox.clinic, linked
            connection.execute("INSERT INTO scope SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING", row)
        connection.execute(
            "DELETE FROM event_also USING event WHERE event_also.seq = event.seq AND kind IN"
            " ('dose.given', 'dose.corrected', 'child.unmerged') AND event_also.terminal_id = event.terminal_id"
        )
        connection.execute(resources.files("regional.migrations").joinpath("0009_beside.sql").read_bytes())
    apply()
    for each in desks:
        each.heard()
    assert set(wanted) <= desks[1].inbox.stored()
    assert [each.holds(f"two-{clinic}") for each in desks] == [set(), {"child.registered", "dose.given"}, set()]
