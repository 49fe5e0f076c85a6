"""The region's keys: which there are (keyset.json, signed by the root for the terminals) and what they are used for.

The private halves are the providers' (regional/key_provider.py). Processes that run notice a rotation by themselves.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from domain.errors import ConfigError, WireError
from domain.wire import UNREADABLE, signed
from domain.world import utc_text
from regional.key_provider import KeyProvider, Use, providers
from sync import crypto

LIFE = timedelta(days=730)  # yearly rotation with a year of overlap
OVERLAP = timedelta(days=365)
SUITES: dict[Use, str] = {"seal": signed.HPKE_SUITE, "sign": signed.SIGN_SUITE, "escrow": signed.HPKE_SUITE}


class _Ring(msgspec.Struct, frozen=True):
    """keyset.json: which keys the region has, without their secrets. `root` is the provider's name of the root key."""

    version: int
    keys: tuple[signed.RegionKey, ...]
    root: str = "root"


@dataclass(frozen=True)
class _Held:
    """The ring as it was read, with its keys."""

    stamp: tuple[int, int, int]
    ring: _Ring
    root: crypto.PrivateKey
    private: dict[str, crypto.PrivateKey]

    def newest(self, use: str) -> signed.RegionKey:
        return max((key for key in self.ring.keys if key.use == use), key=lambda key: key.not_before)


class KeyRing:
    """Root, sign, seal and escrow keys of `folder`, made at first use. Any thread.

    Every method may raise ConfigError: "region.bad_keys", or "region.bad_token" where a token holds them.
    """

    def __init__(self, folder: Path, now: datetime) -> None:
        self._file = folder / "keyset.json"
        self._lock = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._providers: tuple[KeyProvider, ...] = providers(folder)
        if not self._file.exists():
            with self._alone():
                if not self._file.exists():
                    self._found(now)
        self._held = self._read()

    @property
    def root(self) -> bytes:
        """The point terminals pin."""
        return crypto.point(self._root.public_key())

    @property
    def _root(self) -> crypto.PrivateKey:
        return self._present().root

    @property
    def version(self) -> int:
        return self._present().ring.version

    @property
    def keys(self) -> tuple[signed.RegionKey, ...]:
        """The public halves, in the order they were made."""
        return self._present().ring.keys

    def sign(self, kind: signed.Kind, payload: msgspec.Struct) -> signed.SignedDocument:
        """A document of the region: an acknowledgement, a lease, a registration."""
        held = self._present()
        key_id, data = held.newest("sign").key_id, msgspec.json.encode(payload)
        return signed.SignedDocument(kind, key_id, data, crypto.sign(held.private[key_id], signed.to_sign(kind, data)))

    def check(self, document: signed.SignedDocument) -> None:
        """Raises WireError("wire.bad_signature") for a document that no signing key we have has signed."""
        held = self._present()
        known = any(key.key_id == document.key_id and key.use == "sign" for key in held.ring.keys)
        data = signed.to_sign(document.kind, document.payload)
        if not known or not crypto.verify(held.private[document.key_id].public_key(), document.signature, data):
            raise WireError("wire.bad_signature", "operator")

    def keyset(self, generation: str) -> signed.SignedDocument:
        """The key set, signed by the root."""
        held = self._present()
        data = msgspec.json.encode(signed.KeySet(generation, held.ring.version, held.ring.keys))
        signature = crypto.sign(held.root, signed.to_sign("keyset", data))
        return signed.SignedDocument("keyset", crypto.key_id(held.root.public_key()), data, signature)

    def seal_key(self, key_id: str, arrived: datetime | None = None) -> crypto.PrivateKey:
        """The key to open a seal with; with `arrived` only if batches sealed to it are still taken at that time.

        Raises WireError: "wire.seal_broken" for a key this region never had, "wire.seal_key_ended" for one whose
        overlap is over. The newest is taken whatever its dates say: a date traps no data.
        """
        held = self._present()
        key = _named(held.ring.keys, "seal", key_id)
        if key is None:
            raise WireError("wire.seal_broken", "never")
        if arrived and key != held.newest("seal") and key.not_after < utc_text(arrived):
            raise WireError("wire.seal_key_ended", "later", key_id=key_id)
        return held.private[key_id]

    def escrow_key(self, key_id: str) -> crypto.PrivateKey:
        """Opens a terminal's key slot. Raises ConfigError("region.no_such_key")."""
        held = self._present()
        if _named(held.ring.keys, "escrow", key_id) is None:
            raise ConfigError("region.no_such_key", key_id=key_id)
        return held.private[key_id]

    def rotate(self, uses: Sequence[Use], now: datetime, overlap: timedelta = OVERLAP) -> tuple[signed.RegionKey, ...]:
        """A new key of each use, good at once; what is sealed to the old ones is taken for `overlap` more. The new."""
        with self._alone():
            self._held = self._read()
            ring = self._held.ring
            ends = utc_text(now + overlap)
            kept = [
                msgspec.structs.replace(key, not_after=min(key.not_after, ends)) if key.use in uses else key
                for key in ring.keys
            ]
            fresh = tuple(self._make(use, now, now) for use in uses)
            self._write(msgspec.structs.replace(ring, version=ring.version + 1, keys=(*kept, *fresh)))
        return fresh

    def _found(self, now: datetime) -> None:
        root = self._providers[0].new("root")
        keys = tuple(self._make(use, now - timedelta(days=1), now) for use in SUITES)
        self._write(_Ring(1, keys, crypto.key_id(root.public_key())))

    def _make(self, use: Use, begins: datetime, now: datetime) -> signed.RegionKey:
        public = self._providers[0].new(use).public_key()
        dates = utc_text(begins), utc_text(now + LIFE)
        return signed.RegionKey(crypto.key_id(public), use, SUITES[use], crypto.point(public), *dates)

    def _present(self) -> _Held:
        with self._lock:
            if self._held.stamp != self._stamp():
                self._held = self._read()
            return self._held

    def _stamp(self) -> tuple[int, int, int]:
        try:
            found = self._file.stat()
        except OSError as fault:
            raise ConfigError("region.bad_keys", path=str(self._file)) from fault
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self) -> _Held:
        stamp = self._stamp()
        try:
            ring = msgspec.json.decode(self._file.read_bytes(), type=_Ring)
        except (OSError, *UNREADABLE) as fault:
            raise ConfigError("region.bad_keys", path=str(self._file)) from fault
        private = {key.key_id: self._find(key.key_id) for key in ring.keys}
        return _Held(stamp, ring, self._find(ring.root), private)

    def _find(self, name: str) -> crypto.PrivateKey:
        for provider in self._providers:
            if key := provider.find(name):
                return key
        raise ConfigError("region.bad_keys", path=f"{self._file.parent}: {name}")

    def _write(self, ring: _Ring) -> None:
        """Whole, or the old one stays."""
        fresh = self._file.with_name("keyset.json.new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(ring))
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self._file)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two commands do not make keys at once."""
        with (self._file.parent / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _named(keys: Sequence[signed.RegionKey], use: Use, key_id: str) -> signed.RegionKey | None:
    return next((key for key in keys if (key.use, key.key_id) == (use, key_id)), None)
