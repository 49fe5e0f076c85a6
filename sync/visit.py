"""One visit to the region: what waits is sealed, sent, acknowledged, settled. sync/worker.py pays the visits."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import SyncError, VaxdeskError
from domain.wire import signed
from domain.world import World
from sync.client import RegionClient
from sync.enrol import accepted_leases, accepted_registration
from sync.keys import KEYSET, REGISTRATION, ROOT, Identity, RegionKeys, region_keys, renewal_due
from sync.messages import Status, version
from sync.ports import Outbox, SealedBatch
from sync.sealing import seal_waiting

_MAX_BATCHES = 10_000  # of one visit: a bound, not a limit of the protocol


@dataclass
class SyncResult:
    """What one visit did. `rewound_to` is set when the region had lost what followed that number."""

    batches: int = 0
    events: int = 0
    received_upto: int = 0
    safe_upto: int = 0
    leases: int = 0
    renewed: bool = False
    rewound_to: int | None = None


def sync_once(outbox: Outbox, client: RegionClient, me: Identity, world: World) -> SyncResult:
    """Bring the region up to date. Reports "sync.ok" or the fault's code to the outbox; raises SyncError, WireError
    or StoreError. Whatever it raises, nothing unacknowledged is settled."""
    try:
        result = _Visit(outbox, client, me, world).run()
    except VaxdeskError as fault:
        outbox.report(fault.code, fault.params)
        raise
    outbox.report("sync.ok", {"received_upto": result.received_upto, "safe_upto": result.safe_upto})
    return result


class _Visit:
    def __init__(self, outbox: Outbox, client: RegionClient, me: Identity, world: World) -> None:
        self._outbox = outbox
        self._client = client
        self._me = me
        self._world = world
        self._keys = region_keys(outbox)
        self._result = SyncResult()

    def run(self) -> SyncResult:
        status = self._client.status(self._me.terminal_id)
        if version(self._client.client) < version(status.oldest_client):
            raise SyncError("sync.upgrade", "operator", oldest=status.oldest_client)
        self._meet(status)
        self._refresh_keys(status)
        self._outbox.region_says(status.generation, self._client.offset_ms or 0)
        self._upload()
        self._renew()
        self._fetch_leases()
        return self._result

    def _meet(self, status: Status) -> None:
        """Compare what the region holds with what we know it held; go back to the common prefix if it lost rows."""
        standing = self._outbox.standing()
        here = status.epoch == standing.epoch
        have = status.have_seq if here else 0
        if not here and status.epoch and status.generation == standing.generation and standing.acked_seq:
            raise SyncError("sync.stale_epoch", "operator")
        if have > standing.last_seq:
            raise SyncError("sync.fork", "operator", have=have, hash=status.have_hash)
        if here:
            ours = self._outbox.hash_at(have)
            if ours is None:
                raise SyncError("sync.start_over", "operator", have=have)
            if ours != status.have_hash:
                raise SyncError("sync.fork", "operator", have=have, hash=status.have_hash)
        if have < standing.acked_seq:
            self._rewind(have)
        self._result.received_upto, self._result.safe_upto = have, status.safe_seq if here else 0

    def _rewind(self, have: int) -> None:
        if self._outbox.hash_at(have) is None:
            raise SyncError("sync.start_over", "operator", have=have)
        self._outbox.rewind(have)
        self._result.rewound_to = have

    def _refresh_keys(self, status: Status) -> None:
        keyset = self._keys.keyset
        if (keyset.version, keyset.generation) == (status.keyset_version, status.generation):
            return
        root = self._outbox.recall(ROOT)
        if root is None:
            raise SyncError("sync.not_enrolled", "operator")
        document = self._client.keyset()
        fresh = RegionKeys(document, root)
        if fresh.keyset.version < keyset.version:
            raise SyncError("sync.bad_keyset", "operator")
        self._outbox.remember(KEYSET, document)
        self._keys = fresh

    def _renew(self) -> None:
        """After the upload: facts do not wait for a place to be renewed."""
        held = self._outbox.recall(REGISTRATION)
        if held is None or not renewal_due(held, self._client.region_now()):
            return
        document = self._client.renew()
        fresh = accepted_registration(self._keys, signed.decode(document, "registration"), self._me.key)
        if fresh.terminal_id != self._me.terminal_id:
            raise SyncError("sync.bad_answer", "operator")
        self._outbox.remember(REGISTRATION, document)
        self._result.renewed = True

    def _upload(self) -> None:
        again = {"sync.gap", "sync.old_key"}  # each once in a visit
        for _ in range(_MAX_BATCHES):
            seal_waiting(self._outbox, self._keys, self._me, self._world, self._client.client)
            waiting = self._outbox.oldest_batch()
            if waiting is None:
                return
            try:
                self._send(waiting)
            except SyncError as fault:
                if fault.code not in again:
                    raise
                again.remove(fault.code)
                self._prepare_again(fault, waiting)

    def _prepare_again(self, fault: SyncError, waiting: SealedBatch) -> None:
        """After "sync.gap" what the region lost waits again; after "sync.old_key" it is sealed to the new key."""
        if fault.code == "sync.old_key":
            self._outbox.rewind(self._outbox.standing().acked_seq)
            return
        have = fault.params.get("have")
        if not isinstance(have, int) or have >= waiting.first_seq - 1:
            raise fault
        self._rewind(have)

    def _send(self, waiting: SealedBatch) -> None:
        document = self._client.put_batch(
            self._me.terminal_id, waiting.epoch, waiting.first_seq, waiting.last_seq, waiting.blob
        )
        ack = self._checked_ack(document, waiting)
        self._outbox.settle(ack, document)
        self._result.batches += 1
        self._result.events += waiting.last_seq - waiting.first_seq + 1
        self._result.received_upto, self._result.safe_upto = ack.received_upto, ack.safe_upto

    def _checked_ack(self, document: bytes, waiting: SealedBatch) -> signed.Ack:
        """The acknowledgement of this batch: signed by the region, for us, for this epoch, and of our own chain."""
        ack = signed.payload(self._keys.verified(signed.decode(document, "ack")), signed.Ack)
        ours = (ack.terminal_id, ack.epoch) == (self._me.terminal_id, waiting.epoch)
        if not ours or ack.received_upto < waiting.last_seq:
            raise SyncError("sync.bad_answer", "operator")
        if self._outbox.hash_at(ack.received_upto) != ack.hash:
            raise SyncError("sync.fork", "operator", have=ack.received_upto, hash=ack.hash)
        return ack

    def _fetch_leases(self) -> None:
        wanted = self._outbox.leases_wanted()
        if wanted:
            leases = accepted_leases(self._keys, self._client.leases(wanted).leases, self._me.terminal_id)
            self._outbox.add_leases(leases)
            self._result.leases = len(leases)
