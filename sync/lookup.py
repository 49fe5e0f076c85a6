"""One child asked for while the family waits: an answer within two seconds, or why not."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from domain.errors import SyncError, VaxdeskError
from sync.feed import Feed, Found
from sync.messages import Purpose

CONNECT_S, WHOLE_S = 1.0, 2.0
_log = logging.getLogger(__name__)


class LookupWorker(threading.Thread):
    """Asks one after the other, on a thread and over a line of its own; whoever asks waits `WHOLE_S` at most, also
    behind another. `way` gives the feed with the region's keys of now; `report` is told "sync.ok" or a fault's code."""

    def __init__(
        self,
        way: Callable[[], Feed],
        url: str,
        report: Callable[[str], None] = lambda _: None,
        whole_s: float = WHOLE_S,
    ) -> None:
        super().__init__(name="lookup", daemon=True)
        self._way, self._url, self._report, self._whole_s = way, url, report, whole_s
        self._asked: queue.SimpleQueue[tuple[Future[Found], Callable[[], Found]] | None] = queue.SimpleQueue()
        self._settling = threading.Lock()

    def ask(self, kind: str, value: str, purpose: Purpose, actor: str) -> Future[Found]:
        """`Feed.lookup`, later. Any thread. The future's exception is a VaxdeskError, "sync.timeout" when it took too
        long; what comes after that is dropped."""
        answer: Future[Found] = Future()
        late = SyncError("sync.timeout", "later", url=self._url)
        timer = threading.Timer(self._whole_s, partial(self._settle, answer.set_exception, answer, late))
        timer.daemon = True
        timer.start()
        answer.add_done_callback(lambda _: timer.cancel())
        self._asked.put((answer, lambda: self._way().lookup(kind, value, purpose, actor)))
        return answer

    def stop(self, deadline_s: float) -> bool:
        """Ask the thread to end; False when a request still hangs after `deadline_s`: leaving it loses nothing."""
        self._asked.put(None)
        self.join(deadline_s)
        return not self.is_alive()

    def run(self) -> None:
        while (asked := self._asked.get()) is not None:
            answer, work = asked
            if answer.done():  # nobody waits any more
                continue
            try:
                found = work()
            except VaxdeskError as fault:
                self._report(fault.code)
                self._settle(answer.set_exception, answer, fault)
            except Exception as mistake:  # noqa: BLE001 (a mistake of ours must not end all looking up in silence)
                _log.error("lookup failed: %s", type(mistake).__name__)
                self._settle(answer.set_exception, answer, SyncError("sync.mistake", kind=type(mistake).__name__))
            else:
                self._report("sync.ok")
                self._settle(answer.set_result, answer, found)

    def _settle(self, settle: Callable[[Any], None], answer: Future[Found], value: Found | Exception) -> None:
        with self._settling:
            if not answer.done():
                settle(value)
