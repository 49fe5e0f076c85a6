"""A terminal until it is killed: `exchange_terminal.py <records.db> <region url> <ca.pem>`, real store, real threads.

A line "give <n>" on standard input records that many doses; "finish" sends the rest and ends. It says on standard
output, a line each: saved <dose>, acked <received upto>, failed <code>, read <rows>, finished <seq>.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from domain import events
from domain.errors import VaxdeskError
from domain.wire.feed import Advice
from domain.world import World
from sync.client import RegionClient
from sync.feed import Feed
from sync.keys import REGISTRATION, identity, region_keys
from sync.ports import Told
from sync.worker import Rhythm, SyncWorker
from terminal.store.database import Store
from terminal.store.inbox import StoreInbox
from terminal.store.ledger import tell
from terminal.store.outbox import StoreOutbox, unsent
from tests.fakes.ledgers import KEY
from tests.region_fixtures import CLINIC

QUICK = Rhythm(debounce_s=0.01, base_s=0.05, cap_s=0.2)
CHILDREN = 7


def say(word: str, what: object) -> None:
    os.write(1, f"{word} {what}\n".encode())


class Heard(StoreOutbox):
    """Says what the operator would read."""

    settled = threading.Event()

    def report(self, code: str, params: dict[str, object]) -> None:
        super().report(code, params)
        if code == "sync.ok":
            say("acked", params["received_upto"])
        else:
            say("failed", code)
        self.settled.set()


class HeardInbox(StoreInbox):
    def apply_page(self, rows: Sequence[Told | Advice], cursor: str) -> None:
        super().apply_page(rows, cursor)
        say("read", len(rows))


def give(store: Store, world: World, n: int) -> list[str]:
    """So many doses, each a transaction of its own."""
    given = []
    for place in range(n):
        day = date(1990, 1, 1) + timedelta(days=int.from_bytes(world.random(2), "big") % 12_000)  # no two are doubles

        def one(child: str = f"child-{place % CHILDREN}", stated: str = day.isoformat()) -> str:
            with tell(store, world, "nurse") as entry:
                return entry.fact("dose.given", child, events.DoseGiven("visit", "02", 1, CLINIC), stated=stated)

        given.append(store.run(one))
        say("saved", given[-1])
    return given


def send_all(store: Store, line: SyncWorker) -> None:
    while unsent(store).events:
        Heard.settled.clear()
        line.wake(at_once=True)
        Heard.settled.wait(5)


def go_on(way: Feed, line: SyncWorker, ended: threading.Event) -> None:
    """Read, and upload as for a person who does not wait out what was agreed."""
    while not ended.wait(0.05):
        line.wake(at_once=True)
        try:
            way.pull(stop=ended.is_set)
        except VaxdeskError as fault:
            say("failed", fault.code)


def run(records: Path, url: str, ca_pem: str) -> None:
    world, store = World(), Store(records, KEY)
    outbox = Heard(store, world)
    assert outbox.recall(REGISTRATION)
    me, keys = identity(outbox), region_keys(outbox)

    def client() -> RegionClient:
        offset = outbox.standing().offset_ms
        return RegionClient(url, ca_pem, me.key, world, client="vaxdesk/0.1.0", offset_ms=offset, read_s=5.0)

    line = SyncWorker(outbox, client(), me, world, QUICK)
    way = Feed(HeardInbox(store, world, CLINIC), client(), keys, me, world)
    ended = threading.Event()
    back = threading.Thread(target=go_on, args=(way, line, ended))
    line.start()
    back.start()
    for said in sys.stdin:
        word, _, n = said.strip().partition(" ")
        if word == "finish":
            break
        give(store, world, int(n))
        line.wake()
    send_all(store, line)
    ended.set()
    back.join(20)
    line.stop(20)
    ((seq,),) = store.sql("SELECT seq FROM head")
    store.close()
    say("finished", seq)


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]).read_text("utf-8"))
