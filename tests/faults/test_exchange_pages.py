"""What comes back, spoilt: tampered, another's, of yesterday, lying about itself, exploding. Refused in words, the
cursor where it was and nothing taken in, by the counter's own inbox; then the true page comes whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from config.texts import LANGUAGES, say
from domain import events
from domain.errors import SyncError, WireError
from domain.wire import feed, signed
from domain.wire.feed import Page, Run, Source
from domain.world import World
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from sync import crypto, pages
from sync.client import RegionClient
from sync.feed import Feed
from sync.keys import region_keys
from terminal.store.database import Store
from terminal.store.inbox import StoreInbox
from tests.fakes.ledgers import new_store
from tests.fakes.lines import answer
from tests.fakes.networks import Answer, Machine
from tests.region_fixtures import CLINIC, Terminal

New = Callable[..., Terminal]
Apply = Callable[[], int]
Changed = tuple[Page, bytes]


@dataclass
class Reader:
    """A second desk with real records, which reads what the first told."""

    region: EmbeddedRegion
    one: Terminal
    store: Store

    @property
    def inbox(self) -> StoreInbox:
        return StoreInbox(self.store, self.one.world, CLINIC)

    def keys(self) -> KeyRing:
        return KeyRing(self.region.folder / "keys", World().now())

    def standing(self) -> tuple[Any, ...]:
        counted = [self.store.sql(f"SELECT count(*) FROM {table}") for table in ("told", "child", "dose", "matter")]
        return self.inbox.feed_standing(), counted, self.inbox.buckets()

    def pull(self, url: str) -> None:
        one = self.one
        client = RegionClient(url, one.ca_pem, one.me.key, one.world, client=one.client.client)
        try:
            Feed(self.inbox, client, region_keys(one.outbox), one.me, one.world).pull()
        finally:
            client.close()

    def refused(self, given: Answer) -> str:
        """The code of a page that is not taken; nothing of it was."""
        before = self.standing()
        port = int(self.region.url.rpartition(":")[2])
        with (
            Machine(port, self.region.folder / "tls", "GET /v1/feed", given) as machine,
            pytest.raises((SyncError, WireError)) as caught,
        ):
            self.pull(machine.url)
        assert self.standing() == before
        assert all(say(language, caught.value.code, **caught.value.params) for language in LANGUAGES)
        return caught.value.code


@pytest.fixture
def reader(region: EmbeddedRegion, terminal: New, apply: Apply, tmp_path: Path) -> Iterator[Reader]:
    first, second = terminal(), terminal()
    first.outbox.tell("child.registered", events.ChildRegistered("赵一", "1", "2026-11-01"), "child-page")
    given_ = [first.outbox.give("child-page") for _ in range(3)]
    first.sync()
    apply()
    reader = Reader(region, second, new_store(tmp_path / "records.db"))
    yield reader
    try:
        reader.pull(region.url)
        told = {row[0] for row in reader.store.sql("SELECT id FROM dose WHERE child_id = 'child-page'")}
        assert set(given_) <= told, "the true pages came whole"
    finally:
        reader.store.close()


def body_of(true: bytes) -> bytes:
    return true.partition(b"\r\n\r\n")[2]


def taken_apart(true: bytes) -> tuple[signed.SignedDocument, Page, bytes]:
    document, body = feed.split(body_of(true))
    read = signed.decode(document, "page")
    return read, signed.payload(read, Page), body


def put_together(document: signed.SignedDocument, body: bytes) -> bytes:
    return answer(200, feed.join(signed.encode(document), body))


# -- not signed by the region ------------------------------------------------------------------------------------------


def forged(change: Callable[[signed.SignedDocument, bytes], tuple[signed.SignedDocument, bytes]]) -> Answer:
    """The document or the body changed by somebody without the region's keys."""

    def given_(true: bytes) -> Iterator[bytes]:
        document, _, body = taken_apart(true)
        yield put_together(*change(document, body))

    return given_


