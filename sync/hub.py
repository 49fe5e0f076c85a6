"""A terminal's second line, to the hub of its own clinic: facts go there and come from there within a second or two,
with or without the region; and batches for the region that this desk cannot send itself are left there, sealed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from domain.errors import SyncError, WireError
from domain.wire import signed
from domain.world import World
from sync import crypto
from sync.feed import Feed
from sync.keys import KEYSET, REGISTRATION, ROOT, Identity, RegionKeys, region_keys
from sync.messages import Introduced, Introduction
from sync.ports import FeedInbox, Outbox
from sync.through_hub import HubClient, RegionOutbox, ThroughHub
from sync.visit import sync_once
from sync.worker import Agenda, Paced, Rhythm

EVERY_S = 0.5
RHYTHM = Rhythm(debounce_s=EVERY_S, base_s=1.0, cap_s=15.0)
_STATUS_S = 30.0  # without news of ours, the hub's clock and generation are asked for this often
_REGION_S = 3.0  # what goes through the hub to the region
_UNKNOWN_THERE = {"sync.unknown_terminal", "sync.expired"}


class HubOutbox(Outbox, Protocol):
    """The facts told to the hub, in epochs of their own; documents kept through it are the hub's."""

    def unsent(self) -> bool:
        """Whether facts wait that the hub has not acknowledged."""

    def begin(self) -> None:
        """Another hub, or the first: everything is told to it anew, and its feed is read from the beginning."""


@dataclass(frozen=True)
class Joined:
    """What a hub gave, all verified: its key set under `root`."""

    root: bytes
    keyset: bytes


def introduce(client: HubClient, region: Outbox, me: Identity) -> Joined:
    """Come to the hub with our place in the region. It has to be the hub of our clinic by the region's own word, and
    prove that it holds that place. A newer key set of the region is kept. Raises SyncError: "hub.foreign" when it is
    not ours."""
    document, root = region.recall(REGISTRATION), region.recall(ROOT)
    if document is None or root is None:
        raise SyncError("sync.not_enrolled", "operator")
    ours = signed.decode(document, "registration")
    answer = client.introduce(Introduction(ours, crypto.point(me.key.public_key()), client.client))
    fresh, known = RegionKeys(signed.encode(answer.region_keyset), root), region_keys(region)
    keys = fresh if fresh.keyset.version > known.keyset.version else known
    if not _is_our_hub(answer, keys, signed.payload(ours, signed.Registration).clinic_id):
        raise SyncError("hub.foreign", "operator")
    if keys is fresh:
        region.remember(KEYSET, signed.encode(answer.region_keyset))
    return Joined(answer.root, signed.encode(answer.keyset))


def _is_our_hub(answer: Introduced, keys: RegionKeys, clinic: str) -> bool:
    try:
        theirs = signed.payload(keys.verified(answer.registration), signed.Registration)
        public = crypto.public_from_point(answer.public_key)
    except (SyncError, WireError):
        return False
    hub_of_ours = answer.registration.kind == "registration" and theirs.hub and theirs.clinic_id == clinic
    proven = crypto.key_id(public) == theirs.key_id and crypto.verify(public, answer.proof, to_prove(answer.root))
    return hub_of_ours and proven


def to_prove(root: bytes) -> bytes:
    """What a hub signs with the key of its place in the region: that the keys under `root` are its own."""
    return b"vaxdesk hub 1\0" + root


class HubLine:
    """One terminal's line to its hub; used by one thread. Every method raises SyncError, WireError or StoreError."""

    def __init__(
        self,
        outbox: HubOutbox,
        region: RegionOutbox,
        inbox: FeedInbox,
        client: HubClient,
        me: Identity,
        world: World,
        alone: Callable[[], bool],
    ) -> None:
        """`alone`: this desk does not reach the region itself."""
        self._outbox, self._region, self._inbox = outbox, region, inbox
        self._client, self._me, self._world, self._alone = client, me, world, alone
        self._through = ThroughHub(region, client, me, world, self._enter)
        self._feed: Feed | None = None
        self._status_at = self._region_at = 0.0

    def visit(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Tell what is new, hear what is new, leave what cannot go to the region; how many rows were heard."""
        try:
            now = time.monotonic()
            if self._feed is None:
                self._enter()
            if self._outbox.unsent() or now >= self._status_at:
                sync_once(self._outbox, self._client, self._me, self._world)
                self._status_at = now + _STATUS_S
                self._feed = self._way()
            assert self._feed
            heard = self._feed.pull(stop=lambda: stop() or self._outbox.unsent())
            if now >= self._region_at and self._alone():
                self._through.visit()
                self._region_at = now + _REGION_S
        except SyncError as fault:
            self._status_at = 0.0
            if fault.code in _UNKNOWN_THERE:  # the hub's records are new, or our entry there has run out
                self._feed = None
            raise
        return heard.facts + heard.advice

    def close(self) -> None:
        self._client.close()

    def _enter(self) -> None:
        joined = introduce(self._client, self._region, self._me)
        if joined.root != self._outbox.recall(ROOT):
            raise SyncError("hub.another", "operator")
        self._outbox.remember(KEYSET, joined.keyset)
        self._status_at = 0.0
        self._feed = self._way()

    def _way(self) -> Feed:
        """The hub signs pages with its own keys, the documents everybody works by are the region's."""
        keys, publisher = region_keys(self._outbox), region_keys(self._region)
        return Feed(self._inbox, self._client, keys, self._me, self._world, publisher)


class HubWorker(Paced):
    """Keeps the line to the hub until `stop`, every `rhythm.debounce_s`, and whenever it is woken. `heard` is told when
    something new came."""

    def __init__(
        self,
        line: HubLine,
        outbox: HubOutbox,
        world: World,
        terminal_id: str,
        heard: Callable[[], None] = lambda: None,
        rhythm: Rhythm = RHYTHM,
    ) -> None:
        super().__init__("hub", world, Agenda(rhythm, terminal_id))
        self._line, self._outbox, self._heard = line, outbox, heard
        self.wake(at_once=True)

    def errand(self) -> None:
        if self._line.visit(lambda: self._stopping):
            self._heard()
        self._outbox.report("sync.ok", {})
        self.wake()

    def tell(self, code: str, params: dict[str, Any]) -> None:
        self._outbox.report(code, params)

    def run(self) -> None:
        super().run()
        self._line.close()
