"""A clinic's hub on the wire: who is let in, what goes up as it came, what comes down, and what a hub may not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import msgspec
import pytest

from domain import events
from domain.errors import ConfigError, SyncError
from domain.wire import signed
from domain.world import World
from regional import hub_place, queries, reference
from regional.hub_serve import Hub
from regional.keys import KeyRing
from regional.relay import EVERY_VARIABLE
from regional.serve import EmbeddedRegion, prepare
from sync.client import RegionClient
from sync.hub import HubLine, introduce
from sync.keys import KEYSET, REGISTRATION, ROOT
from sync.messages import LookupRequest
from sync.through_hub import HubClient
from tests.e2e.test_region_sync import sealed
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.fakes.hubs import enrol_hub, until
from tests.fakes.outbox import MemoryOutbox, enrolled
from tests.region_fixtures import CLINIC, Terminal

New = Callable[..., Terminal]


class HubMemoryOutbox(MemoryOutbox):
    """The facts of another outbox, told to a hub."""

    def __init__(self, of: MemoryOutbox, terminal_id: str) -> None:
        super().__init__(of.world, terminal_id)
        self.of = of

    def _all(self) -> None:
        for stored in self.of.events[len(self.events) :]:
            self.tell_raw(stored)

    def standing(self):
        self._all()
        return super().standing()

    def unsent(self) -> bool:
        self._all()
        return self.acked_seq < len(self.events)

    def begin(self) -> None:
        self.open_epoch("fork", everything=True)

    def recall(self, name: str) -> bytes | None:
        return None if name == REGISTRATION else super().recall(name)


@dataclass
class Desk:
    """A terminal in memory with its line to the hub; `alone` it leaves the region's batches there."""

    one: Terminal
    client: HubClient
    outbox: HubMemoryOutbox
    inbox: MemoryFeedInbox
    line: HubLine
    reach: dict[str, bool] = field(default_factory=lambda: {"region": False})

    def visit(self) -> None:
        """Now, the region's part too."""
        self.line._region_at = self.line._through._ask_at = 0.0
        self.line.visit()


@pytest.fixture(scope="module")
def hub(region: EmbeddedRegion, new_dsn, tmp_path_factory, module_env) -> Iterator[Hub]:
    folder, dsn = tmp_path_factory.mktemp("hub"), new_dsn()
    enrol_hub(folder, dsn, region)
    with Hub(folder, dsn=dsn, workers=1, quiet=True) as running:
        yield running


@pytest.fixture(scope="module")
def module_env() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(EVERY_VARIABLE, "0.2")
        yield


@pytest.fixture
def desk(hub: Hub, terminal: New) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(clinic: str = CLINIC, at: Hub | None = None) -> Desk:
        one, to = terminal(clinic=clinic), at or hub
        client = HubClient(to.url, to.ca_file.read_text(), one.me.key, one.world, client="vaxdesk/0.2.0")
        outbox, inbox = HubMemoryOutbox(one.outbox, one.me.terminal_id), MemoryFeedInbox(clinic)
        reach = {"region": False}
        one.outbox.batch_after = lambda seq: next((b for b in one.outbox.sealed if b.first_seq > seq), None)
        line = HubLine(outbox, one.outbox, inbox, client, one.me, one.world, lambda: not reach["region"])
        desk = Desk(one, client, outbox, inbox, line, reach)
        joined = introduce(client, one.outbox, one.me)
        outbox.remember(ROOT, joined.root)
        outbox.remember(KEYSET, joined.keyset)
        made.append(desk)
        return desk

    yield make
    for one in made:
        one.line.close()


def test_two_desks_hear_each_other_and_the_region_hears_both(hub: Hub, region: EmbeddedRegion, desk, apply):
    first, second = desk(), desk()
    child = first.one.outbox.tell("child.registered", events.ChildRegistered("赵一", "1", "2026-11-01"), "child-h1")
    dose = first.one.outbox.give("child-h1")
    first.visit()
    until(lambda: second.visit() or len(second.inbox.about("child-h1")) == 2)
    assert second.inbox.about("child-h1") == set(first.one.outbox.events)
    second.one.outbox.give("child-h1", vaccine="03")
    second.visit()

    def settled() -> bool:
        first.visit(), second.visit()
        return first.one.outbox.acked_seq == 2 and second.one.outbox.acked_seq == 1

    until(settled)
    apply()
    held = queries.dose_ids(region.dsn)
    assert held.count(dose) == 1 and queries.doubled(region.dsn) == 0
    assert child != dose