def replaced(**more: object) -> Answer:
    return forged(lambda document, body: (msgspec.structs.replace(document, **more), body))


def of_own_key(document: signed.SignedDocument, body: bytes) -> tuple[signed.SignedDocument, bytes]:
    signature = crypto.sign(crypto.new_key(), signed.to_sign("page", document.payload))
    return msgspec.structs.replace(document, signature=signature), body


def flipped(document: signed.SignedDocument, body: bytes) -> tuple[signed.SignedDocument, bytes]:
    payload = document.payload.replace(b'"remaining":', b'"remaining":0')
    return msgspec.structs.replace(document, payload=payload), body


FORGED = {
    "the payload changed": forged(flipped),
    "signed by somebody": forged(of_own_key),
    "signed by nobody": replaced(signature=bytes(64)),
    "a signature cut short": replaced(signature=bytes(63)),
    "of a key nobody has": replaced(key_id="0" * 16),
    "called a record": replaced(kind="record"),
    "an empty payload": replaced(payload=b""),
    "no document": lambda true: iter([answer(200, b"\n" + feed.split(body_of(true))[1])]),
    "no body where one belongs": lambda true: iter([answer(200, feed.split(body_of(true))[0] + b"\nmore")]),
    "no line feed": lambda true: iter([answer(200, feed.split(body_of(true))[0])]),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_page_the_region_did_not_sign_is_not_taken(reader: Reader, name: str):
    assert reader.refused(FORGED[name]) in ("sync.bad_answer", "wire.document_unreadable")


# -- rightly signed, and yet untrue ------------------------------------------------------------------------------------


LINE = b'{"code":"x","key":"k"}'


def said(page: Page, lines: list[bytes], *runs: Run, sources: tuple[Source, ...] = ()) -> Changed:
    body = pages.write_lines(lines)
    return msgspec.structs.replace(page, runs=runs, sources=sources, sha256=sha256(body).hexdigest()), body


def bomb(page: Page, text: bytes, table: bytes = b"") -> Changed:
    frames = [zstandard.compress(part) for part in (table, text)]
    body = len(frames[0]).to_bytes(4, "big") + frames[0] + frames[1]
    return msgspec.structs.replace(
        page, runs=(Run(1, "advice", -1),), sources=(), sha256=sha256(body).hexdigest()
    ), body


TOLD = b'{"kind":"stock.counted","schema":1,"actor":"n","offset_ms":0,"subject":"l","stated":"","recorded_at":"2026-11-22T01:00:00.000Z","hlc":"0000000000000001","event_id":"e","body":{"doses":1}}'  # noqa: E501
T = Source("T-9", CLINIC)
LIES: dict[str, Callable[[Page, bytes], Changed]] = {
    "another's page": lambda page, body: (msgspec.structs.replace(page, terminal_id="another"), body),
    "after another cursor": lambda page, body: (msgspec.structs.replace(page, after="another"), body),
    "leading nowhere": lambda page, body: (msgspec.structs.replace(page, next=""), body),
    "another body": lambda page, body: (page, body + b"x"),
    "a run of nothing": lambda page, _: said(page, [LINE], Run(0, "advice", -1), Run(1, "advice", -1)),
    "a run of less than nothing": lambda page, _: said(page, [LINE], Run(-1, "advice", -1), Run(2, "advice", -1)),
    "a run too long": lambda page, _: said(page, [LINE], Run(2, "advice", -1)),
    "a run of all numbers": lambda page, _: said(page, [LINE], Run(2**62, "advice", -1)),
    "a run too short": lambda page, _: said(page, [LINE, LINE], Run(1, "advice", -1)),
    "lines without a run": lambda page, _: said(page, [LINE]),
    "runs without a line": lambda page, _: said(page, [], Run(1, "advice", -1)),
    "told by nobody": lambda page, _: said(page, [TOLD], Run(1, "event", 0)),
    "told by one too many": lambda page, _: said(page, [TOLD], Run(1, "event", 1), sources=(T,)),
    "told from below": lambda page, _: said(page, [TOLD], Run(1, "event", -2), sources=(T,)),
    "advice that is none": lambda page, _: said(page, [b"not JSON"], Run(1, "advice", -1)),
    "advice of another form": lambda page, _: said(page, [b'{"code":1}'], Run(1, "advice", -1)),
    "good rows and then a bad one": lambda page, _: said(
        page, [TOLD, b"nonsense"], Run(1, "event", 0), Run(1, "advice", -1), sources=(T,)),
    "a terabyte of zeros": lambda page, _: bomb(page, bytes(100_000_000)),
    "a million ids": lambda page, _: bomb(page, b"\xff" * 62_000 + b"\n", bytes(1_000_000)),
    "a million tokens": lambda page, _: bomb(page, b"\xff" + b"\xf5" * 900_000 + b"\n", bytes(16)),
    "a text without an end": lambda page, _: bomb(page, LINE),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_page_that_lies_is_not_taken_though_the_region_signed_it(reader: Reader, name: str):
    def given_(true: bytes) -> Iterator[bytes]:
        _, page, body = taken_apart(true)
        page, body = LIES[name](page, body)
        yield put_together(reader.keys().sign("page", page), body)

    assert reader.refused(given_) == "sync.bad_answer"


def test_a_page_of_before_is_not_taken_again(reader: Reader):
    """Replayed for the second page: it is after another cursor."""
    first: list[bytes] = []

    def given_(true: bytes) -> Iterator[bytes]:
        first.append(true)
        yield first[0]

    port = int(reader.region.url.rpartition(":")[2])
    with (
        Machine(port, reader.region.folder / "tls", "GET /v1/feed", given_) as machine,
        pytest.raises(SyncError, match=r"sync\.bad_answer"),
    ):
        reader.pull(machine.url)
    assert reader.inbox.feed_standing().cursor == taken_apart(first[0])[1].next, "the first one was true"
    cursor = reader.inbox.feed_standing().cursor
    assert reader.refused(lambda _: iter([first[0]])) == "sync.bad_answer"
    assert reader.inbox.feed_standing().cursor == cursor


def test_rows_of_tomorrow_and_facts_nobody_can_read_are_passed_over(reader: Reader):
    """They must not keep back all that follows."""
    rows = [b"anything", TOLD, b"not JSON at all", TOLD.replace(b'"schema":1', b'"schema":2').replace(b'"e"', b'"f"')]

    def given_(true: bytes) -> Iterator[bytes]:
        _, page, _ = taken_apart(true)
        run = (Run(1, "moon", -1), Run(3, "event", 0))
        page, body = said(msgspec.structs.replace(page, remaining=0), rows, *run, sources=(T,))
        yield put_together(reader.keys().sign("page", page), body)

    port = int(reader.region.url.rpartition(":")[2])
    with Machine(port, reader.region.folder / "tls", "GET /v1/feed", given_) as machine:
        reader.pull(machine.url)
    assert reader.inbox.feed_standing().cursor
    assert [row[0] for row in reader.store.sql("SELECT event_id FROM told ORDER BY event_id")] == ["e", "f"]
    reader.inbox.start_over("2026-11-22T01:00:00.000Z")  # the page it stood in for was needed


# -- any bytes ---------------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.lists(st.tuples(st.integers(-3, 9), st.sampled_from(["event", "advice", "x"]),
                                                   st.integers(-3, 3)), max_size=5))  # fmt: skip
def test_any_body_is_read_or_refused(body: bytes, runs: list[tuple[int, str, int]]):
    page = Page("T", "", "n", 0, "g", 0, "t", (T,), tuple(Run(*run) for run in runs), sha256(body).hexdigest())
    try:
        rows = pages.read(page, body)
    except SyncError as fault:
        assert fault.code == "sync.bad_answer"
    else:
        assert len(rows) <= sum(run.n for run in page.runs)
