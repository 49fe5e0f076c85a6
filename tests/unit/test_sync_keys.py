"""Keys of the terminal and the pinned keys of the region."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import SyncError, WireError
from domain.wire import signed
from domain.world import World
from sync import crypto, messages
from sync.keys import RegionKeys, identity, private_bytes, private_from_bytes, region_keys
from tests.fakes.outbox import MemoryOutbox

ROOT, SIGN, OLD, NEW = (crypto.private_from_int(n) for n in (11, 12, 13, 14))
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def key(use: str, private: crypto.PrivateKey, begins: str = "2026", suite: str | None = None) -> signed.RegionKey:
    public = private.public_key()
    suite = suite or (signed.SIGN_SUITE if use == "sign" else signed.HPKE_SUITE)
    dates = f"{begins}-01-01T00:00:00.000Z", "2030-01-01T00:00:00.000Z"
    return signed.RegionKey(crypto.key_id(public), use, suite, crypto.point(public), *dates)


def document(kind: signed.Kind, payload: msgspec.Struct, signer: crypto.PrivateKey) -> signed.SignedDocument:
    data = msgspec.json.encode(payload)
    signature = crypto.sign(signer, signed.to_sign(kind, data))
    return signed.SignedDocument(kind, crypto.key_id(signer.public_key()), data, signature)


def keyset(*keys: signed.RegionKey, signer: crypto.PrivateKey = ROOT) -> bytes:
    return signed.encode(document("keyset", signed.KeySet("g", 1, keys), signer))


def pinned(*keys: signed.RegionKey) -> RegionKeys:
    return RegionKeys(keyset(*keys), crypto.point(ROOT.public_key()))


def test_a_private_key_survives_its_bytes():
    assert private_bytes(private_from_bytes(private_bytes(SIGN))) == private_bytes(SIGN)


@given(st.binary(max_size=200))
def test_other_bytes_are_no_key(data: bytes):
    with pytest.raises(WireError) as caught:
        private_from_bytes(data)
    assert caught.value.code == "wire.bad_key"


@pytest.mark.parametrize("other", [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()])
def test_keys_of_other_curves_are_refused(other):
    with pytest.raises(WireError):
        private_from_bytes(other.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def test_a_key_set_of_another_root_is_refused():
    with pytest.raises(SyncError) as caught:
        RegionKeys(keyset(key("seal", OLD), signer=SIGN), crypto.point(ROOT.public_key()))
    assert (caught.value.code, caught.value.retry) == ("sync.bad_keyset", "operator")


def test_the_newest_seal_key_that_has_begun_is_used():
    keys = pinned(key("seal", OLD, "2025"), key("seal", NEW, "2026"), key("seal", SIGN, "2027"), key("escrow", ROOT))
    assert keys.seal_key(NOW).key_id == crypto.key_id(NEW.public_key())
    assert keys.seal_key(NOW.replace(year=2025)).key_id == crypto.key_id(OLD.public_key())
    assert keys.seal_key(NOW.replace(year=2040)).key_id == crypto.key_id(SIGN.public_key()), "no date traps data"
    assert keys.seal_key(NOW.replace(year=2020)).key_id == crypto.key_id(SIGN.public_key())


def test_an_unknown_suite_is_passed_over_and_no_seal_key_is_said():
    with pytest.raises(SyncError) as caught:
        pinned(key("seal", NEW, suite="sm2")).seal_key(NOW)
    assert caught.value.code == "sync.bad_keyset"


def test_only_a_signing_key_of_the_set_vouches():
    keys = pinned(key("sign", SIGN), key("seal", NEW))
    ack = signed.Ack("t", "e", 1, 0, "h", "g", "now")
    good = document("ack", ack, SIGN)
    assert keys.verified(good) is good
    for bad in (
        document("ack", ack, NEW),
        document("ack", ack, OLD),
        msgspec.structs.replace(good, kind="lease"),
        msgspec.structs.replace(good, payload=good.payload + b" "),
        msgspec.structs.replace(good, signature=sha256(b"").digest() * 2),
    ):
        with pytest.raises(SyncError) as caught:
            keys.verified(bad)
        assert caught.value.code == "sync.bad_answer"


def test_without_enrolment_it_is_said():
    for ask in (identity, region_keys):
        with pytest.raises(SyncError) as caught:
            ask(MemoryOutbox(World()))
        assert caught.value.code == "sync.not_enrolled"


def test_versions_compare_as_numbers():
    assert messages.version("vaxdesk/0.10.0") > messages.version("vaxdesk/0.9.9") > messages.version("") == ()
    assert messages.version("vaxdesk/1.x.2") == (1, 2)
