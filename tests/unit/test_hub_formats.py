"""The frozen vector of docs/formats.md, section 10: a hub's place and its proof, read by what reads them at work."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import msgspec
import pytest

from domain.wire import signed
from sync import crypto
from sync.hub import to_prove

VECTOR = json.loads((Path(__file__).parents[1] / "data/vectors/hub.json").read_text("utf-8"))
ROOT = bytes.fromhex(VECTOR["root_hex"])


def place() -> tuple[signed.Registration, crypto.PublicKey]:
    document = signed.decode(VECTOR["registration"].encode(), "registration")
    key = crypto.private_from_int(VECTOR["scalars"]["hub"]).public_key()
    return signed.payload(document, signed.Registration), key


def test_the_proof_is_by_the_key_of_the_place_over_the_hubs_own_root() -> None:
    said, key = place()
    assert said.hub and said.key_id == crypto.key_id(key)
    assert crypto.point(crypto.private_from_int(VECTOR["scalars"]["hub_root"]).public_key()) == ROOT
    assert crypto.verify(key, b64decode(VECTOR["proof"]), to_prove(ROOT))
    assert not crypto.verify(key, b64decode(VECTOR["proof"]), ROOT)


def test_a_desks_registration_has_no_word_of_hubs() -> None:
    said, _ = place()
    assert b"hub" in msgspec.json.encode(said)
    assert b'"hub":' not in msgspec.json.encode(msgspec.structs.replace(said, hub=False))


@pytest.mark.parametrize("field", ["terminal_id", "clinic_id", "hub"])
def test_the_places_signature_covers_every_word(field: str) -> None:
    document = signed.decode(VECTOR["registration"].encode(), "registration")
    sign = crypto.private_from_int(13).public_key()
    assert crypto.verify(sign, document.signature, signed.to_sign("registration", document.payload))
    other = msgspec.json.decode(document.payload)
    other[field] = False if field == "hub" else "x"
    assert not crypto.verify(sign, document.signature, signed.to_sign("registration", msgspec.json.encode(other)))
