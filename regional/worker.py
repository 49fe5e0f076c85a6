"""Applies accepted batches: events and projections by COPY and set-based upserts. A bad event is quarantined alone."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import errors

from domain.errors import WireError
from domain.wire import batch
from domain.world import World
from regional import projection, reference, replacement, reviews, rows, scope, twins
from regional.database import Connection
from regional.inbox import CHANNEL
from regional.keys import KeyRing
from regional.projection import Held, Place, Rows
from regional.reviews import News, set_aside
from regional.scope import Giving
from sync import batches

APPLIED = "applied"
_CLAIM = 16
_COLLECT = (200_000, 20, 100)  # gc.set_threshold
_IDLE_S = 1.0
_RETRY_S = 2.0
_TIDY_EVERY_S = 60.0
_NONCE_LIFE, _TRY_LIFE, _FEED_LIFE = timedelta(minutes=15), timedelta(hours=1), timedelta(days=90)
# What one event's contents can make PostgreSQL, or the writer of JSON, refuse: it is found by halving and quarantined.
_CONTENT = (
    psycopg.DataError,
    psycopg.IntegrityError,
    errors.ProgramLimitExceeded,
    errors.StatementTooComplex,
    RecursionError,  # just not too deep to be read, too deep to be written again
)

_TEMPORARY = "CREATE TEMP TABLE staged_event (LIKE event) ON COMMIT DELETE ROWS"
# Ordered by key: two workers take row locks in one order.
_EVENTS = "INSERT INTO event SELECT * FROM staged_event ORDER BY terminal_id, epoch, seq ON CONFLICT DO NOTHING"
_DIFFERENT = """
SELECT s.terminal_id, s.epoch, s.seq FROM staged_event s JOIN event e USING (terminal_id, event_id)
WHERE e.data <> s.data
"""
_SAID = """
RETURNING (SELECT clinic_code FROM terminal t WHERE t.terminal_id = q.terminal_id), q.reason, q.terminal_id, q.epoch,
    q.seq, q.event_id, q.child_id, q.dose_id
