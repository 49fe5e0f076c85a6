"""What came back from the region or the clinic's hub, and becomes rows: what `sync.ports.FeedInbox` asks of the store.

A page is taken in slices of a few milliseconds, each a transaction of its own, so that a dose is recorded in between;
the cursor goes with the last. Cut off anywhere, the page comes again and changes nothing it has changed already.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

import msgspec
from peewee import DataError, IntegrityError

from domain import clock
from domain.errors import WireError
from domain.heard import Heard, hear
from domain.wire import event, feed
from domain.wire.feed import Advice, Bucket, Reference
from domain.world import World, utc_text
from sync.ports import FeedStanding, Told
from terminal.store import children, doubles, forecasts, leaving, links, matters, references, told, visits
from terminal.store.database import Store
from terminal.store.told import Source
from terminal.store.told_rows import Rows

SLICE_S = 0.004  # of one transaction, its end aside
LEFT = "feed.left"
_STARTS_KEPT = 10
_AWAITED = {
    *told.PERSON,
    "visit.opened",
    "dose.given",
    "dose.moved",
    "correction.requested",
    "stock.received",
    "stock.used",
}
_log = logging.getLogger(__name__)


class _Reading(msgspec.Struct, frozen=True):
    """How far one source was read. `number` counts readings: starting over begins the next."""

    cursor: str = ""
    started_over: tuple[str, ...] = ()
    number: int = 1


class StoreInbox:
    """Satisfies `sync.ports.FeedInbox`; may be called from any thread. `clinic` is this terminal's. `on_heard` is told
    the children of each slice, once it is on disk, on the store's thread."""

    def __init__(self, store: Store, world: World, clinic: str, source: Source = "region") -> None:
        self._store, self._world, self._clinic, self._source = store, world, clinic, source
        self.on_heard: Callable[[Collection[str]], None] = lambda children: None  # noqa: ARG005 (nobody listens yet)

    def feed_standing(self) -> FeedStanding:
        reading = self._reading()
        return FeedStanding(reading.cursor, reading.started_over)

    def apply_page(self, rows: Sequence[Told | Advice], cursor: str) -> None:
        self._take(deque(rows), utc_text(self._world.now()), cursor)

    def apply_found(self, found: Sequence[Told], as_of: str) -> list[str]:
        """Keep a child looked up, known as of then (UTC): the ids of its records that are here now, the one that goes
        on first. What the feed has not told stays out of the nightly comparison until it does."""
        self._take(deque(found), as_of, None)
        here = [child_id for child_id in _subjects(found) if _is_here(self._store, child_id)]
        return list(dict.fromkeys(record for child_id in here for record in links.group(self._store, child_id)))

    def start_over(self, at: str) -> None:
        """The facts stay and come again; those that do not come are compared no more."""
        self._store.run(self._start_over, at)

    def buckets(self) -> list[Bucket]:
        """Of the reading under way. Half a second of the calling thread for 150,000 facts, none of the store's."""
        first = 2 * self._reading().number
        counts, marks = [0] * feed.BUCKETS, [0] * feed.BUCKETS
        for terminal_id, event_id in self._store.sql(
            f"SELECT terminal_id, event_id FROM told WHERE {self._source} = ? OR ({self._source} = ? AND clinic = ?)",
            first + 1,
            first,
            self._clinic,
        ):
            bucket, value = feed.mark(terminal_id, event_id)
            counts[bucket] += 1
            marks[bucket] ^= value
        return [Bucket(n, mark) for n, mark in zip(counts, marks, strict=True)]

    def references(self) -> dict[int, Reference]:
        return references.held(self._store)

    def keep_reference(self, reference: Reference, content: bytes) -> None:
        self._store.run(self._keep_reference, reference, content)

    def _keep_reference(self, reference: Reference, content: bytes) -> None:
        with self._store.transaction():
            references.keep(self._store, reference, content)
            references.list_recalls(self._store, self._world.today())

    def _start_over(self, at: str) -> None:
        with self._store.transaction():
            before = self._reading()
            starts = (*before.started_over, at)[-_STARTS_KEPT:]
            self._remember(_Reading("", starts, before.number + 1))

    def _take(self, rows: deque[Told | Advice], at: str, cursor: str | None) -> None:
        """`cursor` None: looked up, nothing was read of the feed."""
        while not self._store.run(self._slice, rows, at, cursor):
            pass

    def _slice(self, rows: deque[Told | Advice], at: str, cursor: str | None) -> bool:
        """Some of the rows; True when none are left."""
        ends = time.monotonic() + SLICE_S  # how long others wait is no matter of the clinic's clock
        with self._store.transaction():
            reading = self._reading()
            taking = _Taking(self._store, self._clinic, at, self._source, 0 if cursor is None else 2 * reading.number)
            while rows:
                taking.take(rows.popleft())
                if time.monotonic() > ends:
                    break
            taking.finish()
            if not rows and cursor is not None:
                self._remember(msgspec.structs.replace(reading, cursor=cursor))
                references.list_recalls(self._store, self._world.today())
        if taking.touched:
            self.on_heard(taking.touched)
        return not rows

    def _reading(self) -> _Reading:
        found = self._store.sql("SELECT value FROM note WHERE name = ?", f"feed.{self._source}")
        return msgspec.json.decode(bytes(found[0][0]), type=_Reading) if found else _Reading()

    def _remember(self, reading: _Reading) -> None:
        self._store.db.execute_sql(
            "INSERT INTO note (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (f"feed.{self._source}", msgspec.json.encode(reading)),
        )


