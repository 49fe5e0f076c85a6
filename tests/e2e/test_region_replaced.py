"""A desk that got another PC is told up to when the one before was heard: once, whoever reads, and again when it
speaks after all."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from domain import events
from domain.errors import SyncError
from domain.wire import event
from domain.wire.feed import Advice
from domain.world import utc_text
from regional.serve import EmbeddedRegion
from sync import crypto
from sync.enrol import enrol
from sync.feed import Feed
from sync.keys import region_keys
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.region_fixtures import Terminal

New = Callable[..., Terminal]
Apply = Callable[[], int]
_numbers = count(1)


@pytest.fixture
def clinic() -> str:
    return f"31099{next(_numbers):05d}"


def advice(one: Terminal, clinic: str) -> dict[str, Advice]:
    """What a desk that begins anew reads."""
    inbox = MemoryFeedInbox(clinic)
    Feed(inbox, one.client, region_keys(one.outbox), one.me, one.world).pull()
    return inbox.advice


def following(one: Terminal, clinic: str) -> tuple[MemoryFeedInbox, Feed]:
    inbox = MemoryFeedInbox(clinic)
    way = Feed(inbox, one.client, region_keys(one.outbox), one.me, one.world)
    way.pull()
    return inbox, way


def slip(one: Terminal, number: str) -> str:
    return one.outbox.tell("receipt.issued", events.ReceiptIssued("visit", number, 1))


def last(one: Terminal) -> str:
    return event.decode(one.outbox.events[-1]).recorded_at


def test_the_other_desks_and_the_new_pc_read_when_the_old_one_was_heard_last(terminal: New, apply: Apply, clinic: str):
    old, neighbour = terminal(clinic=clinic, desk="3"), terminal(clinic=clinic, desk="4")
    old.outbox.give(f"{clinic}-1")
    slip(old, "00010007")
    slip(old, "00010008")
    heard = old.outbox.give(f"{clinic}-2") and last(old)
    old.sync()
    apply()
    inbox, way = following(neighbour, clinic)
    assert inbox.advice == {}
    new = terminal(clinic=clinic, desk="3")
    way.pull()
    key = f"replaced/{old.me.terminal_id}"
    params = {"terminal": old.me.terminal_id, "desk": "3", "last_at": heard, "last_receipt": "00010008"}
    assert inbox.advice == advice(new, clinic) == {key: Advice("desk.replaced", key, params=params)}


def test_what_the_old_pc_says_after_all_brings_the_hours_nearer(terminal: New, apply: Apply, clinic: str):
    old = terminal(clinic=clinic, desk="3")
    new = terminal(clinic=clinic, desk="3")
    inbox, way = following(new, clinic)
    (before,) = inbox.advice.values()
    assert (before.params["last_receipt"], before.params["last_at"] <= utc_text(new.world.now())) == ("", True)
    slip(old, "00010009")
    old.outbox.open_epoch("restore")
    old.outbox.give(f"{clinic}-1")
    heard = last(old)
    old.sync()
    apply()
    way.pull()
    (after,) = inbox.advice.values()
    assert (after.params["last_receipt"], after.params["last_at"]) == ("00010009", heard)
    assert before.key == after.key


def test_a_desk_replaced_twice_speaks_of_the_last_one_only(terminal: New, apply: Apply, clinic: str):
    first, second = terminal(clinic=clinic, desk="3"), terminal(clinic=clinic, desk="3")
    third = terminal(clinic=clinic, desk="3")
    assert list(advice(third, clinic)) == [f"replaced/{second.me.terminal_id}"]
    first.outbox.give(f"{clinic}-1")
    first.sync()
    apply()
    assert list(advice(third, clinic)) == [f"replaced/{second.me.terminal_id}"]


def test_a_pc_that_takes_another_place_goes_on_and_nothing_is_missing(
    region: EmbeddedRegion, terminal: New, clinic: str
):
    one, ca_pem = terminal(clinic=clinic, desk="3"), region.ca_file.read_text()

    def enrolled(key: crypto.PrivateKey, before: str = "", desk: str = "3") -> str:
        code = region.new_code(clinic=clinic, desk=desk)
        place = enrol(region.url, ca_pem, code, key, client="vaxdesk/0.1.0", world=one.world, before=before)
        return place.registration.terminal_id

    assert enrolled(one.me.key) == one.me.terminal_id
    again = enrolled(crypto.new_key(), one.me.terminal_id)
    enrolled(crypto.new_key(), desk="33")
    assert advice(one, clinic) == {}
    enrolled(crypto.new_key())
    assert list(advice(one, clinic)) == [f"replaced/{again}"]
    with pytest.raises(SyncError, match=r"sync\.bad_request"):
        enrolled(crypto.new_key(), "\0")
