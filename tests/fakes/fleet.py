"""Terminals at work all at once: each tells facts and sends them to one of several addresses of the region, to the next
when one does not answer, until everything is acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from domain.errors import SyncError
from domain.world import World
from regional import queries
from sync.client import RegionClient
from sync.keys import Identity
from sync.visit import sync_once
from tests.fakes.outbox import MemoryOutbox, enrolled

_DEADLINE_S = 120
_AGAIN_S = 0.05  # a real terminal waits seconds to minutes


@dataclass
class Sailor:
    """One terminal. `failed` visits by their code, `rewound` how often the region had less than it acknowledged."""

    outbox: MemoryOutbox
    me: Identity
    failed: list[str] = field(default_factory=list)
    rewound: int = 0


class Fleet:
    """A context manager; the threads begin with `start` and are awaited with `home`."""

    def __init__(self, urls: Sequence[str], ca_file: Path, new_code: Callable[[int], str], size: int) -> None:
        self.urls, self._ca_pem, self._world = list(urls), ca_file.read_text(), World()
        self.sailors = [self._enrolled(new_code(number)) for number in range(size)]
        self._changed = threading.Condition()
        self._pool = ThreadPoolExecutor(size)
        self._voyages: list[Future[None]] = []
        self._stop = threading.Event()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()

    def start(self, rounds: int, facts: int = 3) -> None:
        """Each tells so many facts a round, and goes on once they are acknowledged."""
        self._voyages = [self._pool.submit(self._sail, one, rounds, facts) for one in self.sailors]

    def wait_for(self, met: Callable[[], bool]) -> None:
        """Until `met`, looked at after every visit of anybody."""
        with self._changed:
            assert self._changed.wait_for(met, _DEADLINE_S), [one.failed[-3:] for one in self.sailors]

    def home(self) -> None:
        for voyage in self._voyages:
            voyage.result(_DEADLINE_S)

    @property
    def acknowledged(self) -> int:
        return sum(one.outbox.acked_seq for one in self.sailors)

    def told(self) -> set[tuple[str, bytes]]:
        return {(one.me.terminal_id, stored) for one in self.sailors for stored in one.outbox.events}

    def _enrolled(self, code: str) -> Sailor:
        outbox, me, _ = enrolled(self.urls[0], self._ca_pem, code, self._world)
        one, rewind = Sailor(outbox, me), outbox.rewind

        def counted(have_seq: int) -> None:
            one.rewound += 1
            rewind(have_seq)

        outbox.rewind = counted  # type: ignore[method-assign]  # the outbox is the test's own
        return one

    def _sail(self, one: Sailor, rounds: int, facts: int) -> None:
        until, place = time.monotonic() + _DEADLINE_S, self.sailors.index(one)
        for number in range(rounds):
            for _ in range(facts):
                one.outbox.give(f"{one.me.terminal_id}-{number}")
            place += 1
            while one.outbox.acked_seq < len(one.outbox.events) and not self._stop.is_set():
                assert time.monotonic() < until, one.failed[-3:]
                if not self._visit(one, self.urls[place % len(self.urls)]):
                    place += 1
                    self._stop.wait(_AGAIN_S)

    def _visit(self, one: Sailor, url: str) -> bool:
        client = RegionClient(
            url, self._ca_pem, one.me.key, self._world, client="vaxdesk/0.1.0", connect_s=2, read_s=20
        )
        try:
            sync_once(one.outbox, client, one.me, self._world)
            return True
        except SyncError as fault:
            assert fault.retry == "later", fault.code
            one.failed.append(fault.code)
            return False
        finally:
            client.close()
            with self._changed:
                self._changed.notify_all()


def held(dsn: str) -> list[tuple[str, bytes]]:
    """Every event the region has applied, as often as it has it."""
    with queries.connect(dsn) as connection:
        return [(row[0], bytes(row[1])) for row in connection.execute("SELECT terminal_id, data FROM event")]
