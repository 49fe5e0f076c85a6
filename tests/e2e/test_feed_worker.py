"""The threads of the way back: the feed is read, compared, its progress kept; a child is looked up in two seconds."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from domain import events
from domain.errors import SyncError
from domain.world import World
from regional.serve import EmbeddedRegion
from sync.client import RegionClient
from sync.feed import Feed
from sync.feed_worker import CHECKED, FeedWorker
from sync.keys import region_keys
from sync.lookup import LookupWorker
from sync.worker import NETTED, Rhythm, SyncWorker
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.fakes.lines import Relay
from tests.region_fixtures import Terminal

New = Callable[..., Terminal]
Apply = Callable[[], int]
_clinics = (f"31014{number:05d}" for number in range(1, 1000))


class Reports:
    """What a worker said, waited for."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, code: str, params: dict[str, object]) -> None:
        with self._changed:
            self.codes.append(code)
            self._changed.notify_all()

    def wait(self, number: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.codes) >= number, 30), self.codes


@pytest.fixture
def clinic() -> str:
    return next(_clinics)


def way(one: Terminal, inbox: MemoryFeedInbox) -> Feed:
    return Feed(inbox, one.client, region_keys(one.outbox), one.me, one.world)


def worker(one: Terminal, inbox: MemoryFeedInbox, world: World | None = None) -> tuple[FeedWorker, Reports]:
    reports = Reports()
    made = FeedWorker(
        lambda: way(one, inbox), one.outbox, world or one.world, one.me.terminal_id, reports, every_s=3600
    )
    return made, reports


def test_the_worker_pulls_compares_and_ends(terminal: New, apply: Apply, clinic: str) -> None:
    one, inbox = terminal(clinic=clinic), MemoryFeedInbox(clinic)
    one.outbox.give(f"child-{clinic}")
    one.sync()
    apply()
    thread, reports = worker(one, inbox)
    thread.start()
    try:
        reports.wait(1)
        assert thread.progress.filled and thread.progress.people_done and thread.progress.total == 0
        one.outbox.give(f"child-{clinic}")
        one.sync()
        apply()
        thread.wake(at_once=True)
        reports.wait(2)
    finally:
        assert thread.stop(20)
    assert reports.codes == ["sync.ok", "sync.ok"]
    assert inbox.stored() == set(one.outbox.events)
    assert one.outbox.recall(CHECKED)


def test_a_first_load_tells_how_far_it_is_and_goes_on_after_a_restart(terminal: New, apply: Apply, clinic: str) -> None:
    first, new = terminal(clinic=clinic), terminal(clinic=clinic)
    for number in range(1300):
        child = f"child-{clinic}-{number}"
        first.outbox.tell("child.registered", events.ChildRegistered("赵一", "1", "2026-11-01"), child)
        first.outbox.give(child)
    first.sync()
    apply()
    inbox, seen = MemoryFeedInbox(clinic), list[tuple[int, int, bool, bool]]()

    def look(thread: FeedWorker) -> None:
        """Notes each page's progress; the thread ends in the middle of the load, where the PC loses its current."""
        apply_page = inbox.apply_page

        def applied(*args: object) -> None:
            apply_page(*args)
            told = thread.progress
            seen.append((told.remaining, told.total, told.people_done, told.filled))
            if len(seen) == 5:
                thread._stopping = True

        inbox.apply_page = applied

    thread, _ = worker(new, inbox)
    look(thread)
    thread.start()
    thread.join(60)
    assert not thread.is_alive() and len(inbox.pages) == 5
    assert not thread.progress.filled and thread.progress.people_done
    assert [kind for page in inbox.pages[:3] for kind in page] == ["child.registered"] * 1300
    cut = thread.progress
    assert 0 < cut.remaining < cut.total
    thread, reports = worker(new, inbox)
    assert thread.progress == cut, "kept over the restart"
    thread.start()
    try:
        reports.wait(1)
    finally:
        assert thread.stop(20)
    assert (thread.progress.remaining, thread.progress.total, thread.progress.filled) == (0, 0, True)
    assert inbox.stored() == set(first.outbox.events)
    remaining = [page[0] for page in seen if page[1]]
    assert remaining == sorted(remaining, reverse=True)