class _Taking:
    """One transaction of taking in. `heard`: twice the reading, 0 for a child looked up."""

    def __init__(self, store: Store, clinic: str, at: str, source: Source, heard: int) -> None:
        self._store, self._clinic, self._at, self._source, self._heard = store, clinic, at, source, heard
        self._rows = Rows(store, clinic, at, source)
        self._hlc = ""
        self.touched: dict[str, None] = {}  # children, in order
        self._doubtful: dict[str, None] = {}  # those whose doses or records changed

    def take(self, row: Told | Advice) -> None:
        if isinstance(row, Told):
            self._hear(row)
        elif row.code == LEFT:
            self._hear_left(row)
        elif row.open:
            matters.open(self._store, matters.Matter(row.key, row.code, row.child_id, row.params, self._at))
        else:
            matters.end(self._store, row.key)

    def finish(self) -> None:
        """What follows from the rows: clock, how far the children are known, what was reckoned of them."""
        self._store.db.execute_sql("UPDATE head SET hlc = ? WHERE hlc < ?", (self._hlc, self._hlc))
        children.heard_from(self._store, self.touched, self._at, self._source)
        heads = [head for head in links.heads(self._store, self.touched) if _is_here(self._store, head)]
        forecasts.outdate(self._store, heads)
        doubles.look(self._store, self._doubtful, self._at)

    def _hear_left(self, row: Advice) -> None:
        """What is said of the child next is later than the move, of which nothing else is heard here. Of one in the
        chair today nothing goes: its visit brings it into the scope again, and if not the nightly comparison tells."""
        to, moved = (str(row.params.get(name, "")) for name in ("to", "clock"))
        self._hlc = clock.merge(self._hlc, moved.partition("/")[0])
        here = visits.open_of(self._store, row.child_id), visits.open_elsewhere(self._store, row.child_id)
        if any(visit and visit.opened_at[:10] == self._at[:10] for visit in here):
            return
        self._touch(*leaving.leave(self._store, row.child_id, self._clinic, to))

    def _hear(self, row: Told) -> None:
        try:
            said = event.decode(row.data)
        except WireError:
            _log.warning("a fact of others that cannot be read was passed over")
            return
        heard = self._heard + (not row.also) if self._heard else 0
        if not told.is_new(self._store, row.terminal_id, said.event_id, self._source, heard):
            return
        fact = hear(row.terminal_id, row.clinic, said)
        number = told.keep(self._store, fact, row.data, self._source, heard)
        if number is None:
            return
        self._hlc = clock.merge(self._hlc, said.hlc)
        moved = said.kind == "child.moved" or row.clinic != self._clinic
        if moved and not row.also and leaving.come_back(self._store, said.subject):
            self._rows.fold(said.subject)
        if not self._write(fact):
            told.set_done(self._store, number, done=False)
        if said.kind in _AWAITED:
            self._write_waiting(_ids(fact))

    def _write_waiting(self, ids: set[str]) -> None:
        """What waited for these, then what waited for that; a move that waits may have begun a dose all the same."""
        tried: set[int] = set()
        while ids:
            late, ids = told.waiting(self._store, ids), set()
            for number, fact in late:
                done = self._write(fact)
                if done:
                    told.set_done(self._store, number, done=True)
                if done or number not in tried:
                    ids |= _ids(fact)
                tried.add(number)

    def _write(self, fact: Heard) -> bool:
        """False: it waits. Contents that can be no row undo this fact's rows only; it stays kept, passed over."""
        self._note(fact)
        run = self._store.db.execute_sql
        run("SAVEPOINT fact")
        done = True
        try:
            done = self._rows.write(fact)
        except (IntegrityError, DataError, OverflowError, ValueError) as fault:
            run("ROLLBACK TO fact")
            _log.warning("a fact of others can be no row: %s of %s", type(fault).__name__, fact.said.kind)
        run("RELEASE fact")
        return done

    def _note(self, fact: Heard) -> None:
        area, _, _ = fact.said.kind.partition(".")
        if area in ("child", "dose", "visit"):
            concerned = [fact.said.subject, *([fact.other] if fact.other else [])]
            self._touch(*concerned)
            if area == "dose" or fact.other or fact.said.kind == "child.unmerged":
                self._doubtful |= dict.fromkeys(concerned)

    def _touch(self, *child_ids: str) -> None:
        self.touched |= dict.fromkeys(child_ids)


def _ids(fact: Heard) -> set[str]:
    """What other facts may wait for."""
    return {fact.said.subject, fact.said.event_id, fact.other} - {""}


def _subjects(found: Sequence[Told]) -> dict[str, None]:
    """Whom the facts are about, each once, in their order."""
    subjects: dict[str, None] = {}
    for row in found:
        with suppress(WireError):  # told of when it was taken in
            subjects[event.decode(row.data).subject] = None
    return subjects


def _is_here(store: Store, child_id: str) -> bool:
    return bool(store.sql("SELECT 1 FROM child WHERE id = ?", child_id))
