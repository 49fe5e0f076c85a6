"""Rows of the region: batches received for good, and events applied."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier

import msgspec
import psycopg
from psycopg import sql

from domain.wire import batch, request
from domain.world import World
from regional import database, queries
from regional.keys import KeyRing
from regional.serve import DSN_VARIABLE, EmbeddedRegion
from regional.worker import Applier, collect_seldom
from sync import crypto
from sync.keys import Identity, region_keys
from terminal.demo.synthetic import CLINIC
from tests.bench.bench import Bench
from tests.bench.figures import Figure, Target, percentile, timed
from tests.bench.raw_inbox import INSERT
from tests.bench.sealing import Waiting, new_identity, offered, sealed
from tests.fakes.day import day_of
from tests.fakes.outbox import enrolled

_PROCESSES = 2  # as many as the targets have cores
_TERMINALS, _BATCHES, _EVENTS_IN_BATCH = 8, 50, 21  # three visits: what a counter sends every three minutes
_DEADLINE_S = 120
_TABLES = ("event", "child", "child_identifier", "visit", "dose", "lot")


class Parcel(msgspec.Struct):
    """One signed request, ready to be sent."""

    path: str
    body: bytes
    headers: dict[str, str]


def receive(bench: Bench) -> Iterator[Figure]:
    """Batches of eight terminals at once, each over its one connection, durable before they are answered.

    Floor: the same requests to the same HTTP stack with an application that only inserts.
    """
    terminals, count = bench.rounds(_TERMINALS), bench.rounds(_BATCHES)
    folder = bench.folder / "receive"
    with EmbeddedRegion(folder, dsn=bench.new_dsn(), workers=0, api_processes=_PROCESSES, quiet=True) as region:
        ca_pem = region.ca_file.read_text()
        post = [_parcels(region, ca_pem, seed, count) for seed in range(terminals)]
        took, answers = _send(region.url, ca_pem, post)
        region.stop_api()
        raw_dsn = bench.new_dsn()
        database.migrate(raw_dsn, World())
        with _raw_inbox(folder, raw_dsn) as url:
            floor, _ = _send(url, ca_pem, post)
    n = terminals * count
    note = f"{_EVENTS_IN_BATCH} events each, {terminals} terminals; p99 of an answer {percentile(answers, 0.99):.0f} ms"
    target = Target("p50", 200, at_least=True)
    yield Figure("region: receive", "region", "batches/s", n / took, None, n / floor, (target,), n, note)


def _parcels(region: EmbeddedRegion, ca_pem: str, seed: int, count: int) -> list[Parcel]:
    """A newly enrolled terminal's batches, signed as sync.client signs them."""
    code = region.new_code(clinic=CLINIC, name="示范社区卫生服务中心", desk=str(seed))
    place, me, _ = enrolled(region.url, ca_pem, code, World())
    waiting = Waiting(me, _events(seed, count * _EVENTS_IN_BATCH), place.epoch, _EVENTS_IN_BATCH)
    return [
        parcel(me, (one.epoch, one.first_seq, one.last_seq), one.blob)
        for one in sealed(waiting, region_keys(place), me)
    ]


def _events(seed: int, n: int) -> list[bytes]:
    day, _ = day_of(n // 3 + 3, seed)  # a dose brings about three and a half events
    return [stored for _, stored in day.stored[:n]]


def parcel(me: Identity, place: tuple[str, int, int], blob: bytes) -> Parcel:
    """A sealed batch (epoch, first, last event) as a request, signed now."""
    epoch, first, last = place
    path = f"/v1/batches/{me.terminal_id}/{epoch}/{first}-{last}"
    digest = request.content_digest(blob)
    given = request.SignatureInput(int(time.time()), crypto.key_id(me.key.public_key()), os.urandom(16).hex())
    signature = crypto.sign(me.key, request.signature_base("PUT", path, "", digest, given))
    return Parcel(path, blob, request.headers(digest, given, signature))


def _send(url: str, ca_pem: str, post: Sequence[Sequence[Parcel]]) -> tuple[float, list[float]]:
    """Seconds for everything, and the milliseconds of each answer."""
    host, _, port = url.removeprefix("https://").partition(":")
    context = ssl.create_default_context(cadata=ca_pem)
    answers: list[float] = []

    def line(parcels: Sequence[Parcel]) -> None:
        connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=_DEADLINE_S)
        connection.connect()
        together.wait(_DEADLINE_S)
        for one in parcels:
            answers.append(timed(put, connection, one)[0])
        connection.close()

    together = threading.Barrier(len(post) + 1)
    with ThreadPoolExecutor(len(post)) as pool:
        lines = [pool.submit(line, parcels) for parcels in post]
        together.wait(_DEADLINE_S)
        began = time.perf_counter()
        for one in lines:
            one.result(_DEADLINE_S)
        return time.perf_counter() - began, answers


