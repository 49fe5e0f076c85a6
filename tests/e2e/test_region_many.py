"""Two hosts' worth of processes on one database: 2 API and 2 workers each, under two parents that know nothing of each
other. Terminals go from one to the other; one whole set is killed; what died is started again."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.world import World
from regional import enrolment, queries
from tests.fakes.fleet import Fleet, held
from tests.region_fixtures import CLINIC

_DEADLINE_S = 60


@dataclass
class Host:
    """A `serve` of its own."""

    parent: subprocess.Popen[bytes]
    url: str
    ca_file: Path

    def said(self, word: str) -> str:
        """The next line on standard error with this word."""
        assert self.parent.stderr
        while select.select([self.parent.stderr], [], [], _DEADLINE_S)[0]:
            line = self.parent.stderr.readline().decode()
            if word in line:
                return line
        raise AssertionError(word)

    def children(self) -> dict[int, str]:
        """Process id -> api or worker, of those that live."""
        found = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, parent = stat.read_text().rpartition(")")[2].split()[:2]
                words = stat.with_name("cmdline").read_bytes().split(b"\0")
            except OSError:  # it ended meanwhile
                continue
            if int(parent) == self.parent.pid and state != "Z" and b"regional" in words:
                found[int(stat.parent.name)] = words[words.index(b"regional") + 1].decode()
        return found

    def kill(self) -> None:
        """All of them at once, nobody asked: as when the host loses its power."""
        pids = [self.parent.pid, *self.children()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.parent.wait(_DEADLINE_S)


@contextmanager
def serving(folder: Path, dsn: str) -> Iterator[Host]:
    words = ["--data", str(folder), "--port", "0", "--api-processes", "2", "--workers", "2", "--quiet"]
    command = [sys.executable, "-m", "regional", "serve", *words]
    environ = os.environ | {"VAXDESK_REGION_DSN": dsn}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ) as parent:
        assert parent.stdout
        try:
            url, ca_file = parent.stdout.readline().decode().split()
            yield Host(parent, url, Path(ca_file))
        finally:
            parent.send_signal(signal.SIGTERM)
            parent.wait(_DEADLINE_S)


@pytest.fixture
def hosts(tmp_path: Path, new_dsn: Callable[[], str]) -> Iterator[tuple[str, Host, Host, Callable[[], Host]]]:
    """The database, the first, the second, and how to start the second again. Both have the same keys and the same CA,
    as docs/scale.md says."""
    dsn, first, second = new_dsn(), tmp_path / "first", tmp_path / "second"
    with ExitStack() as stack:
        one = stack.enter_context(serving(first, dsn))
        shutil.copytree(first, second, copy_function=shutil.copy2)
        yield dsn, one, stack.enter_context(serving(second, dsn)), lambda: stack.enter_context(serving(second, dsn))


def test_terminals_between_two_hosts_lose_nothing_when_one_is_killed_whole(
    hosts: tuple[str, Host, Host, Callable[[], Host]],
):
    dsn, one, other, again = hosts

    def code(number: int) -> str:
        with queries.connect(dsn) as connection:
            return enrolment.new_code(connection, World(), clinic=CLINIC, name="徐汇", desk=str(number))

    with Fleet([one.url, other.url], one.ca_file, code, size=6) as fleet:
        assert sorted(other.children().values()) == ["api", "api", "worker", "worker"]
        fleet.start(rounds=24)
        fleet.wait_for(lambda: fleet.acknowledged > 100)
        other.kill()
        fleet.wait_for(lambda: any("sync.refused" in sailor.failed for sailor in fleet.sailors))
        fleet.wait_for(lambda: fleet.acknowledged > 200)
        fleet.urls[1] = again().url
        fleet.home()
        told = fleet.told()
        assert fleet.acknowledged == len(told) == 6 * 24 * 3
        assert not any(sailor.rewound for sailor in fleet.sailors)
    drained(dsn)
    found = held(dsn)
    assert len(found) == len(told) and set(found) == told
    assert queries.doubled(dsn) == queries.quarantined(dsn) == 0
    assert len(queries.dose_ids(dsn)) == len(told)


def test_each_parent_starts_again_what_died_of_its_own(hosts: tuple[str, Host, Host, Callable[[], Host]]):
    dsn, one, other, _ = hosts
    before, untouched = one.children(), set(other.children())
    dead = [next(pid for pid, role in before.items() if role == wanted) for wanted in ("api", "worker")]
    for pid in dead:
        os.kill(pid, signal.SIGKILL)
    started = 0
    while started < len(dead):  # the parent says on its standard error how many it started again
        started += int(one.said("died").rpartition(" processes")[0].split()[-1])
    now = one.children()
    assert sorted(now.values()) == sorted(before.values()) and not set(dead) & set(now)
    assert set(other.children()) == untouched
    with queries.connect(dsn) as connection:
        code = enrolment.new_code(connection, World(), clinic=CLINIC, name="徐汇", desk="1")
    with Fleet([one.url], one.ca_file, lambda _: code, size=1) as fleet:
        fleet.start(rounds=1)
        fleet.home()
        told = fleet.told()
    drained(dsn)
    assert set(held(dsn)) == told


def drained(dsn: str) -> None:
    """Wait until the workers have applied everything."""
    until = time.monotonic() + _DEADLINE_S
    with queries.connect(dsn) as connection:
        connection.execute("LISTEN applied")
        while queries.unapplied(dsn):
            assert time.monotonic() < until
            for _ in connection.notifies(timeout=1, stop_after=1):
                pass