"""
_ANSWERED = f"""
DELETE FROM quarantine q USING staged_dose s
WHERE s.given AND q.child_id = s.child_id AND q.dose_id = s.dose_id AND q.clinic IN ('', s.clinic)
{_SAID}"""
_FOREIGN = f"""
UPDATE quarantine q SET reason = 'other_clinic' FROM staged_dose s
WHERE s.given AND q.child_id = s.child_id AND q.dose_id = s.dose_id AND q.clinic NOT IN ('', s.clinic)
    AND q.reason <> 'other_clinic'
{_SAID}"""
# Changes of doses that nobody told, or another clinic.
_NOT_THEIRS = """
SELECT s.child_id, s.dose_id, s.clinic, bool_or(d.given) FROM staged_dose s JOIN dose d USING (child_id, dose_id)
GROUP BY s.child_id, s.dose_id, s.clinic
HAVING NOT bool_or(d.given AND s.clinic IN ('', d.clinic))
"""
_QUARANTINE = "INSERT INTO quarantine VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
_CLAIMED = """
SELECT b.terminal_id, b.epoch, first_seq, last_seq, clinic_code, file FROM batch b JOIN terminal USING (terminal_id)
WHERE applied_at IS NULL AND problem IS NULL ORDER BY received_at LIMIT %s FOR UPDATE OF b SKIP LOCKED
"""
_DONE = """
UPDATE batch SET applied_at = %s, problem = %s
WHERE terminal_id = %s AND epoch = %s AND first_seq = %s AND last_seq = %s
"""

_log = logging.getLogger(__name__)


class Applier:
    """Applies batches over one connection. A clinic's hub judges nothing: a fact that does not fit what little it knows
    is left to the region, which sets it aside."""

    def __init__(self, dsn: str, keys: KeyRing, world: World, *, judges: bool = True) -> None:
        self._keys, self._world, self._judges = keys, world, judges
        self._connection: Connection = psycopg.connect(dsn, autocommit=True)
        self._connection.execute(_TEMPORARY)
        rows.prepare(self._connection)

    @property
    def connection(self) -> Connection:
        return self._connection

    def close(self) -> None:
        self._connection.close()

    def apply(self, most: int = _CLAIM) -> int:
        """Apply some of what waits; the number of batches taken, 0 when nothing waits (or others have it)."""
        now = self._world.now()
        with self._connection.transaction():
            claimed = self._connection.execute(_CLAIMED, (most,)).fetchall()
            events: list[Held] = []
            for *name, clinic, blob in claimed:
                problem = None
                try:
                    events += _events(bytes(blob), clinic, self._keys)
                except WireError as fault:  # it was readable when accepted: a key is gone
                    problem = fault.code
                    _log.error("a batch cannot be opened: %s", fault.code)
                self._connection.execute(_DONE, (None if problem else now, problem, *name))
            if events:
                self._load(events, now)
            if claimed:
                self._connection.execute(f"NOTIFY {APPLIED}")
        return len(claimed)

    def wait(self, timeout_s: float) -> None:
        """Until a batch arrives, or the time is over."""
        self._connection.execute(f"LISTEN {CHANNEL}")
        for _ in self._connection.notifies(timeout=timeout_s, stop_after=1):
            return

    def tidy(self) -> None:
        """Forget what protects only a few minutes, and what the clinics have read long ago."""
        now = self._world.now()
        self._connection.execute("DELETE FROM nonce WHERE at < %s", (now - _NONCE_LIFE,))
        self._connection.execute("DELETE FROM enrolment_failure WHERE at < %s", (now - _TRY_LIFE,))
        scope.forget(self._connection, now - _FEED_LIFE)

    def load(self, events: Sequence[Held]) -> None:
        """Facts that came otherwise than in a batch; within the caller's transaction, if there is one."""
        self._load(events, self._world.now())

    def _load(self, events: Sequence[Held], now: datetime) -> None:
        """All of them, or, where PostgreSQL refuses one, all but that one."""
        try:
            with self._connection.transaction():
                self._load_all(events, now)
        except _CONTENT as fault:
            if len(events) == 1:
                _log.warning("an event cannot be stored: %s", type(fault).__name__)
                news = self._quarantine(events[0], "unstorable", now)
                Giving(self._connection, [], now).append(news)
                return
            middle = len(events) // 2
            self._load(events[:middle], now)
            self._load(events[middle:], now)

    def _load_all(self, events: Sequence[Held], now: datetime) -> None:
        self._connection.execute("TRUNCATE staged_event")
        readable = [held for held in events if held.event is not None]
        rows.copy(self._connection, "staged_event", _EVENT_TYPES, map(_event_row, readable))
        told_before = twins.pass_over(self._connection, list({held.terminal_id for held in events}))
        if told_before:
            events = [held for held in events if held.place not in told_before]
            readable = [held for held in readable if held.place not in told_before]
        different: set[Place] = set()
        if self._connection.execute(_EVENTS).rowcount < len(readable):
            different = {(row[0], row[1], row[2]) for row in self._connection.execute(_DIFFERENT)}
        giving = Giving(self._connection, [held for held in readable if held.place not in different], now)
        giving.begin()
        told, news = Rows(), list[News]()
        for held in events:
            reason = "differs" if held.place in different else held.reason
            if reason:
                news += self._quarantine(held, reason, now)
            elif held.body is not None:
                told.add(held)
        moved = rows.store(self._connection, told)
        news += self._answer(told, now)
        news += reviews.look(self._connection, told, now)
        if told.doses:
            news += reference.late_recipients(self._connection)
        news += replacement.of_load(self._connection, {held.terminal_id for held in events})
        giving.append(news, moved)

    def _answer(self, told: Rows, now: datetime) -> list[News]:
        """Doses that came later than what is said of them; and what is said of doses that nobody told."""
        news = [set_aside(*row, opened=False) for row in self._connection.execute(_ANSWERED).fetchall()]
        news += [set_aside(*row) for row in self._connection.execute(_FOREIGN).fetchall()]
        if told.about:
            not_theirs = {(row[0], row[1], row[2]): row[3] for row in self._connection.execute(_NOT_THEIRS)}
            for held, key in told.about:
                if key in not_theirs:
                    reason = "other_clinic" if not_theirs[key] else "unknown_dose"
                    news += self._quarantine(held, reason, now, *key)
        return news

    def _quarantine(
        self,
        held: Held,
        reason: str,
        now: datetime,
        child_id: str | None = None,
        dose_id: str | None = None,
        clinic: str | None = None,
    ) -> list[News]:
        """Set one event aside, and tell its clinic: a person answers it with a new fact."""
        if not self._judges:
            return []
        event_id = held.event.event_id if held.event else None
        if event_id and "\0" in event_id:  # no column takes it; it stands in `data`
            event_id = None
        row = (*held.place, event_id, reason, child_id, dose_id, clinic, held.data, now)
        if not self._connection.execute(_QUARANTINE, row).rowcount:
            return []
        return [set_aside(held.clinic, reason, *held.place, event_id, child_id, dose_id)]


_EVENT_TYPES = ["text", "text", "int8", "text", "text", "text", "text", "text", "bytea"]


def _event_row(held: Held) -> tuple[Any, ...]:
    told = held.event
    assert told is not None
    return *held.place, told.event_id, told.kind, told.subject, told.hlc, told.recorded_at, held.data


def _events(blob: bytes, clinic: str, keys: KeyRing) -> list[Held]:
    packed = batch.unpack(blob)
    header = packed.header
    opened = batches.open_sealed(packed, keys.seal_key(header.region_key_id))
    return [
        projection.read(header.terminal_id, clinic, header.epoch, seq, data)
        for seq, data in enumerate(opened.events, header.first_seq)
    ]


def run(dsn: str, keys: KeyRing, world: World, stop: threading.Event, *, judges: bool = True) -> None:
    """Apply until `stop`; a lost connection is opened again."""
    while not stop.is_set():
        try:
            applier = Applier(dsn, keys, world, judges=judges)
            try:
                _work(applier, stop)
            finally:
                applier.close()
        except psycopg.Error as fault:  # the database is restarting, or two workers met: nothing was half applied
            _log.error("database: %s %s", type(fault).__name__, fault.sqlstate)
            stop.wait(_RETRY_S)


def collect_seldom() -> None:
    """Of a process that does nothing but apply. A load is a hundred thousand small objects in no circle: looking for
    circles among them at Python's usual rate takes a fifth of the time."""
    gc.freeze()
    gc.set_threshold(*_COLLECT)


def _work(applier: Applier, stop: threading.Event) -> None:
    tidy_at = 0.0
    while not stop.is_set():
        if time.monotonic() >= tidy_at:
            applier.tidy()
            tidy_at = time.monotonic() + _TIDY_EVERY_S
        if not applier.apply():
            applier.wait(_IDLE_S)