def refused(code: str, work: Callable[..., object], *args: object) -> None:
    with pytest.raises(SyncError) as caught:
        work(*args)
    assert caught.value.code == code


def test_what_other_clinics_tell_of_our_children_comes_down(hub: Hub, desk, terminal: New, apply):
    ours, elsewhere = desk(), terminal(clinic="3301060201")
    ours.one.outbox.tell("child.registered", events.ChildRegistered("钱二", "2", "2026-11-02"), "child-h2")
    elsewhere.outbox.give("child-h2")
    elsewhere.outbox.give("child-of-theirs")
    ours.visit()
    until(lambda: ours.visit() or ours.one.outbox.acked_seq == 1)
    elsewhere.sync()
    apply()
    until(lambda: ours.visit() or ours.inbox.about("child-h2") == {*ours.one.outbox.events, elsewhere.outbox.events[0]})
    assert ours.inbox.about("child-of-theirs") == set()
    later = desk()
    until(lambda: later.visit() or elsewhere.outbox.events[0] in later.inbox.stored())


def test_every_connection_of_the_hub_cut_it_goes_up_and_down_again(hub: Hub, desk, terminal: New, apply):
    """Its database was started anew: no thread of the hub's lines ends, none keeps a dead connection."""
    ours, elsewhere = desk(), terminal(clinic="3301060205")
    ours.one.outbox.tell("child.registered", events.ChildRegistered("郑七", "2", "2026-11-02"), "child-h7")
    until(lambda: ours.visit() or ours.one.outbox.acked_seq == 1)
    with queries.connect(hub.dsn) as connection:
        for _ in range(3):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    elsewhere.outbox.give("child-h7")
    elsewhere.sync()
    apply()

    def heard() -> bool:
        with suppress(SyncError):  # the server's own connections are found dead one by one
            ours.visit()
        return elsewhere.outbox.events[0] in ours.inbox.stored()

    until(heard, 60)


def test_a_child_that_moves_away_leaves_the_hub_and_its_desks(hub: Hub, desk, terminal: New, apply):
    ours, elsewhere = desk(), terminal(clinic="3301060202")
    ours.one.outbox.tell("child.registered", events.ChildRegistered("孙三", "2", "2026-11-03"), "child-h3")
    ours.one.outbox.give("child-h3")
    until(lambda: ours.visit() or ours.one.outbox.acked_seq == 2)
    elsewhere.outbox.hlc = ours.one.outbox.hlc
    elsewhere.outbox.give("child-h3")
    elsewhere.sync()
    apply()
    until(lambda: ours.visit() or len(ours.inbox.about("child-h3")) == 3)
    elsewhere.outbox.tell("child.moved", events.ChildMoved("3301060202", CLINIC), "child-h3")
    elsewhere.sync()
    apply()
    until(lambda: ours.visit() or len(ours.inbox.about("child-h3")) == 2)  # its own facts stay
    with queries.connect(hub.dsn) as connection:
        within = connection.execute("SELECT clinic FROM scope WHERE child_id = 'child-h3'").fetchall()
    assert (CLINIC,) not in within
    ours.one.outbox.hlc = elsewhere.outbox.hlc
    ours.one.outbox.give("child-h3")  # it came back
    apply_until = len(ours.one.outbox.events)
    until(lambda: ours.visit() or ours.one.outbox.acked_seq == apply_until)
    apply()
    until(lambda: ours.visit() or len(ours.inbox.about("child-h3")) == 5)


