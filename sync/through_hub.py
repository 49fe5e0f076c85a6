"""What a desk without a line of its own sends to the region through its clinic's hub: sealed batches, left there and
answered when the region was reached; numbers and the renewal of its place, asked for while the hub has a line."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from domain.errors import SyncError
from domain.wire import signed
from domain.world import World
from sync import anew, faults, messages
from sync.client import RegionClient
from sync.enrol import accepted_leases, accepted_registration
from sync.keys import REGISTRATION, Identity, RegionKeys, region_keys, renewal_due
from sync.messages import Introduced, Introduction, Relayed
from sync.ports import Outbox, SealedBatch
from sync.sealing import seal_waiting

_ASK_S = 60.0


class RegionOutbox(Outbox, Protocol):
    """The facts for the region, as far as a hub may carry them."""

    def batch_after(self, seq: int) -> SealedBatch | None:
        """The first sealed batch of the present epoch, without an acknowledgement, that begins after `seq`."""


class HubClient(RegionClient):
    """A hub as its clinic's terminals see it: as a region, and a little more."""

    def introduce(self, said: Introduction) -> Introduced:
        return messages.decode(self._signed("POST", "/v1/introductions", msgspec.json.encode(said)), Introduced)

    def relayed(self, terminal_id: str) -> Relayed:
        return messages.decode(self._signed("GET", f"/v1/relay/{terminal_id}"), Relayed)

    def leave(self, terminal_id: str, batch: SealedBatch) -> Relayed:
        """Leave a batch for the region."""
        path = f"/v1/relay/{terminal_id}/{batch.epoch}/{batch.first_seq}-{batch.last_seq}"
        return messages.decode(self._signed("PUT", path, batch.blob), Relayed)


class ThroughHub:
    """Used by one thread. Every method raises SyncError, WireError or StoreError. `refresh` has the hub asked for the
    region's newest key set."""

    def __init__(
        self, region: RegionOutbox, client: HubClient, me: Identity, world: World, refresh: Callable[[], None]
    ) -> None:
        self._region, self._client, self._me, self._world, self._refresh = region, client, me, world, refresh
        self._ask_at = 0.0

    def visit(self) -> None:
        """Leave the region's batches, take its answers to those left before, and ask for what is running out. What only
        a person can mend with the region is told as the region's own word, and holds up nothing else at the hub."""
        try:
            self._visit()
        except SyncError as fault:
            if fault.retry == "later":
                raise
            self._region.report(fault.code, fault.params)

    def _visit(self) -> None:
        region, name = self._region, self._me.terminal_id
        keys = region_keys(region)
        self._ask(keys)
        seal_waiting(region, keys, self._me, self._world, self._client.client)
        standing = region.standing()
        if standing.acked_seq == standing.last_seq:
            return
        said = self._client.relayed(name)
        upto = said.upto if said.epoch == standing.epoch else 0
        if said.ack:
            self._settle(said.ack, keys)
        if said.refused and said.epoch == region.standing().epoch:
            self._answer(said)
            upto = 0
        upto = max(upto, region.standing().acked_seq)
        while (batch := region.batch_after(upto)) is not None:
            self._client.leave(name, batch)
            upto = batch.last_seq

    def _ask(self, keys: RegionKeys) -> None:
        """The region answers these itself, through the hub; a hub without a line is busy, which hurts nobody yet."""
        if time.monotonic() < self._ask_at:
            return
        self._ask_at = time.monotonic() + _ASK_S
        region, held = self._region, self._region.recall(REGISTRATION)
        try:
            if held and renewal_due(held, self._client.region_now()):
                document = self._client.renew()
                accepted_registration(keys, signed.decode(document, "registration"), self._me.key)
                region.remember(REGISTRATION, document)
            if wanted := region.leases_wanted():
                region.add_leases(accepted_leases(keys, self._client.leases(wanted).leases, self._me.terminal_id))
        except SyncError as fault:
            if fault.code not in ("sync.busy", "sync.exhausted"):
                raise

    def _settle(self, document: bytes, keys: RegionKeys) -> None:
        """The region's own acknowledgement, whoever brought it; one of an epoch we have left says nothing any more."""
        ack = signed.payload(keys.verified(signed.decode(document, "ack")), signed.Ack)
        standing = self._region.standing()
        ours = (ack.terminal_id, ack.epoch) == (self._me.terminal_id, standing.epoch)
        if ours and ack.received_upto > standing.acked_seq:
            if self._region.hash_at(ack.received_upto) == ack.hash:
                self._region.settle(ack, document)
            else:  # an old copy of this desk was put back: the region has what it lost
                self._mend(SyncError("sync.fork", "operator", have=ack.received_upto, hash=ack.hash))

    def _answer(self, said: Relayed) -> None:
        """What the region refused, as if it had said so itself: what can be mended is, and left again."""
        code = said.refused if said.refused in faults.CODES else "sync.garbage"
        why = SyncError(code, faults.CODES.get(code, "later"), **said.params)
        have = said.params.get("have")
        if code == "sync.gap" and isinstance(have, int):
            self._region.rewind(have)
        elif code == "sync.old_key":
            self._refresh()  # the hub has the newer key set
            self._region.rewind(self._region.standing().acked_seq)
        elif code in anew.ANSWERS:
            self._mend(why)
        else:
            raise why
        seal_waiting(self._region, region_keys(self._region), self._me, self._world, self._client.client)

    def _mend(self, why: SyncError) -> None:
        reason, everything = anew.ANSWERS[why.code]
        anew.begin(self._region, self._world, reason, why, everything=everything)
