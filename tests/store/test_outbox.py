from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import msgspec
import pytest

from domain.errors import StoreError
from domain.wire import chain, event
from domain.wire.signed import Lease
from domain.world import World
from sync.ports import Outbox, Run
from terminal.store.database import Store
from terminal.store.ledger import check_audit
from terminal.store.outbox import StoreOutbox, UnsentCount, open_epoch, unsent
from tests.fakes.ledgers import EPOCH, TERMINAL, ack_of, header_of

Facts = Callable[[int], list[str]]


@pytest.fixture
def outbox(store: Store, world: World) -> StoreOutbox:
    box = StoreOutbox(store, world)
    port: Outbox = box  # mypy holds it to the port
    assert port is box
    return box


def seal(outbox: StoreOutbox, max_events: int = 1000) -> Run:
    run = outbox.unsealed(max_events, 10**6)
    assert run is not None
    outbox.keep(header_of(run), b"sealed %d" % run.first_seq)
    return run


def settle(outbox: StoreOutbox, upto: int, safe: int = 0) -> None:
    standing = outbox.standing()
    outbox.settle(ack_of(standing.epoch, upto, outbox.hash_at(upto) or "", safe), b"proof %d" % upto)


def ids(run: Run | None) -> list[str]:
    assert run is not None
    return [event.decode(e).event_id for e in run.events]


def test_empty(outbox: StoreOutbox, store: Store) -> None:
    assert outbox.unsealed(1000, 10**6) is None
    assert outbox.oldest_batch() is None
    assert unsent(store) == UnsentCount(0, 0, "", "")
    standing = outbox.standing()
    assert (standing.epoch, standing.last_seq, standing.acked_seq) == (EPOCH, 0, 0)
    assert standing.acked_hash == outbox.hash_at(0) == chain.start(TERMINAL, EPOCH).hex()


def test_run_is_dense_chained_and_bounded(outbox: StoreOutbox, facts: Facts) -> None:
    told = facts(7)
    first = outbox.unsealed(3, 10**6)
    assert first is not None and ids(first) == told[:3]
    assert chain.run(bytes.fromhex(first.prev_hash), first.first_seq, first.events).hex() == first.last_hash
    assert len(first.audit_head) == 64
    two = len(first.events[0]) + len(first.events[1]) + 2
    assert ids(outbox.unsealed(1000, two)) == told[:2]
    assert ids(outbox.unsealed(1000, two - 1)) == told[:1]
    assert ids(outbox.unsealed(1000, 1)) == told[:1], "a long event must not stop the queue"


def test_sealing_goes_on_where_it_stopped(outbox: StoreOutbox, facts: Facts) -> None:
    told = facts(5)
    first, second = seal(outbox, 2), seal(outbox, 2)
    assert second.prev_hash == first.last_hash
    assert ids(outbox.unsealed(1000, 10**6)) == told[4:]
    oldest = outbox.oldest_batch()
    assert oldest is not None and (oldest.first_seq, oldest.last_seq, oldest.blob) == (1, 2, b"sealed 1")


def test_a_batch_that_does_not_follow_is_refused(outbox: StoreOutbox, facts: Facts) -> None:
    facts(4)
    run = outbox.unsealed(2, 10**6)
    assert run is not None
    header = header_of(run)
    outbox.keep(header, b"one")
    other = msgspec.structs.replace(header, first_seq=3, last_seq=4)
    for wrong in (header, other, msgspec.structs.replace(header, epoch="0" * 32)):
        with pytest.raises(StoreError, match=r"store\.batch_overtaken"):
            outbox.keep(wrong, b"two")


def test_settling(outbox: StoreOutbox, store: Store, facts: Facts) -> None:
    facts(6)
    for _ in range(3):
        seal(outbox, 2)
    settle(outbox, 4)
    standing = outbox.standing()
    assert (standing.acked_seq, standing.acked_hash) == (4, outbox.hash_at(4))
    oldest = outbox.oldest_batch()
    assert oldest is not None and oldest.first_seq == 5
    assert store.sql("SELECT count(*) FROM batch")[0][0] == 3, "received is not safe: the batch stays"
    settle(outbox, 2, safe=2)
    assert outbox.standing().acked_seq == 4, "an older acknowledgement changes nothing"
    settle(outbox, 4, safe=4)
    assert store.sql("SELECT first_seq FROM batch") == [(5,)]
    assert outbox.unsealed(1000, 10**6) is None
    settle(outbox, 6, safe=6)
    assert store.sql("SELECT count(*) FROM batch")[0][0] == 0
    assert outbox.unsealed(1000, 10**6) is None, "what is dropped is not sealed again"
    assert outbox.oldest_batch() is None


