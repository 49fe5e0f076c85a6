"""The sealed batch, `.imb`: the same file over HTTPS and on a stick (docs/formats.md, section 3).

    "IMB1" | u32 length | header (JSON) | SHA-256 of the sealed body (32) | signature r||s (64) | sealed body

The signature covers everything before it. The seal's `info` is bound to everything before the body's hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec import Meta

from domain.errors import WireError
from domain.wire import UNREADABLE

MAGIC = b"IMB1"
SUITE = "p256-hkdf-sha256-aes256gcm+zstd"
MAX_EVENTS = 1000
MAX_PLAIN_BYTES = 1_000_000
MAX_HEADER_BYTES = 4096
MAX_FILE_BYTES = 2 * MAX_PLAIN_BYTES
MAX_SEQ = 2**63 - 1
_SIGN_DOMAIN = b"vaxdesk imb 1\0"

Name = Annotated[str, Meta(pattern=r"^[0-9A-Za-z._-]{1,64}\Z")]
Epoch = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
HashOrEmpty = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]
Millis = Annotated[int, Meta(ge=-(2**53), le=2**53)]


class Header(msgspec.Struct, frozen=True):
    """What the region may know before it opens the seal. Hashes are hex; `audit_head` is the terminal's audit chain,
    "" before its first row; `client` the program and its version."""

    fmt: int
    suite: str
    terminal_id: Name
    epoch: Epoch
    first_seq: int
    last_seq: int
    n: int
    prev_hash: Hash
    last_hash: Hash
    region_key_id: Name
    created_at: str
    offset_ms: Millis | None
    audit_head: HashOrEmpty
    client: str


class Version(msgspec.Struct, frozen=True):
    """The two fields every version of the header has."""

    fmt: int
    suite: str


@dataclass(frozen=True)
class Packed:
    """A batch taken apart, nothing verified yet."""

    header: Header
    bound: bytes  # magic, length and header: what the seal is bound to
    body_hash: bytes
    signature: bytes
    sealed: bytes

    @property
    def to_sign(self) -> bytes:
        return _SIGN_DOMAIN + self.bound + self.body_hash


def bind(header: Header) -> bytes:
    """Magic, length and header bytes."""
    data = msgspec.json.encode(header)
    return MAGIC + len(data).to_bytes(4, "big") + data


def seal_info(bound: bytes) -> bytes:
    """The HPKE `info` of a batch."""
    return _SIGN_DOMAIN + sha256(bound).digest()


def to_sign(bound: bytes, sealed: bytes) -> bytes:
    return _SIGN_DOMAIN + bound + sha256(sealed).digest()


def pack(bound: bytes, signature: bytes, sealed: bytes) -> bytes:
    return bound + sha256(sealed).digest() + signature + sealed


_decoder = msgspec.json.Decoder(Header)
_version = msgspec.json.Decoder(Version)


def _header(data: bytes) -> Header:
    """The version is read first: a newer header may lack every field of ours."""
    try:
        version = _version.decode(data)
        if version.fmt != 1 or version.suite != SUITE:
            raise WireError("wire.unknown_version", "never", fmt=version.fmt, suite=version.suite)
        return _decoder.decode(data)
    except UNREADABLE as fault:
        raise WireError("wire.not_a_batch", "never") from fault


def unpack(blob: bytes) -> Packed:
    """Take a batch apart; checks form and the body's hash, not the signature. Raises WireError."""
    if len(blob) > MAX_FILE_BYTES:
        raise WireError("wire.batch_too_large", "never", size=len(blob), limit=MAX_FILE_BYTES)
    if blob[:4] != MAGIC or len(blob) < 8:
        raise WireError("wire.not_a_batch", "never")
    length = int.from_bytes(blob[4:8], "big")
    end = 8 + length
    if length > MAX_HEADER_BYTES:
        raise WireError("wire.not_a_batch", "never")
    if len(blob) < end + 96:
        raise WireError("wire.batch_cut_short", "later")
    header = _header(blob[8:end])
    if not 1 <= header.n <= MAX_EVENTS or header.last_seq - header.first_seq + 1 != header.n:
        raise WireError("wire.bad_range", "never")
    if not 1 <= header.first_seq <= header.last_seq <= MAX_SEQ:
        raise WireError("wire.bad_range", "never")
    packed = Packed(header, blob[:end], blob[end : end + 32], blob[end + 32 : end + 96], blob[end + 96 :])
    if sha256(packed.sealed).digest() != packed.body_hash:
        raise WireError("wire.batch_damaged", "later")
    return packed


def join(events: list[bytes]) -> bytes:
    """The body before compression: one stored event a line."""
    return b"".join(e + b"\n" for e in events)


def split(body: bytes) -> list[bytes]:
    """The stored events of a body. Raises WireError when the last line has no end."""
    if not body.endswith(b"\n"):
        raise WireError("wire.batch_cut_short", "never")
    return body[:-1].split(b"\n")
