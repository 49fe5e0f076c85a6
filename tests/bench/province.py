"""A province's night: the day of every clinic comes up within minutes and is applied meanwhile; then it is counted
event by event. `--rows province` is the whole, `--rows tenth` a tenth of it; neither is run unless it is named."""

from __future__ import annotations

import http.client
import multiprocessing
import queue
import random
import ssl
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from domain.ids import uuid7
from domain.wire import event, signed
from regional import queries
from regional.serve import EmbeddedRegion
from sync import crypto
from sync.keys import Identity
from tests.bench.bench import Bench
from tests.bench.figures import Figure, Target, percentile, timed
from tests.bench.region import Parcel, parcel, put
from tests.bench.sealing import Waiting, new_identity, offered, sealed
from tests.fakes.day import Day

_CLINICS, _EVENTS = 1500, 400  # 300 doses and what belongs to them
_PROCESSES, _LINES = 2, 16
_NEIGHBOURS, _SHARED = 10, 20  # so many clinics see so many children of one another
_DEADLINE_S = 1800
_COUNTS = """
SELECT (SELECT count(*) FROM told), (SELECT count(*) FROM event),
    (SELECT count(*) FROM (SELECT terminal_id, event_id FROM told EXCEPT SELECT terminal_id, event_id FROM event) x),
    (SELECT count(*) - count(DISTINCT event_id) FROM event),
    (SELECT count(*) FROM (SELECT dose_id FROM dose WHERE given GROUP BY dose_id HAVING count(*) > 1) x)
"""


class Night(msgspec.Struct):
    """What one clinic's terminal sends, and who it is."""

    terminal_id: str
    key: bytes
    event_ids: list[str]
    place: tuple[str, int, int]  # epoch, first, last
    blob: bytes


class _Counter(Day):
    """A counter where one visit in twenty is of a child that neighbouring clinics see as well."""

    def __init__(self, clinic: int) -> None:
        super().__init__(clinic)
        self._neighbours = clinic // _NEIGHBOURS

    def old_child(self) -> str:
        if self.chance.random() >= 0.05:
            return super().old_child()
        which = random.Random(f"{self._neighbours}/{self.chance.randrange(_SHARED)}")
        return uuid7(1_735_689_600_000 + which.randrange(10**10), which.randbytes(10))


def night(bench: Bench) -> Iterator[Figure]:
    return _night(bench, bench.rounds(_CLINICS))


