"""Batches that go to the region by hand, on a stick, and its answers that come back (docs/region.md).

    <terminal>-<epoch>-<first>-<last>.imb    a sealed batch, as it is sent
    <the same>.ack                           the region's signed acknowledgement
    <the same>.no                            why it was not taken: the refusal as the region says it over the line
    region.keyset                            the region's signed key set

Only what the region signed settles anything; a refusal is words for a person. No file is believed for its name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from domain.errors import SyncError, WireError
from domain.wire import signed
from domain.wire.signed import Ack
from domain.world import World
from sync import anew, faults
from sync.keys import KEYSET, ROOT, Identity, RegionKeys, region_keys
from sync.ports import Outbox

BATCH, ACK, REFUSAL, KEYS = ".imb", ".ack", ".no", "region.keyset"
_NEWEST = "courier.time"  # of the newest acknowledgement that came by hand


@dataclass
class Settled:
    """What a stick brought. `foreign` answers are other terminals', `damaged` ones cannot be read or are not the
    region's; `refusals` are those of our batches. `held`: epoch -> up to where the region has it."""

    received_upto: int = 0
    foreign: int = 0
    damaged: int = 0
    rewound: bool = False
    anew: bool = False
    refusals: list[SyncError] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)


def name(terminal_id: str, epoch: str, first_seq: int, last_seq: int) -> str:
    """The name of a batch's file without its ending."""
    return f"{terminal_id}-{epoch}-{first_seq:012d}-{last_seq:012d}"


def settle(
    outbox: Outbox, me: Identity, world: World, keyset: bytes | None, acks: Iterable[bytes], refusals: Iterable[bytes]
) -> Settled:
    """Take in the region's answers; those to this terminal settle what they acknowledge, and what the region could not
    take for another history goes out again in a new epoch. Raises SyncError, StoreError."""
    result = Settled()
    _renew_keys(outbox, keyset, result)
    newest = max(_ours(outbox, me, acks, result), key=lambda one: one[0].time, default=None)
    if newest is not None:
        _believe(outbox, world, *newest, result)
    for body in refusals:
        fault = faults.refusal(409, body, None)
        if fault.code == "sync.old_key":  # sealed anew to the key that came along
            outbox.rewind(outbox.standing().acked_seq)
        if fault.code in anew.ANSWERS and not result.anew:
            _begin_anew(outbox, world, fault, result)
        result.refusals.append(fault)
    result.received_upto = outbox.standing().acked_seq
    return result


def _renew_keys(outbox: Outbox, keyset: bytes | None, result: Settled) -> None:
    root = outbox.recall(ROOT)
    if keyset is None or root is None:
        return
    try:
        fresh = RegionKeys(keyset, root)
    except (SyncError, WireError):
        result.damaged += 1
        return
    if fresh.keyset.version > region_keys(outbox).keyset.version:
        outbox.remember(KEYSET, keyset)


def _ours(outbox: Outbox, me: Identity, acks: Iterable[bytes], result: Settled) -> list[tuple[Ack, bytes]]:
    """The acknowledgements of this terminal's present epoch, signed by the region; of the ones before how far."""
    keys, epoch = region_keys(outbox), outbox.standing().epoch
    ours: list[tuple[Ack, bytes]] = []
    for document in acks:
        try:
            ack = signed.payload(keys.verified(signed.decode(document, "ack")), Ack)
        except (SyncError, WireError):
            result.damaged += 1
            continue
        if ack.terminal_id != me.terminal_id:
            result.foreign += 1
            continue
        result.held[ack.epoch] = max(result.held.get(ack.epoch, 0), ack.received_upto)
        if ack.epoch == epoch:
            ours.append((ack, document))
    return ours


def _begin_anew(outbox: Outbox, world: World, why: SyncError, result: Settled) -> None:
    reason, everything = anew.ANSWERS[why.code]
    anew.begin(outbox, world, reason, why, everything=everything)
    result.anew = True


def _believe(outbox: Outbox, world: World, ack: Ack, document: bytes, result: Settled) -> None:
    """Settle, or go back to what the region still has after it came back from a copy, or begin anew where an old copy
    of this terminal was put back since. An older stick than the last one changes nothing."""
    if ack.time <= (outbox.recall(_NEWEST) or b"").decode():
        return
    standing = outbox.standing()
    if outbox.hash_at(ack.received_upto) != ack.hash:
        code = "sync.fork" if ack.generation == standing.generation else "sync.start_over"
        _begin_anew(outbox, world, SyncError(code, "operator", have=ack.received_upto, hash=ack.hash), result)
    elif ack.generation != standing.generation and ack.received_upto < standing.acked_seq:
        outbox.rewind(ack.received_upto)
        result.rewound = True
    else:
        outbox.settle(ack, document)
    outbox.region_says(ack.generation, standing.offset_ms or 0)
    outbox.remember(_NEWEST, ack.time.encode())
