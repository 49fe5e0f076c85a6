"""The network between, for everything a terminal asks of its region: whatever arrives in place of the answer ends in
words of both languages, settles nothing, applies nothing by halves and fills nothing; the next try goes through."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
import zstandard

from config.texts import LANGUAGES, say
from domain import events
from domain.errors import SyncError, VaxdeskError, WireError
from domain.world import World
from regional import queries, reference
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from sync import crypto, tls
from sync.client import RegionClient
from sync.enrol import enrol
from sync.feed import Feed
from sync.keys import region_keys
from sync.visit import sync_once
from tests.e2e.test_region_keys import age
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.fakes.lines import answer
from tests.fakes.networks import STALL, Answer, Line, Machine, drip
from tests.region_fixtures import CLINIC, Terminal

New = Callable[..., Terminal]
Apply = Callable[[], int]
PATIENT, HASTY = (20.0, 40.0), (0.6, 1.2)  # seconds between two reads, and of the whole answer


@dataclass
class Place:
    """A terminal that wants everything at once: to send, to read, to look up, to renew, numbers and documents."""

    region: EmbeddedRegion
    one: Terminal
    inbox: MemoryFeedInbox
    code: str
    key: crypto.PrivateKey
    patience: tuple[float, float] = PATIENT

    def client(self, url: str) -> RegionClient:
        """By that way."""
        line, (read_s, whole_s) = self.one.client, self.patience
        return RegionClient(
            url, self.one.ca_pem, self.one.me.key, self.one.world, client=line.client, offset_ms=line.offset_ms,
            read_s=read_s, whole_s=whole_s,
        )  # fmt: skip

    def standing(self) -> dict[str, Any]:
        """Everything an answer could change."""
        out, inbox = self.one.outbox, self.inbox
        return {
            "sent": (out.acked_seq, len(out.acks), len(out.events)),
            "kept": tuple(sorted(out.documents.items())),
            "leases": len(out.leases),
            "read": (inbox.cursor, len(inbox.facts), tuple(inbox.advice)),
            "started over": inbox.started,
            "documents": tuple(inbox.documents),
        }

    def visit(self, client: RegionClient) -> None:
        sync_once(self.one.outbox, client, self.one.me, self.one.world)

    def way(self, client: RegionClient) -> Feed:
        return Feed(self.inbox, client, region_keys(self.one.outbox), self.one.me, self.one.world)

    def pull(self, client: RegionClient) -> None:
        self.way(client).pull()

    def check(self, client: RegionClient) -> None:
        assert self.way(client).check() == []

    def look_up(self, client: RegionClient) -> None:
        assert self.way(client).lookup("child", "child-net", "vaccination", "S007").facts

    def enrol(self, client: RegionClient) -> None:
        """With a client of its own: the place is new."""
        pem, world, session = self.one.ca_pem, self.one.world, tls.session
        tls.session = lambda ca_pem, **_: session(ca_pem, whole_s=self.patience[1])
        try:
            enrol(client.url, pem, self.code, self.key, client="vaxdesk/0.1.0", world=world)
        finally:
            tls.session = session


# What is spoilt -> how it is asked for. Of what the same visit did before, nothing is taken back.
ASKED: dict[str, Callable[[Place, RegionClient], None]] = {
    "GET /v1/terminals": Place.visit,
    "PUT /v1/batches": Place.visit,
    "POST /v1/registrations": Place.visit,
    "POST /v1/leases": Place.visit,
    "GET /v1/feed": Place.pull,
    "GET /v1/reference ": Place.pull,
    "GET /v1/reference/": Place.pull,
    "GET /v1/scope-hash": Place.check,
    "POST /v1/children/lookup": Place.look_up,
    "POST /v1/enrolments": Place.enrol,
}
KEPT = {
    "POST /v1/registrations": ("kept", "leases"),
    "POST /v1/leases": ("leases",),
    "GET /v1/reference ": ("documents",),
    "GET /v1/reference/": ("documents",),
    "GET /v1/scope-hash": ("started over",),
}
PORTAL = "<!DOCTYPE html><html><title>上网认证</title><script>location='http://10.0.0.1/login'</script></html>".encode()


def instead(raw: bytes) -> Answer:
    return lambda true: iter([raw])


def changed(true: bytes) -> Iterator[bytes]:
    """One byte in the middle of the body is another."""
    head, _, body = true.partition(b"\r\n\r\n")
    spoilt = bytearray(body)
    spoilt[len(body) // 2] ^= 1
    yield head + b"\r\n\r\n" + bytes(spoilt)


def half(true: bytes) -> Iterator[bytes]:
    yield true[: -max(1, len(true.partition(b"\r\n\r\n")[2]) // 2)]


def stalled(true: bytes) -> Iterator[bytes]:
    yield true[:-5]
    yield STALL


def shorter(true: bytes) -> Iterator[bytes]:
    """A whole answer, but for its last byte: its length says so too."""
    body = true.partition(b"\r\n\r\n")[2][:-1]
    yield answer(200, body)


def endless(head: bytes, piece: bytes, pieces: int = 400) -> Answer:
    return lambda true: iter([head, *[piece] * pieces])


def packed(coding: str, pack: Callable[[bytes], bytes]) -> Answer:
    """A bomb nobody asked for: a hundred megabytes in an answer of a few kilobytes."""
    bomb = answer(200, pack(bytes(100_000_000)), f"Content-Encoding: {coding}")
    return instead(bomb)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
KILOS = b"x" * 100_000
SPOILT: dict[str, tuple[Answer, set[str]]] = {
    "a sign-in page": (instead(answer(200, PORTAL)), {"sync.garbage", "wire.document_unreadable"}),
    "a way to a sign-in page": (instead(answer(302, PORTAL, "Location: http://10.0.0.1/login")), {"sync.garbage"}),
    "for ever elsewhere": (instead(answer(301, b"", "Location: https://127.0.0.1:1/")), {"sync.garbage"}),
    "a proxy wants a name": (instead(answer(407, PORTAL)), {"sync.garbage"}),
    "not found": (instead(answer(404, PORTAL)), {"sync.garbage"}),
    "failed inside": (instead(answer(500, b"Internal Server Error")), {"sync.server_fault"}),
    "a gateway fails": (instead(answer(502, PORTAL)), {"sync.server_fault"}),
    "a gateway waits no more": (instead(answer(504, PORTAL)), {"sync.server_fault"}),
    "busy": (instead(answer(503, PORTAL, "Retry-After: 7")), {"sync.busy"}),
    "too often": (instead(answer(429, b"", "Retry-After: Wed, 21 Oct 2037 07:28:00 GMT")), {"sync.busy"}),
    "nothing at all": (instead(b""), {"sync.cut_short"}),
    "an empty body": (instead(answer(200, b"")), {"sync.garbage", "wire.document_unreadable"}),
    "null": (instead(answer(200, b"null")), {"sync.garbage", "wire.document_unreadable"}),
    "other JSON": (instead(answer(200, b'{"ok":true}\n{}')), {"sync.garbage", "wire.document_unreadable"}),
    "a bomb of depth": (instead(answer(200, b"[" * 900_000)), {"sync.garbage", "wire.document_unreadable"}),
    "no HTTP": (instead(b"\0\xff garbage\r\n\r\n"), {"sync.cut_short"}),
    "one byte changed": (changed, {"sync.garbage", "sync.bad_answer", "sync.bad_keyset", "sync.clock", "sync.fork",
                                   "sync.start_over", "sync.stale_epoch", "wire.document_unreadable"}),
    "half": (half, {"sync.cut_short"}),
    "one byte less": (shorter, {"sync.garbage", "sync.bad_answer", "wire.document_unreadable"}),
    "a body too large": (instead(answer(200, b"x" * 3_000_000)), {"sync.answer_too_large"}),
    "a body without end": (endless(b"HTTP/1.1 200 OK\r\n\r\n", KILOS), {"sync.answer_too_large"}),
    "a line of a head without end": (endless(b"HTTP/1.1 200 OK\r\nX: ", KILOS), {"sync.cut_short"}),
    "a head without end": (endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 9000), {"sync.cut_short"}),
    "a piece's length without end": (endless(CHUNKED, KILOS), {"sync.answer_too_large", "sync.cut_short"}),
    "packed by gzip": (packed("gzip", lambda data: zlib.compress(data, 9, 31)), {"sync.garbage",
                                                                              "wire.document_unreadable"}),
    "packed by zstd": (packed("zstd", zstandard.compress), {"sync.garbage", "wire.document_unreadable"}),
}  # fmt: skip

SLOW: dict[str, Answer] = {
    "silence in the middle": stalled,
    "a byte now and then": drip,
    "a head now and then": lambda _: drip(b"HTTP/1.1 200 OK\r\n" + b"X-Wait: 1\r\n" * 50),
    "continue, continue": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 4000),
    "pieces after the last": endless(CHUNKED + b"1\r\nx\r\n0\r\n", b"X: y\r\n" * 9000),
}
UNSIGNED = ("GET /v1/terminals",)  # the status is believed because TLS says who speaks


@pytest.fixture
def place(region: EmbeddedRegion, terminal: New, apply: Apply) -> Iterator[Place]:
    one = terminal()
    one.outbox.tell("child.registered", events.ChildRegistered("赵一", "1", "2026-11-01"), "child-net")
    one.sync()
    apply()
    given = one.outbox.give("child-net")
    age(region, one, timedelta(days=61))
    one.outbox.wanted = {"receipt": 10}
    with queries.connect(region.dsn) as connection:
        content = one.world.random(9)
        day, keys = date(2027, 1, 1), KeyRing(region.folder / "keys", World().now())
        reference.publish(connection, keys, "notices", content, day, World().now())
    place = Place(region, one, MemoryFeedInbox(CLINIC), region.new_code(clinic=CLINIC), crypto.new_key())
    yield place
    for asked in dict.fromkeys(ASKED.values()):
        asked(place, one.client)  # the next try goes through
    apply()
    place.pull(one.client)
    assert [row.dose_id for row in queries.doses(region.dsn) if row.terminal_id == one.me.terminal_id] == [given]
    assert one.outbox.acked_seq == 2 and queries.doubled(region.dsn) == 0
    assert content in {held for _, held in place.inbox.documents.values()}


def port(region: EmbeddedRegion) -> int:
    return int(region.url.rpartition(":")[2])


def in_words(fault: VaxdeskError) -> None:
    assert fault.code.startswith(("sync.", "wire."))
    for language in LANGUAGES:
        assert say(language, fault.code, **fault.params)


def spoil(place: Place, begins: str, given: Answer) -> str:
    """The code of what comes of it; nothing that was asked for has changed anything."""
    before = place.standing()
    with Machine(port(place.region), place.region.folder / "tls", begins, given) as machine:
        client = place.client(machine.url)
        with pytest.raises((SyncError, WireError)) as caught:
            ASKED[begins](place, client)
        client.close()
        assert machine.met == 1, begins
    in_words(caught.value)
    after, kept = place.standing(), KEPT.get(begins, before)
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}, begins
    return caught.value.code


def go_through(place: Place, name: str, asked: list[str]) -> None:
    given, codes = SPOILT[name]
    asked = [begins for begins in asked if given is not changed or begins not in UNSIGNED]
    found = {begins: spoil(place, begins, given) for begins in asked}
    assert {begins: code for begins, code in found.items() if code not in codes} == {}


@pytest.mark.parametrize("name", SPOILT)
def test_whatever_stands_between_ends_in_words(place: Place, name: str):
    """With three of the requests; all of them take longer."""
    first, asked = list(SPOILT).index(name), list(ASKED)
    go_through(place, name, [asked[(first + more) % len(asked)] for more in (0, 3, 7)])


@pytest.mark.soak
@pytest.mark.parametrize("name", SPOILT)
def test_whatever_stands_between_every_request_ends_in_words(place: Place, name: str):
    go_through(place, name, list(ASKED))


@pytest.mark.parametrize("name", [name for name in SPOILT if name.startswith(("packed", "a body", "a line", "a head"))])
def test_no_answer_fills_a_clinics_pc(place: Place, name: str):
    tracemalloc.start()
    try:
        spoil(place, "GET /v1/feed", SPOILT[name][0])
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("begins", ["PUT /v1/batches", "GET /v1/feed", "POST /v1/enrolments"])
@pytest.mark.parametrize("name", SLOW)
def test_an_answer_that_takes_for_ever_is_a_timeout(place: Place, name: str, begins: str):
    place.patience = HASTY
    assert spoil(place, begins, SLOW[name]) in ("sync.timeout", "sync.answer_too_large")


# -- bytes of the line itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize("up", [True, False])
def test_a_line_that_changes_or_cuts_any_byte_settles_nothing(place: Place, cut: bool, up: bool):
    """Of a visit and of a page of the feed: what TLS finds wrong is never believed."""
    places = [1, 4, 40, 200, 517, 700, 900, 1200, 1500, 1800, 2100, 2400, 2700]
    met = 0
    for at in places:
        for asked in (Place.visit, Place.pull):
            before = place.standing()
            with Line(port(place.region), at, cut=cut, up=up) as line:
                client = place.client(line.url)
                try:
                    asked(place, client)
                except (SyncError, WireError) as fault:
                    in_words(fault)
                client.close()
                met += line.spoilt
            after = place.standing()
            assert after["sent"] >= before["sent"] and after["read"][1] >= before["read"][1]
    assert met > 13, "most of them fell into an exchange"
