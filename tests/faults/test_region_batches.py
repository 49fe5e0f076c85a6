"""Batches nobody honest seals: each is refused by name, nothing of it is accepted, nothing is lost here; a bad fact in
a good batch is set aside alone, told to its clinic, and a new fact answers it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from functools import cache

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from config.texts import LANGUAGES, say
from domain import events
from domain.errors import SyncError, WireError
from domain.wire import batch, chain, event, request, signed
from regional import queries
from regional.serve import EmbeddedRegion
from sync import batches, crypto
from sync.feed import Feed
from sync.keys import KEYSET, region_keys
from tests.e2e.test_region_apply import quarantine
from tests.e2e.test_region_sync import sealed
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.region_fixtures import CLINIC, Terminal, events_per_terminal

New = Callable[..., Terminal]
Apply = Callable[[], int]
KEY, REGION = crypto.new_key(), crypto.new_key()
LINES = [b'{"n":%d}' % n for n in range(3)]


def header_of(n: int, **wrong: object) -> batch.Header:
    start = chain.start("T-1", "e" * 32)
    said = batch.Header(
        1, batch.SUITE, "T-1", "e" * 32, 1, n, n, start.hex(), chain.run(start, 1, LINES[:n]).hex(), "key",
        "2026-11-22T01:00:00.000Z", 0, "", "vaxdesk/0.1.0",
    )  # fmt: skip
    return msgspec.structs.replace(said, **wrong)


def made(header: batch.Header, inside: bytes, by: crypto.PrivateKey, to: crypto.PublicKey) -> bytes:
    """A batch of these compressed bytes, rightly sealed and signed, whatever stands in it."""
    bound = batch.bind(header)
    body = crypto.seal(to, inside, batch.seal_info(bound))
    return batch.pack(bound, crypto.sign(by, batch.to_sign(bound, body)), body)


def opened(blob: bytes) -> batches.OpenedBatch:
    """As the region does."""
    packed = batch.unpack(blob)
    batches.check_signature(packed, KEY.public_key())
    return batches.open_sealed(packed, REGION)


# -- bytes, without a server ------------------------------------------------------------------------------------------


@cache
def good() -> bytes:
    return batches.seal(header_of(3), LINES, KEY, REGION.public_key())


def test_the_good_one_opens():
    assert opened(good()).events == LINES


def test_no_byte_of_a_batch_can_be_changed():
    """Every byte of every part: magic, length, header, hash, signature, encapsulated key, ciphertext, tag."""
    for at in range(len(good())):
        bad = bytearray(good())
        bad[at] ^= 1 << (at % 8)
        with pytest.raises(WireError):
            opened(bytes(bad))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 3000), st.binary(max_size=300))
def test_no_part_can_be_left_out_put_in_or_replaced(first: int, last: int, between: bytes):
    first, last = sorted((first % (len(good()) + 1), last % (len(good()) + 1)))
    bad = good()[:first] + between + good()[last:]
    if bad != good():
        with pytest.raises(WireError):
            opened(bad)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2000))
def test_whatever_is_sealed_it_is_read_or_refused(inside: bytes):
    with pytest.raises(WireError):
        opened(made(header_of(3), inside, KEY, REGION.public_key()))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(0xF5, 0xFF), max_size=60).map(bytes), st.binary(max_size=60))
def test_whatever_tokens_and_ids_are_compressed_they_are_read_or_refused(table: bytes, tokens: bytes, text: bytes):
    with pytest.raises(WireError):
        opened(made(header_of(3), frames(table, tokens + text), KEY, REGION.public_key()))


# -- what is compressed ----------------------------------------------------------------------------------------------


def squeezed(plain: bytes, **how: object) -> bytes:
    return zstandard.ZstdCompressor(**how).compress(plain)


def frames(table: bytes, text: bytes) -> bytes:
    first = squeezed(table)
    return len(first).to_bytes(4, "big") + first + squeezed(text)


def wide_window(log: int) -> bytes:
    """A frame that asks for a window of 2^log bytes."""
    how = zstandard.ZstdCompressionParameters.from_level(3, window_log=log, enable_ldm=True)
    squeeze = zstandard.ZstdCompressor(compression_params=how).compressobj()
    return squeeze.compress(b"x" * 5000) + squeeze.flush()


def lying(frame: bytes, size: int) -> bytes:
    """The frame with another content size in its header (RFC 8878, 3.1.1.1.4): eight bytes of it."""
    plain = zstandard.ZstdDecompressor().decompress(frame)
    raw = b"\x28\xb5\x2f\xfd" + bytes([0b1110_0000]) + size.to_bytes(8, "little")
    return raw + (len(plain) << 3 | 1).to_bytes(3, "little") + plain


EMPTY = squeezed(b"")
TWO = squeezed(b"a\n") + squeezed(b"b\n")
SKIPPED = b"\x50\x2a\x4d\x18" + (10**6).to_bytes(4, "little") + b"\0" * 1000
INSIDE = {
    "nothing": b"",
    "a length alone": b"\xff\xff\xff\xff",
    "no frames": b"\0\0\0\4nope" + b"garbage",
    "a first frame longer than all": b"\x7f\xff\xff\xff" + EMPTY + EMPTY,
    "a table of a million ids": frames(b"\0" * 2_000_000, b"\xff" * 60_000 + b"\n"),
    "a million tokens without ids": frames(b"", b"\xff" * 999_999 + b"\n"),
    "a million tokens of one id": frames(b"\0" * 16, b"\xff" + b"\xf5" * 999_000 + b"\n"),
    "far tokens of one id": frames(b"\0" * 16, b"\xff" + b"\xfe\0\0" * 330_000 + b"\n"),
    "half a far token": frames(b"\0" * 16, b"\xff\xfe\0"),
    "a token out of place": frames(b"\0" * 16, b"\xff\xfd\n"),
    "half an id": frames(b"\0" * 15, b"\xff\n"),
    "a window of 512 MiB": len(EMPTY).to_bytes(4, "big") + EMPTY + wide_window(29),
    "a window of 16 MiB": len(EMPTY).to_bytes(4, "big") + EMPTY + wide_window(24),
    "a frame that promises 2^62": len(EMPTY).to_bytes(4, "big") + EMPTY + lying(squeezed(b"a\n"), 2**62),
    "a frame that promises too little": len(EMPTY).to_bytes(4, "big") + EMPTY + lying(squeezed(b"a\nb\n"), 1),
    "a skippable frame": len(EMPTY).to_bytes(4, "big") + EMPTY + SKIPPED,
    "frame in frame": frames(b"", squeezed(squeezed(b"a\n" * 90_000))),
    "two texts": len(EMPTY).to_bytes(4, "big") + EMPTY + TWO,
    "a frame cut short": frames(b"", b"".join(line + b"\n" for line in LINES))[:-4],
    "no line feed at the end": frames(b"", b"\n".join(LINES)),
    "too many lines": frames(b"", b"\n" * 999_999),
    "one line too few": frames(b"", b"".join(line + b"\n" for line in LINES[:2])),
    "just too long": frames(b"", b"x" * 1_000_000 + b"\n"),
    "a terabyte of zeros": frames(b"", b"\0" * 50_000_000),
}


@pytest.mark.parametrize("name", INSIDE)
def test_a_bomb_or_garbage_under_a_good_signature_is_refused(name: str):
    with pytest.raises(WireError):
        opened(made(header_of(3), INSIDE[name], KEY, REGION.public_key()))


# -- to a real region ------------------------------------------------------------------------------------------------


def key_of(one: Terminal) -> signed.RegionKey:
    return signed.payload(signed.decode(one.outbox.documents[KEYSET], "keyset"), signed.KeySet).keys[0]


def untrue(one: Terminal, inside: bytes | None = None, **wrong: object) -> bytes:
    """The first two facts of this terminal, its header wrong, or other bytes sealed."""
    key = key_of(one)
    header = batch.unpack(sealed(one, 1, 2)[0]).header
    plain = batches.compress(batch.join(one.outbox.events[:2])) if inside is None else inside
    header = msgspec.structs.replace(header, **wrong)
    return made(header, plain, one.me.key, crypto.public_from_point(key.public))


def refused(one: Terminal, blob: bytes, name: tuple[str, str, int, int] | None = None) -> SyncError:
    with pytest.raises(SyncError) as caught:
        one.client.put_batch(*(name or (one.me.terminal_id, one.outbox.epoch, 1, 2)), blob)
    assert all(say(language, caught.value.code, **caught.value.params) for language in LANGUAGES)
    return caught.value


def stored(region: EmbeddedRegion, one: Terminal) -> int:
    with queries.connect(region.dsn) as connection:
        found = connection.execute("SELECT count(*) FROM batch WHERE terminal_id = %s", (one.me.terminal_id,))
        return int(found.fetchone()[0])


def doses(region: EmbeddedRegion, one: Terminal) -> list[str]:
    return [row.dose_id for row in queries.doses(region.dsn) if row.terminal_id == one.me.terminal_id]


@pytest.fixture
def one(region: EmbeddedRegion, terminal: New, apply: Apply):
    """A terminal with two facts. Whatever it sent, in the end they are there, once, and nothing else."""
    one = terminal()
    given = [one.outbox.give("child") for _ in range(2)]
    yield one
    assert stored(region, one) == 0, "nothing was accepted"
    assert one.sync().received_upto == 2, "nothing is lost"
    apply()
    assert doses(region, one) == sorted(given)


SEAL_NOT_OURS = crypto.new_key().public_key()
ZERO = "0" * 64
HEADERS: dict[str, tuple[dict[str, object], str]] = {
    "no events": ({"n": 0, "last_seq": 0}, "sync.bad_chain"),
    "more events than it says": ({"n": 1, "last_seq": 1}, "sync.bad_chain"),
    "fewer events than it says": ({"n": 3, "last_seq": 3}, "sync.bad_chain"),
    "numbers that do not agree": ({"n": 2, "last_seq": 9}, "sync.bad_chain"),
    "from zero": ({"first_seq": 0, "last_seq": 1}, "sync.bad_chain"),
    "from below zero": ({"first_seq": -1, "last_seq": 0}, "sync.bad_chain"),
    "at the end of all numbers": ({"first_seq": 2**63 - 2, "last_seq": 2**63 - 1}, "sync.bad_chain"),
    "beyond all numbers": ({"first_seq": 2**63, "last_seq": 2**63 + 1}, "sync.bad_chain"),
    "later than we are": ({"first_seq": 9, "last_seq": 10}, "sync.bad_chain"),
    "another beginning": ({"prev_hash": ZERO}, "sync.bad_chain"),
    "another end": ({"last_hash": ZERO}, "sync.bad_chain"),
    "hashes that are none": ({"prev_hash": "x"}, "sync.unreadable"),
    "somebody else": ({"terminal_id": "another"}, "sync.foreign"),
    "a terminal that is no name": ({"terminal_id": "../../etc"}, "sync.garbage"),
    "an epoch of somebody else": ({"epoch": "f" * 32}, "sync.bad_chain"),
    "an epoch that is none": ({"epoch": "E" * 32}, "sync.unreadable"),
    "a key nobody has": ({"region_key_id": "0" * 16}, "sync.unreadable"),
    "the key of signatures": ({"region_key_id": "sign"}, "sync.unreadable"),
    "a form of tomorrow": ({"fmt": 2}, "sync.unknown_suite"),
    "a suite of tomorrow": ({"suite": "x25519+zstd"}, "sync.unknown_suite"),
    "a header too long": ({"client": "x" * 5000}, "sync.unreadable"),
    "an offset too large": ({"offset_ms": 2**60}, "sync.unreadable"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_lies_under_a_good_signature(one: Terminal, name: str):
    """Put under the name it gives itself, and under the true one."""
    wrong, code = HEADERS[name]
    blob, true = untrue(one, **wrong), (one.me.terminal_id, one.outbox.epoch, 1, 2)
    own = {"terminal_id": true[0], "epoch": true[1], "first_seq": 1, "last_seq": 2} | wrong
    itself = own["terminal_id"], own["epoch"], own["first_seq"], own["last_seq"]
    assert refused(one, blob, itself).code == code
    assert refused(one, blob, true).code in ("sync.unreadable", "sync.bad_chain", "sync.foreign", "sync.unknown_suite")


def test_every_kind_of_garbage_sealed_and_signed_is_refused_by_the_region(one: Terminal):
    codes = {name: refused(one, untrue(one, inside)).code for name, inside in INSIDE.items()}
    assert set(codes.values()) <= {"sync.unreadable", "sync.too_large", "sync.bad_chain"}, codes


def test_sealed_to_another_region_or_signed_by_another_terminal(one: Terminal, terminal: New):
    other = terminal()
    header = batch.unpack(sealed(one, 1, 2)[0]).header
    packed = batches.compress(batch.join(one.outbox.events))
    assert refused(one, made(header, packed, one.me.key, SEAL_NOT_OURS)).code == "sync.unreadable"
    ours = crypto.public_from_point(key_of(one).public)
    assert refused(one, made(header, packed, other.me.key, ours)).code == "sync.bad_signature"


def test_anothers_batch_under_an_own_header_does_not_open(region: EmbeddedRegion, one: Terminal, terminal: New):
    """The seal is bound to the header: who takes over a sealed body cannot make it his own."""
    thief = terminal()
    theirs = batch.unpack(sealed(one, 1, 2)[0])
    header = msgspec.structs.replace(theirs.header, terminal_id=thief.me.terminal_id)
    bound = batch.bind(header)
    blob = batch.pack(bound, crypto.sign(thief.me.key, batch.to_sign(bound, theirs.sealed)), theirs.sealed)
    assert refused(thief, blob, (thief.me.terminal_id, header.epoch, 1, 2)).code == "sync.unreadable"
    assert stored(region, thief) == 0


def test_a_chain_with_a_hole(region: EmbeddedRegion, terminal: New, apply: Apply):
    one = terminal()
    given_ = [one.outbox.give("child-hole") for _ in range(4)]
    start, kept = one.outbox.hashes[1], [one.outbox.events[place] for place in (1, 3)]
    end = chain.run(bytes.fromhex(start), 2, kept).hex()
    blob, name = sealed(one, 1, 1)
    one.client.put_batch(*name, blob)
    header = msgspec.structs.replace(
        batch.unpack(sealed(one, 2, 3)[0]).header, last_hash=end
    )  # 2 and 4, told as 2 and 3: a chain of its own
    key = crypto.public_from_point(key_of(one).public)
    one.client.put_batch(header.terminal_id, header.epoch, 2, 3, batches.seal(header, kept, one.me.key, key))
    before = one.outbox.epoch
    one.sync()
    assert one.outbox.epoch != before, "the honest history is not settled by another one: it goes up beside it"
    apply()
    assert doses(region, one) == sorted(given_)
    assert queries.doubled(region.dsn) == 0


# -- too much ----------------------------------------------------------------------------------------------------------


def raw(region: EmbeddedRegion, head: bytes, *pieces: bytes) -> bytes:
    """What the region answers to these bytes on a line of their own, b"" when it hangs up."""
    context = ssl.create_default_context(cadata=region.ca_file.read_text())
    answer = b""
    with (
        socket.create_connection(("127.0.0.1", int(region.url.rpartition(":")[2])), 20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as line,
    ):
        try:
            for piece in (head, *pieces):
                line.sendall(piece)
            while data := line.recv(65536):
                answer += data
                if b"\r\n\r\n" in answer:
                    break
        except (ConnectionError, ssl.SSLError):
            return answer
    return answer


def put(one: Terminal, *fields: str) -> bytes:
    path = f"/v1/batches/{one.me.terminal_id}/{one.outbox.epoch}/1-2"
    return "\r\n".join([f"PUT {path} HTTP/1.1", "Host: localhost", *fields, "", ""]).encode()


def test_oversized_by_length_by_streaming_and_by_head(region: EmbeddedRegion, one: Terminal):
    chunk = b"186a0\r\n" + b"x" * 100_000 + b"\r\n"
    cases = {
        "length": (put(one, "Content-Length: 999999999999"), b"x" * 2_100_000),
        "chunks": (put(one, "Transfer-Encoding: chunked"), *[chunk] * 21),
        "a long line": (put(one, "X-Long: " + "x" * 200_000),),
        "many lines": (put(one, *[f"X-{n}: {n}" for n in range(20_000)]),),
        "both": (put(one, "Content-Length: 3", "Transfer-Encoding: chunked"), b"0\r\n\r\n"),
        "less than nothing": (put(one, "Content-Length: -1"),),
        "garbage": (b"\x00\xff garbage\r\n\r\n",),
    }
    for name, sent in cases.items():  # who still sends when the server hangs up may not hear what it said
        assert raw(region, *sent)[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 401", b"HTTP/1.1 413", b"HTTP/1.1 431"), (
            name
        )


def test_many_at_once_that_never_end_do_not_keep_others_out(region: EmbeddedRegion, one: Terminal):
    """Forty uploads that promise a body and stall; an honest terminal is served meanwhile."""
    context = ssl.create_default_context(cadata=region.ca_file.read_text())
    port = int(region.url.rpartition(":")[2])
    lines = []
    try:
        for _ in range(40):
            line = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 20), server_hostname="localhost")
            line.sendall(put(one, "Content-Length: 1000000") + b"x" * 1000)
            lines.append(line)
        assert one.client.status(one.me.terminal_id).have_seq == 0
    finally:
        for line in lines:
            line.close()


# -- bad facts in a good batch -----------------------------------------------------------------------------------------


def fact(one: Terminal, kind: str, body: object, **more: object) -> bytes:
    """The stored bytes of a fact as a strange program would write them."""
    said = {
        "kind": kind, "schema": 1, "actor": "nurse", "offset_ms": 0, "subject": "child-strange", "stated": "2026-11-22",
        "recorded_at": "2026-11-22T01:00:00.000Z", "hlc": "0" * 15 + "1", "event_id": one.world.new_id(), "body": body,
    }  # fmt: skip
    return msgspec.json.encode(said | more)


DEEP = msgspec.Raw(b"[" * 30_000 + b"]" * 30_000)
DOSE = {"visit": "v", "vaccine": "02", "dose_no": 1, "clinic": CLINIC}
UPDATE = {"fields": {"name": ["", "王"]}}
STRANGE: dict[str, tuple[Callable[[Terminal], bytes], str]] = {
    "nothing": (lambda one: b"", "unreadable"),
    "no JSON": (lambda one: b"not JSON at all", "unreadable"),
    "no object": (lambda one: b"[]", "unreadable"),
    "a number for all": (lambda one: b"7", "unreadable"),
    "a zero byte": (lambda one: fact(one, "dose.given", DOSE) + b"\0", "unreadable"),
    "a zero in a name": (lambda one: fact(one, "child.updated", {"fields": {"name": ["", "\0"]}}), "unstorable"),
    "a zero in an id": (lambda one: fact(one, "dose.given", DOSE, event_id="x\0"), "unstorable"),
    "a zero in the child": (lambda one: fact(one, "dose.given", DOSE, subject="x\0"), "unstorable"),
    "half a pair in a body": (
        lambda one: fact(one, "child.updated", {"fields": {"name": ["", "Q"]}}).replace(b'"Q"', b'"\\ud800"'),
        "unreadable",
    ),
    "half a pair outside": (lambda one: fact(one, "dose.given", DOSE, actor="Q").replace(b'"Q"', b'"\\udc00"'),
                            "unreadable"),
    "half a pair in an unread field": (
        lambda one: fact(one, "dose.given", DOSE | {"later": "Q"}).replace(b'"Q"', b'"\\ud800"'), "unreadable"),
    "a bomb of depth": (lambda one: fact(one, "child.updated", {"fields": {"name": ["", DEEP]}}), "unreadable"),
    "a bomb of depth unread": (lambda one: fact(one, "dose.given", DOSE | {"later": DEEP}), "unreadable"),
    "a number too large": (
        lambda one: fact(one, "dose.given", DOSE | {"later": msgspec.Raw(b"1e999999")}), "unstorable"),
    "an event too long": (lambda one: fact(one, "dose.given", DOSE | {"later": "x" * 65_536}), "unreadable"),
    "a clock that is none": (lambda one: fact(one, "child.updated", UPDATE, hlc="~" * 16), "unreadable"),
    "a clock after all days": (lambda one: fact(one, "child.updated", UPDATE, hlc="f" * 16), "unreadable"),
    "a schema of tomorrow": (lambda one: fact(one, "child.updated", UPDATE, schema=2), "newer_schema"),
    "a schema that is none": (lambda one: fact(one, "child.updated", UPDATE, schema="1"), "unreadable"),
    "a body that is a list": (lambda one: fact(one, "dose.given", [1, 2]), "bad_body"),
    "a body that is a text": (lambda one: fact(one, "child.updated", "x"), "bad_body"),
    "no body": (lambda one: fact(one, "child.registered", None), "bad_body"),
    "a field of another type": (lambda one: fact(one, "dose.given", DOSE | {"dose_no": "one"}), "bad_body"),
    "a field missing": (lambda one: fact(one, "dose.given", {"vaccine": "02"}), "bad_body"),
    "identifiers that are none": (
        lambda one: fact(one, "child.updated", {"fields": {"identifiers": ["", 7]}}), "bad_body"),
    "a dose nobody told": (lambda one: fact(one, "dose.voided", {"of": "none", "reason": ""}), "unknown_dose"),
}  # fmt: skip


def test_each_strange_fact_is_set_aside_alone_and_told_and_answered(
    region: EmbeddedRegion, terminal: New, apply: Apply
):
    clinic = "3101150808"
    one = terminal(clinic=clinic)
    wanted, good_ones = {}, []
    for make, reason in STRANGE.values():
        one.outbox.tell_raw(make(one))
        wanted[len(one.outbox.events)] = reason
        good_ones.append(one.outbox.give("child-strange"))
    assert one.sync().received_upto == len(one.outbox.events)
    assert apply() == 1
    names = dict(zip(wanted, STRANGE, strict=True))
    assert {names[seq]: reason for seq, reason in quarantine(region, one).items()} == {
        names[seq]: reason for seq, reason in wanted.items()
    }
    mine = [row for row in queries.doses(region.dsn) if row.terminal_id == one.me.terminal_id and row.state == "given"]
    assert [row.dose_id for row in mine] == sorted(good_ones)
    inbox = MemoryFeedInbox(clinic)
    way = Feed(inbox, one.client, region_keys(one.outbox), one.me, one.world)
    way.pull()
    assert {advice.params["seq"]: advice.code.removeprefix("quarantine.") for advice in inbox.advice.values()} == wanted
    assert way.check() == []
    for language in LANGUAGES:
        assert all(say(language, advice.code) for advice in inbox.advice.values())
    one.outbox.tell("child.updated", events.ChildUpdated({"name": ("", "王")}), "child-strange")
    one.sync()
    apply()
    assert queries.child(region.dsn, "child-strange")["name"] == "王", "a new fact says what the bad ones could not"


def test_the_longest_fact_and_the_kinds_of_tomorrow_are_taken(region: EmbeddedRegion, terminal: New, apply: Apply):
    one = terminal()
    short = fact(one, "dose.given", DOSE | {"later": ""})
    room = event.MAX_EVENT_BYTES - len(short)
    one.outbox.tell_raw(fact(one, "dose.given", DOSE | {"later": "x" * room}))
    assert len(one.outbox.events[-1]) == event.MAX_EVENT_BYTES
    one.outbox.tell_raw(fact(one, "moon.landed", {"anything": 1}, schema=9))
    one.sync()
    apply()
    assert quarantine(region, one) == {}
    assert events_per_terminal(region.dsn)[one.me.terminal_id] == 2


def test_the_signature_of_a_request_covers_the_whole_batch(region: EmbeddedRegion, one: Terminal):
    """A batch changed after its request was signed is refused before anybody looks into it."""
    blob, name = sealed(one, 1, 2)
    path = "/v1/batches/{}/{}/{}-{}".format(*name)
    digest = request.content_digest(blob)
    given_ = request.SignatureInput(int(one.world.now().timestamp()), crypto.key_id(one.me.key.public_key()), "n" * 12)
    signature = crypto.sign(one.me.key, request.signature_base("PUT", path, "", digest, given_))
    fields = [f"{name}: {value}" for name, value in request.headers(digest, given_, signature).items()]
    head = put(one, *fields, f"Content-Length: {len(blob)}")
    assert raw(region, head, blob[:-1] + b"\0").startswith(b"HTTP/1.1 401")