def tenth(bench: Bench) -> Iterator[Figure]:
    return _night(bench, bench.rounds(_CLINICS // 10))


def _night(bench: Bench, clinics: int) -> Iterator[Figure]:
    folder = bench.folder / "province"
    with EmbeddedRegion(
        folder, dsn=bench.new_dsn(), api_processes=_PROCESSES, workers=_PROCESSES, quiet=True
    ) as region:
        with ProcessPoolExecutor(_PROCESSES, multiprocessing.get_context("spawn")) as pool:
            nights = list(pool.map(_sealed, range(clinics), repeat(folder), chunksize=10))
        _register(region.dsn, nights)
        began = time.perf_counter()
        took, answers = _send(region, nights)
        assert region.wait_applied(_DEADLINE_S), "not applied in time"
        whole = time.perf_counter() - began
        _send(region, nights[::10])  # acknowledgements were lost: a tenth comes once more
        assert region.wait_applied(_DEADLINE_S)
        told, events, lost, twice, doses = _counts(region.dsn, nights)
        size = _size(region.dsn)
    scale, weight = f"{clinics} clinics", sum(len(one.blob) for one in nights)
    assert told == clinics * _EVENTS
    p99 = percentile(answers, 0.99)
    note = f"{clinics} batches of {_EVENTS} events, a connection each; p99 of an answer {p99:.0f} ms"
    yield Figure("province: received", scale, "batches/s", clinics / took, None, None, (), clinics, note)
    note = f"{events:,} of {told:,} events, the whole night in {whole:.0f} s, senders on the same cores"
    yield Figure("province: applied", scale, "events/s", events / whole, None, None, (), events, note)
    for job, count in (("lost", lost), ("doubled", twice + doses)):
        yield Figure(f"province: {job}", scale, "events", count, None, None, (Target("p50", 0),), events)
    yield Figure("province: wire", scale, "B/event", weight / told, None, None, (), told)
    note = f"{size / 2**20:,.0f} MiB with batches, feed and all indexes"
    yield Figure("province: database", scale, "B/event", size / events, None, None, (), events, note)


def _sealed(clinic: int, folder: Path) -> Night:
    """In a process of its own: the day of one clinic, told and sealed."""
    me, day, number = new_identity(), _Counter(clinic), 0
    lots = [day.lot(n) for n in range(10)]
    while len(day.stored) < _EVENTS:
        number += 1
        day.visit(day.chance.sample(lots, day.chance.choice([1, 2, 2, 3])), number)
    stored = [one for _, one in day.stored[:_EVENTS]]
    (one,) = sealed(Waiting(me, stored), offered(folder / "keys"), me)
    key = me.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    ids = [event.decode(each).event_id for each in stored]
    return Night(me.terminal_id, key, ids, (one.epoch, one.first_seq, one.last_seq), one.blob)


def _identity(one: Night) -> Identity:
    key = load_der_private_key(one.key, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Identity(one.terminal_id, key)


def _register(dsn: str, nights: Sequence[Night]) -> None:
    """A clinic and its terminal each, without a code: enrolling is not what is measured."""
    with queries.connect(dsn) as connection, connection.transaction(), connection.cursor() as cursor:
        clinics = [(f"32{number:08d}", "bench") for number in range(len(nights))]
        cursor.executemany("INSERT INTO clinic (code, name) VALUES (%s, %s)", clinics)
        keys = [_identity(one).key.public_key() for one in nights]
        cursor.executemany(
            "INSERT INTO terminal (terminal_id, key_id, public_key, clinic_code, desk, enrolled_at, registration)"
            " VALUES (%s, %s, %s, %s, '1', now(), %s)",
            [
                (one.terminal_id, crypto.key_id(key), crypto.point(key), code, _place(one.terminal_id, code, key))
                for one, key, (code, _) in zip(nights, keys, clinics, strict=True)
            ],
        )


def _place(terminal_id: str, clinic: str, key: crypto.PublicKey) -> bytes:
    """A registration as the region keeps it; nobody looks at its own signature."""
    said = signed.Registration(terminal_id, clinic, "bench", "1", crypto.key_id(key), "2026-01-01", "9999-12-31")
    return signed.encode(signed.SignedDocument("registration", "0" * 16, msgspec.json.encode(said), bytes(64)))


def _send(region: EmbeddedRegion, nights: Sequence[Night]) -> tuple[float, list[float]]:
    """Seconds for everything, milliseconds of each answer."""
    waiting: queue.SimpleQueue[Night] = queue.SimpleQueue()
    for one in nights:
        waiting.put(one)
    context = ssl.create_default_context(cadata=region.ca_file.read_text())
    host, _, port = region.url.removeprefix("https://").partition(":")
    answers: list[float] = []

    def line() -> None:
        while True:
            try:
                one = waiting.get_nowait()
            except queue.Empty:
                return
            connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=_DEADLINE_S)
            answers.append(timed(put, connection, _signed(one))[0])
            connection.close()

    began = time.perf_counter()
    with ThreadPoolExecutor(_LINES) as pool:
        for done in [pool.submit(line) for _ in range(_LINES)]:
            done.result(_DEADLINE_S)
    return time.perf_counter() - began, answers


def _signed(one: Night) -> Parcel:
    return parcel(_identity(one), one.place, one.blob)


def _counts(dsn: str, nights: Sequence[Night]) -> tuple[int, ...]:
    """Events told, held, lost, held twice; doses given twice."""
    with queries.connect(dsn) as connection:
        connection.execute("CREATE TEMP TABLE told (terminal_id text, event_id text)")
        with connection.cursor().copy("COPY told FROM STDIN") as copy:
            for one in nights:
                for event_id in one.event_ids:
                    copy.write_row((one.terminal_id, event_id))
        row = connection.execute(_COUNTS).fetchone()
    assert row
    return tuple(int(count) for count in row)


def _size(dsn: str) -> int:
    with queries.connect(dsn) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0
