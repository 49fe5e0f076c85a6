"""A real region for tests: one PostgreSQL for the session, one database and one HTTPS server for each test module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

import psycopg
import pytest

from domain.errors import VaxdeskError
from domain.world import World
from regional import database, queries
from regional.keys import KeyRing
from regional.postgres import Cluster
from regional.serve import EmbeddedRegion
from regional.worker import Applier
from sync.client import RegionClient
from sync.enrol import Enrolment
from sync.keys import Identity
from sync.visit import SyncResult, sync_once
from tests.fakes.outbox import MemoryOutbox, enrolled

CLINIC = "3101150101"


@dataclass
class Terminal:
    """A terminal of the tests: facts in memory, everything else real."""

    outbox: MemoryOutbox
    me: Identity
    place: Enrolment
    client: RegionClient
    world: World

    def sync(self) -> SyncResult:
        return sync_once(self.outbox, self.client, self.me, self.world)

    def fails(self) -> VaxdeskError:
        """The fault of a visit that must fail, and what the operator read about it."""
        with pytest.raises(VaxdeskError) as caught:
            self.sync()
        assert self.outbox.reports[-1] == (caught.value.code, caught.value.params)
        return caught.value

    def through(self, url: str, *, ca_pem: str | None = None, read_s: float = 60.0) -> Terminal:
        """The same terminal, by another way to the region."""
        ca_pem = ca_pem if ca_pem is not None else self.ca_pem
        client = RegionClient(url, ca_pem, self.me.key, self.world, client=self.client.client, read_s=read_s)
        return Terminal(self.outbox, self.me, self.place, client, self.world)

    ca_pem: str = ""


def events_per_terminal(dsn: str) -> dict[str, int]:
    """How many events the region has of each terminal."""
    with queries.connect(dsn) as connection:
        return dict(connection.execute("SELECT terminal_id, count(*) FROM event GROUP BY terminal_id").fetchall())


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("postgres"), temporary=True) as running:
        yield running


_numbers = count(1)


@pytest.fixture(scope="session")
def new_dsn(cluster: Cluster) -> Callable[[], str]:
    """A fresh, empty database a call."""

    def make() -> str:
        name = f"test_{next(_numbers)}"
        database.create(cluster.dsn("postgres"), name)
        return cluster.dsn(name)

    return make


@pytest.fixture(scope="module")
def region(new_dsn: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRegion]:
    """A region without a worker process: tests apply by `apply`."""
    with EmbeddedRegion(tmp_path_factory.mktemp("region"), dsn=new_dsn(), workers=0) as running:
        yield running


@pytest.fixture
def terminal(region: EmbeddedRegion) -> Iterator[Callable[..., Terminal]]:
    """A newly enrolled terminal a call."""
    made: list[RegionClient] = []

    def make(
        world: World | None = None, client: str = "vaxdesk/0.1.0", clinic: str = CLINIC, desk: str = ""
    ) -> Terminal:
        world, ca_pem = world or World(), region.ca_file.read_text()
        code = region.new_code(clinic=clinic, desk=desk or f"desk {next(_numbers)}", name="徐汇测试门诊")
        outbox, me, place = enrolled(region.url, ca_pem, code, world)
        line = RegionClient(region.url, ca_pem, me.key, world, client=client, offset_ms=place.offset_ms)
        made.append(line)
        return Terminal(outbox, me, place, line, world, ca_pem)

    yield make
    for line in made:
        line.close()


@pytest.fixture
def apply(region: EmbeddedRegion) -> Callable[[], int]:
    """Apply all that waits, as the worker does; how many batches."""

    def run() -> int:
        applier, done = Applier(region.dsn, KeyRing(region.folder / "keys", World().now()), World()), 0
        try:
            while taken := applier.apply():
                done += taken
        finally:
            applier.close()
        return done

    return run


def apply_by_four(region: EmbeddedRegion) -> None:
    """Apply all that waits by four workers at once, a batch at a time, as they meet."""

    def work(_: int) -> None:
        applier = Applier(region.dsn, KeyRing(region.folder / "keys", World().now()), World())
        try:
            while True:
                try:
                    if not applier.apply(most=1):
                        return
                except psycopg.errors.DeadlockDetected:  # the worker's loop tries again as well
                    continue
        finally:
            applier.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    while queries.unapplied(region.dsn):
        work(0)