def test_a_region_that_lost_rows_gets_them_again_through_the_hub(region: EmbeddedRegion, desk):
    one = desk()
    outbox = one.one.outbox
    outbox.give("child-h7")
    until(lambda: one.visit() or outbox.acked_seq == 1)
    first = outbox.hashes[1]
    for _ in range(2):
        outbox.give("child-h7")
    until(lambda: one.visit() or outbox.acked_seq == 3)
    mine = one.one.me.terminal_id
    with queries.connect(region.dsn) as connection:
        connection.execute("DELETE FROM batch WHERE terminal_id = %s AND first_seq > 1", (mine,))
        connection.execute(
            "UPDATE epoch SET have_seq = 1, have_hash = %s WHERE terminal_id = %s", (bytes.fromhex(first), mine)
        )
    outbox.give("child-h7")
    until(lambda: one.visit() or outbox.acked_seq == 4)
    with queries.connect(region.dsn) as connection:
        assert connection.execute("SELECT have_seq FROM epoch WHERE terminal_id = %s", (mine,)).fetchall() == [(4,)]
    assert {ack.received_upto for ack in outbox.acks} == {1, 3, 4}


def test_nobody_else_is_let_in(hub: Hub, region: EmbeddedRegion, desk, terminal: New):
    mine = desk()
    stranger = terminal(clinic="3301060203")
    to_hub = HubClient(hub.url, hub.ca_file.read_text(), stranger.me.key, stranger.world, client="vaxdesk/0.2.0")
    refused("sync.foreign", introduce, to_hub, stranger.outbox, stranger.me)
    refused("sync.unknown_terminal", to_hub.status, stranger.me.terminal_id)
    # a place that the region never signed: our own, with the stranger's key
    place = signed.decode(mine.one.outbox.documents[REGISTRATION], "registration")
    said = signed.payload(place, signed.Registration)
    forged = msgspec.structs.replace(
        said,
        key_id=signed.payload(
            signed.decode(stranger.outbox.documents[REGISTRATION], "registration"), signed.Registration
        ).key_id,
    )
    stranger.outbox.documents[REGISTRATION] = signed.encode(
        signed.SignedDocument("registration", place.key_id, msgspec.json.encode(forged), place.signature)
    )
    refused("sync.foreign", introduce, to_hub, stranger.outbox, stranger.me)
    # a true place of this clinic in the hands of who has not its key
    stranger.outbox.documents[REGISTRATION] = mine.one.outbox.documents[REGISTRATION]
    refused("sync.foreign", introduce, to_hub, stranger.outbox, stranger.me)
    to_hub.close()


def test_whom_the_region_revoked_the_hub_turns_away_too(hub: Hub, region: EmbeddedRegion, desk):
    stolen, other = desk(), desk()
    stolen.visit()
    queries.revoke(region.dsn, stolen.one.me.terminal_id, World().now())

    def turned_away() -> bool:
        try:
            stolen.visit()
        except SyncError as fault:
            return fault.code == "sync.revoked"
        return False

    until(turned_away)
    refused("sync.revoked", introduce, stolen.client, stolen.one.outbox, stolen.one.me)
    other.visit()


def test_a_hub_passes_on_and_invents_nothing(hub: Hub, region: EmbeddedRegion, desk, terminal: New):
    """By its own key it may bring sealed batches of its clinic's desks, and nothing else."""

    ours, stranger = terminal(), terminal(clinic="3301060204")
    with queries.connect(hub.dsn) as connection:
        place = hub_place.load(hub.folder, connection)
    line = RegionClient(region.url, region.ca_file.read_text(), place.me.key, World(), client=hub_place.CLIENT)
    ours.outbox.give("child-h4")
    stranger.outbox.give("child-h4")
    blob, name = sealed(ours, 1, 1)
    ack = signed.payload(signed.decode(line.put_batch(*name, blob), "ack"), signed.Ack)
    assert (ack.terminal_id, ack.received_upto) == (ours.me.terminal_id, 1)
    blob, name = sealed(stranger, 1, 1)
    refused("sync.foreign", line.put_batch, *name, blob)
    ours.outbox.give("child-h4")
    ours.me = type(ours.me)(ours.me.terminal_id, place.me.key)  # sealed by the hub in the desk's name
    blob, name = sealed(ours, 2, 2)
    refused("sync.bad_signature", line.put_batch, *name, blob)
    assert {desk.terminal_id for desk in line.desks().desks} >= {ours.me.terminal_id}
    refused("sync.foreign", stranger.client.desks)
    queries.revoke(region.dsn, ours.me.terminal_id, World().now())
    refused("sync.revoked", line.put_batch, *name, blob)
    line.close()


