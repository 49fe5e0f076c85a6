"""A terminal's place in the region: the client of the settings, enrolment, one visit without a running terminal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from domain.errors import SyncError
from domain.wire.signed import HPKE_SUITE
from domain.world import World
from terminal import VERSION
from terminal.bootstrap.home import Home
from terminal.store import keyfile
from terminal.store.inbox import StoreInbox
from terminal.store.outbox import StoreOutbox, open_epoch
from terminal.usecases.desk import Desk

if TYPE_CHECKING:  # what the counter does not need to open is imported where it is used
    from sync.client import RegionClient
    from sync.enrol import Enrolment
    from sync.keys import RegionKeys
    from sync.visit import SyncResult

CLIENT = f"vaxdesk/{VERSION}"
_NEXT_KEY = "terminal.next_key"  # of an enrolment under way; until it ends the place held so far stays good


def region_client(home: Home, outbox: StoreOutbox, world: World, **limits: float) -> RegionClient:
    """A client for the region of the settings; `limits` are connect_s, read_s, whole_s. Raises SyncError when there is
    no region or this terminal is not enrolled."""
    from sync.client import RegionClient
    from sync.keys import identity

    region = home.settings.region
    if region is None:
        raise SyncError("sync.no_region")
    me = identity(outbox)
    pem = read_ca(home)
    return RegionClient(region.url, pem, me.key, world, client=CLIENT, offset_ms=outbox.standing().offset_ms, **limits)


def read_ca(home: Home) -> str:
    """The pinned certificate authority, PEM. Raises SyncError."""
    region = home.settings.region
    if region is None:
        raise SyncError("sync.no_region")
    try:
        return (home.folder / region.ca_file).read_text("utf-8")
    except UnicodeDecodeError as fault:  # a certificate in binary form
        raise SyncError("sync.bad_ca") from fault
    except OSError as fault:
        raise SyncError("sync.no_ca_file", path=region.ca_file) from fault


def enrol_terminal(home: Home, desk: Desk, code: str, accept: Callable[[str], bool] = lambda _: True) -> str:
    """Take this terminal's place in the region with a one-time code; gives the terminal id. Raises SyncError.

    `accept` is shown the fingerprint of the region's root key before anything is kept. What was recorded before goes up
    under the new id: enrolment opens an epoch.
    """
    from sync import crypto
    from sync.enrol import enrol
    from sync.keys import REGISTRATION, ROOT, identity, private_bytes, private_from_bytes, region_keys

    if home.settings.region is None:
        raise SyncError("sync.no_region")
    outbox = StoreOutbox(desk.store, desk.world)
    kept = outbox.recall(_NEXT_KEY)  # of a try whose answer was lost: the code is good for this key only
    key = private_from_bytes(kept) if kept else crypto.new_key()
    outbox.remember(_NEXT_KEY, private_bytes(key))
    url, before = home.settings.region.url, identity(outbox).terminal_id if outbox.recall(REGISTRATION) else ""
    gained = enrol(url, read_ca(home), code, key, client=CLIENT, world=desk.world, before=before)
    if not accept(crypto.fingerprint(gained.documents[ROOT])):
        raise SyncError("sync.fingerprint_differs", "operator")
    desk.store.run(_take_place, desk, outbox, gained)
    _add_escrow(home, desk.store.key, region_keys(outbox))
    outbox.add_leases(gained.leases)
    return gained.registration.terminal_id


def _take_place(desk: Desk, outbox: StoreOutbox, gained: Enrolment) -> None:
    """Name, key and epoch in one transaction: a batch sealed under two names is taken by nobody. What another region,
    or this one before it lost its records, acknowledged is sent again."""
    with desk.store.transaction():
        lost = outbox.standing().generation not in ("", gained.generation)
        for name, document in gained.documents.items():
            outbox.remember(name, document)
        outbox.remember(_NEXT_KEY, b"")
        open_epoch(desk.store, desk.world, "enrol", terminal_id=gained.registration.terminal_id, everything=lost)
        outbox.region_says(gained.generation, gained.offset_ms)


def _add_escrow(home: Home, key: bytes, keys: RegionKeys) -> None:
    """From enrolment on the region can open a rescued disk, where it offers an escrow key."""
    offered = [k for k in keys.keyset.keys if k.use == "escrow" and k.suite == HPKE_SUITE]
    if offered:
        newest = max(offered, key=lambda k: k.not_before)
        keyfile.save(home.key, keyfile.with_escrow(keyfile.load(home.key), key, newest))


def sync_alone(home: Home, desk: Desk) -> SyncResult:
    """What waits goes up, and what others told comes back, without a running terminal. Raises SyncError, WireError,
    StoreError."""
    from sync.feed import Feed
    from sync.feed_worker import FeedWorker
    from sync.keys import identity, region_keys
    from sync.visit import sync_once

    outbox = StoreOutbox(desk.store, desk.world)
    with closing(region_client(home, outbox, desk.world)) as client:
        me = identity(outbox)
        result = sync_once(outbox, client, me, desk.world)
        inbox = StoreInbox(desk.store, desk.world, home.settings.clinic.code)
        way = Feed(inbox, client, region_keys(outbox), me, desk.world)
        FeedWorker(lambda: way, outbox, desk.world, me.terminal_id, lambda *_: None).errand()
        return result
