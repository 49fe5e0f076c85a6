"""The thread that pays the visits: soon after each child, nightly as the net, ever later while the line is down."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from hashlib import sha256
from typing import Any

from domain.errors import Retry, SyncError, VaxdeskError
from domain.world import World
from sync.client import RegionClient
from sync.keys import Identity
from sync.ports import Notes, Outbox
from sync.visit import sync_once

NETTED = "line.netted"  # the day of the last nightly net that was done
_log = logging.getLogger(__name__)
_LOOK_AGAIN_S = 60.0  # the wall clock of a clinic PC jumps: the nightly net is looked at again this often


@dataclass(frozen=True)
class Rhythm:
    """`debounce_s` gathers visits into one upload; waits after a failure are full jitter up to base * 2^n, at most
    `cap_s` (Brooker, AWS, 2015). The nightly net is at `net_at` of the clinic plus a terminal's own share of
    `net_spread_s`."""

    debounce_s: float = 180.0
    base_s: float = 15.0
    cap_s: float = 1800.0
    net_at: clock_time = clock_time(17, 30)
    net_spread_s: int = 3600


class Agenda:
    """When the next visit is due. Pure: `now` is monotonic seconds, `local` the clinic's wall clock.

    `netted` is the day of the last nightly net, None never. One that was missed because the PC was off is caught up
    with after the start at `began`, each terminal a little later than another.
    """

    def __init__(self, rhythm: Rhythm, terminal_id: str, netted: date | None = None, began: float = 0.0) -> None:
        self._rhythm = rhythm
        share = int.from_bytes(sha256(terminal_id.encode()).digest()[:8], "big")
        self._net_delay = timedelta(seconds=share % max(rhythm.net_spread_s, 1))
        self._caught_up_at = began + share % 1000 / 1000 * rhythm.debounce_s if netted else began
        self._asked_at: float | None = None
        self._retry_at: float | None = None
        self._held = False
        self._failures = 0
        self.netted = netted

    def ask(self, now: float, *, at_once: bool = False) -> None:
        """A child was recorded, or (`at_once`) a person wants it now: that also ends a hold or a wait."""
        if at_once:
            self._asked_at, self._retry_at, self._held = now - self._rhythm.debounce_s, None, False
        elif self._asked_at is None:
            self._asked_at = now

    def wait_s(self, now: float, local: datetime) -> float:
        """Seconds until the next visit; 0 or less when it is due."""
        net = self._net(local)
        waits = [(net - local).total_seconds() if local < net else 86400.0]
        if self.netted != self.last_net(local) and (self.netted or local >= net):
            waits.append(max(0.0, self._caught_up_at - now))
        if self._retry_at is not None:
            waits.append(self._retry_at - now)
        elif self._asked_at is not None and not self._held:
            waits.append(self._asked_at + self._rhythm.debounce_s - now)
        return min(waits)

    def last_net(self, local: datetime) -> date:
        """The day of the last nightly net that is due by now."""
        return local.date() if local >= self._net(local) else local.date() - timedelta(days=1)

    def _net(self, local: datetime) -> datetime:
        return datetime.combine(local.date(), self._rhythm.net_at, local.tzinfo) + self._net_delay

    def started(self, local: datetime) -> None:
        self._asked_at = self._retry_at = None
        self.netted = self.last_net(local)

    def succeeded(self) -> None:
        self._failures, self._held = 0, False

    def failed(self, now: float, retry: Retry, retry_after_s: float, chance: float) -> None:
        """`chance` is in 0..1. What only a person can mend waits for the person, or the nightly net."""
        self._failures += 1
        if retry == "later":
            most = min(self._rhythm.cap_s, self._rhythm.base_s * 2 ** min(self._failures - 1, 20))
            self._retry_at = now + max(retry_after_s, chance * most)
        else:
            self._held = True


class Paced(threading.Thread):
    """A thread that does its errand whenever its agenda says so, until `stop`. What fails is told and tried again."""

    def __init__(self, name: str, world: World, agenda: Agenda) -> None:
        super().__init__(name=name, daemon=True)
        self._world, self._agenda = world, agenda
        self._changed = threading.Condition()
        self._stopping = False

    def errand(self) -> None:
        """What there is to do now. May raise."""
        raise NotImplementedError

    def tell(self, code: str, params: dict[str, Any]) -> None:
        """Why it failed, for the operator."""
        raise NotImplementedError

    def wake(self, *, at_once: bool = False) -> None:
        """There is something to do. Any thread may call this."""
        with self._changed:
            self._agenda.ask(time.monotonic(), at_once=at_once)
            self._changed.notify()

    def stop(self, deadline_s: float) -> bool:
        """Ask the thread to end; False when a request still hangs after `deadline_s`: leaving it loses nothing."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self.join(deadline_s)
        return not self.is_alive()

    def run(self) -> None:
        while self._wait():
            try:
                self.errand()
            except VaxdeskError as fault:
                self._failed(fault)
            except Exception as mistake:  # noqa: BLE001 (a mistake of ours must not end the day's exchange in silence)
                _log.error("%s: %s", self.name, type(mistake).__name__)
                self._failed(SyncError("sync.mistake", "later", kind=type(mistake).__name__))
            else:
                with self._changed:
                    self._agenda.succeeded()

    def _failed(self, fault: VaxdeskError) -> None:
        """What cannot even be told, on a full disk or while the database is down, is tried again all the same."""
        _log.warning("%s failed: %s", self.name, fault.code)
        chance = int.from_bytes(self._world.random(4), "big") / 2**32
        after = float(fault.params.get("retry_after_s", 0))
        with self._changed:
            self._agenda.failed(time.monotonic(), fault.retry, after, chance)
        try:
            self.tell(fault.code, fault.params)
        except VaxdeskError as untold:
            _log.warning("%s cannot say so: %s", self.name, untold.code)

    def _wait(self) -> bool:
        """Sleep until the errand is due; False when stopping."""
        with self._changed:
            while not self._stopping:
                wait = self._agenda.wait_s(time.monotonic(), self._local())
                if wait <= 0:
                    self._agenda.started(self._local())
                    return True
                self._changed.wait(min(wait, _LOOK_AGAIN_S))
            return False

    def _local(self) -> datetime:
        return self._world.now().astimezone(self._world.zone)


