"""Real terminals, region and PostgreSQL, each killed with -9 again and again while they exchange; then everything is
counted: acknowledged and lost 0, doubled 0, applied once, and each desk has what the other told."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from config.texts import LANGUAGES, say
from domain import events
from domain.errors import ConfigError, VaxdeskError
from domain.wire import event
from domain.world import World
from regional import postgres, queries
from regional.postgres import Cluster
from regional.serve import EmbeddedRegion
from sync import crypto
from sync.client import RegionClient
from sync.enrol import enrol
from sync.feed import Feed
from sync.keys import identity, region_keys
from sync.visit import sync_once
from terminal.store.database import Store
from terminal.store.inbox import StoreInbox
from terminal.store.ledger import found
from terminal.store.outbox import StoreOutbox, check_chain, open_epoch
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.fakes.ledgers import KEY
from tests.fakes.outbox import enrolled
from tests.faults.exchange_terminal import CHILDREN
from tests.region_fixtures import CLINIC, events_per_terminal

KINDS = ("api", "worker", "postgres", "backend", "terminal")


class Heard:
    """What the terminals say, counted as it comes."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.codes: set[str] = set()
        self.saved: dict[str, set[str]] = {}
        self._news = threading.Condition()

    def listen(self, name: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            word, _, what = line.strip().partition(" ")
            with self._news:
                self.counts[word] += 1
                if word == "failed":
                    self.codes.add(what)
                elif word == "saved" and len(what) == 36:  # the last word of one that was killed may be cut
                    self.saved.setdefault(name, set()).add(what)
                self._news.notify_all()

    def wait_more(self, word: str, more: int, deadline_s: float) -> None:
        """Until so many more were said, or the time is over: the moment of a kill need not be met."""
        with self._news:
            wanted = self.counts[word] + more
            self._news.wait_for(lambda: self.counts[word] >= wanted, deadline_s)


@dataclass
class Desk:
    """A terminal on disk, and the process that works with it."""

    folder: Path
    region: EmbeddedRegion
    heard: Heard
    process: subprocess.Popen[str] | None = None
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def records(self) -> Path:
        return self.folder / "records.db"

    def found(self) -> None:
        """Records, and a place in the region."""
        self.folder.mkdir()
        world, store, key = World(), Store(self.records, KEY), crypto.new_key()
        store.run(found, store, "new", world.random(16).hex())
        outbox, code = StoreOutbox(store, world), self.region.new_code(clinic=CLINIC)
        place = enrol(self.region.url, self.region.ca_file.read_text(), code, key, client="vaxdesk/0.1.0", world=world)
        for name, value in place.documents.items():
            outbox.remember(name, value)
        open_epoch(store, world, "enrol", terminal_id=place.registration.terminal_id)
        outbox.region_says(place.generation, place.offset_ms)
        store.close()

    def start(self) -> None:
        self.end()
        command = [sys.executable, "-m", "tests.faults.exchange_terminal", self.records, self.region.url]
        self.process = subprocess.Popen(
            [*command, self.region.ca_file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.threads = [threading.Thread(target=self.heard.listen, args=(self.folder.name, self.process), daemon=True)]
        self.threads[0].start()

    def say(self, line: str) -> None:
        assert self.process and self.process.stdin
        with contextlib.suppress(BrokenPipeError):  # it was killed
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()

    def end(self) -> int | None:
        """What the process ended with, at the latest when its input closes."""
        if self.process is None:
            return None
        assert self.process.stdin and self.process.stdout
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            ended = self.process.wait(90)
        finally:
            self.process.kill()
        self.threads[0].join(10)
        self.process.stdout.close()
        self.process = None
        return ended


@dataclass
class Exchange:
    """A region of its own, its terminals, and one reader in this process that is never killed."""

    region: EmbeddedRegion
    desks: list[Desk]
    heard: Heard
    chance: random.Random
    killed: Counter[str] = field(default_factory=Counter)

    def kill(self, kind: str) -> None:
        self.killed[kind] += 1
        if kind == "backend":
            self._kill_backend()
            return
        cluster = self.region._cluster
        assert cluster and cluster._server
        one = {
            "api": self.chance.choice(self.region._apis),
            "worker": self.chance.choice(self.region._working),
            "postgres": cluster._server,
            "terminal": self.chance.choice(self.desks).process,
        }[kind]
        assert one
        one.kill()
        one.wait(30)

    def _kill_backend(self) -> None:
        """One server process of a client's; PostgreSQL then ends all the others and recovers by itself."""
        with contextlib.suppress(Exception), queries.connect(self.region.dsn) as connection:
            found_ = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchall()
            if found_:
                os.kill(self.chance.choice(found_)[0], signal.SIGKILL)

    def mend(self) -> None:
        """What `serve` does every two seconds; and a person starts a terminal again."""
        for _ in range(100):
            with contextlib.suppress(ConfigError, psycopg.OperationalError):  # still ending, still recovering
                self.region.tend()
                queries.connect(self.region.dsn).close()
                break
            self.heard.wait_more("failed", 1, 0.2)
        for desk in self.desks:
            if desk.process is None or desk.process.poll() is not None:
                desk.start()


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    heard = Heard()
    with EmbeddedRegion(tmp_path / "region", temporary=True, api_processes=2, workers=2, quiet=True) as region:
        desks = [Desk(tmp_path / f"desk-{n}", region, heard) for n in range(2)]
        for desk in desks:
            desk.found()
        try:
            yield Exchange(region, desks, heard, random.Random(20261122))
        finally:
            for desk in desks:
                desk.end()


def reader(region: EmbeddedRegion) -> tuple[Feed, MemoryFeedInbox, RegionClient]:
    """A third desk of the clinic, which has registered the children and from then on only reads."""
    world, pem = World(), region.ca_file.read_text()
    outbox, me, _ = enrolled(region.url, pem, region.new_code(clinic=CLINIC), world)
    client = RegionClient(region.url, pem, me.key, world, client="vaxdesk/0.1.0")
    for number in range(CHILDREN):
        outbox.tell("child.registered", events.ChildRegistered("赵一", "1", "2026-11-01"), f"child-{number}")
    sync_once(outbox, client, me, world)
    inbox = MemoryFeedInbox(CLINIC)
    return Feed(inbox, client, region_keys(outbox), me, world), inbox, client


def go_through(exchange: Exchange, rounds: int) -> None:
    """Each kind of process killed `rounds` times, in any order, at any moment of the exchange."""
    way, inbox, client = reader(exchange.region)
    ended, cursors = threading.Event(), set[str]()

    def read() -> None:
        while not ended.wait(0.1):
            with contextlib.suppress(VaxdeskError):
                way.pull(stop=ended.is_set)
                cursors.add(inbox.cursor)

    reading = threading.Thread(target=read)
    reading.start()
    try:
        exchange.mend()
        plan = [kind for kind in KINDS for _ in range(rounds)]
        exchange.chance.shuffle(plan)
        for kind in plan:
            for desk in exchange.desks:
                desk.say(f"give {exchange.chance.randint(20, 60)}")
            exchange.heard.wait_more(
                exchange.chance.choice(["acked", "saved", "read"]), exchange.chance.randint(1, 9), 3
            )
            exchange.kill(kind)
            if exchange.chance.random() < 0.3:  # sometimes all goes on for a while without what was killed
                exchange.heard.wait_more("failed", 2, 1)
            exchange.mend()
        for desk in exchange.desks:
            desk.say("finish")
        assert [desk.end() for desk in exchange.desks] == [0, 0]
    finally:
        ended.set()
        reading.join(60)
    assert len(cursors) > rounds, "the feed was read on through the kills"
    count(exchange, way, inbox)
    client.close()


@dataclass
class Held:
    """What a desk's records say in the end."""

    terminal_id: str
    seq: int
    told: set[bytes]
    given: set[str]
    heard: set[str]  # doses of others, as rows


def look_at(desk: Desk) -> Held:
    """Its chain whole, all acknowledged, its own comparison with the region agreeing."""
    world, store = World(), Store(desk.records, KEY)
    try:
        outbox = StoreOutbox(store, world)
        ((terminal_id, seq),) = store.sql("SELECT terminal_id, seq FROM head")
        assert outbox.standing().acked_seq == seq, "all is acknowledged, up to the last"
        assert store.run(check_chain, store) is None
        me, pem = identity(outbox), desk.region.ca_file.read_text()
        client = RegionClient(desk.region.url, pem, me.key, world, client="vaxdesk/0.1.0")
        assert Feed(StoreInbox(store, world, CLINIC), client, region_keys(outbox), me, world).check() == []
        client.close()
        facts = {bytes(row[0]) for row in store.sql("SELECT stored FROM event")}
        given = {event.decode(fact).event_id for fact in facts if event.decode(fact).kind == "dose.given"}
        heard = {row[0] for row in store.sql("SELECT id FROM dose")}
        assert store.sql("SELECT count(*) FROM told WHERE done = 0") == [(0,)], "nothing waits for anything"
    finally:
        store.close()
    return Held(terminal_id, seq, facts, given, heard)


def count(exchange: Exchange, way: Feed, inbox: MemoryFeedInbox) -> None:
    region = exchange.region
    assert region.wait_applied(60), "no batch is left"
    held = [look_at(desk) for desk in exchange.desks]
    for desk, one in zip(exchange.desks, held, strict=True):
        assert exchange.heard.saved[desk.folder.name] <= one.given, "what was shown as saved is there"
    assert held[0].heard == held[1].given and held[1].heard == held[0].given, "each desk has the other's doses"
    told = {one.terminal_id: one.seq for one in held}
    assert told.items() <= events_per_terminal(region.dsn).items()
    assert sum(events_per_terminal(region.dsn).values()) == sum(told.values()) + CHILDREN
    doses = sorted(dose for one in held for dose in one.given)
    assert sorted(queries.dose_ids(region.dsn)) == doses, "each dose is projected once"
    assert (queries.doubled(region.dsn), queries.quarantined(region.dsn), queries.unapplied(region.dsn)) == (0, 0, 0)
    assert way.check() == [], "the nightly comparison agrees"
    assert inbox.stored() >= held[0].told | held[1].told, "and byte for byte"
    for language in LANGUAGES:
        assert all(say(language, code, **PARAMS) for code in exchange.heard.codes)


PARAMS = {"url": "u", "retry_after_s": 1, "status": 500, "have": 0, "kind": "x", "limit": 1, "server_time": "t"}


@pytest.mark.timeout(300)
def test_killed_at_any_moment_nothing_is_lost_or_doubled(exchange: Exchange):
    go_through(exchange, 2)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_killed_two_hundred_times(exchange: Exchange):
    go_through(exchange, 40)
    assert sum(exchange.killed.values()) == 200


@pytest.mark.parametrize("after_s", [0.0, 0.1])
def test_a_database_that_is_just_recovering_is_stopped_all_the_same(
    tmp_path: Path, after_s: float, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(postgres, "_STOP_S", 4)
    with Cluster(tmp_path, temporary=True) as cluster:
        server = cluster._server
        with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as connection:
            connection.execute("CREATE TABLE much AS SELECT generate_series(1, 50000) AS n")
            os.kill(connection.info.backend_pid, signal.SIGKILL)
        threading.Event().wait(after_s)  # somewhere in the recovery
    assert server and server.poll() is not None
    assert not list(tmp_path.glob("postgres-*"))
