"""The thread that reads the way back, and how far it has read: a first load shows a bar and goes on after a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from domain.wire.feed import Page
from domain.world import World, utc_text
from sync.feed import Feed
from sync.ports import Notes
from sync.worker import Agenda, Paced, Rhythm, day_kept, keep_day

CHECKED = "feed.checked"  # the day of the last comparison that was done
LOAD = "feed.load"


@dataclass(frozen=True)
class Progress:
    """Of `total` facts and children of the load under way about `remaining` are to come; both 0 when all was read.
    `filled`: this PC was once read to the end; `people_done`: the children came. `at`: heard last, UTC, "" never."""

    remaining: int = 0
    total: int = 0
    filled: bool = False
    people_done: bool = False
    at: str = ""


def progress(notes: Notes) -> Progress:
    """As it was kept."""
    kept = notes.recall(LOAD)
    return msgspec.json.decode(kept, type=Progress) if kept else Progress()


class FeedWorker(Paced):
    """Pulls every `every_s`, later while the line is down, and compares once a day after the nightly net, or after the
    next start. `way` gives the feed with the region's keys of now; `report` is told "sync.ok" or a fault's code."""

    def __init__(
        self,
        way: Callable[[], Feed],
        notes: Notes,
        world: World,
        terminal_id: str,
        report: Callable[[str, dict[str, Any]], None],
        *,
        every_s: float = 60.0,
    ) -> None:
        super().__init__("feed", world, Agenda(Rhythm(debounce_s=every_s), terminal_id))
        self._way, self._notes, self._report = way, notes, report
        self._checked = day_kept(notes, CHECKED)
        self.progress = progress(notes)
        self._agenda.ask(time.monotonic(), at_once=True)

    def errand(self) -> None:
        way, due = self._way(), self._agenda.last_net(self._local())
        way.pull(self._heard, lambda: self._stopping)
        if self._checked != due and not self._stopping:
            way.check()
            self._checked = keep_day(self._notes, CHECKED, due)
        self.tell("sync.ok", {})
        self.wake()

    def tell(self, code: str, params: dict[str, Any]) -> None:
        self._report(code, params)

    def _heard(self, page: Page) -> None:
        """A page is applied. What a restart must know is kept when it changes, not page by page."""
        before, at = self.progress, utc_text(self._world.now())
        self.progress = replace(
            before,
            remaining=page.remaining,
            total=max(before.total, page.remaining) if page.remaining else 0,
            filled=before.filled or not page.remaining,
            people_done=before.people_done or page.stage != "people",
            at=at,
        )
        kept = before.total, before.filled, before.people_done
        if page.runs or kept != (self.progress.total, self.progress.filled, self.progress.people_done):
            self._notes.remember(LOAD, msgspec.json.encode(self.progress))
