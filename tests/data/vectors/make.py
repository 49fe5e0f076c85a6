"""Makes the frozen vectors of docs/formats.md, once. A file that is there is never written again.

    python tests/data/vectors/make.py

Keys are P-256 scalars too small for anything but a test, people are invented. A new version of a format gets new files.
"""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from domain import clock, events
from domain.ids import uuid7
from domain.wire import batch, chain, event, feed, packing, request, signed
from domain.world import utc_text
from sync import batches, crypto, pages
from sync.hub import to_prove
from terminal.store import keyfile

HERE = Path(__file__).parent
SCALARS = {"terminal": 11, "region_seal": 12, "region_sign": 13, "root": 14, "escrow": 15}
KEYS = {name: crypto.private_from_int(scalar) for name, scalar in SCALARS.items()}
TERMINAL_ID = "01a1ff00-0000-7000-8000-00000000000a"
EPOCH = "00112233445566778899aabbccddeeff"
START_MS = int(datetime(2026, 11, 22, 1, 42, 11, 123000, tzinfo=UTC).timestamp() * 1000)


def random(seed: str) -> Any:
    """n bytes that are the same on every run: SHA-256 of the seed and a counter."""
    calls = iter(range(1000))
    return lambda n: sha256(f"{seed} {next(calls)}".encode()).digest()[:n]


