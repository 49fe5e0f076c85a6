"""Where the region's private keys live: files of a folder, or a PKCS#11 token that never gives them out.

Either way a key is `cryptography`'s own interface, and `sign`, `exchange` and `public_key` are all that is asked of it:
HPKE opens a seal through `exchange`, wherever that runs.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from domain.errors import ConfigError
from sync import crypto

Use = Literal["root", "sign", "seal", "escrow"]


class KeyProvider(Protocol):
    """A place for P-256 keys, each under its key id. Every method raises ConfigError."""

    def new(self, use: Use) -> crypto.PrivateKey:
        """Make and keep a key; its name is the key id of its public half."""

    def find(self, name: str) -> crypto.PrivateKey | None: ...


class FileProvider:
    """PKCS #8 files, readable by their owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new(self, use: Use) -> crypto.PrivateKey:  # noqa: ARG002 (a file does not limit what its key is good for)
        key = crypto.new_key()
        write_private(self._folder / f"{crypto.key_id(key.public_key())}.pem", key)
        return key

    def find(self, name: str) -> crypto.PrivateKey | None:
        path = self._folder / f"{name}.pem"
        if not path.exists():
            return None
        try:
            key = load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError, TypeError) as fault:
            raise ConfigError("region.bad_keys", path=str(path)) from fault
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise ConfigError("region.bad_keys", path=str(path))
        return key


def providers(folder: Path) -> tuple[KeyProvider, ...]:
    """Where keys are looked for, in this order; the first makes new ones. With `pkcs11.toml` in the folder it is the
    token named there; files that were there before stay good. Raises ConfigError."""
    files = FileProvider(folder)
    described = folder / "pkcs11.toml"
    if not described.exists():
        return (files,)
    from regional import key_provider_pkcs11  # noqa: PLC0415 (most regions have no token)

    return key_provider_pkcs11.TokenProvider(key_provider_pkcs11.read(described)), files


def write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """PKCS #8 PEM, readable by its owner alone from the first byte."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        os.fsync(file.fileno())
