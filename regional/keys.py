"""The region's keys, in files only their owner may read. A key provider on PKCS#11 will offer the same three verbs."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from domain.errors import ConfigError, WireError
from domain.wire import UNREADABLE, signed
from domain.world import utc_text
from sync import crypto

_LIFE = timedelta(days=730)  # yearly rotation with a year of overlap
_USES = {"seal": signed.HPKE_SUITE, "sign": signed.SIGN_SUITE, "escrow": signed.HPKE_SUITE}


class _Ring(msgspec.Struct, frozen=True):
    """keyset.json: which keys the region has, without their secrets."""

    version: int
    keys: tuple[signed.RegionKey, ...]


class FileKeys:
    """Root, sign, seal and escrow keys in `folder`, made at first use. Raises ConfigError("region.bad_keys")."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self._folder = folder
        ring = folder / "keyset.json"
        if not ring.exists():
            _create(folder, now)
        try:
            self._ring = msgspec.json.decode(ring.read_bytes(), type=_Ring)
            self._root = _load(folder / "root.pem")
            self._private = {key.key_id: _load(folder / f"{key.key_id}.pem") for key in self._ring.keys}
        except (OSError, ValueError, TypeError, *UNREADABLE) as fault:
            raise ConfigError("region.bad_keys", path=str(folder)) from fault
        self._signing = max((k for k in self._ring.keys if k.use == "sign"), key=lambda k: k.not_before).key_id

    @property
    def root(self) -> bytes:
        """The point terminals pin."""
        return crypto.point(self._root.public_key())

    @property
    def version(self) -> int:
        return self._ring.version

    def sign(self, kind: signed.Kind, payload: msgspec.Struct) -> signed.SignedDocument:
        """A document of the region: an acknowledgement, a lease, a registration."""
        data = msgspec.json.encode(payload)
        return signed.SignedDocument(
            kind, self._signing, data, crypto.sign(self._private[self._signing], signed.to_sign(kind, data))
        )

    def check(self, document: signed.SignedDocument) -> None:
        """Raises WireError("wire.bad_signature") for a document that no signing key we have has signed."""
        known = any(key.key_id == document.key_id and key.use == "sign" for key in self._ring.keys)
        data = signed.to_sign(document.kind, document.payload)
        if not known or not crypto.verify(self._private[document.key_id].public_key(), document.signature, data):
            raise WireError("wire.bad_signature", "operator")

    def keyset(self, generation: str) -> signed.SignedDocument:
        """The key set, signed by the root."""
        data = msgspec.json.encode(signed.KeySet(generation, self._ring.version, self._ring.keys))
        signature = crypto.sign(self._root, signed.to_sign("keyset", data))
        return signed.SignedDocument("keyset", crypto.key_id(self._root.public_key()), data, signature)

    def seal_key(self, key_id: str) -> crypto.PrivateKey:
        """Raises WireError("wire.seal_broken") for a key this region never had."""
        if not any(key.key_id == key_id and key.use == "seal" for key in self._ring.keys):
            raise WireError("wire.seal_broken", "never")
        return self._private[key_id]


def _create(folder: Path, now: datetime) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(folder / "root.pem", crypto.new_key())
    keys = []
    for use, suite in _USES.items():
        key = crypto.new_key()
        public = key.public_key()
        key_id = crypto.key_id(public)
        write_private(folder / f"{key_id}.pem", key)
        dates = utc_text(now - timedelta(days=1)), utc_text(now + _LIFE)
        keys.append(signed.RegionKey(key_id, use, suite, crypto.point(public), *dates))
    fresh = folder / "keyset.json.new"
    fresh.write_bytes(msgspec.json.encode(_Ring(1, tuple(keys))))
    fresh.rename(folder / "keyset.json")


def write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """PKCS #8 PEM, readable by its owner alone from the first byte."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        os.fsync(file.fileno())


def _load(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(path.name)
    return key
