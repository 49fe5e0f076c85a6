"""What nobody honest sends: replayed, foreign, altered, oversized, exploding. Refused by name, never stored, never a
fault of the server."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import requests
import zstandard

from domain.errors import SyncError
from domain.wire import batch, chain, request, signed
from regional import queries
from regional.serve import EmbeddedRegion
from sync import crypto, tls
from sync.keys import KEYSET
from tests.e2e.test_region_sync import sealed
from tests.region_fixtures import Terminal

New = Callable[..., Terminal]
REFUSED = ("sync.unreadable", "sync.bad_signature", "sync.foreign", "sync.bad_chain", "sync.unknown_suite")


@pytest.fixture
def http(region: EmbeddedRegion) -> Iterator[requests.Session]:
    with tls.session(region.ca_file.read_text()) as session:
        yield session


def headers(one: Terminal, method: str, path: str, body: bytes, **more: object) -> dict[str, str]:
    """What an honest terminal puts on a request, `more` changing it."""
    digest = request.content_digest(body)
    given = request.SignatureInput(
        more.get("created", int(one.world.now().timestamp())),
        more.get("keyid", crypto.key_id(one.me.key.public_key())),
        more.get("nonce", one.world.random(8).hex()),
    )
    return request.headers(
        digest, given, crypto.sign(one.me.key, request.signature_base(method, path, "", digest, given))
    )


def status_path(one: Terminal) -> str:
    return f"/v1/terminals/{one.me.terminal_id}/status"


def said(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_replayed_request_is_refused(region: EmbeddedRegion, terminal: New, http: requests.Session):
    one = terminal()
    once = headers(one, "GET", status_path(one), b"")
    assert http.get(region.url + status_path(one), headers=once).status_code == 200
    assert said(http.get(region.url + status_path(one), headers=once)) == (401, "REPLAYED")


def test_an_old_or_early_request_is_told_the_time(region: EmbeddedRegion, terminal: New, http: requests.Session):
    one = terminal()
    for seconds in (-301, 310, -86400 * 366):
        created = int((one.world.now() + timedelta(seconds=seconds)).timestamp())
        answer = http.get(
            region.url + status_path(one), headers=headers(one, "GET", status_path(one), b"", created=created)
        )
        assert said(answer) == (401, "CLOCK")
        assert answer.json()["server_time"].endswith("Z")


def test_requests_without_with_foreign_or_with_broken_signatures(
    region: EmbeddedRegion, terminal: New, http: requests.Session
):
    one, other = terminal(), terminal()
    path = status_path(one)
    good = headers(one, "GET", path, b"")
    cases = {
        "nothing signed": ({}, "BAD_REQUEST"),
        "half": ({"Signature": good["Signature"]}, "BAD_REQUEST"),
        "another's keyid": (
            headers(one, "GET", path, b"", keyid=crypto.key_id(other.me.key.public_key())),
            "BAD_REQUEST",
        ),
        "unknown keyid": (headers(one, "GET", path, b"", keyid="0" * 16), "UNKNOWN_TERMINAL"),
        "another path": (headers(one, "GET", "/v1/keyset", b""), "BAD_REQUEST"),
        "another method": (headers(one, "PUT", path, b""), "BAD_REQUEST"),
        "another body": (headers(one, "GET", path, b"x"), "BAD_REQUEST"),
    }
    for given, code in cases.values():
        assert said(http.get(region.url + path, headers=given)) == (401, code)
    assert said(http.get(region.url + path + "?x=1", headers=good)) == (401, "BAD_REQUEST")
    assert said(http.get(region.url + path, headers=headers(other, "GET", path, b""))) == (403, "FOREIGN")


def test_a_foreign_terminals_batch_is_not_taken(region: EmbeddedRegion, terminal: New, http: requests.Session):
    one, other = terminal(), terminal()
    one.outbox.give("child")
    blob, name = sealed(one, 1, 1)
    path = f"/v1/batches/{name[0]}/{name[1]}/1-1"
    assert said(http.put(region.url + path, data=blob, headers=headers(other, "PUT", path, blob))) == (403, "FOREIGN")
    with pytest.raises(SyncError) as caught:
        other.client.put_batch(other.me.terminal_id, *name[1:], blob)
    assert caught.value.code == "sync.foreign"
    pretended, _ = sealed(replace(one, me=replace(one.me, key=other.me.key)), 1, 1)
    with pytest.raises(SyncError) as caught:
        one.client.put_batch(*name, pretended)
    assert caught.value.code == "sync.bad_signature"
    assert stored(region, one) == stored(region, other) == 0


def test_flipped_bits_anywhere_are_refused(region: EmbeddedRegion, terminal: New):
    one = terminal()
    for _ in range(3):
        one.outbox.give("child")
    blob, name = sealed(one, 1, 3)
    chance = random.Random(20261122)
    places = sorted({*chance.sample(range(len(blob)), 60), 0, 4, 7, 8, len(blob) - 1})
    for place in places:
        bad = bytearray(blob)
        bad[place] ^= 1 << chance.randrange(8)
        with pytest.raises(SyncError) as caught:
            one.client.put_batch(*name, bytes(bad))
        assert caught.value.code in REFUSED, place
    for cut in (0, 3, 8, 100, len(blob) - 1):
        with pytest.raises(SyncError):
            one.client.put_batch(*name, blob[:cut])
    assert stored(region, one) == 0
    assert one.sync().received_upto == 3


def test_signed_but_untrue_batches_are_refused(region: EmbeddedRegion, terminal: New):
    one = terminal()
    one.outbox.give("child")
    one.outbox.give("child")
    cases = {
        "sync.bad_chain": {"last_hash": "0" * 64},
        "sync.unreadable": {"region_key_id": "f" * 16},
        "sync.foreign": {"terminal_id": "another"},
    }
    for code, wrong in cases.items():
        blob, name = sealed(one, 1, 2, **wrong)
        with pytest.raises(SyncError) as caught:
            one.client.put_batch(one.me.terminal_id, *name[1:], blob)
        assert caught.value.code == code
    blob, name = sealed(one, 1, 2)
    with pytest.raises(SyncError) as caught:
        one.client.put_batch(name[0], name[1], 1, 3, blob)
    assert caught.value.code == "sync.unreadable"
    assert stored(region, one) == 0


@pytest.mark.parametrize("declared", [True, False])
def test_a_bomb_does_not_explode(region: EmbeddedRegion, terminal: New, declared: bool):
    one = terminal()
    plain = b"0" * 200_000_000
    if declared:
        frame = zstandard.ZstdCompressor().compress(plain)
    else:
        squeeze = zstandard.ZstdCompressor().compressobj()
        frame = squeeze.compress(plain) + squeeze.flush()
    assert len(frame) < 50_000
    inside = len(frame).to_bytes(4, "big") + frame + frame
    key = signed.payload(signed.decode(one.outbox.documents[KEYSET], "keyset"), signed.KeySet).keys[0]
    start = chain.start(one.me.terminal_id, one.outbox.epoch).hex()
    header = batch.Header(
        1, batch.SUITE, one.me.terminal_id, one.outbox.epoch, 1, 1, 1, start, "0" * 64, key.key_id,
        "2026-11-22T01:00:00.000Z", 0, "", "vaxdesk/0.1.0",
    )  # fmt: skip
    bound = batch.bind(header)
    body = crypto.seal(crypto.public_from_point(key.public), inside, batch.seal_info(bound))
    blob = batch.pack(bound, crypto.sign(one.me.key, batch.to_sign(bound, body)), body)
    with pytest.raises(SyncError) as caught:
        one.client.put_batch(one.me.terminal_id, one.outbox.epoch, 1, 1, blob)
    assert caught.value.code == "sync.too_large"
    assert stored(region, one) == 0


def test_an_oversized_body_is_cut_off_while_it_streams(region: EmbeddedRegion, terminal: New):
    one = terminal()
    context = ssl.create_default_context(cadata=region.ca_file.read_text())
    port = int(region.url.rpartition(":")[2])
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    sent = 0
    with (
        socket.create_connection(("127.0.0.1", port)) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as line,
    ):
        path = f"/v1/batches/{one.me.terminal_id}/{one.outbox.epoch}/1-1"
        line.sendall(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        line.settimeout(20)
        with pytest.raises(OSError, match=r"."):  # the server hangs up on us
            while sent < 64 * 1024 * 1024:
                line.sendall(piece)
                sent += len(piece)


def test_strange_addresses_are_no_fault_of_the_server(region: EmbeddedRegion, terminal: New, http: requests.Session):
    one = terminal()
    for path in (
        "/v1/terminals/' OR 1=1/status", "/v1/terminals/%00/status", "/v1/batches/a/b/1-99999999999999999999999999",
        "/v1/batches/a/b/x-y", "/docs", "/v1/terminals/" + "a" * 5000 + "/status",
    ):  # fmt: skip
        for method in ("GET", "PUT"):
            answer = http.request(method, region.url + path, headers=headers(one, method, path, b""))
            assert 400 <= answer.status_code < 500, (method, path)


def test_enrolment_and_leases_refuse_nonsense(region: EmbeddedRegion, terminal: New, http: requests.Session):
    one = terminal()
    for path, bodies in {
        "/v1/enrolments": (b"", b"{}", b"[" * 50_000, b'{"code":"x","public_key":"AAAA","client":"x"}', b"\xff"),
        "/v1/leases": (b"", b"[]", b'{"wanted":{"child_code":0}}', b'{"wanted":{"gold":5}}',
                       b'{"wanted":{"booklet":1e9}}', b'{"wanted":{"booklet":20001}}', b'{"wanted":{"booklet":-5}}'),
    }.items():  # fmt: skip
        for body in bodies:
            answer = http.post(region.url + path, data=body, headers=headers(one, "POST", path, body))
            assert said(answer) == (400, "BAD_REQUEST"), body[:40]


def test_fuzzed_batches_never_become_a_fault_of_the_server(region: EmbeddedRegion, terminal: New):
    one = terminal()
    one.outbox.give("child")
    blob, name = sealed(one, 1, 1)
    chance = random.Random(7)
    for _ in range(150):
        bad = bytearray(blob)
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(bad))
            match chance.randrange(3):
                case 0:
                    bad[at] = chance.randrange(256)
                case 1:
                    del bad[at : at + chance.randint(1, 40)]
                case _:
                    bad[at:at] = chance.randbytes(chance.randint(1, 40))
        with pytest.raises(SyncError) as caught:
            one.client.put_batch(*name, bytes(bad))
        assert caught.value.code != "sync.server_fault"
    assert stored(region, one) == 0


def stored(region: EmbeddedRegion, one: Terminal) -> int:
    with queries.connect(region.dsn) as connection:
        found = connection.execute("SELECT count(*) FROM batch WHERE terminal_id = %s", (one.me.terminal_id,))
        return int(found.fetchone()[0])
