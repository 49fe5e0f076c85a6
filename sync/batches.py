"""Seal a run of events into a batch and open one again (docs/formats.md, section 3)."""

from __future__ import annotations

import io
from dataclasses import dataclass

import zstandard

from domain.errors import WireError
from domain.wire import batch, chain, packing
from sync import crypto

_LEVEL = 9  # not part of the format; 4 ms for a day of 300 doses, higher levels save nothing more
_MAX_WINDOW = 2**23  # bytes of memory a frame may ask for (RFC 8878, 3.1.1.1.2)


@dataclass(frozen=True)
class OpenedBatch:
    """A batch whose signature, seal, count and chain are right."""

    header: batch.Header
    events: list[bytes]


def compress(plain: bytes) -> bytes:
    """Length of the first frame (u32, big-endian), zstd frame of the id table, zstd frame of the text."""
    table, text = (zstandard.ZstdCompressor(level=_LEVEL).compress(part) for part in packing.pack(plain))
    return len(table).to_bytes(4, "big") + table + text


def decompress(data: bytes, limit: int) -> bytes:
    """At most `limit` bytes come out, whatever the frames promise. Raises WireError."""
    end = 4 + int.from_bytes(data[:4], "big")
    return packing.unpack(_inflate(data[4:end], limit), _inflate(data[end:], limit), limit)


def _inflate(data: bytes, limit: int) -> bytes:
    try:
        with zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(io.BytesIO(data)) as reader:
            plain = reader.read(limit + 1)
    except zstandard.ZstdError as fault:
        raise WireError("wire.batch_damaged", "never") from fault
    if len(plain) > limit:
        raise WireError("wire.batch_too_large", "never", size=len(plain), limit=limit)
    return plain


def seal(header: batch.Header, events: list[bytes], signer: crypto.PrivateKey, region: crypto.PublicKey) -> bytes:
    """The `.imb` file of these events. `header` already names their numbers and hashes."""
    bound, plain = batch.bind(header), batch.join(events)
    packed = compress(plain)
    if decompress(packed, batch.MAX_PLAIN_BYTES) != plain:  # once sealed, only the region could see that it is wrong
        raise WireError("wire.batch_damaged", "later")
    sealed = crypto.seal(region, packed, batch.seal_info(bound))
    return batch.pack(bound, crypto.sign(signer, batch.to_sign(bound, sealed)), sealed)


def check_signature(packed: batch.Packed, terminal: crypto.PublicKey) -> None:
    """Raises WireError("wire.bad_signature")."""
    if not crypto.verify(terminal, packed.signature, packed.to_sign):
        raise WireError("wire.bad_signature", "never")


def open_sealed(packed: batch.Packed, region: crypto.PrivateKey) -> OpenedBatch:
    """Open the seal and check count and chain. Raises WireError; the caller has checked the signature."""
    header = packed.header
    compressed = crypto.unseal(region, packed.sealed, batch.seal_info(packed.bound))
    return _checked(header, batch.split(decompress(compressed, batch.MAX_PLAIN_BYTES)))


def _checked(header: batch.Header, events: list[bytes]) -> OpenedBatch:
    if len(events) != header.n:
        raise WireError("wire.bad_range", "never")
    if chain.run(bytes.fromhex(header.prev_hash), header.first_seq, events).hex() != header.last_hash:
        raise WireError("wire.bad_chain", "never")
    return OpenedBatch(header, events)
