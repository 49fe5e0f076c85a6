"""The database key, kept wrapped: a small file with one slot for each way to open it (docs/formats.md, section 6).

The key itself is 32 random bytes that never change hands. Two modes of daily life, and they exclude each other:

    machine   opens by itself at start, with a secret file of this PC. A thief of the whole PC can read the records.
    start     opens with a passphrase typed at start. A thief of the PC needs the passphrase.

`recovery` (a passphrase in the clinic's safe) and `escrow` (the region's key) open a rescued disk in either mode.
"""

from __future__ import annotations

import errno
import hmac
import os
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from msgspec import Meta

from domain.errors import StoreError, WireError
from domain.wire import UNREADABLE
from domain.wire.batch import Name
from domain.wire.signed import HPKE_SUITE, RegionKey

if TYPE_CHECKING:
    from sync import crypto

Random = Callable[[int], bytes]
Secret = Literal["start", "recovery"]

_CONTEXT = "vaxdesk key 1\0"
_CHECK = b"vaxdesk key check 1"

Nonce = Annotated[bytes, Meta(min_length=12, max_length=12)]
Wrapped = Annotated[bytes, Meta(min_length=48, max_length=48)]  # 32 of the key, 16 of the tag


class Cost(msgspec.Struct, frozen=True):
    """Argon2id (RFC 9106): the default is its second recommended option with 4 lanes, 0.15 s on a clinic's PC."""

    memory_kib: Annotated[int, Meta(ge=32, le=1 << 20)] = 64 * 1024
    passes: Annotated[int, Meta(ge=1, le=32)] = 3
    lanes: Annotated[int, Meta(ge=1, le=4)] = 4


class MachineSlot(msgspec.Struct, frozen=True, tag_field="kind", tag="machine"):
    """AES-256-GCM under the PC's secret."""

    nonce: Nonce
    wrapped: Wrapped


class PassphraseSlot(msgspec.Struct, frozen=True):
    """AES-256-GCM under Argon2id of the passphrase (NFKC, UTF-8)."""

    salt: Annotated[bytes, Meta(min_length=16, max_length=16)]
    cost: Cost
    nonce: Nonce
    wrapped: Wrapped


class StartSlot(PassphraseSlot, frozen=True, tag_field="kind", tag="start"):
    """Typed at every start."""


class RecoverySlot(PassphraseSlot, frozen=True, tag_field="kind", tag="recovery"):
    """Written on paper, in the safe."""


class EscrowSlot(msgspec.Struct, frozen=True, tag_field="kind", tag="escrow"):
    """HPKE to the region's escrow key."""

    region_key_id: Name
    suite: str
    sealed: bytes


Slot = MachineSlot | StartSlot | RecoverySlot | EscrowSlot
S = TypeVar("S", bound=msgspec.Struct)
_PASSPHRASE: dict[Secret, type[StartSlot] | type[RecoverySlot]] = {"start": StartSlot, "recovery": RecoverySlot}


class KeyFile(msgspec.Struct, frozen=True):
    """`check` tells a wrong key from a damaged database: 8 bytes of HMAC-SHA256(key, "vaxdesk key check 1")."""

    fmt: int
    db_id: Name
    check: Annotated[bytes, Meta(min_length=8, max_length=8)]
    slots: tuple[Slot, ...] = ()


# -- making and opening slots: pure, chance comes in ----------------------------------------------------------------


def create(dek: bytes, db_id: str) -> KeyFile:
    """A key file without slots for the 32-byte key `dek`."""
    return KeyFile(1, db_id, _check(dek))


def with_machine(key: KeyFile, dek: bytes, secret: bytes, random: Random) -> KeyFile:
    """Open by itself with `secret` (32 bytes) from now on; a start passphrase ends."""
    nonce = random(12)
    slot = MachineSlot(nonce, AESGCM(secret).encrypt(nonce, _checked(key, dek), _context(key, "machine")))
    return _put(_drop(key, StartSlot), slot)


def with_passphrase(
    key: KeyFile, dek: bytes, kind: Secret, passphrase: str, random: Random, cost: Cost | None = None
) -> KeyFile:
    """Add or replace a passphrase. "start" removes the machine slot: nothing on this PC opens the records alone."""
    cost = cost or Cost()
    salt, nonce = random(16), random(12)
    wrapped = AESGCM(_stretch(passphrase, salt, cost)).encrypt(nonce, _checked(key, dek), _context(key, kind))
    kept = _drop(key, MachineSlot) if kind == "start" else key
    return _put(kept, _PASSPHRASE[kind](salt, cost, nonce, wrapped))


def with_escrow(key: KeyFile, dek: bytes, region: RegionKey) -> KeyFile:
    """Let the region open a rescued disk. Raises WireError("wire.bad_key")."""
    from sync import crypto  # noqa: PLC0415 (costs the start; a terminal is enrolled once)

    sealed = crypto.seal(crypto.public_from_point(region.public), _checked(key, dek), _context(key, "escrow"))
    return _put(key, EscrowSlot(region.key_id, HPKE_SUITE, sealed))


def without_recovery(key: KeyFile) -> KeyFile:
    """Take the recovery passphrase away. The way of daily life is only ever replaced by the other."""
    return _drop(key, RecoverySlot)


def unlock_machine(key: KeyFile, secret: bytes) -> bytes:
    """The database key. Raises StoreError key.no_machine_slot, key.wrong_machine, key.damaged."""
    slot = _find(key, MachineSlot, "key.no_machine_slot")
    return _open(key, "machine", slot.nonce, slot.wrapped, secret, "key.wrong_machine")


