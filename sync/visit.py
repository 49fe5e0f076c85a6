"""One visit to the region: what waits is sealed, sent, acknowledged, settled. sync/worker.py pays the visits.

Where the region holds another history at our numbers, we are an old copy put back, have a twin, or the region itself
came back from a copy: what it may lack goes up again in a new epoch, with unchanged ids (docs/adr/0016)."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import SyncError, VaxdeskError
from domain.wire import signed
from domain.world import World
from sync import anew
from sync.client import RegionClient
from sync.enrol import accepted_leases, accepted_registration
from sync.keys import KEYSET, REGISTRATION, ROOT, Identity, RegionKeys, region_keys, renewal_due
from sync.messages import Status, version
from sync.ports import Outbox, Reason, SealedBatch, Standing
from sync.sealing import seal_waiting

_MAX_BATCHES = 10_000  # of one visit: a bound, not a limit of the protocol
_SAID = {"": "sync.ok", "clone": "sync.anew_clone", "fork": "sync.anew_fork"}
WELL = frozenset({*_SAID.values(), "sync.sent_again"})  # reports of a visit that reached the region
_CLOCK_MS = 1000  # a clock that is further off than it was


@dataclass
class SyncResult:
    """What one visit did. `rewound_to` is set when the region had lost what followed that number; `anew` is why an
    epoch was opened, "" none was."""

    batches: int = 0
    events: int = 0
    received_upto: int = 0
    safe_upto: int = 0
    leases: int = 0
    renewed: bool = False
    rewound_to: int | None = None
    anew: str = ""


def sync_once(outbox: Outbox, client: RegionClient, me: Identity, world: World) -> SyncResult:
    """Bring the region up to date. Reports "sync.ok", what was mended, or the fault's code to the outbox; raises
    SyncError, WireError or StoreError. Whatever it raises, nothing unacknowledged is settled."""
    try:
        result = _Visit(outbox, client, me, world).run()
    except VaxdeskError as fault:
        outbox.report(fault.code, fault.params)
        raise
    code = "sync.sent_again" if result.rewound_to is not None and not result.anew else _SAID[result.anew]
    outbox.report(code, {"received_upto": result.received_upto, "safe_upto": result.safe_upto})
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
        standing = self._outbox.standing()
        status = self._client.status(self._me.terminal_id, standing.epoch)
        offset_ms = self._client.offset_ms or 0
        if abs(offset_ms - (standing.offset_ms or 0)) > _CLOCK_MS:  # kept however this visit ends
            self._outbox.region_says(standing.generation, offset_ms)
        if version(self._client.client) < version(status.oldest_client):
            raise SyncError("sync.upgrade", "operator", oldest=status.oldest_client)
        self._meet(status, standing)
        if not status.cloned:  # else enrolling anew is to see that the region came back, and sends everything
            self._outbox.region_says(status.generation, self._client.offset_ms or 0)
        self._refresh_keys(status)
        self._upload()
        if status.cloned:  # only now: what the region already has was acknowledged
            raise SyncError("sync.cloned", "operator")
        self._renew(expired=status.expired)
        self._fetch_leases()
        return self._result

    def _meet(self, status: Status, standing: Standing) -> None:
        """Compare what the region holds with what we know it held; go back to the common prefix if it lost rows."""
        restored = standing.generation not in ("", status.generation)
        have = status.have_seq
        if status.cloned:
            return
        if status.epoch == standing.epoch:
            self._result.received_upto, self._result.safe_upto = have, status.safe_seq
            if have > standing.last_seq or self._outbox.hash_at(have) != status.have_hash:
                why = SyncError("sync.fork", "operator", have=have, hash=status.have_hash)
                self._begin_anew("fork" if restored else "clone", why, everything=restored)
            elif have < standing.acked_seq:
                self._rewind(have)
        elif restored:  # what it lost may stand in an epoch before ours
            self._begin_anew("fork", SyncError("sync.start_over", "operator", have=have), everything=True)
        elif not status.epoch and standing.acked_seq:
            self._rewind(0)

    def _begin_anew(self, reason: Reason, why: SyncError, *, everything: bool) -> None:
        anew.begin(self._outbox, self._world, reason, why, everything=everything)
        self._result.anew = reason
        self._result.received_upto = self._result.safe_upto = 0

    def _rewind(self, have: int) -> None:
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

    def _renew(self, *, expired: bool) -> None:
        """After the upload: facts do not wait for a place to be renewed. `expired` by what the region holds, which may
        be older than ours when it came back from a copy."""
        held = self._outbox.recall(REGISTRATION)
        if held is None or not (expired or renewal_due(held, self._client.region_now())):
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
                if fault.code in anew.ANSWERS and not self._result.anew:
                    reason, everything = anew.ANSWERS[fault.code]
                    self._begin_anew(reason, fault, everything=everything)
                elif fault.code in again:
                    again.remove(fault.code)
                    self._prepare_again(fault, waiting)
                else:
                    raise

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
