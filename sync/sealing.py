"""Seal what waits, with or without the region in reach: a sealed batch can travel by cable or by stick."""

from __future__ import annotations

from datetime import timedelta

from domain.errors import StoreError, WireError
from domain.wire import batch, chain
from domain.world import World, utc_text
from sync import batches, crypto
from sync.keys import Identity, RegionKeys
from sync.ports import Outbox, Run


def seal_waiting(outbox: Outbox, keys: RegionKeys, me: Identity, world: World, client: str) -> int:
    """Seal every run not sealed yet and keep the batches; gives how many. Raises SyncError, WireError, StoreError.

    Two threads may do this at once: the outbox keeps what follows, the later of two is overtaken and looks again.
    """
    sealed = 0
    while run := outbox.unsealed(batch.MAX_EVENTS, batch.MAX_PLAIN_BYTES):
        try:
            outbox.keep(*_seal(run, keys, me, world, outbox.standing().offset_ms, client))
            sealed += 1
        except StoreError as fault:
            if fault.code != "store.batch_overtaken":
                raise
    return sealed


def _seal(
    run: Run, keys: RegionKeys, me: Identity, world: World, offset_ms: int | None, client: str
) -> tuple[batch.Header, bytes]:
    """A sealed batch, read back and checked: only the region can open it, so it must be right before it leaves."""
    key = keys.seal_key(world.now() + timedelta(milliseconds=offset_ms or 0))
    header = batch.Header(
        fmt=1,
        suite=batch.SUITE,
        terminal_id=me.terminal_id,
        epoch=run.epoch,
        first_seq=run.first_seq,
        last_seq=run.first_seq + len(run.events) - 1,
        n=len(run.events),
        prev_hash=run.prev_hash,
        last_hash=run.last_hash,
        region_key_id=key.key_id,
        created_at=utc_text(world.now()),
        offset_ms=offset_ms,
        audit_head=run.audit_head,
        client=client,
    )
    blob = batches.seal(header, run.events, me.key, crypto.public_from_point(key.public))
    packed = batch.unpack(blob)
    batches.check_signature(packed, me.key.public_key())
    if packed.header != header or _end(run) != run.last_hash:
        raise WireError("wire.bad_chain", "operator")
    return header, blob


def _end(run: Run) -> str:
    try:
        return chain.run(bytes.fromhex(run.prev_hash), run.first_seq, run.events).hex()
    except ValueError as fault:
        raise WireError("wire.bad_chain", "operator") from fault
