"""Clocks a year off, at the terminal or at the region, in real processes: uploads, feed and renewal go on, the offset
is kept, and the times of the facts stay as the terminal wrote them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import psycopg
import pytest

from domain.errors import SyncError
from domain.wire import event, signed
from domain.world import World, from_utc_text, utc_text
from regional import queries
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from sync.client import RegionClient
from sync.feed import Feed
from sync.keys import region_keys
from sync.visit import sync_once
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.fakes.outbox import enrolled
from tests.region_fixtures import CLINIC

YEAR = timedelta(days=366)
NEAR_MS = 60_000


@pytest.fixture(scope="session")
def wrong_clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that moves the clock of the process that loads it by AHEAD_S seconds."""
    made = tmp_path_factory.mktemp("clock") / "wrong_clock.so"
    source = Path(__file__).with_name("wrong_clock.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", made, source, "-ldl"], check=True)
    return made


def off(wrong_clock: Path, by: timedelta) -> dict[str, str]:
    return {"LD_PRELOAD": str(wrong_clock), "AHEAD_S": str(int(by.total_seconds()))}


def stored(region: EmbeddedRegion, terminal_id: str) -> list[tuple[bytes, datetime]]:
    """Its facts, each with the instant its batch arrived."""
    with queries.connect(region.dsn) as connection:
        return connection.execute(
            "SELECT data, received_at FROM event JOIN batch b USING (terminal_id, epoch)"
            " WHERE terminal_id = %s AND seq BETWEEN first_seq AND last_seq ORDER BY seq",
            (terminal_id,),
        ).fetchall()


@pytest.mark.parametrize("by", [YEAR, -YEAR], ids=["ahead", "behind"])
def test_a_terminal_a_year_off(region: EmbeddedRegion, apply: Callable[[], int], wrong_clock: Path, by: timedelta):
    command = [sys.executable, "-m", "tests.faults.clock_terminal", region.url, str(region.ca_file)]
    with subprocess.Popen(
        [*command, region.new_code(clinic=CLINIC)],
        env={**os.environ, **off(wrong_clock, by)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin and process.stdout
        first = json.loads(process.stdout.readline())
        process.stdin.write(aged(region, first["terminal"]).hex() + "\n")
        process.stdin.flush()
        second = json.loads(process.stdout.readline())
        assert process.wait(60) == 0
    assert abs(from_utc_text(first["now"]) - World().now() - by) < timedelta(minutes=2), "its clock was wrong indeed"
    for name in ("learnt", "offset", "kept"):
        assert abs(first[name] + by.total_seconds() * 1000) < NEAR_MS, name
    assert (first["acked"], second) == (1, {"renewed": True, "acked": 2, "wrong": []})
    apply()
    facts = [event.decode(bytes(data)) for data, _ in stored(region, first["terminal"])]
    assert facts[0].recorded_at == first["recorded_at"], "the fact says what the terminal's clock said"
    for fact, (_, received_at) in zip(facts, stored(region, first["terminal"]), strict=True):
        assert fact.offset_ms is not None
        told = from_utc_text(fact.recorded_at) + timedelta(milliseconds=fact.offset_ms)
        assert abs(told - received_at) < timedelta(minutes=2), "clock and offset together give the true instant"


def aged(region: EmbeddedRegion, terminal_id: str) -> bytes:
    """Its registration as it would be 61 days later, at the region too."""
    with psycopg.connect(region.dsn) as connection:
        mine = connection.execute("SELECT registration FROM terminal WHERE terminal_id = %s", (terminal_id,))
        held = signed.payload(signed.decode(bytes(mine.fetchone()[0]), "registration"), signed.Registration)
        dates = [utc_text(from_utc_text(day) - timedelta(days=61)) for day in (held.not_before, held.not_after)]
        old = msgspec.structs.replace(held, not_before=dates[0], not_after=dates[1])
        document = signed.encode(KeyRing(region.folder / "keys", World().now()).sign("registration", old))
        connection.execute("UPDATE terminal SET registration = %s WHERE terminal_id = %s", (document, terminal_id))
    return document


@pytest.mark.parametrize("by", [YEAR, -YEAR], ids=["ahead", "behind"])
def test_a_region_a_year_off_and_put_right(
    new_dsn: Callable[[], str], tmp_path: Path, wrong_clock: Path, by: timedelta, monkeypatch: pytest.MonkeyPatch
):
    """Enrolled, sent and read while the region's clock is wrong; then somebody puts it right."""
    for name, value in off(wrong_clock, by).items():
        monkeypatch.setenv(name, value)
    world, wrong = World(), World(now=lambda: World().now() + by)
    with EmbeddedRegion(tmp_path, dsn=new_dsn(), workers=1, world=wrong, quiet=True) as region:
        pem = region.ca_file.read_text()
        outbox, me, place = enrolled(region.url, pem, region.new_code(clinic=CLINIC), world)
        assert abs(place.offset_ms - by.total_seconds() * 1000) < NEAR_MS
        inbox = MemoryFeedInbox(CLINIC)
        client = RegionClient(region.url, pem, me.key, world, client="vaxdesk/0.1.0", offset_ms=place.offset_ms)
        with closing(client):
            way = Feed(inbox, client, region_keys(outbox), me, world)
            given = [outbox.give("child-clock")]
            sync_once(outbox, client, me, world)
            assert region.wait_applied(30)
            way.pull()
            monkeypatch.delenv("LD_PRELOAD")
            region.kill()
            region.start_api()
            for process in region._working:
                process.kill()
                process.wait(30)
            region.tend()
            given.append(outbox.give("child-clock"))
            visit(outbox, client, me, world)
            assert abs(outbox.offset_ms) < NEAR_MS, "learnt anew"
            assert outbox.acked_seq == 2
            assert region.wait_applied(30)
            assert way.check() == []
        assert inbox.stored() == set(outbox.events)
        assert [row.dose_id for row in queries.doses(region.dsn)] == sorted(given)
        for stored_, _ in stored(region, me.terminal_id):
            said = from_utc_text(event.decode(bytes(stored_)).recorded_at)
            assert abs(said - world.now()) < timedelta(minutes=5), "the times of the facts are the terminal's"


def visit(outbox, client, me, world) -> None:
    """The first request finds an ended connection."""
    try:
        sync_once(outbox, client, me, world)
    except SyncError as fault:
        assert fault.code == "sync.cut_short"
        sync_once(outbox, client, me, world)
