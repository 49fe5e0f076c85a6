"""What comes back: every fact of a clinic's scope once it is safe to read, whoever wrote it when; nothing else."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import psycopg
import pytest

from domain import events
from domain.errors import SyncError, VaxdeskError
from domain.wire import feed, signed
from domain.world import World
from regional import database, queries, scope
from regional.serve import EmbeddedRegion
from sync.feed import Feed
from sync.keys import region_keys
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.region_fixtures import CLINIC, Terminal, apply_by_four

New = Callable[..., Terminal]
Apply = Callable[[], int]
_numbers = iter(range(1, 10_000))


@dataclass
class Desk:
    """A terminal and its way back."""

    one: Terminal
    inbox: MemoryFeedInbox
    way: Feed

    def tell(self, *args: object) -> str:
        return self.one.outbox.tell(*args)


@pytest.fixture
def clinic() -> str:
    """A clinic of this test alone."""
    return f"31012{next(_numbers):05d}"


@pytest.fixture
def desk(terminal: New) -> Callable[..., Desk]:
    def make(clinic: str, world: World | None = None) -> Desk:
        one, inbox = terminal(clinic=clinic, world=world), MemoryFeedInbox(clinic)
        return Desk(one, inbox, Feed(inbox, one.client, region_keys(one.outbox), one.me, one.world))

    return make


New2 = Callable[..., Desk]


def send(apply: Apply, *desks: Desk) -> None:
    for one in desks:
        one.one.sync()
    apply()


def registered(**more: object) -> events.ChildRegistered:
    return events.ChildRegistered("赵一", "1", "2026-11-01", **more)


def test_desks_of_one_clinic_see_each_other_byte_for_byte(desk: New2, apply: Apply, clinic: str):
    first, second, elsewhere = desk(clinic), desk(clinic), desk(CLINIC)
    child = f"child-{clinic}"
    first.tell("child.registered", registered(), child)
    first.tell("staff.added", events.StaffAdded("王", ("general",)), "S001")
    first.tell("moon.landed", {"of": "tomorrow"}, "crater")
    second.one.outbox.give(child)
    send(apply, first, second)
    for one in (first, second):
        result = one.way.pull()
        assert (result.facts, result.remaining) == (4, 0)
        assert one.inbox.stored() == {*first.one.outbox.events, *second.one.outbox.events}
        assert one.way.check() == []
    elsewhere.way.pull()
    assert elsewhere.inbox.about(child) == set()
    second.one.outbox.give(child)
    send(apply, second)
    assert first.way.pull().facts == 1
    assert first.way.pull().facts == 0


def test_a_child_told_of_elsewhere_is_brought_whole(desk: New2, apply: Apply, clinic: str):
    home, other = desk(clinic), desk(clinic + "-2")
    child, twin = f"child-{clinic}", f"twin-{clinic}"
    home.tell("child.registered", registered(), child)
    home.tell("child.registered", registered(), twin)
    moved = home.one.outbox.give(twin)
    home.tell("dose.moved", events.DoseMoved(moved, child, "the other twin"), twin)
    send(apply, home)
    assert other.way.pull().facts == 0
    other.tell("visit.opened", events.VisitOpened(clinic + "-2", "1"), child)
    send(apply, other)
    other.way.pull()
    # the move is about the child too, and the dose it names; what else was told of the twin stays where it is
    wanted = {home.one.outbox.events[0], *home.one.outbox.events[2:4], other.one.outbox.events[0]}
    assert other.inbox.stored() == wanted
    assert sorted(fact.kind for fact in other.inbox.facts.values() if fact.also) == ["dose.given", "dose.moved"]
    home.one.outbox.give(child)
    send(apply, home)
    other.way.pull()
    assert home.one.outbox.events[-1] in other.inbox.stored()
    assert other.way.check() == home.way.check() == []


def test_a_child_that_moves_goes_and_comes_back_whole(desk: New2, apply: Apply, clinic: str):
    home, other = desk(clinic), desk(clinic + "-2")
    child = f"child-{clinic}"
    home.tell("child.registered", registered(), child)
    home.one.outbox.give(child)
    send(apply, home)
    other.one.outbox.hlc = home.one.outbox.hlc
    other.tell("child.moved", events.ChildMoved(clinic + "-2", clinic), child)
    send(apply, other)
    for one in (home, other):
        one.way.pull()
        assert one.way.check() == []
    assert len(other.inbox.about(child)) == 3
    other.one.outbox.give(child)
    send(apply, other)
    home.way.pull()
    assert home.inbox.stored() == set(home.one.outbox.events)  # only its own are left
    assert home.way.check() == []
    home.one.outbox.hlc = other.one.outbox.hlc
    home.one.outbox.give(child)  # it came back for one dose
    send(apply, home)
    for one in (home, other):
        one.way.pull()
        assert len(one.inbox.about(child)) == 5
        assert one.way.check() == []


def test_linked_records_go_together(desk: New2, apply: Apply, clinic: str):
    home, other, third = desk(clinic), desk(clinic + "-2"), desk(clinic + "-3")
    one, two = f"one-{clinic}", f"two-{clinic}"
    home.tell("child.registered", registered(), one)
    other.tell("child.registered", registered(), two)
    send(apply, home, other)
    third.tell("child.merged", events.ChildMerged(two, "one booklet"), one)
    send(apply, third)
    other.one.outbox.give(two)
    send(apply, other)
    for desk_ in (home, other, third):
        desk_.way.pull()
        assert len(desk_.inbox.about(one)) + len(desk_.inbox.about(two)) == 4
        assert desk_.way.check() == []


def test_what_was_set_aside_comes_back_as_advice_and_goes_when_answered(desk: New2, apply: Apply, clinic: str):
    home, other = desk(clinic), desk(clinic)
    child = f"child-{clinic}"
    late = registered()
    home.one.outbox.tell_raw(b"not JSON at all")
    dose = other.one.outbox.give(child)
    home.tell("dose.voided", events.DoseVoided(dose, "twice"), child)
    home.tell("child.registered", late, child)
    send(apply, home)
    home.way.pull()
    assert {advice.code for advice in home.inbox.advice.values()} == {
        "quarantine.unreadable",
        "quarantine.unknown_dose",
    }
    send(apply, other)
    home.way.pull()
    assert [advice.code for advice in home.inbox.advice.values()] == ["quarantine.unreadable"]
    assert next(iter(home.inbox.advice.values())).params["seq"] == 1


def test_a_possible_double_is_told_to_both_clinics(desk: New2, apply: Apply, clinic: str):
    home, other = desk(clinic), desk(clinic + "-2")
    child = f"child-{clinic}"
    home.one.outbox.give(child, vaccine="0201")
    theirs = other.one.outbox.give(child, vaccine="0202")
    send(apply, home, other)
    for one in (home, other):
        one.way.pull()
        (advice,) = one.inbox.advice.values()
        assert (advice.code, advice.child_id) == ("review.possible_double", child)
        assert theirs in advice.params.values()
    other.tell("dose.voided", events.DoseVoided(theirs, "twice"), child)
    send(apply, other)
    for one in (home, other):
        one.way.pull()
        assert one.inbox.advice == {}


def test_a_possible_double_of_two_records_is_over_for_both_clinics_when_they_are_parted(
    desk: New2, apply: Apply, clinic: str
):
    home, other = desk(clinic), desk(clinic + "-2")
    home.one.outbox.give(f"child-{clinic}-a", vaccine="0201")
    other.one.outbox.give(f"child-{clinic}-b", vaccine="0201")
    link = home.tell("child.merged", events.ChildMerged(f"child-{clinic}-b", ""), f"child-{clinic}-a")
    send(apply, home, other)
    for one in (home, other):
        one.way.pull()
        assert [advice.code for advice in one.inbox.advice.values()] == ["review.possible_double"]
    home.tell("child.unmerged", events.ChildUnmerged(link, "twins"), f"child-{clinic}-a")
    send(apply, home)
    for one in (home, other):
        one.way.pull()
        assert "review.possible_double" not in {advice.code for advice in one.inbox.advice.values()}


def test_a_request_finds_the_clinic_of_the_dose_wherever_the_child_is(desk: New2, apply: Apply, clinic: str):
    home, other = desk(clinic), desk(clinic + "-2")
    child = f"child-{clinic}"
    dose = home.one.outbox.give(child)
    send(apply, home)
    other.one.outbox.hlc = home.one.outbox.hlc
    other.tell("child.moved", events.ChildMoved(clinic + "-2", clinic), child)
    asked = other.tell("correction.requested", events.CorrectionRequested(dose, "lot?", "2026-11-29"), child)
    send(apply, other)
    home.way.pull()
    assert [fact.kind for (_, event_id), fact in home.inbox.facts.items() if event_id == asked] == [
        "correction.requested"
    ]
    home.tell("correction.answered", events.CorrectionAnswered(asked, "declined", "it is B2"), child)
    send(apply, home)
    other.way.pull()
    assert home.one.outbox.events[-1] in other.inbox.stored()
    assert home.way.check() == other.way.check() == []


def test_the_first_load_brings_people_first_and_goes_on_where_it_was_cut(
    desk: New2, apply: Apply, clinic: str, monkeypatch: pytest.MonkeyPatch
):
    filled, fresh = desk(clinic), desk(clinic)
    for number in range(130):
        filled.tell("child.registered", registered(), f"child-{clinic}-{number}")
        for _ in range(3):
            filled.one.outbox.give(f"child-{clinic}-{number}")
    filled.tell("stock.wasted", events.StockWasted(1, "broken"), "lot-1")
    send(apply, filled)
    monkeypatch.setattr("sync.feed.LIMIT", 50)
    seen: list[int] = []
    stages: list[str] = []

    def heard(page: feed.Page) -> None:
        seen.append(page.remaining)
        stages.append(page.stage)

    fresh.way.pull(heard, stop=lambda: len(seen) == 4)
    assert fresh.inbox.cursor and {kind for page in fresh.inbox.pages[:2] for kind in page} == {"child.registered"}
    fresh.way.pull(heard)
    assert list(dict.fromkeys(stages)) == ["people", "rest", "desk", "open", ""]
    assert seen == sorted(seen, reverse=True) and seen[-1] == 0
    assert fresh.inbox.stored() == set(filled.one.outbox.events)
    kinds = [kind for page in fresh.inbox.pages for kind in page]
    assert kinds.index("dose.given") >= 130
    assert fresh.way.check() == []
    assert fresh.inbox.started == ()


def test_large_facts_are_cut_into_pages_within_a_child(desk: New2, apply: Apply, clinic: str):
    filled, fresh = desk(clinic), desk(clinic)
    for _ in range(40):
        filled.tell("child.updated", events.ChildUpdated({"address": ("", "长" * 20_000)}), f"child-{clinic}")
    send(apply, filled)
    assert fresh.way.pull().pages > 3
    assert fresh.inbox.stored() == set(filled.one.outbox.events)
    late = desk(clinic)
    late.way.pull()
    filled.way.pull()
    assert late.inbox.stored() == filled.inbox.stored() == fresh.inbox.stored()


# -- cursors ---------------------------------------------------------------------------------------------------------


def test_a_cursor_of_no_use_starts_over_and_an_endless_start_stops(
    region: EmbeddedRegion, desk: New2, apply: Apply, clinic: str
):
    one = desk(clinic)
    one.one.outbox.give(f"child-{clinic}")
    send(apply, one)
    one.way.pull()
    good = one.inbox.cursor
    one.inbox.cursor = good[:-4] + "AAAA"
    assert one.way.pull().started_over
    database.new_generation(region.dsn, World())
    assert one.way.pull().started_over
    one.inbox.cursor = "no cursor at all"
    with pytest.raises(SyncError) as fault:
        one.way.pull()
    assert (fault.value.code, fault.value.retry) == ("sync.feed_loop", "operator")
    assert one.inbox.stored() == set(one.one.outbox.events)  # nothing is thrown away meanwhile


def test_a_cursor_of_another_clinic_starts_over(desk: New2, apply: Apply, clinic: str):
    one, other = desk(clinic), desk(clinic + "-2")
    one.one.outbox.give(f"child-{clinic}")
    send(apply, one)
    one.way.pull()
    other.inbox.cursor = one.inbox.cursor
    assert other.way.pull().started_over and other.inbox.facts == {}


def test_who_did_not_read_what_was_forgotten_starts_over_and_who_did_goes_on(
    region: EmbeddedRegion, desk: New2, apply: Apply, clinic: str
):
    slow, quick = desk(clinic), desk(clinic)
    slow.way.pull()
    slow.one.outbox.give(f"child-{clinic}")
    send(apply, slow)
    quick.way.pull()
    with queries.connect(region.dsn) as connection:
        assert scope.forget(connection, World().now() + timedelta(hours=1))
    assert slow.way.pull().started_over and not quick.way.pull().started_over
    assert slow.inbox.stored() == quick.inbox.stored() == set(slow.one.outbox.events)


def test_the_comparison_finds_a_row_that_was_missed(desk: New2, apply: Apply, clinic: str):
    one = desk(clinic)
    for _ in range(5):
        one.one.outbox.give(f"child-{clinic}")
    send(apply, one)
    one.way.pull()
    lost = next(iter(one.inbox.facts))
    del one.inbox.facts[lost]
    assert one.way.check() == [feed.mark(*lost)[0]]
    assert one.way.check() == [] and lost in one.inbox.facts


def test_a_page_is_for_one_terminal_and_its_body_is_signed(
    desk: New2, apply: Apply, clinic: str, monkeypatch: pytest.MonkeyPatch
):
    one, other = desk(clinic), desk(clinic)
    one.one.outbox.give(f"child-{clinic}")
    send(apply, one)
    answer = one.one.client.feed("", 500)
    document, body = feed.split(answer)
    said = signed.payload(signed.decode(document, "page"), feed.Page)
    while not said.runs:  # the walk begins with the people, and there are none
        answer = one.one.client.feed(said.next, 500)
        document, body = feed.split(answer)
        said = signed.payload(signed.decode(document, "page"), feed.Page)
    for spoilt in (feed.join(document, body[:-1] + b"x"), feed.join(document, b""), document):
        monkeypatch.setattr(one.one.client, "feed", lambda *_, spoilt=spoilt: spoilt)
        one.inbox.cursor = said.after
        with pytest.raises(VaxdeskError) as fault:
            one.way.pull()
        assert fault.value.code in ("sync.bad_answer", "wire.document_unreadable")
    monkeypatch.setattr(other.one.client, "feed", lambda *_: answer)
    other.inbox.cursor = said.after
    with pytest.raises(SyncError, match=r"sync\.bad_answer"):
        other.way.pull()


# -- writers at once -------------------------------------------------------------------------------------------------

_APPEND = "INSERT INTO feed (clinic, what, note, at) VALUES (%s, 'advice', %s, now())"


def note(text: str) -> bytes:
    return f'{{"code":"feed.left","key":"{text}"}}'.encode()


class Ordered(MemoryFeedInbox):
    """Keeps the keys of the advice in the order it came."""

    def __init__(self, clinic: str) -> None:
        super().__init__(clinic)
        self.keys: list[str] = []

    def apply_page(self, rows, cursor: str) -> None:
        self.keys += [row.key for row in rows]
        self.cursor = cursor


def test_a_slow_transaction_is_waited_for_and_not_passed(region: EmbeddedRegion, desk: New2, clinic: str):
    reader = desk(clinic)
    inbox = reader.way._inbox = Ordered(clinic)
    reader.way.pull()
    with psycopg.connect(region.dsn) as slow, psycopg.connect(region.dsn) as quick:
        slow.execute(_APPEND, (clinic, note("slow")))
        quick.execute(_APPEND, (clinic, note("quick")))
        quick.commit()
        reader.way.pull()
        assert inbox.keys == []
        with psycopg.connect(region.dsn) as tip:  # what a reader by number would have done
            by_number = tip.execute("SELECT max(id) FROM feed WHERE clinic = %s", (clinic,)).fetchone()
        slow.commit()
    reader.way.pull()
    assert inbox.keys == ["slow", "quick"]
    with psycopg.connect(region.dsn) as tip:
        passed = tip.execute("SELECT count(*) FROM feed WHERE clinic = %s AND id > %s", (clinic, by_number[0]))
        assert passed.fetchone() == (0,)  # the slow row lies below that number: lost for ever


def test_many_writers_and_a_greedy_reader_lose_nothing(region: EmbeddedRegion, desk: New2, clinic: str):
    """Eight writers hold their transactions open for a moment; the reader reads as fast as it can. The same rows read
    by number are counted beside."""
    reader = desk(clinic)
    inbox = reader.way._inbox = Ordered(clinic)
    reader.way.pull()
    written: set[str] = set()
    by_number: set[str] = set()
    running = threading.Event()
    running.set()

    def write(writer: int) -> set[str]:
        chance, mine = random.Random(writer), set[str]()
        with psycopg.connect(region.dsn) as connection:
            for number in range(60):
                for part in range(chance.randrange(1, 4)):
                    name = f"{writer}-{number}-{part}"
                    connection.execute(_APPEND, (clinic, note(name)))
                    mine.add(name)
                connection.execute("SELECT pg_sleep(%s)", (chance.random() * 0.01,))  # what is tested: held open
                connection.commit()
        return mine

    def read_by_number() -> None:
        last = 0
        with psycopg.connect(region.dsn, autocommit=True) as connection:
            while running.is_set():
                found = connection.execute(
                    "SELECT id, note FROM feed WHERE clinic = %s AND id > %s ORDER BY id", (clinic, last)
                ).fetchall()
                by_number.update(bytes(text).decode().split('"')[7] for _, text in found)
                last = max([last, *(row[0] for row in found)])

    with ThreadPoolExecutor(9) as pool:
        naive = pool.submit(read_by_number)
        writers = [pool.submit(write, number) for number in range(8)]
        try:
            while not all(one.done() for one in writers):
                reader.way.pull()
        finally:
            running.clear()
        naive.result(60)
        for one in writers:
            written |= one.result(60)
    reader.way.pull()
    assert sorted(inbox.keys) == sorted(written)
    assert len(by_number) < len(written)  # else the writers were too tame to prove anything


def test_workers_at_once_lose_nothing_of_children_that_enter_scopes_meanwhile(
    region: EmbeddedRegion, desk: New2, clinic: str
):
    """Six clinics tell facts of the same children in many small batches, four workers apply them in any order."""
    chance = random.Random(5)
    desks = [desk(f"{clinic}-{number}") for number in range(6)]
    children = [f"child-{clinic}-{number}" for number in range(12)]
    told: dict[str, set[bytes]] = {child: set() for child in children}
    for _ in range(12):
        for one in desks:
            for child in chance.sample(children, 2):
                one.one.outbox.give(child, vaccine=f"{chance.randrange(1, 90):02d}")
                told[child].add(one.one.outbox.events[-1])
            one.one.sync()
    apply_by_four(region)
    for one in desks:
        one.way.pull()
        for child in children:
            mine = any(data in told[child] for data in one.one.outbox.events)
            assert one.inbox.about(child) == (told[child] if mine else set())
        assert one.way.check() == []
