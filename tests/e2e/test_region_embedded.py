"""The whole region as an operator runs it: its own PostgreSQL, processes, a thread that syncs, ends and restarts."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from domain.errors import ConfigError
from domain.world import World
from regional import certificates, queries
from regional.postgres import Cluster
from regional.serve import EmbeddedRegion
from sync.client import RegionClient
from sync.visit import sync_once
from sync.worker import Rhythm, SyncWorker
from tests.e2e.test_region_sync import sealed
from tests.fakes.outbox import MemoryOutbox, enrolled
from tests.region_fixtures import Terminal

CLINIC = "3101150101"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRegion]:
    with EmbeddedRegion(tmp_path_factory.mktemp("whole"), temporary=True, api_processes=2, workers=2) as running:
        yield running


class Heard(MemoryOutbox):
    """Lets a test wait for the words of the sync line."""

    def __init__(self, *given, **more) -> None:
        super().__init__(*given, **more)
        self.heard = threading.Condition()

    def report(self, code, params) -> None:
        with self.heard:
            super().report(code, params)
            self.heard.notify_all()

    def wait_for(self, code: str, number: int = 1) -> None:
        with self.heard:
            assert self.heard.wait_for(lambda: [c for c, _ in self.reports].count(code) >= number, 30), self.reports


def test_a_thread_syncs_after_visits_through_an_outage_and_all_is_applied(whole: EmbeddedRegion):
    world, ca_pem = World(), whole.ca_file.read_text()
    plain, me, place = enrolled(whole.url, ca_pem, whole.new_code(clinic=CLINIC), world)
    outbox = Heard(world, me.terminal_id)
    outbox.documents = plain.documents
    outbox.region_says(place.generation, place.offset_ms)
    client = RegionClient(whole.url, ca_pem, me.key, world, client="vaxdesk/0.1.0")
    outbox.give("child-0")
    thread = SyncWorker(outbox, client, me, world, Rhythm(debounce_s=0, base_s=0.01, cap_s=0.05))
    thread.start()
    try:
        outbox.wait_for("sync.ok")
        whole.kill()
        for number in range(1, 6):
            outbox.give(f"child-{number}")
            thread.wake()
        outbox.wait_for("sync.refused", 2)
        whole.start_api()
        outbox.wait_for("sync.ok", 2)
    finally:
        assert thread.stop(20)
    assert outbox.acked_seq == 6
    assert whole.wait_applied(30)
    mine = [row for row in queries.doses(whole.dsn) if row.terminal_id == me.terminal_id]
    assert [row.state for row in mine] == ["given"] * 6
    assert queries.doubled(whole.dsn) == queries.quarantined(whole.dsn) == 0


def test_a_hold_ends_when_a_person_asks(whole: EmbeddedRegion):
    world, ca_pem = World(), whole.ca_file.read_text()
    plain, me, _ = enrolled(whole.url, ca_pem, whole.new_code(clinic=CLINIC), world)
    outbox = Heard(world, me.terminal_id)
    outbox.documents = plain.documents
    queries.revoke(whole.dsn, me.terminal_id, world.now())
    client = RegionClient(whole.url, ca_pem, me.key, world, client="vaxdesk/0.1.0")
    thread = SyncWorker(outbox, client, me, world, Rhythm(debounce_s=0))
    thread.start()
    try:
        outbox.wait_for("sync.revoked")
        with psycopg.connect(whole.dsn) as connection:
            connection.execute("UPDATE terminal SET revoked_at = NULL WHERE terminal_id = %s", (me.terminal_id,))
        thread.wake(at_once=True)
        outbox.wait_for("sync.ok")
    finally:
        assert thread.stop(20)


def test_our_own_mistake_is_told_and_does_not_end_the_thread(whole: EmbeddedRegion):
    world, ca_pem = World(), whole.ca_file.read_text()
    plain, me, _ = enrolled(whole.url, ca_pem, whole.new_code(clinic=CLINIC), world)

    class Mistaken(Heard):
        trips = 0

        def standing(self):
            self.trips += 1
            if self.trips == 1:
                raise ZeroDivisionError
            return super().standing()

    outbox = Mistaken(world, me.terminal_id)
    outbox.documents = plain.documents
    client = RegionClient(whole.url, ca_pem, me.key, world, client="vaxdesk/0.1.0")
    thread = SyncWorker(outbox, client, me, world, Rhythm(debounce_s=0, base_s=0.01, cap_s=0.05))
    thread.start()
    try:
        outbox.wait_for("sync.mistake")
        outbox.wait_for("sync.ok")
    finally:
        assert thread.stop(20)


def test_a_process_that_died_is_started_again(whole: EmbeddedRegion):
    world, ca_pem = World(), whole.ca_file.read_text()
    outbox, me, _ = enrolled(whole.url, ca_pem, whole.new_code(clinic=CLINIC), world)
    dead = [whole._apis[0], whole._working[0]]
    for process in dead:
        process.kill()
        process.wait()
    assert whole.tend() == 2 and whole.tend() == 0
    outbox.give("child-after")
    sync_once(outbox, RegionClient(whole.url, ca_pem, me.key, world, client="vaxdesk/0.1.0"), me, world)
    assert whole.wait_applied(30)
    assert [row.child_id for row in queries.doses(whole.dsn) if row.terminal_id == me.terminal_id] == ["child-after"]


def test_the_database_keeps_its_promises(whole: EmbeddedRegion):
    with queries.connect(whole.dsn) as connection:
        asked = ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "server_encoding", "TimeZone")
        said = {name: connection.execute(f"SHOW {name}".encode()).fetchone()[0] for name in asked}
        folder = Path(connection.execute("SHOW data_directory").fetchone()[0])
        sockets = Path(connection.execute("SHOW unix_socket_directories").fetchone()[0])
        owner = connection.execute("SELECT datcollate FROM pg_database WHERE datname = 'region'").fetchone()
    assert said == {
        "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "listen_addresses": "",
        "server_encoding": "UTF8", "TimeZone": "UTC",
    }  # fmt: skip
    assert owner == ("C",)
    assert folder.stat().st_mode & 0o077 == 0
    assert sockets.stat().st_mode & 0o077 == 0
    for name in ("keys", "tls"):
        for secret in (whole.folder / name).iterdir():
            if secret.suffix in (".key",) or (name == "keys" and secret.suffix == ".pem"):
                assert secret.stat().st_mode & 0o077 == 0


def test_a_second_command_joins_the_running_cluster(whole: EmbeddedRegion):
    with Cluster(whole.folder) as joined:
        assert joined.dsn() == whole.dsn
    with queries.connect(whole.dsn) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_what_was_received_is_there_after_a_restart(tmp_path: Path):
    world = World()
    with EmbeddedRegion(tmp_path, temporary=False, workers=0) as region:
        ca_pem = region.ca_file.read_text()
        outbox, me, place = enrolled(region.url, ca_pem, region.new_code(clinic=CLINIC), world)
        outbox.give("child")
        client = RegionClient(region.url, ca_pem, me.key, world, client="vaxdesk/0.1.0")
        blob, name = sealed(Terminal(outbox, me, place, client, world, ca_pem), 1, 1)
        ack = client.put_batch(*name, blob)
        client.close()
    with EmbeddedRegion(tmp_path, temporary=True, workers=1) as region:
        assert region.ca_file.read_text() == ca_pem
        client = RegionClient(region.url, ca_pem, me.key, world, client="vaxdesk/0.1.0")
        assert client.put_batch(*name, blob) == ack
        client.close()
        assert region.wait_applied(30)
        assert len(queries.doses(region.dsn)) == 1


def test_serve_says_where_it_is_and_ends_on_a_signal_with_all_it_started(tmp_path: Path):
    command = [sys.executable, "-m", "regional", "serve", "--data", str(tmp_path), "--port", "0", "--workers", "1"]
    process = subprocess.Popen([*command, "--api-processes", "1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with process:
        url, ca_file = process.stdout.readline().decode().split()
        assert url.startswith("https://127.0.0.1:")
        with Cluster(tmp_path) as joined, queries.connect(joined.dsn()) as connection:
            assert connection.execute("SELECT count(*) FROM region_state").fetchone() == (1,)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert Path(ca_file).exists()
    ended(tmp_path)


def test_killing_the_server_leaves_no_orphan(tmp_path: Path):
    command = [sys.executable, "-m", "regional", "serve", "--data", str(tmp_path), "--port", "0", "--workers", "1"]
    process = subprocess.Popen([*command, "--api-processes", "1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with process:
        process.stdout.readline()
        data = Path((tmp_path / "postgres.path").read_text())
        postmaster = int((data / "postmaster.pid").read_text().splitlines()[0])
        watch = os.pidfd_open(postmaster)
        process.kill()
    try:
        assert select.select([watch], [], [], 30)[0], "PostgreSQL still runs"
    finally:
        os.close(watch)
    ended(tmp_path)


def ended(folder: Path) -> None:
    """Nothing runs in this data folder any more; it is then removed."""
    data = Path((folder / "postgres.path").read_text())
    assert not (data / "postmaster.pid").exists()
    shutil.rmtree(data)


def test_a_process_that_cannot_start_is_said(tmp_path: Path, new_dsn):
    with pytest.raises(ConfigError) as caught, EmbeddedRegion(tmp_path, dsn=new_dsn(), workers=0) as region:
        region.stop_api()
        (tmp_path / "tls" / "server.key").write_text("damaged")
        region.start_api()
    assert (caught.value.code, caught.value.params) == ("region.process_failed", {"role": "api"})


def test_damaged_keys_are_said(tmp_path: Path, new_dsn):
    dsn = new_dsn()
    with EmbeddedRegion(tmp_path, dsn=dsn, workers=0):
        pass
    next((tmp_path / "keys").glob("*.pem")).write_text("damaged")
    with pytest.raises(ConfigError) as caught, EmbeddedRegion(tmp_path, dsn=dsn, workers=0):
        pass
    assert caught.value.code == "region.bad_keys"


def test_a_server_certificate_is_renewed_in_time(tmp_path: Path):
    now = datetime(2026, 11, 22, tzinfo=UTC)
    ca, server, _ = certificates.ensure(tmp_path, ("region.example",), now)
    first, pinned = server.read_bytes(), ca.read_bytes()
    certificates.ensure(tmp_path, ("region.example",), now.replace(year=2027))
    assert server.read_bytes() == first
    certificates.ensure(tmp_path, ("region.example",), now.replace(year=2029))
    assert server.read_bytes() != first
    second = server.read_bytes()
    certificates.ensure(tmp_path, ("other.example",), now.replace(year=2029))
    assert server.read_bytes() != second
    assert ca.read_bytes() == pinned