def test_numbers_and_places_are_the_regions_asked_of_it_through_the_hub(hub: Hub, region: EmbeddedRegion, desk):
    mine = desk()
    mine.one.outbox.wanted = {"receipt": 500}
    before = len(mine.one.outbox.leases)
    mine.visit()
    (lease,) = mine.one.outbox.leases[before:]
    assert (lease.terminal_id, lease.kind, lease.last - lease.first) == (mine.one.me.terminal_id, "receipt", 499)
    place = mine.one.outbox.documents[REGISTRATION]
    assert mine.client.renew() == place, "the region's own, not old enough for a new one"
    region.stop_api()
    try:
        refused("sync.busy", mine.client.leases, {"receipt": 10})
        mine.visit()
    finally:
        region.start_api()
    refused("sync.garbage", mine.client.desks)


def test_a_hub_looks_nobody_up_and_says_who_does(hub: Hub, desk):
    """Not even a child it knows: what it does not know would be taken for a child that nobody knows."""
    mine = desk()
    mine.one.outbox.tell("child.registered", events.ChildRegistered("周八", "1", "2026-11-01"), "child-h8")
    mine.visit()
    for child in ("child-h8", "child-of-elsewhere"):
        refused("sync.regions_alone", mine.client.lookup, LookupRequest("child", child, "vaccination", "S007"))
    with queries.connect(hub.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM lookup").fetchall() == [(0,)]


def test_a_hub_that_the_region_revoked_relays_nothing_and_its_desks_go_on(
    region: EmbeddedRegion, new_dsn: Callable[[], str], tmp_path: Path, desk, module_env: None
):
    dsn = new_dsn()
    place = enrol_hub(tmp_path, dsn, region)
    with Hub(tmp_path, dsn=dsn, quiet=True) as stolen:
        first, second = desk(at=stolen), desk(at=stolen)
        queries.revoke(region.dsn, place.terminal_id, World().now())
        first.one.outbox.give("child-h6")
        first.visit()
        until(lambda: second.visit() or second.inbox.about("child-h6"))

        def told() -> str:
            with queries.connect(dsn) as connection:
                kept = hub_place.recall(connection, hub_place.UP)
            return msgspec.json.decode(kept)["code"] if kept else ""

        until(lambda: told() == "sync.revoked")
        first.visit()
        assert first.one.outbox.acked_seq == 0
    first.one.sync()  # its own line works as ever
    assert first.one.outbox.acked_seq == 1


def test_a_desks_code_makes_no_hub_and_a_hubs_no_desk(
    region: EmbeddedRegion, tmp_path: Path, new_dsn: Callable[[], str]
):
    dsn = new_dsn()
    prepare(tmp_path, dsn, (), World())
    to, code = (region.url, region.ca_file.read_text()), region.new_code(clinic=CLINIC)
    with queries.connect(dsn) as connection:
        refused("sync.code_kind", hub_place.take, tmp_path, connection, to, code, World())
    with pytest.raises(ConfigError):
        Hub(tmp_path, dsn=dsn)
    hubs = region.new_code(clinic=CLINIC, hub=True)
    refused("sync.code_kind", enrolled, *to, hubs, World())
    enrolled(*to, code, World())  # it was not used up


def test_documents_come_through_with_the_regions_signature(hub: Hub, region: EmbeddedRegion, desk):
    content = b'{"lots": [{"lot_no": "L-BAD", "reason": "cold chain"}]}'
    mine = desk()
    dose = mine.one.outbox.give("child-h5", lot_no="L-BAD")
    mine.visit()
    with queries.connect(region.dsn) as connection:
        keys = KeyRing(region.folder / "keys", World().now())
        reference.publish(connection, keys, "recalled-lots", content, date(2026, 11, 22), World().now())
    until(lambda: mine.visit() or content in [c for _, c in mine.inbox.documents.values()])
    until(lambda: mine.visit() or f"recall/{dose}" in mine.inbox.advice)
