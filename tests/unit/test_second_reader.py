"""A second reader of docs/formats.md, written from the page and the RFCs alone: what a stranger would write."""

from __future__ import annotations

import hmac
import json
import struct
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import zstandard
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

VECTORS = Path(__file__).parents[1] / "data" / "vectors"
KEM, HPKE = b"KEM\x00\x10", b"HPKE\x00\x10\x00\x01\x00\x02"


def vector(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def private(scalar: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(scalar, ec.SECP256R1())


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def check(key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> None:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key.verify(encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))


def extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt, b"HPKE-v1" + suite + label + ikm, "sha256")


def expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labeled = struct.pack(">H", length) + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, labeled + b"\x01", "sha256")[:length]


def hpke_open(key: ec.EllipticCurvePrivateKey, sealed: bytes, info: bytes) -> bytes:
    """RFC 9180, 4.1 (Decap), 5.1 (KeySchedule, mode_base), 6.1 (single shot)."""
    enc, ciphertext = sealed[:65], sealed[65:]
    dh = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), enc))
    shared = expand(KEM, extract(KEM, b"", b"eae_prk", dh), b"shared_secret", enc + point(key.public_key()), 32)
    context = b"\0" + extract(HPKE, b"", b"psk_id_hash", b"") + extract(HPKE, b"", b"info_hash", info)
    secret = extract(HPKE, shared, b"secret", b"")
    aead = AESGCM(expand(HPKE, secret, b"key", context, 32))
    return aead.decrypt(expand(HPKE, secret, b"base_nonce", context, 12), ciphertext, b"")


def unpacked(table: bytes, text: bytes) -> bytes:
    """Section 3, read byte by byte."""
    recent: list[bytes] = []
    out, at, taken = b"", 0, 0
    while at < len(text):
        byte, at = text[at], at + 1
        if byte < 0xF5:
            out += bytes([byte])
            continue
        if byte == 0xFF:
            h, taken = table[taken : taken + 16].hex(), taken + 16
            name = f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}".encode()
        elif byte == 0xFE:
            name, at = recent.pop(int.from_bytes(text[at : at + 2], "big")), at + 2
        else:
            name = recent.pop(byte - 0xF5)
        recent.insert(0, name)
        out += name
    return out


def test_the_batch_from_the_page_alone() -> None:
    said, blob = vector("batch"), b64decode(vector("batch")["blob_base64"])
    assert blob[:4] == b"IMB1"
    end = 8 + int.from_bytes(blob[4:8], "big")
    bound, body_hash, signature, sealed = blob[:end], blob[end : end + 32], blob[end + 32 : end + 96], blob[end + 96 :]
    header = json.loads(bound[8:])
    assert sha256(sealed).digest() == body_hash
    region = private(said["scalars"]["region_seal"])
    check(private(said["scalars"]["terminal"]).public_key(), signature, b"vaxdesk imb 1\0" + bound + body_hash)
    assert header["region_key_id"] == sha256(point(region.public_key())).hexdigest()[:16]
    inner = hpke_open(region, sealed, b"vaxdesk imb 1\0" + sha256(bound).digest())
    middle = 4 + int.from_bytes(inner[:4], "big")
    table, text = (zstandard.ZstdDecompressor().decompress(part) for part in (inner[4:middle], inner[middle:]))
    events = unpacked(table, text).split(b"\n")
    assert events.pop() == b"" and len(events) == header["n"]
    link = bytes.fromhex(header["prev_hash"])
    for seq, stored in enumerate(events, header["first_seq"]):
        link = sha256(link + seq.to_bytes(8, "big") + stored).digest()
    assert link.hex() == header["last_hash"] == vector("chain")["hashes"][header["last_seq"]]
    known = [row["stored"] for row in vector("event")["events"]] + vector("event")["of_a_newer_peer"]
    assert [stored.decode() for stored in events] == known[header["first_seq"] - 1 :]


def test_the_documents_from_the_page_alone() -> None:
    for kind in ("ack", "lease", "keyset", "registration"):
        said = vector(kind)
        document = json.loads(said["document"])
        payload = b64decode(document["payload"])
        signer = private(said["scalars"][said["signer"]]).public_key()
        check(signer, b64decode(document["signature"]), f"vaxdesk {kind} 1\0".encode() + payload)
        assert document["key_id"] == sha256(point(signer)).hexdigest()[:16]
        assert json.loads(payload) == said["fields"]


def test_the_requests_from_rfc_9421_alone() -> None:
    terminal = private(vector("request")["scalars"]["terminal"]).public_key()
    for said in vector("request")["requests"]:
        label, _, params = said["headers"]["Signature-Input"].partition("=")
        digest = said["headers"]["Content-Digest"]
        base = (
            f'"@method": {said["method"]}\n"@path": {said["path"]}\n"@query": ?{said["query"]}\n'
            f'"content-digest": {digest}\n"@signature-params": {params}'
        )
        assert base == said["base"]
        assert b64decode(digest.removeprefix("sha-256=:").removesuffix(":")) == sha256(said["body"].encode()).digest()
        signature = said["headers"]["Signature"].removeprefix(f"{label}=:").removesuffix(":")
        check(terminal, b64decode(signature), base.encode())


def test_the_key_file_from_the_page_alone() -> None:
    said = vector("keyfile")
    line, digest, _ = said["machine_mode"].split("\n")
    assert sha256(line.encode()).hexdigest() == digest
    file, dek = json.loads(line), bytes.fromhex(said["dek_hex"])
    assert b64decode(file["check"]) == hmac.digest(dek, b"vaxdesk key check 1", "sha256")[:8]
    slots = {slot["kind"]: slot for slot in file["slots"]}
    machine = slots["machine"]
    aead = AESGCM(bytes.fromhex(said["machine_secret_hex"]))
    context = f"vaxdesk key 1\0{file['db_id']}|".encode()
    assert aead.decrypt(b64decode(machine["nonce"]), b64decode(machine["wrapped"]), context + b"machine") == dek
    escrow = private(said["escrow_scalar"])
    assert hpke_open(escrow, b64decode(slots["escrow"]["sealed"]), context + b"escrow") == dek