@pytest.mark.parametrize("off", [1, 3])
def test_what_the_night_missed_is_done_after_the_next_start(terminal: New, apply: Apply, clinic: str, off: int) -> None:
    """Net and comparison: their day is kept, and a PC that is off every evening does both in the morning."""
    one, inbox = terminal(clinic=clinic), MemoryFeedInbox(clinic)
    real = World()
    skew = one.world.now().astimezone(real.zone).replace(hour=8, minute=0) - one.world.now()
    morning = World(now=lambda: real.now() + skew)
    yesterday = (morning.now().astimezone(real.zone) - timedelta(days=1)).date()
    long_ago = (yesterday - timedelta(days=off)).isoformat().encode()
    one.outbox.remember(NETTED, long_ago)
    one.outbox.remember(CHECKED, long_ago)
    feeding, reports = worker(one, inbox, morning)
    syncing = SyncWorker(one.outbox, one.through(one.client.url).client, one.me, morning, Rhythm(debounce_s=0.5))
    feeding.start(), syncing.start()
    try:
        reports.wait(1)
        assert _until(lambda: one.outbox.recall(NETTED) != long_ago)
    finally:
        assert feeding.stop(20) and syncing.stop(20)
    for name in (CHECKED, NETTED):
        assert one.outbox.recall(name) == yesterday.isoformat().encode()


def _until(what: Callable[[], bool], deadline_s: float = 20) -> bool:
    """Looked at again and again: the note has no bell."""
    end, pause = time.monotonic() + deadline_s, threading.Event()
    while time.monotonic() < end:
        if what():
            return True
        pause.wait(0.01)
    return False


# -- looking up --------------------------------------------------------------------------------------------------------


@pytest.fixture
def asking(terminal: New, region: EmbeddedRegion) -> Iterator[Callable[..., LookupWorker]]:
    made: list[tuple[LookupWorker, RegionClient]] = []

    def make(one: Terminal, url: str = "", codes: list[str] | None = None) -> LookupWorker:
        url = url or region.url
        client = RegionClient(
            url, one.ca_pem, one.me.key, one.world, client="vaxdesk/0.1.0", connect_s=1.0, read_s=2.0, whole_s=2.0
        )
        feed = Feed(MemoryFeedInbox(""), client, region_keys(one.outbox), one.me, one.world)
        told = codes if codes is not None else []
        made.append((LookupWorker(lambda: feed, url, told.append), client))
        made[-1][0].start()
        return made[-1][0]

    yield make
    for thread, client in made:
        assert thread.stop(10)
        client.close()


def test_a_child_is_looked_up_beside_everything_else(
    terminal: New, apply: Apply, clinic: str, asking: Callable[..., LookupWorker]
) -> None:
    home, other = terminal(), terminal(clinic=clinic)
    booklet = f"00{clinic[2:]}"
    person = events.ChildRegistered("赵一", "1", "2026-11-01", identifiers=(events.Identifier("booklet", booklet),))
    home.outbox.tell("child.registered", person, f"far-{clinic}")
    home.sync()
    apply()
    codes: list[str] = []
    lookup = asking(other, codes=codes)
    found = lookup.ask("booklet", booklet, "vaccination", "S007").result(10)
    assert found.children == (f"far-{clinic}",) and datetime.fromisoformat(found.as_of)
    with pytest.raises(SyncError) as missed:
        lookup.ask("booklet", "0000000000", "vaccination", "S007").result(10)
    assert missed.value.code == "sync.lookup_not_found"
    assert codes == ["sync.ok", "sync.lookup_not_found"]


def test_a_silent_region_costs_two_seconds_also_in_a_queue(
    region: EmbeddedRegion, terminal: New, clinic: str, asking: Callable[..., LookupWorker]
) -> None:
    one = terminal(clinic=clinic)
    with Relay(int(region.url.rsplit(":", 1)[1]), "hold", after=0) as relay:
        lookup = asking(one, relay.url)
        begun = time.monotonic()
        waiting = [lookup.ask("child", f"child-{n}", "history", "S007") for n in range(3)]
        for one_answer in waiting:
            fault = one_answer.exception(10)
            assert isinstance(fault, SyncError) and fault.code == "sync.timeout" and "url" in fault.params
        assert time.monotonic() - begun < 2.6


def test_a_region_that_is_not_there_is_said_at_once(
    terminal: New, clinic: str, asking: Callable[..., LookupWorker]
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        url = f"https://127.0.0.1:{free.getsockname()[1]}"
    fault = asking(terminal(clinic=clinic), url).ask("child", "c", "history", "S007").exception(10)
    assert isinstance(fault, SyncError) and fault.code == "sync.refused"
