"""The line to the region while the counter works: upload, the way back and looking up, each on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from domain.errors import SyncError, VaxdeskError
from terminal.bootstrap.home import Home
from terminal.bootstrap.region import region_client
from terminal.store.inbox import StoreInbox
from terminal.store.outbox import StoreOutbox
from terminal.ui.services import FeedState
from terminal.usecases.desk import Desk

if TYPE_CHECKING:  # what the counter does not need to open is imported where it is used
    from sync.client import RegionClient
    from sync.feed import Feed, Found
    from sync.feed_worker import FeedWorker
    from sync.keys import Identity
    from sync.lookup import LookupWorker
    from sync.messages import Purpose
    from sync.worker import Rhythm, SyncWorker

Said = tuple[str, dict[str, Any]]


class WatchedOutbox(StoreOutbox):
    """Remembers the last report for the window, which must not wait for the store."""

    last: Said = ("sync.ok", {})
    on_report: Callable[[], None] = staticmethod(lambda: None)
    online = False

    def report(self, code: str, params: dict[str, Any]) -> None:
        self.last = (code, params)
        self.reached(code)
        super().report(code, params)
        self.on_report()

    def reached(self, code: str) -> None:
        """What a visit, a pull or a question ended with: whether the region is there."""
        from sync.faults import reached

        if code.startswith("sync.") and code != "sync.mistake":
            self.online = reached(code)


class RegionLine:
    """Started once the counter is open; without a region, or before enrolment, nothing runs and the sync line says why.

    `heard` is called after a pull by which facts of others became rows.
    """

    def __init__(
        self, home: Home, desk: Desk, outbox: WatchedOutbox, rhythm: Rhythm | None, heard: Callable[[], None]
    ) -> None:
        self._home, self._desk, self._outbox, self._rhythm, self._heard = home, desk, outbox, rhythm, heard
        self._upload: SyncWorker | None = None
        self._feed: FeedWorker | None = None
        self._lookup: LookupWorker | None = None
        self._clients: tuple[RegionClient, ...] = ()
        self._fed: Said = ("sync.ok", {})
        self._news = False

    def start(self) -> None:
        """Any thread. What is in the way is reported."""
        from sync.feed_worker import FeedWorker
        from sync.keys import identity
        from sync.lookup import CONNECT_S, WHOLE_S, LookupWorker
        from sync.worker import SyncWorker

        home, outbox, world = self._home, self._outbox, self._desk.world
        try:
            upload, back = region_client(home, outbox, world), region_client(home, outbox, world)
            asking = region_client(home, outbox, world, connect_s=CONNECT_S, read_s=WHOLE_S, whole_s=WHOLE_S)
            me = identity(outbox)
        except VaxdeskError as fault:  # printing and backups do not wait for the region
            outbox.report(fault.code, fault.params)
            return
        self._clients = back, asking
        self._upload = SyncWorker(outbox, upload, me, world, self._rhythm)
        self._feed = FeedWorker(lambda: self._way(back, me), outbox, world, me.terminal_id, self._note_feed)
        self._lookup = LookupWorker(lambda: self._way(asking, me), asking.url, outbox.reached)
        for worker in (self._upload, self._feed, self._lookup):
            worker.start()

    def wake(self, *, at_once: bool = False) -> None:
        """There is something to send; `at_once`: a person asks, whatever wait was agreed."""
        if self._upload:
            self._upload.wake(at_once=at_once)
        if self._feed and at_once:
            self._feed.wake(at_once=True)

    def sync_now(self, deadline_s: float) -> None:
        """Upload now and wait for the report, at most so long."""
        reported = threading.Event()
        self._outbox.on_report = reported.set
        if self._upload:
            self._upload.wake(at_once=True)
            reported.wait(deadline_s)

    def look_up(self, kind: str, value: str, purpose: Purpose, actor_code: str) -> Future[Found]:
        """One child of any clinic; an answer within two seconds, or a SyncError."""
        if self._lookup:
            return self._lookup.ask(kind, value, purpose, actor_code)
        answer: Future[Found] = Future()
        answer.set_exception(SyncError("sync.no_region", "operator"))
        return answer

    def feed(self) -> FeedState:
        """How the way back is, without asking anybody."""
        if self._feed is None:
            return FeedState()
        told, (code, params) = self._feed.progress, self._fed
        return FeedState(code, params, told.at, told.remaining, told.total, not told.filled, told.people_done)

    def stops(self) -> dict[str, Callable[[float], bool]]:
        """What is to be stopped, by name."""
        threads = {"sync": self._upload, "feed": self._feed, "lookup": self._lookup}
        return {name: thread.stop for name, thread in threads.items() if thread}

    def close(self) -> None:
        """After the threads ended."""
        for client in self._clients:
            client.close()

    def _way(self, client: RegionClient, me: Identity) -> Feed:
        """The feed, with the region's keys as they are now."""
        from sync.feed import Feed
        from sync.keys import region_keys

        desk = self._desk
        inbox = StoreInbox(desk.store, desk.world, self._home.settings.clinic.code)
        inbox.on_heard = self._note_news
        return Feed(inbox, client, region_keys(self._outbox), me, desk.world)

    def _note_news(self, children: Collection[str]) -> None:  # noqa: ARG002 (the housekeeping finds them itself)
        self._news = True

    def _note_feed(self, code: str, params: dict[str, Any]) -> None:
        self._fed = code, params
        self._outbox.reached(code)
        if self._news:
            self._news = False
            self._heard()