def unlock_passphrase(key: KeyFile, kind: Secret, passphrase: str) -> bytes:
    """The database key. Raises StoreError key.no_passphrase_slot, key.wrong, key.damaged."""
    slot = _find(key, _PASSPHRASE[kind], "key.no_passphrase_slot")
    return _open(key, kind, slot.nonce, slot.wrapped, _stretch(passphrase, slot.salt, slot.cost), "key.wrong")


def unlock_escrow(key: KeyFile, region: crypto.PrivateKey) -> bytes:
    """The database key, with the region's escrow key. Raises StoreError key.no_escrow_slot, key.wrong_escrow."""
    from sync import crypto  # noqa: PLC0415 (as above)

    slot = _find(key, EscrowSlot, "key.no_escrow_slot")
    try:
        return _checked(key, crypto.unseal(region, slot.sealed, _context(key, "escrow")))
    except WireError as fault:
        raise StoreError("key.wrong_escrow", key_id=slot.region_key_id) from fault


def has(key: KeyFile, kind: Literal["machine", "start", "recovery", "escrow"]) -> bool:
    return any(slot.__struct_config__.tag == kind for slot in key.slots)


def exposure(key: KeyFile) -> str:
    """The code of the text that says what a thief of this PC could read."""
    return "key.thief_reads" if has(key, "machine") else "key.thief_needs_passphrase"


def fits(key: KeyFile, dek: bytes) -> bool:
    """Whether `dek` is the key of this file's database."""
    return hmac.compare_digest(key.check, _check(dek))


# -- the file --------------------------------------------------------------------------------------------------------


def encode(key: KeyFile) -> bytes:
    """One line of JSON, one line with its SHA-256 in hex: a damaged file is told from a wrong passphrase."""
    line = msgspec.json.encode(key)
    return line + b"\n" + sha256(line).hexdigest().encode() + b"\n"


def decode(data: bytes) -> KeyFile:
    """Raises StoreError key.damaged, key.newer."""
    line, _, rest = data.partition(b"\n")
    if rest != sha256(line).hexdigest().encode() + b"\n":
        raise StoreError("key.damaged")
    try:
        if msgspec.json.decode(line, type=_Version).fmt != 1:
            raise StoreError("key.newer")
        return msgspec.json.decode(line, type=KeyFile)
    except UNREADABLE as fault:
        raise StoreError("key.damaged") from fault


def load(path: Path) -> KeyFile:
    """Raises StoreError key.missing, key.unreadable, key.damaged, key.newer."""
    with _converting(path, "key.missing"):
        return decode(path.read_bytes())


def save(path: Path, key: KeyFile) -> None:
    """Replace the file whole, or leave the old one whole. Raises StoreError key.unreadable, store.disk_full."""
    _write(path, encode(key))


def new_machine_secret(path: Path, random: Random) -> bytes:
    """Write a new secret of this PC, mode 0600. Raises StoreError as `save`."""
    secret = random(32)
    _write(path, secret)
    return secret


def machine_secret(path: Path) -> bytes:
    """Raises StoreError key.no_machine_file, key.wrong_machine, key.unreadable."""
    with _converting(path, "key.no_machine_file"):
        secret = path.read_bytes()
    if len(secret) != 32:
        raise StoreError("key.wrong_machine")
    return secret


def forget_machine_secret(path: Path) -> None:
    """After a change to "start": an older copy of the key file must not open with what is left here."""
    with _converting(path, "key.no_machine_file"):
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)


class _Version(msgspec.Struct):
    fmt: int


def _check(dek: bytes) -> bytes:
    return hmac.digest(dek, _CHECK, "sha256")[:8]


def _context(key: KeyFile, kind: str) -> bytes:
    return f"{_CONTEXT}{key.db_id}|{kind}".encode()


def _stretch(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    kdf = Argon2id(salt=salt, length=32, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib)
    return kdf.derive(unicodedata.normalize("NFKC", passphrase).encode())


def _open(key: KeyFile, kind: str, nonce: bytes, wrapped: bytes, secret: bytes, wrong: str) -> bytes:
    try:
        return _checked(key, AESGCM(secret).decrypt(nonce, wrapped, _context(key, kind)))
    except InvalidTag as fault:
        raise StoreError(wrong) from fault


def _checked(key: KeyFile, dek: bytes) -> bytes:
    if not fits(key, dek):
        raise StoreError("key.damaged")
    return dek


def _find(key: KeyFile, kind: type[S], missing: str) -> S:
    for slot in key.slots:
        if isinstance(slot, kind):
            return slot
    raise StoreError(missing)


def _drop(key: KeyFile, kind: type[Slot]) -> KeyFile:
    return msgspec.structs.replace(key, slots=tuple(s for s in key.slots if not isinstance(s, kind)))


def _put(key: KeyFile, slot: Slot) -> KeyFile:
    kept = _drop(key, type(slot))
    return msgspec.structs.replace(kept, slots=(*kept.slots, slot))


@contextmanager
def _converting(path: Path, missing: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as fault:
        raise StoreError(missing, path=str(path)) from fault
    except OSError as fault:
        if fault.errno == errno.ENOSPC:
            raise StoreError("store.disk_full", "later") from fault
        raise StoreError("key.unreadable", path=str(path), detail=fault.strerror or "") from fault


def _write(path: Path, data: bytes) -> None:
    """Temporary file, fsync, rename, fsync of the folder."""
    draft = path.with_name(path.name + ".new")
    with _converting(path, "key.missing"):
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows has no handle on a folder; a rename there is journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
