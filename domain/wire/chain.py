"""The hash chain over an epoch (docs/formats.md, section 2)."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

_START = b"vaxdesk chain 1\0"


def start(terminal_id: str, epoch: str) -> bytes:
    """h0 of an epoch: 32 bytes."""
    return sha256(_START + f"{terminal_id}|{epoch}".encode()).digest()


def step(previous: bytes, seq: int, stored: bytes) -> bytes:
    """hn = SHA-256(h(n-1) || seq as 8 bytes, big-endian || stored bytes)."""
    return sha256(previous + seq.to_bytes(8, "big") + stored).digest()


def run(previous: bytes, first_seq: int, stored: Iterable[bytes]) -> bytes:
    """The hash after a run of events that starts at `first_seq`."""
    for seq, data in enumerate(stored, first_seq):
        previous = step(previous, seq, data)
    return previous