@pytest.mark.parametrize(
    "change", [{"epoch": "0" * 32}, {"terminal_id": "T-2"}, {"received_upto": 9}, {"hash": "0" * 64}]
)
def test_a_foreign_acknowledgement_is_refused(outbox: StoreOutbox, facts: Facts, change: dict[str, object]) -> None:
    facts(3)
    right = ack_of(EPOCH, 2, outbox.hash_at(2) or "")
    with pytest.raises(StoreError, match=r"store\.foreign_ack"):
        outbox.settle(msgspec.structs.replace(right, **change), b"")
    assert outbox.standing().acked_seq == 0
    outbox.settle(right, b"")
    assert outbox.standing().acked_seq == 2


@pytest.mark.parametrize("have", range(7))
def test_rewind_sends_again_what_follows(outbox: StoreOutbox, facts: Facts, have: int) -> None:
    """The region was restored to `have`; it may lie inside a batch."""
    told = facts(6)
    for _ in range(3):
        seal(outbox, 2)
    settle(outbox, 4, safe=2)
    outbox.rewind(have)
    again: list[str] = []
    for batch in iter(outbox.oldest_batch, None):
        assert batch.last_seq <= have, "a batch sealed before the rewind goes on only where it still fits"
        settle(outbox, batch.last_seq)
        again += told[batch.first_seq - 1 : batch.last_seq]
    run = outbox.unsealed(1000, 10**6)
    if run:
        assert run.first_seq == have + 1 and run.prev_hash == outbox.hash_at(have)
        again += ids(run)
    assert outbox.standing().acked_seq <= max(have, 4)
    assert set(again) >= set(told[have:]), "nothing beyond what the region holds is forgotten"
    if run:
        outbox.keep(header_of(run), b"")
        settle(outbox, 6)
        assert outbox.unsealed(1000, 10**6) is None


def test_new_epoch_keeps_bytes_and_ids(outbox: StoreOutbox, store: Store, world: World, facts: Facts) -> None:
    told = facts(7)
    stored = outbox.unsealed(1000, 10**6)
    assert stored is not None
    seal(outbox, 3)
    seal(outbox, 2)
    settle(outbox, 3)
    new = open_epoch(store, world, "restore")
    assert new != EPOCH and len(new) == 32
    standing = outbox.standing()
    assert (standing.epoch, standing.last_seq, standing.acked_seq) == (new, 4, 0)
    assert outbox.oldest_batch() is None
    run = outbox.unsealed(1000, 10**6)
    assert run is not None and run.first_seq == 1 and run.events == stored.events[3:]
    assert chain.run(chain.start(TERMINAL, new), 1, run.events).hex() == run.last_hash
    told += facts(2)
    assert ids(outbox.unsealed(1000, 10**6)) == told[3:]
    assert unsent(store).events == 6
    assert check_audit(store) is None
    assert store.sql("SELECT action FROM audit WHERE action = 'epoch.open'")


def test_an_epoch_opened_twice_loses_nothing(outbox: StoreOutbox, store: Store, world: World, facts: Facts) -> None:
    told = facts(3)
    settle(outbox, 1)
    open_epoch(store, world, "restore")
    open_epoch(store, world, "clone", "admin")
    assert ids(outbox.unsealed(1000, 10**6)) == told[1:]


def test_unsent_for_the_status_line(outbox: StoreOutbox, store: Store, facts: Facts) -> None:
    facts(4)
    seal(outbox, 3)
    count = unsent(store)
    assert (count.events, count.batches, count.last_ack_at) == (4, 1, "")
    settle(outbox, 3)
    later = unsent(store)
    assert (later.events, later.batches) == (1, 0)
    assert count.oldest_at < later.oldest_at < later.last_ack_at


def test_notes_and_the_region(outbox: StoreOutbox, store: Store) -> None:
    assert outbox.recall("keyset") is None
    outbox.remember("keyset", b"one")
    outbox.remember("keyset", b"two")
    assert outbox.recall("keyset") == b"two"
    outbox.region_says("g2", -1500)
    assert (outbox.standing().generation, outbox.standing().offset_ms) == ("g2", -1500)
    outbox.report("sync.ok", {"events": 3})
    said = msgspec.json.decode(outbox.recall("sync.report") or b"")
    assert (said["code"], said["params"]) == ("sync.ok", {"events": 3}) and said["at"].endswith("Z")


def test_leases_come_through_the_port(outbox: StoreOutbox) -> None:
    assert outbox.leases_wanted() == {"child_code": 300, "booklet": 300, "receipt": 6000}
    outbox.add_leases([Lease("L1", TERMINAL, "receipt", "R1-", 1, 9000, 6)])
    assert outbox.leases_wanted() == {"child_code": 300, "booklet": 300}


def test_everything_runs_on_the_store_thread(outbox: StoreOutbox, store: Store, facts: Facts) -> None:
    facts(1)
    assert sha256(outbox.unsealed(1, 1).events[0]).digest()
    with pytest.raises(RuntimeError, match="only the store thread writes"), store.transaction():
        pass


def test_run_is_a_value(outbox: StoreOutbox, facts: Facts) -> None:
    facts(1)
    run = outbox.unsealed(1, 1)
    assert run is not None and replace(run) == run
