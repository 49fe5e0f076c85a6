"""The line to the clinic's hub: joined once by a person who compared a fingerprint, kept by a worker from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from domain.errors import SyncError
from domain.world import World, utc_text
from terminal.bootstrap.home import Home
from terminal.bootstrap.region import CLIENT
from terminal.store.outbox import StoreOutbox
from terminal.usecases.desk import Desk

if TYPE_CHECKING:  # what the counter does not need to open is imported where it is used
    from sync.hub import HubWorker
    from sync.through_hub import HubClient
    from sync.worker import Rhythm
    from terminal.store.hub_outbox import StoreHubOutbox
    from terminal.store.inbox import StoreInbox


def hub_client(home: Home, region: StoreOutbox, world: World) -> HubClient:
    """A client for the hub of the settings. Raises SyncError when there is none, or this desk has no place yet."""
    from sync.keys import identity
    from sync.through_hub import HubClient

    hub = home.settings.hub
    if hub is None:
        raise SyncError("hub.none", "operator")
    try:
        pem = (home.folder / hub.ca_file).read_text("utf-8")
    except UnicodeDecodeError as fault:  # a certificate in binary form
        raise SyncError("sync.bad_ca", "operator") from fault
    except OSError as fault:
        raise SyncError("sync.no_ca_file", "operator", path=hub.ca_file) from fault
    me = identity(region)
    return HubClient(hub.url, pem, me.key, world, client=CLIENT, offset_ms=region.standing().offset_ms, connect_s=1.0)


def join_hub(home: Home, desk: Desk, accept: Callable[[str], bool] = lambda _: True) -> str:
    """Come to the hub of the settings, the first or another one: it is told everything, and everything is heard of it.

    `accept` is shown the fingerprint of its root key before anything is kept; gives it. Raises SyncError.
    """
    from contextlib import closing

    from sync import crypto
    from sync.hub import introduce
    from sync.keys import KEYSET, ROOT, identity
    from terminal.store.hub_outbox import StoreHubOutbox

    region = StoreOutbox(desk.store, desk.world)
    with closing(hub_client(home, region, desk.world)) as client:
        joined = introduce(client, region, identity(region))
    seen = crypto.fingerprint(joined.root)
    if not accept(seen):
        raise SyncError("sync.fingerprint_differs", "operator")
    outbox = StoreHubOutbox(desk.store, desk.world)
    if outbox.recall(ROOT) != joined.root:
        inbox(desk).start_over(utc_text(desk.world.now()))
        outbox.begin()
        outbox.remember(ROOT, joined.root)
    outbox.remember(KEYSET, joined.keyset)
    return seen


def inbox(desk: Desk) -> StoreInbox:
    """Where what the hub tells becomes rows."""
    from terminal.store.inbox import StoreInbox

    return StoreInbox(desk.store, desk.world, desk.settings.clinic.code, source="hub")


def hub_worker(
    home: Home,
    desk: Desk,
    region: StoreOutbox,
    outbox: StoreHubOutbox,
    alone: Callable[[], bool],
    heard: Callable[[], None] = lambda: None,
    rhythm: Rhythm | None = None,
) -> HubWorker:
    """The worker of this line, not started. Raises SyncError "hub.none" without a hub, "hub.not_joined" before
    `vaxdesk hub join`."""
    from sync.hub import RHYTHM, HubLine, HubWorker
    from sync.keys import identity

    client, me = hub_client(home, region, desk.world), identity(region)
    if not outbox.joined:
        raise SyncError("hub.not_joined", "operator")
    line = HubLine(outbox, region, inbox(desk), client, me, desk.world, alone)
    return HubWorker(line, outbox, desk.world, me.terminal_id, heard, rhythm or RHYTHM)


def set_hub(home: Home, url: str, ca_file: str) -> None:
    """Write `[hub]` into the settings. Raises ConfigError."""
    from config import settings_edit

    settings_edit.set_values(home.settings_path, "hub", {"url": url, "ca_file": ca_file})
