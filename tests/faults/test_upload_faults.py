"""The counter's own outbox against the real region while the way there fails in every way: lost 0, doubled 0."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.errors import VaxdeskError
from domain.world import World
from regional import queries
from regional.serve import EmbeddedRegion
from sync.keys import identity
from terminal import bootstrap
from terminal.store.outbox import check_chain, unsent
from tests.fakes.counter import Counter
from tests.fakes.disks import small_disk
from tests.fakes.homes import found_home
from tests.fakes.lines import Relay, Script, Spoil, answer
from tests.region_fixtures import events_per_terminal


@pytest.fixture
def counter(region: EmbeddedRegion, tmp_path: Path) -> Iterator[Counter]:
    real = World()
    home = found_home(tmp_path / "home", region, "127.0.0.1:9", real)
    one = Counter(home, bootstrap.open_desk(home), region)
    one.desk.world = World(now=lambda: datetime.now(UTC) + one.ahead)
    yield one
    one.desk.store.close()


@pytest.fixture
def nothing_lost(counter: Counter, apply: Callable[[], int]) -> Callable[[list[str]], None]:
    """All is up, applied, and there exactly once."""

    def check(given: list[str]) -> None:
        counter.sync()
        assert unsent(counter.desk.store).events == 0
        apply()
        assert counter.doses_there() == sorted(given)
        assert queries.doubled(counter.region.dsn) == 0
        ((seq,),) = counter.desk.store.sql("SELECT seq FROM head")
        assert events_per_terminal(counter.region.dsn)[identity(counter.outbox).terminal_id] == seq
        assert counter.desk.store.run(check_chain, counter.desk.store) is None

    return check


def test_the_region_is_down_while_the_morning_goes_on(counter: Counter, nothing_lost: Callable[[list[str]], None]):
    given = counter.work(2)
    counter.region.stop_api()
    try:
        for _ in range(3):
            assert counter.fails().retry == "later"
            given += counter.work(1)
        assert unsent(counter.desk.store).events >= 10
    finally:
        counter.region.start_api()
    nothing_lost(given)


@pytest.mark.parametrize("spoil", ["drop", "cut", "hold"])
def test_the_answer_is_lost_after_the_commit(
    counter: Counter, nothing_lost: Callable[[list[str]], None], spoil: Spoil
) -> None:
    given = counter.work(80)
    port = int(counter.region.url.rsplit(":", 1)[1])
    with Relay(port, spoil) as relay:
        fault = counter.fails(relay.url, read_s=2.0)
        assert relay.answered.wait(20), "the region has it, the terminal does not know"
    assert fault.retry == "later"
    assert unsent(counter.desk.store).events > 0
    given += counter.work(1)
    nothing_lost(given)


def test_killed_in_the_middle_of_an_upload(counter: Counter, nothing_lost: Callable[[list[str]], None]) -> None:
    given = counter.work(80)
    port = int(counter.region.url.rsplit(":", 1)[1])
    with Relay(port, "hold") as relay:
        faults: list[VaxdeskError] = []
        thread = threading.Thread(target=lambda: faults.append(counter.fails(relay.url, read_s=30.0)))
        thread.start()
        assert relay.answered.wait(20)
        counter.region.kill()
    thread.join(40)
    assert [f.retry for f in faults] == ["later"]
    counter.region.start_api()
    nothing_lost(given)


def test_garbage_for_an_answer(counter: Counter, nothing_lost: Callable[[list[str]], None]) -> None:
    given = counter.work(1)
    tls = counter.region.folder / "tls"
    certificate, key = tls / "server.pem", tls / "server.key"
    assert certificate.exists() and key.exists(), sorted(p.name for p in tls.iterdir())
    for body in (b"", b"<html>502</html>", b"\xff" * 5000, b"{}", b'{"server_time": 7}'):
        with Script(certificate, key, [answer(200, body)]) as script:
            assert counter.fails(script.url).code.startswith(("sync.", "wire."))
    nothing_lost(given)


def test_days_offline_then_online(counter: Counter, nothing_lost: Callable[[list[str]], None]) -> None:
    given = []
    counter.region.stop_api()
    try:
        for _ in range(9):
            counter.ahead += timedelta(days=1)
            given += counter.work(4)
            assert counter.fails().retry == "later"
    finally:
        counter.region.start_api()
    oldest = unsent(counter.desk.store)
    assert oldest.events >= 72
    nothing_lost(given)


def test_the_disk_is_full_while_sealing(region: EmbeddedRegion, tmp_path: Path, apply: Callable[[], int]) -> None:
    with small_disk(tmp_path / "disk", megabytes=8) as disk, ExitStack() as stack:
        home = found_home(disk / "home", region, "127.0.0.1:9", World())
        counter = Counter(home, bootstrap.open_desk(home), region)
        stack.callback(counter.desk.store.close)
        given = counter.work(40)
        counter.desk.store.run(counter.desk.store.sql, "PRAGMA wal_checkpoint(TRUNCATE)")  # no room left in the log
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        fault = counter.fails()
        assert (fault.code, fault.retry) == ("store.disk_full", "later")
        assert counter.doses_there() == []
        filler.unlink()
        counter.sync()
        apply()
        assert counter.doses_there() == sorted(given)
