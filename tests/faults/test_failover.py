"""The primary PostgreSQL dies by kill -9 while terminals upload; its synchronous standby is promoted, and everybody
follows by the same list of hosts. Every event that was acknowledged is there exactly once."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.world import World
from regional import database, enrolment, queries
from regional.postgres import ROLE, Cluster
from regional.serve import EmbeddedRegion
from sync.client import RegionClient
from sync.feed import Feed
from sync.keys import region_keys
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.fakes.fleet import Fleet, held
from tests.region_fixtures import CLINIC

_DEADLINE_S = 60
_NAME = "standby_1"


class Primary(Cluster):
    """Lets a standby of the same machine follow it. Sockets instead of loopback addresses: no port is taken."""

    def _init(self) -> None:
        super()._init()
        with (self._data / "pg_hba.conf").open("a", encoding="utf-8") as file:
            file.write("local replication all peer map=vaxdesk\n")

    def kill(self) -> None:
        """kill -9 the server and all its processes at once; then they are gone."""
        assert self._server
        watches = [os.pidfd_open(pid) for pid in (self._server.pid, *_children(self._server.pid))]
        for watch in watches:
            signal.pidfd_send_signal(watch, signal.SIGKILL)
        for watch in watches:
            assert select.select([watch], [], [], _DEADLINE_S)[0]
            os.close(watch)
        self._server.wait()


class Standby(Cluster):
    """A copy of a primary that follows it by a slot of its own."""

    def __init__(self, home: Path, primary: Primary) -> None:
        super().__init__(home, temporary=True)
        self._primary = primary

    def _init(self) -> None:
        reached = f"{self._primary.dsn('postgres')} application_name={_NAME}"
        self._run(
            "pg_basebackup", "-D", self._data, "-R", "-X", "stream", "-C", "-S", _NAME, "-c", "fast", "-d", reached
        )


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
        except OSError:  # it ended meanwhile
            continue
    return found


@dataclass
class Pair:
    """`dsn` reaches whichever of the two takes writes."""

    primary: Primary
    standby: Standby
    dsn: str


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        primary = Primary(tmp_path / "primary", temporary=True)
        stack.enter_context(primary)
        database.create(primary.dsn("postgres"), "region")
        standby = Standby(tmp_path / "standby", primary)
        stack.enter_context(standby)
        _wait_synchronous(primary)
        hosts = ",".join(str(one._socket_dir()) for one in (primary, standby))
        yield Pair(
            primary,
            standby,
            f"host={hosts} port=5432,5432 user={ROLE} dbname=region target_session_attrs=read-write connect_timeout=2",
        )


def _wait_synchronous(primary: Primary) -> None:
    """From here on a commit is answered when the standby has it on its disk."""
    with queries.connect(primary.dsn()) as connection:
        connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 ({_NAME})'".encode())
        connection.execute("SELECT pg_reload_conf()")
        until = time.monotonic() + _DEADLINE_S
        asked = "SELECT sync_state FROM pg_stat_replication WHERE application_name = %s"
        while connection.execute(asked, (_NAME,)).fetchone() != ("sync",):
            assert time.monotonic() < until
            connection.execute("SELECT pg_sleep(0.05)")


@contextmanager
def _reading(fleet: Fleet, region: EmbeddedRegion) -> Iterator[tuple[Feed, MemoryFeedInbox]]:
    """A desk's way back."""
    one, inbox, world = fleet.sailors[0], MemoryFeedInbox(CLINIC), World()
    client = RegionClient(region.url, region.ca_file.read_text(), one.me.key, world, client="vaxdesk/0.1.0")
    yield Feed(inbox, client, region_keys(one.outbox), one.me, world), inbox
    client.close()


def test_a_promoted_standby_has_every_event_that_was_acknowledged_exactly_once(pair: Pair, tmp_path: Path):
    with ExitStack() as stack:
        region = stack.enter_context(
            EmbeddedRegion(tmp_path / "region", dsn=pair.dsn, api_processes=2, workers=2, quiet=True)
        )

        def code(number: int) -> str:
            with queries.connect(pair.dsn) as connection:
                return enrolment.new_code(connection, World(), clinic=CLINIC, name="徐汇", desk=str(number))

        fleet = stack.enter_context(Fleet([region.url], region.ca_file, code, size=7))
        way, inbox = stack.enter_context(_reading(fleet, region))
        fleet.start(rounds=40)
        fleet.wait_for(lambda: fleet.acknowledged > 150)
        way.pull()  # a cursor of before
        pair.primary.kill()
        before = fleet.acknowledged
        fleet.wait_for(lambda: all(one.failed for one in fleet.sailors))  # everybody has met it
        assert fleet.acknowledged < before + 3 * len(fleet.sailors), "nothing is acknowledged without a standby"
        with queries.connect(pair.standby.dsn()) as connection:
            assert connection.execute("SELECT pg_promote(true, 60)").fetchone() == (True,)
        fleet.home()
        told = fleet.told()
        assert len(told) == fleet.acknowledged == 7 * 40 * 3
        assert [one.rewound for one in fleet.sailors] == [0] * 7, (
            "nobody was told that the region has less than it said"
        )
        assert region.tend() == 0, "no process died of it"
        assert region.wait_applied(_DEADLINE_S)
        found = held(pair.dsn)
        assert len(found) == len(told) and set(found) == told
        assert queries.doubled(pair.dsn) == queries.quarantined(pair.dsn) == 0
        assert len(queries.dose_ids(pair.dsn)) == len(told)
        assert not way.pull().started_over
        assert inbox.stored() == {stored for _, stored in told} and way.check() == []