def write(name: str, about: str, **content: Any) -> None:
    path = HERE / f"{name}.json"
    if not path.exists():
        path.write_text(json.dumps({"about": about, **content}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def facts() -> list[dict[str, Any]]:
    """A child's morning, one field set per event: what event.encode is called with."""
    chance, moment, hlc = random("events"), START_MS, ""
    ids = [uuid7(START_MS + i, chance(10)) for i in range(12)]
    child, visit, lot, dose = ids[:4]
    bodies: list[tuple[str, str, str, msgspec.Struct]] = [
        (
            "child.registered",
            child,
            "2026-11-22",
            events.ChildRegistered(
                "㛃䶮𬭊",
                "female",
                "2026-09-20",
                birth_weight_g=3250,
                residence="local",
                identifiers=(events.Identifier("booklet", "3205830042", "3205830101"),),
                guardians=(events.Guardian("mother", "欧阳䶮", "13800000000"),),
                clinic="3205830101",
            ),
        ),
        (
            "stock.received",
            lot,
            "2026-11-22",
            events.StockReceived("0201", "202601001", "2028-01-31", "05", ("81000010123456789012",), 1),
        ),
        (
            "visit.opened",
            child,
            "2026-11-22T09:42",
            events.VisitOpened("3205830101", "1", {"fever": "no"}, True, "seen"),
        ),
        (
            "dose.given",
            child,
            "2026-11-22T09:44",
            events.DoseGiven(
                visit,
                "0201",
                1,
                "3205830101",
                giver="S003",
                lot=lot,
                lot_no="202601001",
                expiry_on="2028-01-31",
                maker="05",
                package="81000010123456789012",
                vial_no=1,
                volume_ml=0.5,
                site="RA",
                route="im",
                verdict=("dose.no_informing",),
                overrides={"dose.no_informing": "口头告知"},
            ),
        ),
        ("stock.used", lot, "", events.StockUsed(dose)),
        ("receipt.issued", child, "", events.ReceiptIssued(visit, "3205830101-0000001", 1)),
        ("dose.voided", child, "2026-11-22T09:46", events.DoseVoided(dose, "wrong_child")),
        ("stock.used", lot, "", events.StockUsed(dose, -1)),
        ("visit.closed", child, "", events.VisitClosed(visit, "hand", "2026-11-22T10:14")),
        ("child.updated", child, "2026-11-22", events.ChildUpdated({"name": ("㛃䶮𬭊", "欧阳㛃")})),
        ("staff.added", "S003", "", events.StaffAdded("王𬭊", ("general",))),
        ("audit.head", TERMINAL_ID, "", events.AuditHead(7, "ab" * 32)),
    ]
    by_kind = {"child.registered": child, "visit.opened": visit, "dose.given": dose, "stock.received": lot}
    free = iter(ids[4:])
    made = []
    for n, (kind, subject, stated, body) in enumerate(bodies):
        moment += 0 if kind == "stock.used" else 1517
        hlc = clock.tick(hlc, moment)
        made.append(
            {
                "event_id": by_kind.get(kind) or next(free),
                "kind": kind,
                "subject": subject,
                "actor": "S001",
                "hlc": hlc,
                "stated": stated,
                "recorded_at": utc_text(datetime.fromtimestamp(moment / 1000, UTC)),
                "offset_ms": None if n == 0 else -137,
                "body": msgspec.to_builtins(body),
            }
        )
    return made


def newer(last: dict[str, Any]) -> list[str]:
    """Two events of a peer newer than we are: a field more in envelope and body, and a kind not known here."""
    envelope = {"kind": "dose.given", "schema": 2, **{k: last[k] for k in ("actor", "offset_ms", "subject")}}
    envelope |= {"stated": "2026-11-22T09:50", "recorded_at": last["recorded_at"], "hlc": clock.tick(last["hlc"], 0)}
    envelope |= {"event_id": uuid7(START_MS + 90_000, b"newer peer"), "witness": "㛃"}
    body = {"visit": last["event_id"], "vaccine": "0202", "dose_no": 2, "clinic": "3205830101", "needle_mm": 25}
    other = envelope | {"kind": "aefi.reported", "event_id": uuid7(START_MS + 90_001, b"newer peer")}
    made = [{**envelope, "body": body}, {**other, "hlc": clock.tick(envelope["hlc"], 0), "body": {"grade": [1, None]}}]
    return [json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in made]


def make_events() -> list[bytes]:
    made = facts()
    typed = [msgspec.convert(one["body"], events.BODIES[one["kind"]]) for one in made]
    stored = [event.encode(**{**one, "body": body}).decode() for one, body in zip(made, typed, strict=True)]
    more = newer(made[-1])
    rows = [{"fields": one, "stored": text} for one, text in zip(made, stored, strict=True)]
    write("event", "docs/formats.md 1: fields and the stored bytes (UTF-8)", events=rows, of_a_newer_peer=more)
    return [text.encode() for text in stored + more]


def make_chain(stored: list[bytes]) -> list[bytes]:
    hashes = [chain.start(TERMINAL_ID, EPOCH)]
    for seq, data in enumerate(stored, 1):
        hashes.append(chain.step(hashes[-1], seq, data))
    write(
        "chain",
        "docs/formats.md 2: h0, then the hash after each event of event.json, the newer peer's last",
        terminal_id=TERMINAL_ID,
        epoch=EPOCH,
        hashes=[h.hex() for h in hashes],
    )
    return hashes


def make_batch(stored: list[bytes], hashes: list[bytes]) -> None:
    first = 3
    run = stored[first - 1 :]
    header = batch.Header(
        1,
        batch.SUITE,
        TERMINAL_ID,
        EPOCH,
        first,
        len(stored),
        len(run),
        hashes[first - 1].hex(),
        hashes[-1].hex(),
        crypto.key_id(KEYS["region_seal"].public_key()),
        "2026-11-22T01:45:00.000Z",
        -137,
        "cd" * 32,
        "vaxdesk/0.1.0",
    )
    table, text = packing.pack(batch.join(run))
    blob = batches.seal(header, run, KEYS["terminal"], KEYS["region_seal"].public_key())
    write(
        "batch",
        "docs/formats.md 3: the events of event.json from first_seq on, sealed for region_seal, signed by terminal",
        scalars=SCALARS,
        header=msgspec.to_builtins(header),
        table_hex=table.hex(),
        text_hex=text.hex(),
        blob_base64=b64encode(blob).decode(),
    )


def make_requests() -> None:
    rows = []
    for method, path, query, body in (
        ("PUT", f"/v1/batches/{TERMINAL_ID}/{EPOCH}/1-3", "", b"IMB1..."),
        ("GET", f"/v1/terminals/{TERMINAL_ID}/status", "", b""),
        ("GET", "/v1/feed", "cursor=abc%2F1", b""),
    ):
        given = request.SignatureInput(1795311731, crypto.key_id(KEYS["terminal"].public_key()), "dmF4ZGVzay1ub25jZQ")
        digest = request.content_digest(body)
        base = request.signature_base(method, path, query, digest, given)
        headers = request.headers(digest, given, crypto.sign(KEYS["terminal"], base))
        row = {"method": method, "path": path, "query": query, "body": body.decode(), "created": given.created}
        rows.append(row | {"keyid": given.keyid, "nonce": given.nonce, "base": base.decode(), "headers": headers})
    write(
        "request", "docs/formats.md 4: signed by terminal; `base` are the bytes signed", scalars=SCALARS, requests=rows
    )


def make_documents(hashes: list[bytes]) -> None:
    def key(name: str, use: str, suite: str) -> signed.RegionKey:
        public = KEYS[name].public_key()
        dates = ("2026-01-01T00:00:00.000Z", "2028-01-01T00:00:00.000Z")
        return signed.RegionKey(crypto.key_id(public), use, suite, crypto.point(public), *dates)

    keys = (
        key("region_seal", "seal", signed.HPKE_SUITE),
        key("region_sign", "sign", signed.SIGN_SUITE),
        key("escrow", "escrow", signed.HPKE_SUITE),
    )
    generation = "9f" * 16
    payloads: list[tuple[signed.Kind, str, msgspec.Struct]] = [
        (
            "ack",
            "region_sign",
            signed.Ack(TERMINAL_ID, EPOCH, 14, 9, hashes[14].hex(), generation, "2026-11-22T01:45:01.250Z"),
        ),
        (
            "lease",
            "region_sign",
            signed.Lease("01a1ff00-0000-7000-8000-0000000000b1", TERMINAL_ID, "receipt", "3205830101-", 1, 500, 7),
        ),
        ("keyset", "root", signed.KeySet(generation, 3, keys)),
        (
            "registration",
            "region_sign",
            signed.Registration(
                TERMINAL_ID,
                "3205830101",
                "㛃塘街道预防接种门诊",
                "1",
                crypto.key_id(KEYS["terminal"].public_key()),
                "2026-11-01T00:00:00.000Z",
                "2027-01-30T00:00:00.000Z",
            ),
        ),
    ]
    for kind, signer, said in payloads:
        payload = msgspec.json.encode(said)
        signature = crypto.sign(KEYS[signer], signed.to_sign(kind, payload))
        document = signed.SignedDocument(kind, crypto.key_id(KEYS[signer].public_key()), payload, signature)
        about = f"docs/formats.md 5: signed by {signer}; `document` is what travels"
        content = {"fields": msgspec.to_builtins(said), "payload": payload.decode()}
        write(kind, about, scalars=SCALARS, signer=signer, **content, document=signed.encode(document).decode())


def make_feed(stored: list[bytes]) -> None:
    """What comes back: the page of some events and an advice, the record, the scope, reference documents."""
    generation, other = "9f" * 16, "01a1ff00-0000-7000-8000-00000000000c"
    advice = feed.Advice("quarantine.bad_body", f"quarantine/{other}/{EPOCH}/3", child_id="", params={"seq": 3})
    lines = [*stored[:3], stored[3], msgspec.json.encode(advice)]
    body, content = pages.write_lines(lines), "停电通知㛃".encode()
    sources = (feed.Source(TERMINAL_ID, "3205830101"), feed.Source(other, "3205830202"))
    runs = (feed.Run(3, "event", 0), feed.Run(1, "also", 1), feed.Run(1, "advice", -1))
    digest, time = sha256(body).hexdigest(), "2026-11-22T01:45:01.250Z"
    notice = feed.Reference(7, "notices", sha256(content).hexdigest(), "2026-12-01", time)
    buckets = [feed.Bucket(0, 0)] * feed.BUCKETS
    for data in stored[:3]:
        place, value = feed.mark(TERMINAL_ID, event.decode(data).event_id)
        buckets[place] = feed.Bucket(buckets[place].n + 1, buckets[place].mark ^ value)
    said: dict[signed.Kind, tuple[msgspec.Struct, bytes]] = {
        "page": (
            feed.Page(TERMINAL_ID, "a.b.c", "a.d.e", 12, generation, 7, time, sources, runs, digest),
            body,
        ),
        "record": (
            feed.Record(TERMINAL_ID, (stored_child(stored),), "vaccination", time, sources, runs[:2], digest),
            body,
        ),
        "scope": (feed.Scope(TERMINAL_ID, "a.d.e", time, tuple(buckets)), b""),
        "catalogue": (feed.Catalogue(time, (notice,)), b""),
        "reference": (notice, content),
    }
    for kind, (one, after) in said.items():
        payload = msgspec.json.encode(one)
        signature = crypto.sign(KEYS["region_sign"], signed.to_sign(kind, payload))
        document = signed.SignedDocument(kind, crypto.key_id(KEYS["region_sign"].public_key()), payload, signature)
        write(
            kind,
            "docs/formats.md 9: signed by region_sign; `body_base64` follows `document` and a line feed, if any",
            scalars=SCALARS,
            signer="region_sign",
            fields=msgspec.to_builtins(one),
            payload=payload.decode(),
            document=signed.encode(document).decode(),
            body_base64=b64encode(after).decode(),
            lines=[line.decode() for line in lines] if after is body else [],
        )


def stored_child(stored: list[bytes]) -> str:
    return event.decode(stored[0]).subject


def make_keyfile() -> None:
    dek, secret, cost = bytes(range(32)), b"this PC's own secret, 32 bytes!!", keyfile.Cost(64, 1, 1)
    public = KEYS["escrow"].public_key()
    escrow = signed.RegionKey(crypto.key_id(public), "escrow", signed.HPKE_SUITE, crypto.point(public), "", "")
    machine = keyfile.with_machine(keyfile.create(dek, "db-vector"), dek, secret, random("machine"))
    both = keyfile.with_passphrase(machine, dek, "recovery", "㛃 䶮 ｂｌｕｅ horse", random("recovery"), cost)
    full = keyfile.with_escrow(both, dek, escrow)
    start = keyfile.with_passphrase(keyfile.create(dek, "db-vector"), dek, "start", "早上好", random("start"), cost)
    write(
        "keyfile",
        "docs/formats.md 6: Argon2id is cheap here on purpose and the file says so; random(n) is make.py's",
        dek_hex=dek.hex(),
        machine_secret_hex=secret.hex(),
        recovery="㛃 䶮 ｂｌｕｅ horse",
        start="早上好",
        escrow_scalar=SCALARS["escrow"],
        machine_mode=keyfile.encode(full).decode(),
        start_mode=keyfile.encode(start).decode(),
    )


def make_hub() -> None:
    """Keys of its own: the hub's place, and the root of its own key set."""
    scalars = {"hub": 16, "hub_root": 17}
    place, root = (crypto.private_from_int(scalar) for scalar in scalars.values())
    said = signed.Registration(
        "01a1ff00-0000-7000-8000-00000000000b", "3205830101", "㛃塘街道预防接种门诊", "hub",
        crypto.key_id(place.public_key()), "2026-11-01T00:00:00.000Z", "2027-01-30T00:00:00.000Z", hub=True,
    )  # fmt: skip
    payload, point = msgspec.json.encode(said), crypto.point(root.public_key())
    signature = crypto.sign(KEYS["region_sign"], signed.to_sign("registration", payload))
    key_id = crypto.key_id(KEYS["region_sign"].public_key())
    write(
        "hub",
        "docs/formats.md 10: a hub's place, signed by region_sign, and its proof over its own root",
        scalars=scalars,
        registration=signed.encode(signed.SignedDocument("registration", key_id, payload, signature)).decode(),
        root_hex=point.hex(),
        proof=b64encode(crypto.sign(place, to_prove(point))).decode(),
    )


def make_ids() -> None:
    ticks, last = [], ""
    for ms in (START_MS, START_MS, START_MS - 60_000, START_MS + 5):
        last = clock.tick(last, ms)
        ticks.append({"unix_ms": ms, "hlc": last})
    ids = [
        {"unix_ms": ms, "random_hex": r.hex(), "id": uuid7(ms, r)}
        for ms, r in ((START_MS, b"\xff" * 10), (0, bytes(10)))
    ]
    write(
        "ids",
        "docs/formats.md 1: UUIDv7 from time and 10 random bytes; the clock, one value after the other",
        ids=ids,
        ticks=ticks,
    )


def main() -> None:
    stored = make_events()
    hashes = make_chain(stored)
    make_batch(stored, hashes)
    make_requests()
    make_documents(hashes)
    make_feed(stored)
    make_keyfile()
    make_hub()
    make_ids()


if __name__ == "__main__":
    main()
