"""A terminal on a PC whose clock is wrong: `clock_terminal.py <region url> <ca.pem> <code>`. It enrols, sends, reads,
says it in a line of JSON; then, given the registration it is to hold (hex), it pays another visit and says that."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from domain import events
from domain.wire import event
from domain.world import World, utc_text
from sync.client import RegionClient
from sync.feed import Feed
from sync.keys import REGISTRATION, region_keys
from sync.visit import sync_once
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.fakes.outbox import enrolled
from tests.region_fixtures import CLINIC


def run(url: str, ca_pem: str, code: str) -> None:
    world = World()
    outbox, me, place = enrolled(url, ca_pem, code, world)
    learnt = place.offset_ms
    client = RegionClient(url, ca_pem, me.key, world, client="vaxdesk/0.1.0")  # it has forgotten the offset
    outbox.tell("child.registered", events.ChildRegistered("赵一", "1", "2026-11-01"), f"child-{me.terminal_id}")
    sync_once(outbox, client, me, world)
    way = Feed(MemoryFeedInbox(CLINIC), client, region_keys(outbox), me, world)
    way.pull()
    said = {
        "terminal": me.terminal_id,
        "now": utc_text(world.now()),
        "learnt": learnt,
        "offset": client.offset_ms,
        "kept": outbox.offset_ms,
        "recorded_at": event.decode(outbox.events[0]).recorded_at,
        "acked": outbox.acked_seq,
    }
    print(json.dumps(said), flush=True)
    outbox.documents[REGISTRATION] = bytes.fromhex(sys.stdin.readline())
    outbox.tell("child.updated", events.ChildUpdated({"area": ("", "x")}), f"child-{me.terminal_id}")
    renewed = sync_once(outbox, client, me, world).renewed
    wrong = way.check()
    print(json.dumps({"renewed": renewed, "acked": outbox.acked_seq, "wrong": wrong}), flush=True)
    client.close()


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]).read_text("utf-8"), sys.argv[3])
