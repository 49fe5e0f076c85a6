"""The frozen vectors of docs/formats.md against the code, both ways; and what hostile or newer bytes come to."""

from __future__ import annotations

import json
import random
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.texts import table
from domain import clock, events
from domain.errors import StoreError, VaxdeskError, WireError
from domain.ids import uuid7
from domain.wire import batch, chain, event, feed, packing, request, signed
from sync import batches, crypto, pages
from terminal.store import keyfile

VECTORS = Path(__file__).parents[1] / "data" / "vectors"
DOCUMENTS: dict[signed.Kind, type[msgspec.Struct]] = {
    "ack": signed.Ack,
    "lease": signed.Lease,
    "keyset": signed.KeySet,
    "registration": signed.Registration,
    "page": feed.Page,
    "record": feed.Record,
    "scope": feed.Scope,
    "catalogue": feed.Catalogue,
    "reference": feed.Reference,
}


def vector(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def key_of(name: str) -> crypto.PrivateKey:
    return crypto.private_from_int(vector("batch")["scalars"][name])


def stored_events() -> list[bytes]:
    said = vector("event")
    return [row["stored"].encode() for row in said["events"]] + [text.encode() for text in said["of_a_newer_peer"]]


def blob() -> bytes:
    return b64decode(vector("batch")["blob_base64"])


def opened(data: bytes) -> batches.OpenedBatch:
    packed = batch.unpack(data)
    batches.check_signature(packed, key_of("terminal").public_key())
    return batches.open_sealed(packed, key_of("region_seal"))


def verified(kind: signed.Kind, data: bytes, signer: crypto.PublicKey) -> msgspec.Struct:
    document = signed.decode(data, kind)
    if document.key_id != crypto.key_id(signer):
        raise WireError("wire.bad_signature")
    if not crypto.verify(signer, document.signature, signed.to_sign(kind, document.payload)):
        raise WireError("wire.bad_signature")
    return signed.payload(document, DOCUMENTS[kind])


def changed_bytes(data: bytes) -> Iterator[bytes]:
    """`data` with one bit flipped, at every place."""
    chance = random.Random(20261122)
    for at in range(len(data)):
        yield data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def refused(work: Callable[[bytes], object], data: bytes) -> str:
    """The code of the refusal, which has a text; any other exception fails the test."""
    with pytest.raises(VaxdeskError) as fault:
        work(data)
    for text in table()[fault.value.code].values():
        text.format_map(fault.value.params)
    return fault.value.code


def test_ids_and_clock() -> None:
    said = vector("ids")
    assert [uuid7(one["unix_ms"], bytes.fromhex(one["random_hex"])) for one in said["ids"]] == [
        one["id"] for one in said["ids"]
    ]
    last = ""
    for one in said["ticks"]:
        last = clock.tick(last, one["unix_ms"])
        assert last == one["hlc"]


def test_event_both_ways() -> None:
    for row in vector("event")["events"]:
        fields, stored = row["fields"], row["stored"].encode()
        body_type = events.BODIES[fields["kind"]]
        body = msgspec.convert(fields["body"], body_type)
        assert event.encode(**{**fields, "body": body}) == stored
        read = event.decode(stored)
        assert {name: getattr(read, name) for name in fields if name != "body"} == {
            name: value for name, value in fields.items() if name != "body"
        }
        assert msgspec.json.decode(read.body, type=body_type) == body


def test_chain_runs_over_the_stored_bytes() -> None:
    said, stored = vector("chain"), stored_events()
    start = chain.start(said["terminal_id"], said["epoch"])
    assert [start.hex()] + [chain.run(start, 1, stored[:n]).hex() for n in range(1, len(stored) + 1)] == said["hashes"]
    assert chain.run(start, 1, [*stored[:-1], stored[-1] + b" "]).hex() != said["hashes"][-1]
    assert chain.run(start, 1, stored[::-1]).hex() != said["hashes"][-1]


def test_batch_opens_and_its_deterministic_parts_are_the_same() -> None:
    said, packed = vector("batch"), batch.unpack(blob())
    result = opened(blob())
    assert result.events == stored_events()[packed.header.first_seq - 1 :]
    assert msgspec.to_builtins(packed.header) == said["header"]
    assert batch.bind(msgspec.convert(said["header"], batch.Header)) == packed.bound
    assert crypto.sign(key_of("terminal"), packed.to_sign) == packed.signature
    body = batch.join(result.events)
    id_table, text = bytes.fromhex(said["table_hex"]), bytes.fromhex(said["text_hex"])
    assert packing.pack(body) == (id_table, text) and packing.unpack(id_table, text, batch.MAX_PLAIN_BYTES) == body


def test_a_batch_sealed_here_opens_here() -> None:
    header, run = batch.unpack(blob()).header, opened(blob()).events
    again = batches.seal(header, run, key_of("terminal"), key_of("region_seal").public_key())
    assert opened(again) == opened(blob()) and again != blob()


def test_request_both_ways() -> None:
    said, signer = vector("request"), key_of("terminal")
    for one in said["requests"]:
        given = request.SignatureInput(one["created"], one["keyid"], one["nonce"])
        digest = request.content_digest(one["body"].encode())
        base = request.signature_base(one["method"], one["path"], one["query"], digest, given)
        assert base == one["base"].encode()
        signature = crypto.sign(signer, base)
        assert request.headers(digest, given, signature) == one["headers"]
        assert request.parse(one["headers"]["Signature-Input"], one["headers"]["Signature"]) == (given, signature)


def test_request_headers_are_taken_in_one_form_only() -> None:
    headers = vector("request")["requests"][0]["headers"]
    good, signature = headers["Signature-Input"], headers["Signature"]
    for spoilt in (
        good + "\n",
        good.replace("created=", "created=٣"),
        good.replace('"@query" ', ""),
        good.replace("vaxdesk-1", "vaxdesk-2"),
        good + ";expires=9",
    ):
        assert refused(lambda data: request.parse(data.decode(), signature), spoilt.encode()) == (
            "wire.bad_request_signature"
        )
    for n in range(len(signature)):
        refused(lambda data: request.parse(good, data.decode()), signature[:n].encode())
    refused(lambda data: request.parse(good, data.decode()), f"vaxdesk=:{'A' * 85}===:".encode())


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_signed_documents_both_ways(kind: signed.Kind) -> None:
    said = vector(kind)
    signer, document = key_of(said["signer"]), said["document"].encode()
    read = verified(kind, document, signer.public_key())
    assert read == msgspec.convert(said["fields"], DOCUMENTS[kind])
    payload = said["payload"].encode()
    assert msgspec.json.encode(read) == payload
    signature = crypto.sign(signer, signed.to_sign(kind, payload))
    again = signed.SignedDocument(kind, crypto.key_id(signer.public_key()), payload, signature)
    assert signed.encode(again) == document


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_signed_document_is_never_another_kind(kind: signed.Kind) -> None:
    said = vector(kind)
    other: signed.Kind = "lease" if kind != "lease" else "ack"
    assert refused(lambda data: signed.decode(data, other), said["document"].encode()) == "wire.document_unreadable"
    renamed = said["document"].replace(f'"kind":"{kind}"', f'"kind":"{other}"').encode()
    signer = key_of(said["signer"]).public_key()
    assert refused(lambda data: verified(other, data, signer), renamed) == "wire.bad_signature"


def test_what_comes_back_is_read_from_its_vectors() -> None:
    said = vector("page")
    page = msgspec.convert(said["fields"], feed.Page)
    body = b64decode(said["body_base64"])
    answer = feed.join(said["document"].encode(), body)
    assert feed.split(answer) == (said["document"].encode(), body)
    lines = [text.encode() for text in said["lines"]]
    assert pages.read_lines(body) == lines
    rows = pages.read(page, body)
    assert [row.data for row in rows[:4]] == lines[:4]
    assert [(row.clinic, row.also) for row in rows[:4]] == [("3205830101", False)] * 3 + [("3205830202", True)]
    assert rows[4] == msgspec.json.decode(lines[4], type=feed.Advice)
    content = b64decode(vector("reference")["body_base64"])
    assert vector("reference")["fields"]["version"] == sha256(content).hexdigest()
    buckets = [feed.Bucket(*one) for one in vector("scope")["fields"]["buckets"]]
    marks = [feed.mark(row.terminal_id, event.decode(row.data).event_id) for row in rows[:3]]
    assert all(buckets[place].mark == value and buckets[place].n == 1 for place, value in marks)
    assert sum(one.n for one in buckets) == 3


def test_a_page_whose_body_or_runs_do_not_fit_is_refused() -> None:
    said = vector("page")
    page, body = msgspec.convert(said["fields"], feed.Page), b64decode(said["body_base64"])
    for spoilt in changed_bytes(body):
        assert refused(lambda data: pages.read(page, data), spoilt) == "sync.bad_answer"
    for runs in ((), page.runs[:2], (feed.Run(6, "event", 0),), (feed.Run(5, "event", 2),), (feed.Run(-5, "x", 0),)):
        other = msgspec.structs.replace(page, runs=runs)
        assert refused(lambda data, other=other: pages.read(other, data), body) == "sync.bad_answer"
    newer = msgspec.structs.replace(page, runs=(feed.Run(4, "of_tomorrow", 0), page.runs[2]))
    assert [type(row) for row in pages.read(newer, body)] == [feed.Advice]
    assert refused(feed.split, b"no line feed") == "wire.document_unreadable"


def test_keyfile_both_ways() -> None:
    said = vector("keyfile")
    dek, secret = bytes.fromhex(said["dek_hex"]), bytes.fromhex(said["machine_secret_hex"])
    machine = keyfile.decode(said["machine_mode"].encode())
    start = keyfile.decode(said["start_mode"].encode())
    assert keyfile.unlock_machine(machine, secret) == dek
    assert keyfile.unlock_passphrase(machine, "recovery", said["recovery"]) == dek
    assert keyfile.unlock_escrow(machine, crypto.private_from_int(said["escrow_scalar"])) == dek
    assert keyfile.unlock_passphrase(start, "start", said["start"]) == dek
    assert keyfile.encode(machine).decode() == said["machine_mode"]

    def fixed(seed: str) -> Callable[[int], bytes]:
        calls = count()
        return lambda n: sha256(f"{seed} {next(calls)}".encode()).digest()[:n]

    cost = keyfile.Cost(64, 1, 1)
    made = keyfile.with_machine(keyfile.create(dek, "db-vector"), dek, secret, fixed("machine"))
    made = keyfile.with_passphrase(made, dek, "recovery", said["recovery"], fixed("recovery"), cost)
    assert made.slots == machine.slots[:2] and made.check == machine.check
    bare = keyfile.create(dek, "db-vector")
    again = keyfile.with_passphrase(bare, dek, "start", said["start"], fixed("start"), cost)
    assert keyfile.encode(again).decode() == said["start_mode"]


# -- changed and cut bytes -------------------------------------------------------------------------------------------


def test_every_changed_byte_of_a_batch_is_refused() -> None:
    for data in changed_bytes(blob()):
        refused(opened, data)


def test_every_cut_of_a_batch_is_a_wire_error() -> None:
    data = blob()
    for n in range(len(data)):
        assert refused(opened, data[:n]).startswith("wire.")


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_every_changed_byte_of_a_document_is_refused_or_says_the_same(kind: signed.Kind) -> None:
    """Base64 leaves up to four unused bits at its end; nothing else may pass."""
    said = vector(kind)
    signer, document = key_of(said["signer"]).public_key(), said["document"].encode()
    meant, passed = signed.decode(document, kind), 0
    for data in changed_bytes(document):
        try:
            verified(kind, data, signer)
            passed += 1
            assert signed.decode(data, kind) == meant
        except WireError:
            continue
    assert passed <= 2
    for n in range(len(document)):
        assert refused(lambda cut: verified(kind, cut, signer), document[:n]) == "wire.document_unreadable"


@pytest.mark.parametrize("mode", ["machine_mode", "start_mode"])
def test_every_changed_or_cut_byte_of_a_keyfile_is_refused(mode: str) -> None:
    data = vector("keyfile")[mode].encode()
    for changed in changed_bytes(data):
        assert refused(keyfile.decode, changed) == "key.damaged"
    for n in range(len(data)):
        with pytest.raises(StoreError):
            keyfile.decode(data[:n])


def test_events_cut_or_hostile_are_wire_errors() -> None:
    data = stored_events()[0]
    for n in range(len(data)):
        assert refused(event.decode, data[:n]) == "wire.event_unreadable"
    nested = b"[" * 30_000 + b"]" * 30_000
    for spoilt in (
        data.replace(b'"body":{', b'"new":' + nested + b',"body":{', 1),
        data.replace("㛃".encode(), b"\xff", 1),
        data.replace(b'"schema":1', b'"schema":"one"', 1),
    ):
        assert refused(event.decode, spoilt) == "wire.event_unreadable"


def test_an_event_too_long_to_travel_is_refused_when_written() -> None:
    fields = {**vector("event")["events"][6]["fields"], "body": events.DoseVoided("x", "长" * 30_000)}
    assert refused(lambda _: event.encode(**fields), b"") == "wire.event_too_long"


def test_text_that_is_no_text_is_refused_when_written() -> None:
    fields = {**vector("event")["events"][6]["fields"], "body": events.DoseVoided("x", "\ud800")}
    assert refused(lambda _: event.encode(**fields), b"") == "wire.bad_text"


def test_what_a_sealed_batch_may_not_say() -> None:
    header, run = batch.unpack(blob()).header, opened(blob()).events

    def sealed(**other: Any) -> bytes:
        said = msgspec.structs.replace(header, **other)
        return batches.seal(said, run, key_of("terminal"), key_of("region_seal").public_key())

    assert refused(opened, sealed(prev_hash="00" * 32)) == "wire.bad_chain"
    assert refused(opened, sealed(prev_hash="zz" * 32)) == "wire.not_a_batch"
    assert refused(opened, sealed(epoch="../../etc")) == "wire.not_a_batch"
    assert refused(opened, sealed(last_seq=header.last_seq + 1)) == "wire.bad_range"
    assert refused(opened, sealed(first_seq=2, last_seq=header.last_seq - 1)) == "wire.bad_chain"
    assert refused(opened, sealed(first_seq=2**63, last_seq=2**63 + header.n - 1)) == "wire.bad_range"
    assert refused(opened, sealed(n=header.n - 1, last_seq=header.last_seq - 1)) == "wire.bad_range"
    assert refused(opened, sealed(fmt=2)) == "wire.unknown_version"
    assert refused(opened, sealed(suite="sm2-sm3-sm4gcm+zstd")) == "wire.unknown_version"


def test_a_batch_is_bound_to_its_terminal_and_its_region() -> None:
    packed = batch.unpack(blob())
    with pytest.raises(WireError, match=r"wire\.seal_broken"):
        batches.open_sealed(packed, key_of("region_sign"))
    other = batch.bind(msgspec.structs.replace(packed.header, terminal_id="thief"))
    with pytest.raises(WireError, match=r"wire\.seal_broken"):
        batches.open_sealed(replace(packed, bound=other), key_of("region_seal"))
    with pytest.raises(WireError, match=r"wire\.bad_signature"):
        batches.check_signature(packed, key_of("region_sign").public_key())


def test_a_bomb_gives_no_more_than_the_limit() -> None:
    assert refused(lambda data: batches.decompress(data, 1000), batches.compress(b"x" * 1001)) == "wire.batch_too_large"
    ids = batches.compress(b"00000000-0000-0000-0000-000000000000" * 1000)
    assert len(ids) < 100
    assert refused(lambda data: batches.decompress(data, 35_999), ids) == "wire.batch_too_large"
    assert len(batches.decompress(ids, 36_000)) == 36_000


def test_packing_of_many_ids_and_of_tokens_without_a_meaning() -> None:
    chance = random.Random(3)
    ids = [uuid7(n, chance.randbytes(10)).encode() for n in range(400)]
    body = b"".join(chance.choice(ids) + chance.choice([b"", "䶮".encode(), b"\n", b"-0a"]) for _ in range(4000))
    assert packing.unpack(*packing.pack(body), len(body)) == body
    for text in (b"\xff", b"\xf5", b"\xfe\x00\x00", b"\xff\xf6"):
        assert refused(lambda data: packing.unpack(b"", data, 100), text) == "wire.batch_damaged"
    assert refused(packing.pack, b"\xff") == "wire.event_unreadable"
    # Too large is known from the count of the tokens: looking each of a million up would take a minute.
    assert refused(lambda data: packing.unpack(b"", data, 100), b"\xff" * 3) == "wire.batch_too_large"


# -- a newer peer ----------------------------------------------------------------------------------------------------


def test_what_a_newer_peer_adds_is_kept_in_the_bytes() -> None:
    dose, unknown = stored_events()[-2:]
    assert b'"witness":"\xe3\x9b\x83"' in dose and b'"needle_mm":25' in dose
    assert opened(blob()).events[-2:] == [dose, unknown]
    body = msgspec.json.decode(event.decode(dose).body, type=events.DoseGiven)
    assert (body.vaccine, body.dose_no) == ("0202", 2)
    assert (
        bytes(event.decode(unknown).body) == b'{"grade":[1,null]}'
    )  # its schema 2 of a kind that has a body here since
    tomorrow = event.decode(unknown.replace(b"aefi.reported", b"moon.reported"))
    assert tomorrow.kind not in events.BODIES and bytes(tomorrow.body) == b'{"grade":[1,null]}'


def test_a_field_more_in_header_and_document_passes() -> None:
    packed, run = batch.unpack(blob()), opened(blob()).events
    text = packed.bound[8:-1] + b',"hub":"new"}'
    bound = batch.MAGIC + len(text).to_bytes(4, "big") + text
    to = key_of("region_seal").public_key()
    sealed = crypto.seal(to, batches.compress(batch.join(run)), batch.seal_info(bound))
    signature = crypto.sign(key_of("terminal"), batch.to_sign(bound, sealed))
    result = opened(batch.pack(bound, signature, sealed))
    assert result.events == run and batch.unpack(batch.pack(bound, signature, sealed)).bound == bound
    said = vector("keyset")
    payload = said["payload"].replace('"use":"escrow"', '"use":"courier","pin":1').encode()
    root = key_of("root")
    signature = crypto.sign(root, signed.to_sign("keyset", payload))
    document = signed.SignedDocument("keyset", crypto.key_id(root.public_key()), payload, signature)
    read = verified("keyset", signed.encode(document), root.public_key())
    assert isinstance(read, signed.KeySet) and read.keys[2].use == "courier"


def test_a_foreign_clock_value_never_stops_our_clock() -> None:
    ours = clock.tick("", 1_795_311_731_123)
    for seen in ("", "zz", "f" * 16, "F" * 16, "0" * 17, "-1"):
        assert clock.merge(ours, seen) == ours
    ahead = clock.tick("", 1_895_311_731_123)
    assert clock.tick(clock.merge(ours, ahead), 1_795_311_731_124) > ahead
