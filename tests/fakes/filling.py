"""A new PC being filled from the region, in a process of its own that may be killed: `HOME ROWS`, a line a page."""

from __future__ import annotations

import sys
from pathlib import Path

import sync.feed
from domain.wire.feed import Page
from sync.feed import Feed
from sync.keys import identity, region_keys
from terminal import bootstrap
from terminal.store.inbox import StoreInbox
from terminal.store.outbox import StoreOutbox
from terminal.usecases.desk import Desk


def way_of(home: bootstrap.Home, desk: Desk) -> Feed:
    """The terminal's way back, into its real records."""
    outbox, inbox = StoreOutbox(desk.store, desk.world), StoreInbox(desk.store, desk.world, desk.clinic)
    client = bootstrap.region_client(home, outbox, desk.world)
    return Feed(inbox, client, region_keys(outbox), identity(outbox), desk.world)


def _say(page: Page) -> None:
    sys.stdout.write(f"{page.stage or 'end'} {page.remaining}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sync.feed.LIMIT = int(sys.argv[2])
    here = bootstrap.find_home(Path(sys.argv[1]) / "vaxdesk.toml")
    with bootstrap.only_one(here):
        desk = bootstrap.open_desk(here)
        way_of(here, desk).pull(_say)
        desk.store.close()
