"""The way back: pages of the feed pulled, verified and applied, a nightly comparison, one child looked up, reference
documents fetched."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from domain.errors import SyncError
from domain.wire import feed, signed
from domain.wire.feed import Catalogue, Page, Record, Reference, Scope
from domain.world import World, from_utc_text, utc_text
from sync import pages
from sync.client import RegionClient
from sync.keys import Identity, RegionKeys
from sync.messages import LookupRequest, Purpose
from sync.ports import FeedInbox, Told

LIMIT = 1000
_MAX_PAGES = 100_000  # of one pull: a bound, not a limit of the protocol
_START_OVERS, _IN = 2, timedelta(hours=24)  # more in this time and a person looks: an endless start helps nobody
_BEHIND_TRIES = 3
_log = logging.getLogger(__name__)


@dataclass
class PullResult:
    """What one pull brought. `remaining` is 0 when everything was read; `references` documents are new."""

    pages: int = 0
    facts: int = 0
    advice: int = 0
    remaining: int = 0
    started_over: bool = False
    references: int = 0


@dataclass(frozen=True)
class Found:
    """A child's whole record: the ids of its linked records, and every fact about it as the region knew it at `as_of`
    (UTC)."""

    children: tuple[str, ...]
    facts: tuple[Told, ...]
    as_of: str


class Feed:
    """One clinic's way back from the region; used by one thread. Every method raises SyncError, WireError or
    StoreError; whatever it raises, pages applied stay applied and the next pull goes on from there."""

    def __init__(
        self,
        inbox: FeedInbox,
        client: RegionClient,
        keys: RegionKeys,
        me: Identity,
        world: World,
        publisher: RegionKeys | None = None,
    ) -> None:
        """`publisher`: who signs the reference documents, where that is another than who answers: a clinic's hub."""
        self._inbox, self._client, self._keys, self._me, self._world = inbox, client, keys, me, world
        self._publisher = publisher or keys

    def pull(
        self, progress: Callable[[Page], None] = lambda _: None, stop: Callable[[], bool] = lambda: False
    ) -> PullResult:
        """Read to the end, or until `stop`; `progress` is told of each page once it is applied."""
        result = PullResult()
        for _ in range(_MAX_PAGES):
            page = self._next(result)
            if page is None:
                continue
            progress(page)
            if page.remaining == 0 or stop():
                self._fetch_references(page.references, result)
                return result
        raise SyncError("sync.feed_loop", "operator")

    def check(self) -> list[int]:
        """Compare what is held with what the region says must be; a difference starts over at the next pull. The
        buckets that differ."""
        for tries in range(_BEHIND_TRIES):
            self.pull()
            cursor = self._inbox.feed_standing().cursor
            try:
                document = self._client.scope_hash(cursor)
            except SyncError as fault:
                if fault.code != "sync.behind" or tries == _BEHIND_TRIES - 1:
                    raise
                continue
            said = signed.payload(self._keys.verified(signed.decode(document, "scope")), Scope)
            if (said.terminal_id, said.after) != (self._me.terminal_id, cursor):
                raise SyncError("sync.bad_answer", "later")
            return self._compare(said)
        raise SyncError("sync.behind", "later")

    def lookup(self, kind: str, value: str, purpose: Purpose, actor: str) -> Found:
        """One child of any clinic, by an identifier or its id, for a stated purpose. Nothing is kept here."""
        data = self._client.lookup(LookupRequest(kind, value, purpose, actor))
        document, body = feed.split(data)
        said = signed.payload(self._keys.verified(signed.decode(document, "record")), Record)
        if (said.terminal_id, said.purpose) != (self._me.terminal_id, purpose):
            raise SyncError("sync.bad_answer", "later")
        facts = tuple(row for row in pages.read(said, body) if isinstance(row, Told))
        return Found(said.children, facts, said.time)

    def _next(self, result: PullResult) -> Page | None:
        """One page, applied; None after starting over."""
        cursor = self._inbox.feed_standing().cursor
        try:
            document, body = feed.split(self._client.feed(cursor, LIMIT))
        except SyncError as fault:
            if fault.code != "sync.start_over":
                raise
            self._start_over()
            result.started_over = True
            return None
        page = signed.payload(self._keys.verified(signed.decode(document, "page")), Page)
        if (page.terminal_id, page.after) != (self._me.terminal_id, cursor) or not page.next:
            raise SyncError("sync.bad_answer", "later")
        if page.remaining and page.next == cursor and not page.runs:
            raise SyncError("sync.feed_loop", "operator")
        rows = pages.read(page, body)
        if rows or page.next != cursor:  # nothing new is nothing to write: a hub is asked every second
            self._inbox.apply_page(rows, page.next)
        facts = sum(isinstance(row, Told) for row in rows)
        result.pages, result.remaining = result.pages + 1, page.remaining
        result.facts, result.advice = result.facts + facts, result.advice + len(rows) - facts
        return page

    def _compare(self, said: Scope) -> list[int]:
        ours = self._inbox.buckets()
        if len(said.buckets) != feed.BUCKETS:
            raise SyncError("sync.bad_answer", "later")
        wrong = [at for at, (here, there) in enumerate(zip(ours, said.buckets, strict=True)) if here != there]
        if wrong:
            _log.warning("the feed missed rows: %d of %d buckets differ", len(wrong), feed.BUCKETS)
            self._start_over()
        return wrong

    def _start_over(self) -> None:
        """Once or twice a day is repair; more is a fault that reading everything again does not mend."""
        now = self._client.region_now()
        since = [at for at in self._inbox.feed_standing().started_over if now - from_utc_text(at) < _IN]
        if len(since) >= _START_OVERS:
            raise SyncError("sync.feed_loop", "operator")
        self._inbox.start_over(utc_text(now))

    def _fetch_references(self, newest: int, result: PullResult) -> None:
        """Every document published that is not held, its content checked against its name."""
        held = self._inbox.references()
        if newest <= max(held, default=0):
            return
        listed = self._client.catalogue()
        document = self._publisher.verified(signed.decode(listed, "catalogue"))
        for reference in signed.payload(document, Catalogue).references:
            if reference.number not in held:
                self.keep_reference(reference, *self._published(reference))
                result.references += 1
        self.listed(listed)

    def keep_reference(self, reference: Reference, document: bytes, content: bytes) -> None:  # noqa: ARG002 (a hub's own)
        """Keep a document that was checked; `document` is what was signed."""
        self._inbox.keep_reference(reference, content)

    def listed(self, catalogue: bytes) -> None:
        """Every document of this signed list is held."""

    def _published(self, wanted: Reference) -> tuple[bytes, bytes]:
        document, content = feed.split(self._client.reference(wanted.name, wanted.version))
        said = signed.payload(self._publisher.verified(signed.decode(document, "reference")), Reference)
        if (said.name, said.version) != (wanted.name, wanted.version) or sha256(content).hexdigest() != wanted.version:
            raise SyncError("sync.bad_answer", "later")
        return document, content
