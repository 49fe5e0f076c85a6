"""A terminal's facts in the region: once each, whatever is sent twice, cut elsewhere, lost or restored."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import msgspec
import psycopg
import pytest

from domain import events
from domain.errors import SyncError
from domain.wire import batch, chain, signed
from domain.world import World, utc_text
from regional import administration, database, queries
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from sync import batches, crypto
from sync.client import RegionClient
from sync.keys import KEYSET, REGISTRATION
from sync.ports import SealedBatch
from tests.region_fixtures import Terminal

New = Callable[..., Terminal]
EXPIRED = "2020-03-31T00:00:00.000Z"
RARE = "㐂𠮷𬎆䶮·阿卜杜热合曼"


def held(region: EmbeddedRegion, terminal: Terminal) -> list[bytes]:
    with queries.connect(region.dsn) as connection:
        found = connection.execute(
            "SELECT data FROM event WHERE terminal_id = %s ORDER BY epoch, seq", (terminal.me.terminal_id,)
        )
        return [bytes(row[0]) for row in found]


def held_in_batches(region: EmbeddedRegion, terminal: Terminal) -> set[bytes]:
    """The facts of every batch the region took of this terminal, applied or not."""
    keys = KeyRing(region.folder / "keys", World().now())
    with queries.connect(region.dsn) as connection:
        found = connection.execute("SELECT file FROM batch WHERE terminal_id = %s", (terminal.me.terminal_id,))
        packed = [batch.unpack(bytes(row[0])) for row in found]
    return {
        event for one in packed for event in batches.open_sealed(one, keys.seal_key(one.header.region_key_id)).events
    }


def rows(region: EmbeddedRegion, terminal: Terminal) -> int:
    with queries.connect(region.dsn) as connection:
        found = connection.execute("SELECT count(*) FROM batch WHERE terminal_id = %s", (terminal.me.terminal_id,))
        return int(found.fetchone()[0])


def test_events_arrive_byte_for_byte_and_become_doses(region: EmbeddedRegion, terminal: New, apply: Callable[[], int]):
    one = terminal()
    child = one.outbox.tell("child.registered", events.ChildRegistered(RARE, "1", "2026-11-01"), "child-rare")
    doses = [one.outbox.give("child-rare", site="左上臂") for _ in range(3)]
    result = one.sync()
    assert (result.batches, result.events, result.received_upto, result.safe_upto) == (1, 4, 4, 0)
    assert one.outbox.acked_seq == 4
    assert apply() == 1
    assert held(region, one) == one.outbox.events
    assert queries.child(region.dsn, "child-rare")["name"] == RARE
    assert {row.dose_id for row in queries.doses(region.dsn) if row.child_id == "child-rare"} == set(doses)
    assert queries.doubled(region.dsn) == 0
    assert child not in doses


def test_a_backlog_goes_in_batches_of_a_thousand(terminal: New):
    one = terminal()
    for number in range(2345):
        one.outbox.give(f"child-{number % 50}")
    result = one.sync()
    assert (result.batches, result.received_upto) == (3, 2345)
    assert one.sync().batches == 0


def test_nothing_to_send_is_all_well(terminal: New):
    one = terminal()
    assert one.sync().batches == 0
    assert one.outbox.reports == [("sync.ok", {"received_upto": 0, "safe_upto": 0})]


def test_the_same_batch_again_gets_the_same_acknowledgement(region: EmbeddedRegion, terminal: New):
    one = terminal()
    one.outbox.give("child")
    blob, name = sealed(one, 1, 1)
    first = one.client.put_batch(*name, blob)
    assert one.client.put_batch(*name, blob) == first
    assert rows(region, one) == 1


def test_thirty_two_parallel_puts_make_one_row(region: EmbeddedRegion, terminal: New):
    one = terminal()
    for _ in range(20):
        one.outbox.give("child")
    blob, name = sealed(one, 1, 20)

    def put(_: int) -> bytes:
        line = one.through(region.url).client
        try:
            return line.put_batch(*name, blob)
        finally:
            line.close()

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = set(pool.map(put, range(32)))
    assert len(answers) == 1
    assert rows(region, one) == 1


def test_other_batch_boundaries_with_the_same_events_are_fine(
    region: EmbeddedRegion, terminal: New, apply: Callable[[], int]
):
    one = terminal()
    for _ in range(10):
        one.outbox.give("child")
    for first, last in ((1, 3), (4, 6), (2, 5), (1, 10), (3, 4), (10, 10)):
        ack = put(one, first, last)
        assert ack.received_upto == (3 if last == 3 else 6 if last == 6 or last == 5 else 10)
        assert ack.hash == one.outbox.hashes[ack.received_upto]
    apply()
    assert held(region, one) == one.outbox.events


def test_a_gap_names_what_is_held_and_the_terminal_goes_back(region: EmbeddedRegion, terminal: New):
    one = terminal()
    for _ in range(6):
        one.outbox.give("child")
    refused(one, 4, 6, "sync.gap", have=0)
    put(one, 1, 2)
    refused(one, 4, 6, "sync.gap", have=2)


def test_another_history_is_a_fork_and_goes_up_in_a_new_epoch(
    region: EmbeddedRegion, terminal: New, apply: Callable[[], int]
):
    one = terminal()
    for _ in range(4):
        one.outbox.give("child")
    put(one, 1, 4)
    last = one.outbox.hashes[4]
    one.outbox.events[2:] = []
    one.outbox.hashes[3:] = []
    one.outbox.sealed_upto = 2
    one.outbox.give("other child")
    refused(one, 3, 3, "sync.fork", have=4, hash=last)
    refused(one, 2, 3, "sync.fork", have=4, hash=last)
    one.outbox.give("other child")
    one.outbox.give("other child")
    refused(one, 5, 5, "sync.fork", have=4, hash=last)
    theirs = held_in_batches(region, one)
    result = one.sync()
    assert (result.anew, result.received_upto, one.outbox.reasons) == ("clone", 5, ["clone"])
    assert one.outbox.reports[-1][0] == "sync.anew_clone"
    assert one.sync().anew == "" and one.outbox.reports[-1][0] == "sync.ok"
    apply()
    assert set(held(region, one)) == theirs | set(one.outbox.events), "nothing is dropped on either side"
    assert len(held(region, one)) == 7


def test_a_history_that_forks_again_and_again_needs_a_person(terminal: New):
    one = terminal()
    one.outbox.give("child")
    one.sync()
    for n in range(4):
        held = one.outbox.hashes[-1]
        one.outbox.hashes[-1] = "00" * 32
        if n < 3:
            assert one.sync().anew == "clone"
            one.outbox.give("child")
            one.sync()
    fault = one.fails()
    assert (fault.code, fault.retry, fault.params["hash"]) == ("sync.fork", "operator", held)
    one.world = replace(one.world, now=lambda: World().now() + timedelta(hours=25))
    one.outbox.hashes[-1] = "00" * 32
    assert one.sync().anew == "clone"


def test_an_old_copy_after_a_new_epoch_goes_up_in_one_more(
    region: EmbeddedRegion, terminal: New, apply: Callable[[], int]
):
    one = terminal()
    one.outbox.give("child")
    one.sync()
    old_epoch, old_events, old_hashes = one.outbox.epoch, list(one.outbox.events), list(one.outbox.hashes)
    one.outbox.give("child")
    one.outbox.open_epoch("restore")
    assert one.sync().received_upto == 1
    told = list(one.outbox.told)
    one.outbox.epoch, one.outbox.events, one.outbox.hashes = old_epoch, old_events, old_hashes
    one.outbox.sealed_upto = one.outbox.acked_seq = 1
    one.outbox.give("child")
    refused(one, 2, 2, "sync.stale_epoch")
    assert put(one, 1, 1).received_upto == 1, "what it has is acknowledged again"
    assert one.sync().anew == "clone"
    apply()
    assert set(held(region, one)) == {*told, *one.outbox.told}


def test_events_sent_again_under_a_new_epoch_are_kept_once(
    region: EmbeddedRegion, terminal: New, apply: Callable[[], int]
):
    one = terminal()
    doses = [one.outbox.give("child-epoch") for _ in range(5)]
    one.sync()
    one.outbox.acked_seq = 2  # as a backup of that moment knows it
    one.outbox.open_epoch("restore")
    doses.append(one.outbox.give("child-epoch"))
    assert one.sync().received_upto == 4
    apply()
    assert [row.dose_id for row in queries.doses(region.dsn) if row.child_id == "child-epoch"] == sorted(doses)
    assert len(held(region, one)) == 6
    assert queries.doubled(region.dsn) == 0


def test_a_region_restored_from_an_old_backup_gets_the_rest_again(
    region: EmbeddedRegion, terminal: New, apply: Callable[[], int]
):
    one = terminal()
    for _ in range(5):
        one.outbox.give("child-restored")
    put(one, 1, 2)
    one.sync()
    before = one.outbox.generation
    with psycopg.connect(region.dsn) as connection:
        mine = (one.me.terminal_id,)
        connection.execute("DELETE FROM batch WHERE terminal_id = %s AND first_seq > 2", mine)
        connection.execute(
            "UPDATE epoch SET have_seq = 2, have_hash = %s WHERE terminal_id = %s",
            (bytes.fromhex(one.outbox.hashes[2]), *mine),
        )
    database.new_generation(region.dsn, World())
    one.outbox.give("child-restored")
    result = one.sync()
    assert (result.rewound_to, result.received_upto) == (2, 6)
    assert one.outbox.generation != before
    assert signed.payload(signed.decode(one.outbox.documents[KEYSET], "keyset"), signed.KeySet).generation != before
    apply()
    assert held(region, one) == one.outbox.events


def test_a_region_that_lost_everything_gets_everything_again(region: EmbeddedRegion, terminal: New):
    one = terminal()
    for _ in range(5):
        one.outbox.give("child")
    one.sync()
    with psycopg.connect(region.dsn) as connection:
        for table in ("batch", "epoch"):
            connection.execute(f"DELETE FROM {table} WHERE terminal_id = %s".encode(), (one.me.terminal_id,))
        connection.execute("UPDATE terminal SET epoch = '' WHERE terminal_id = %s", (one.me.terminal_id,))
    database.new_generation(region.dsn, World())
    result = one.sync()
    assert (result.anew, result.received_upto) == ("fork", 5)
    assert one.outbox.reports[-1] == ("sync.anew_fork", {"received_upto": 5, "safe_upto": 0})


def test_a_region_restored_from_before_an_epoch_gets_what_was_acknowledged_in_the_one_before(
    region: EmbeddedRegion, terminal: New, apply: Callable[[], int]
):
    one = terminal()
    for _ in range(3):
        one.outbox.give("child")
    put(one, 1, 2)
    one.sync()
    old_epoch, old_hash = one.outbox.epoch, bytes.fromhex(one.outbox.hashes[2])
    one.outbox.give("child")
    one.outbox.open_epoch("restore")
    assert one.sync().received_upto == 1
    with psycopg.connect(region.dsn) as connection:  # as it was after two of the first epoch
        mine = (one.me.terminal_id, old_epoch)
        connection.execute("DELETE FROM batch WHERE terminal_id = %s AND (epoch <> %s OR first_seq > 2)", mine)
        connection.execute("DELETE FROM epoch WHERE terminal_id = %s AND epoch <> %s", mine)
        connection.execute("UPDATE epoch SET have_seq = 2, have_hash = %s WHERE terminal_id = %s", (old_hash, mine[0]))
        connection.execute("UPDATE terminal SET epoch = %s WHERE terminal_id = %s", (old_epoch, mine[0]))
    database.new_generation(region.dsn, World())
    result = one.sync()
    assert (result.anew, result.received_upto) == ("fork", 4)
    apply()
    assert sorted(held(region, one)) == sorted(one.outbox.told)


def test_the_first_batch_of_an_epoch_that_comes_late_does_not_bring_it_back(
    region: EmbeddedRegion, terminal: New, apply: Callable[[], int]
):
    """It hung in the line; meanwhile the terminal was restored and went on in another epoch."""
    one = terminal()
    one.outbox.give("child")
    blob, name = sealed(one, 1, 1)
    told = list(one.outbox.told)
    one.outbox.open_epoch("restore")
    one.outbox.give("child")
    one.sync()
    assert signed.payload(signed.decode(one.client.put_batch(*name, blob), "ack"), signed.Ack).received_upto == 1
    one.outbox.give("child")
    assert (one.sync().anew, one.sync().received_upto) == ("", 3)
    assert administration.terminals(region.dsn, World().now())[0].state == "active"
    apply()
    assert set(held(region, one)) == {*told, *one.outbox.told}
    assert queries.doubled(region.dsn) == 0


def test_a_batch_that_cannot_be_compared_any_more_begins_anew(region: EmbeddedRegion, terminal: New):
    """START_OVER: the region has archived what it would compare with."""
    one = terminal()
    for _ in range(3):
        one.outbox.give("child")
    put(one, 1, 2)
    put(one, 1, 3)
    with psycopg.connect(region.dsn) as connection:
        connection.execute("DELETE FROM batch WHERE terminal_id = %s", (one.me.terminal_id,))
    refused(one, 1, 2, "sync.start_over")
    blob, name = sealed(one, 1, 2)
    one.outbox.sealed.append(SealedBatch(name[1], 1, 2, blob))
    one.outbox.sealed_upto = 2
    result = one.sync()
    assert (result.anew, result.received_upto) == ("fork", 3)


def test_a_clock_a_year_off_either_way_still_works_and_learns(region: EmbeddedRegion, terminal: New):
    for days in (366, -366):
        off = World(now=lambda days=days: World().now() + timedelta(days=days))
        one = terminal(off)
        assert abs(one.outbox.offset_ms + days * 86_400_000) < 5_000
        one.outbox.give("child")
        forgetful = RegionClient(region.url, one.ca_pem, one.me.key, off, client="vaxdesk/0.1.0")
        assert replace(one, client=forgetful).sync().received_upto == 1
        assert abs(forgetful.offset_ms + days * 86_400_000) < 5_000
        forgetful.close()


def test_leases_are_refilled_when_the_store_wants_them(terminal: New):
    one = terminal()
    one.outbox.wanted = {"child_code": 50, "receipt": 6000}
    assert one.sync().leases == 2
    fresh = {lease.kind: lease.last - lease.first + 1 for lease in one.outbox.leases[-2:]}
    assert fresh == {"child_code": 50, "receipt": 6000}


def test_an_old_program_is_asked_to_upgrade(region: EmbeddedRegion, terminal: New):
    one, an_hour = terminal(client="vaxdesk/0.1.0"), 3_600_000
    one.outbox.give("child")
    one.outbox.world = one.world = one.client._world = World(now=lambda: World().now() - timedelta(hours=1))
    with psycopg.connect(region.dsn) as connection:
        connection.execute("UPDATE region_state SET oldest_client = 'vaxdesk/0.2'")
    try:
        fault = one.fails()
        assert (fault.code, fault.params) == ("sync.upgrade", {"oldest": "vaxdesk/0.2"})
        assert abs(one.outbox.offset_ms - an_hour) < 5_000, "the clock is learnt and kept whatever comes of the visit"
        refused(one, 1, 1, "sync.upgrade")
        assert one.outbox.acked_seq == 0
    finally:
        with psycopg.connect(region.dsn) as connection:
            connection.execute("UPDATE region_state SET oldest_client = ''")


def test_an_expired_registration_still_uploads(region: EmbeddedRegion, terminal: New):
    one = terminal()
    expired = msgspec.structs.replace(one.place.registration, not_before="2020-01-01T00:00:00.000Z", not_after=EXPIRED)
    document = signed.encode(KeyRing(region.folder / "keys", World().now()).sign("registration", expired))
    one.outbox.documents[REGISTRATION] = document
    with psycopg.connect(region.dsn) as connection:
        mine = (document, one.me.terminal_id)
        connection.execute("UPDATE terminal SET registration = %s WHERE terminal_id = %s", mine)
    one.outbox.give("child")
    assert one.sync().received_upto == 1


def test_a_revoked_terminal_keeps_its_data(region: EmbeddedRegion, terminal: New):
    one = terminal()
    one.outbox.give("child")
    queries.revoke(region.dsn, one.me.terminal_id, World().now())
    fault = one.fails()
    assert (fault.code, fault.retry) == ("sync.revoked", "operator")
    assert len(one.outbox.events) == 1


def sealed(one: Terminal, first: int, last: int, **more: object) -> tuple[bytes, tuple[str, str, int, int]]:
    """The batch of these events, sealed as the terminal does, and its name."""
    key = signed.payload(signed.decode(one.outbox.documents[KEYSET], "keyset"), signed.KeySet).keys[0]
    assert key.use == "seal"
    chosen = one.outbox.events[first - 1 : last]
    header = batch.Header(
        1, batch.SUITE, one.me.terminal_id, one.outbox.epoch, first, last, len(chosen), one.outbox.hashes[first - 1],
        one.outbox.hashes[last], key.key_id, utc_text(one.world.now()), 0, "", "vaxdesk/0.1.0",
    )  # fmt: skip
    header = msgspec.structs.replace(header, **more)
    blob = batches.seal(header, chosen, one.me.key, crypto.public_from_point(key.public))
    return blob, (header.terminal_id, header.epoch, header.first_seq, header.last_seq)


def put(one: Terminal, first: int, last: int) -> signed.Ack:
    blob, name = sealed(one, first, last)
    return signed.payload(signed.decode(one.client.put_batch(*name, blob), "ack"), signed.Ack)


def refused(one: Terminal, first: int, last: int, code: str, **params: object) -> None:
    with pytest.raises(SyncError) as caught:
        put(one, first, last)
    assert caught.value.code == code
    assert params.items() <= caught.value.params.items()


def test_a_chain_that_does_not_begin_at_its_epoch_is_refused(terminal: New):
    one = terminal()
    one.outbox.hashes = [chain.start("someone else", one.outbox.epoch).hex()]
    one.outbox.give("child")
    refused(one, 1, 1, "sync.bad_chain")