def put(connection: http.client.HTTPSConnection, sent: Parcel) -> None:
    """Send it, and read the answer."""
    connection.request("PUT", sent.path, sent.body, sent.headers)
    with connection.getresponse() as answer:
        said = answer.read()
        assert answer.status == 200, said


@contextmanager
def _raw_inbox(folder: Path, dsn: str) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        command = [sys.executable, "-m", "tests.bench.raw_inbox", str(folder), str(listener.fileno())]
        servers = [
            subprocess.Popen(
                command,
                env={**os.environ, DSN_VARIABLE: dsn},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(listener.fileno(),),
                cwd=Path(__file__).parents[2],
            )
            for _ in range(_PROCESSES)
        ]
        try:
            for server in servers:
                assert server.stdout and server.stdout.readline() == b"ready\n"
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for server in servers:
                server.communicate(timeout=_DEADLINE_S)


def apply(bench: Bench) -> Iterator[Figure]:
    """Full batches waiting in the inbox are applied by two workers. Floor: COPY of the same rows, twice at once."""
    folder, dsn = bench.folder / "apply", bench.new_dsn()
    database.migrate(dsn, World())
    count = _fill_inbox(dsn, folder, bench.rounds(4), bench.rounds(16))
    took = _together([(_drain, dsn, folder)] * _PROCESSES)
    with queries.connect(dsn) as connection:
        applied = connection.execute("SELECT count(*) FROM event").fetchone()
    assert applied == (count,) and queries.quarantined(dsn) == queries.unapplied(dsn) == 0
    floor = _copy_floor(dsn, bench.new_dsn())
    target = Target("p50", 20_000, at_least=True)
    yield Figure("region: apply", "region", "events/s", count / took, None, count / floor, (target,), count)


def _fill_inbox(dsn: str, folder: Path, terminals: int, batches: int) -> int:
    """Batches of a thousand events as the region keeps them; how many events."""
    keys = offered(folder / "keys")
    with queries.connect(dsn) as connection:
        for seed in range(terminals):
            me = new_identity()
            connection.execute("INSERT INTO clinic (code, name) VALUES ('3101150101', 'bench') ON CONFLICT DO NOTHING")
            connection.execute(
                "INSERT INTO terminal VALUES (%s, %s, '', '3101150101', '1', '', now(), NULL, '')",
                (me.terminal_id, me.terminal_id),
            )
            waiting = Waiting(me, _events(seed, batches * batch.MAX_EVENTS))
            for one in sealed(waiting, keys, me):
                place = me.terminal_id, one.epoch, one.first_seq, one.last_seq
                connection.execute(INSERT, (*place, bytes(32), one.blob))
    return terminals * batches * batch.MAX_EVENTS


def _together(work: Sequence[tuple[Callable[..., None], str, Path]]) -> float:
    """Seconds from the moment all processes are ready until the last is done."""
    processes = multiprocessing.get_context("spawn")
    barrier = processes.Barrier(len(work) + 1)
    started = [processes.Process(target=one, args=(dsn, folder, barrier)) for one, dsn, folder in work]
    for process in started:
        process.start()
    barrier.wait(_DEADLINE_S)
    began = time.perf_counter()
    barrier.wait(_DEADLINE_S)
    took = time.perf_counter() - began
    for process in started:
        process.join(_DEADLINE_S)
    return took


def _drain(dsn: str, folder: Path, barrier: Barrier) -> None:
    collect_seldom()
    applier = Applier(dsn, KeyRing(folder / "keys", World().now()), World())
    barrier.wait(_DEADLINE_S)
    while applier.apply():
        pass
    barrier.wait(_DEADLINE_S)
    applier.close()


def _copy_floor(source: str, target: str) -> float:
    """Seconds to COPY all rows of one region's tables into another's, each connection half of them."""
    database.migrate(target, World())
    halves: list[dict[str, bytes]] = [{}, {}]
    with queries.connect(source) as connection:
        for table in _TABLES:
            with connection.cursor().copy(sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(_name(table))) as copy:
                rows = [bytes(row) for row in copy]
            for number, half in enumerate(halves):
                half[table] = b"".join(rows[number::2])
    with ThreadPoolExecutor(2) as pool:
        return timed(lambda: list(pool.map(_copy_in, [target] * 2, halves)))[0] / 1000


def _copy_in(dsn: str, half: dict[str, bytes]) -> None:
    with psycopg.connect(dsn) as connection:
        for table, rows in half.items():
            with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(_name(table))) as copy:
                copy.write(rows)


def _name(table: str) -> sql.Identifier:
    return sql.Identifier(table)