def day_kept(notes: Notes, name: str) -> date | None:
    """The day of an errand that is done once a day; None never, or where the note cannot be read."""
    try:
        return date.fromisoformat((notes.recall(name) or b"").decode())
    except ValueError:
        return None


def keep_day(notes: Notes, name: str, day: date | None) -> date | None:
    """Kept once it is done, so that a PC that was off at night does it after its next start; gives `day`."""
    notes.remember(name, day.isoformat().encode() if day else b"")
    return day


class SyncWorker(Paced):
    """Pays the visits of one terminal until `stop`. State goes to the operator through `outbox.report`."""

    def __init__(
        self, outbox: Outbox, client: RegionClient, me: Identity, world: World, rhythm: Rhythm | None = None
    ) -> None:
        self._netted = day_kept(outbox, NETTED)
        super().__init__("sync", world, Agenda(rhythm or Rhythm(), me.terminal_id, self._netted, time.monotonic()))
        self._outbox, self._client, self._me = outbox, client, me
        self._agenda.ask(time.monotonic())

    def errand(self) -> None:
        result = sync_once(self._outbox, self._client, self._me, self._world)
        _log.info("sync done: %d batches, %d events", result.batches, result.events)
        if self._agenda.netted != self._netted:
            self._netted = keep_day(self._outbox, NETTED, self._agenda.netted)

    def tell(self, code: str, params: dict[str, Any]) -> None:
        self._outbox.report(code, params)

    def run(self) -> None:
        super().run()
        self._client.close()
