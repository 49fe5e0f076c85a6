"""Ids born with the fact: UUID version 7 (RFC 9562, section 5.7)."""

from __future__ import annotations

import uuid


def uuid7(unix_ms: int, random: bytes) -> str:
    """A UUIDv7 as lower-case text. `unix_ms` is cut to 48 bits; `random` is 10 bytes."""
    value = (unix_ms & (2**48 - 1)) << 80 | int.from_bytes(random[:10], "big")
    value = value & ~(0xF << 76) | 7 << 76  # version
    value = value & ~(0x3 << 62) | 2 << 62  # variant
    return str(uuid.UUID(int=value))
