"""Thirty-two at once: one batch makes one row and one set of doses, one code one place; everybody gets an answer."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from threading import Barrier
from typing import TypeVar

import psycopg
import pytest

from domain import events
from domain.errors import SyncError
from domain.wire import signed
from domain.world import World
from regional import queries
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from regional.worker import Applier
from sync import crypto
from sync.enrol import Enrolment, enrol
from sync.feed import Feed
from sync.keys import region_keys
from tests.e2e.test_region_keys import age
from tests.e2e.test_region_sync import sealed
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.region_fixtures import CLINIC, Terminal

New = Callable[..., Terminal]
MANY = 32
T = TypeVar("T")


def at_once(work: Callable[[int], T], many: int = MANY) -> list[T]:
    """All begin together."""
    barrier = Barrier(many)

    def one(number: int) -> T:
        barrier.wait(30)
        return work(number)

    with ThreadPoolExecutor(many) as pool:
        return list(pool.map(one, range(many)))


def applied(region: EmbeddedRegion) -> int:
    """Apply what waits over a connection of its own; how many batches."""
    with closing(Applier(region.dsn, KeyRing(region.folder / "keys", World().now()), World())) as applier:
        done = 0
        while taken := applier.apply(1):
            done += taken
        return done


def count(region: EmbeddedRegion, statement: str, *params: object) -> int:
    with queries.connect(region.dsn) as connection:
        return int(connection.execute(statement.encode(), params).fetchone()[0])


def doses_of(region: EmbeddedRegion, one: Terminal) -> list[str]:
    return [row.dose_id for row in queries.doses(region.dsn) if row.terminal_id == one.me.terminal_id]


def test_one_batch_put_and_applied_at_once_is_there_once(region: EmbeddedRegion, terminal: New):
    one = terminal()
    given = [one.outbox.give("child-at-once") for _ in range(20)]
    blob, name = sealed(one, 1, 20)

    def put(number: int) -> bytes:
        if number % 8 == 7:  # workers, meanwhile
            applied(region)
            return b""
        with closing(one.through(region.url).client) as line:
            return line.put_batch(*name, blob)

    answers = {answer for answer in at_once(put) if answer}
    applied(region)
    assert len(answers) == 1
    assert signed.payload(signed.decode(answers.pop(), "ack"), signed.Ack).received_upto == 20
    mine = one.me.terminal_id
    assert count(region, "SELECT count(*) FROM batch WHERE terminal_id = %s", mine) == 1
    assert count(region, "SELECT count(*) FROM event WHERE terminal_id = %s", mine) == 20
    assert doses_of(region, one) == sorted(given)
    assert queries.doubled(region.dsn) == queries.unapplied(region.dsn) == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_same_facts_cut_in_many_ways_at_once_are_there_once(region: EmbeddedRegion, terminal: New, seed: int):
    one, chance = terminal(), random.Random(seed)
    given = [one.outbox.give(f"child-cut-{seed}") for _ in range(40)]
    cuts = [sorted(chance.sample(range(1, 41), 2)) for _ in range(MANY - 1)] + [[1, 40]]
    batches = [sealed(one, first, last) for first, last in cuts]

    def put(number: int) -> str:
        blob, name = batches[number]
        with closing(one.through(region.url).client) as line:
            try:
                ack = signed.payload(signed.decode(line.put_batch(*name, blob), "ack"), signed.Ack)
            except SyncError as fault:
                return fault.code
        assert ack.hash == one.outbox.hashes[ack.received_upto]
        return "taken"

    assert set(at_once(put)) <= {"taken", "sync.gap"}, "what came too early is told to go back, nothing else"
    assert one.sync().received_upto == 40
    at_once(lambda _: applied(region), 4)
    assert count(region, "SELECT count(*) FROM event WHERE terminal_id = %s", one.me.terminal_id) == 40
    assert doses_of(region, one) == sorted(given)


def test_many_workers_on_one_batch_apply_it_once(region: EmbeddedRegion, terminal: New):
    one = terminal()
    given = [one.outbox.give("child-workers") for _ in range(200)]
    one.sync()
    assert sum(at_once(lambda _: applied(region), 8)) == 1
    assert doses_of(region, one) == sorted(given)
    assert queries.unapplied(region.dsn) == 0


# -- places ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_tries(region: EmbeddedRegion) -> Iterator[None]:
    """Those who come too late have tried in vain, and so many of them end all tries for a while."""
    yield
    with psycopg.connect(region.dsn) as connection:
        connection.execute("DELETE FROM enrolment_failure")


def try_code(region: EmbeddedRegion, code: str, key: crypto.PrivateKey) -> Enrolment | str:
    try:
        return enrol(region.url, region.ca_file.read_text(), code, key, client="vaxdesk/0.1.0", world=World())
    except SyncError as fault:
        return fault.code


def places(region: EmbeddedRegion, clinic: str) -> int:
    return count(region, "SELECT count(*) FROM terminal WHERE clinic_code = %s", clinic)


@pytest.mark.usefixtures("no_tries")
def test_one_code_gives_one_place_however_many_try(region: EmbeddedRegion):
    code, clinic = region.new_code(clinic="3101150901"), "3101150901"
    answers = at_once(lambda _: try_code(region, code, crypto.new_key()))
    assert sum(isinstance(answer, Enrolment) for answer in answers) == 1
    assert {answer for answer in answers if isinstance(answer, str)} <= {"sync.code_used", "sync.too_many_tries"}
    assert places(region, clinic) == 1


def test_one_terminal_that_asks_many_times_has_one_place(region: EmbeddedRegion):
    code, clinic, key = region.new_code(clinic="3101150902"), "3101150902", crypto.new_key()
    answers = at_once(lambda _: try_code(region, code, key))
    assert all(isinstance(answer, Enrolment) for answer in answers), answers
    assert len({answer.registration for answer in answers if isinstance(answer, Enrolment)}) == 1
    assert places(region, clinic) == 1


def test_one_terminal_with_two_codes_at_once_has_one_place(region: EmbeddedRegion):
    clinic, key = "3101150903", crypto.new_key()
    codes = [region.new_code(clinic=clinic, desk=desk) for desk in ("1", "2")]
    answers = at_once(lambda number: try_code(region, codes[number % 2], key), 16)
    assert all(isinstance(answer, Enrolment) for answer in answers), answers
    assert places(region, clinic) == 1


def test_one_renewal_asked_many_times_is_one(region: EmbeddedRegion, terminal: New):
    one = terminal()
    age(region, one, timedelta(days=61))

    def renew(_: int) -> bytes:
        with closing(one.through(region.url).client) as line:
            return line.renew()

    assert len(set(at_once(renew))) == 1


# -- reading -----------------------------------------------------------------------------------------------------------


def test_one_child_looked_up_by_many_is_found_by_all_and_audited_each_time(region: EmbeddedRegion, terminal: New):
    one = terminal()
    one.outbox.tell("child.registered", events.ChildRegistered("赵一", "1", "2026-11-01"), "child-many")
    one.outbox.give("child-many")
    one.sync()
    applied(region)

    def look(_: int) -> frozenset[bytes]:
        with closing(one.through(region.url).client) as line:
            way = Feed(MemoryFeedInbox(CLINIC), line, region_keys(one.outbox), one.me, one.world)
            return frozenset(fact.data for fact in way.lookup("child", "child-many", "vaccination", "S007").facts)

    assert set(at_once(look)) == {frozenset(one.outbox.events)}
    audited = count(
        region, "SELECT count(*) FROM lookup WHERE terminal_id = %s AND outcome = 'found'", one.me.terminal_id
    )
    assert audited == MANY


def test_one_feed_read_by_many_at_once_is_whole_for_each(region: EmbeddedRegion, terminal: New):
    clinic = "3101150904"
    one = terminal(clinic=clinic)
    for number in range(50):
        one.outbox.give(f"child-feed-{number % 5}")
    one.sync()
    applied(region)

    def read(_: int) -> set[bytes]:
        inbox = MemoryFeedInbox(clinic)
        with closing(one.through(region.url).client) as line:
            Feed(inbox, line, region_keys(one.outbox), one.me, one.world).pull()
        return inbox.stored()

    assert all(stored == set(one.outbox.events) for stored in at_once(read, 16))
