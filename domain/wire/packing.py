"""Ids of a batch kept apart from its text (docs/formats.md, section 3): ids are half of what a day weighs, and a
text compressor spends far more on them than they hold.

In the text each lower-case UUID becomes one token, of bytes that UTF-8 never uses:

    0xFF          an id not met before in this batch: the next 16 bytes of the table
    0xF5..0xFD    the id used last, last but one, ... ninth last (each use moves an id to the first place)
    0xFE | u16    the same for any place, counted from 0, big-endian
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from domain.errors import WireError

_NEW, _FAR, _NEAR, _NEAR_PLACES = 0xFF, 0xFE, 0xF5, 9
_ID_LENGTH = 36
_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TOKEN = re.compile(rb"([\xf5-\xfd\xff]|\xfe..)", re.DOTALL)
_FOREIGN = re.compile(rb"[\xf5-\xff]")


def pack(body: bytes) -> tuple[bytes, bytes]:
    """(table, text) of a body. Raises WireError("wire.event_unreadable") for bytes that are not UTF-8."""
    if _FOREIGN.search(body):
        raise WireError("wire.event_unreadable", "never")
    known: set[bytes] = set()
    table: list[bytes] = []
    recent: list[bytes] = []

    def token(found: re.Match[bytes]) -> bytes:
        name = found[0]
        if name not in known:
            known.add(name)
            table.append(bytes.fromhex(name.replace(b"-", b"").decode()))
            recent.insert(0, name)
            return bytes([_NEW])
        place = recent.index(name)
        recent.insert(0, recent.pop(place))
        return bytes([_NEAR + place]) if place < _NEAR_PLACES else bytes([_FAR]) + place.to_bytes(2, "big")

    text = _ID.sub(token, body)
    return b"".join(table), text


def unpack(table: bytes, text: bytes, limit: int) -> bytes:
    """The body, at most `limit` bytes. Raises WireError("wire.batch_damaged" or "wire.batch_too_large")."""
    names = iter([_written(table[i : i + 16].hex()) for i in range(0, len(table) - 15, 16)])
    pieces = _TOKEN.split(text)
    size = sum(map(len, pieces[::2])) + _ID_LENGTH * (len(pieces) // 2)
    if size > limit:  # before the ids are looked up: a million of them take a minute
        raise WireError("wire.batch_too_large", "never", size=size, limit=limit)
    try:
        _look_up(pieces, names)
    except (StopIteration, IndexError) as fault:
        raise WireError("wire.batch_damaged", "never") from fault
    return b"".join(pieces)


def _written(digits: str) -> bytes:
    """An id as it is written, of its 32 hexadecimal digits."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}".encode()


def _look_up(pieces: list[bytes], names: Iterator[bytes]) -> None:
    """The ids in place of the tokens, which are every second piece; each is moved to the first place. The region
    opens every batch with it: one loop, no calls."""
    recent: list[bytes] = []
    for i in range(1, len(pieces), 2):
        token = pieces[i]
        first = token[0]
        if first == _NEAR:
            pieces[i] = recent[0]
            continue
        if first == _NEW:
            name = next(names)
        else:
            name = recent.pop(int.from_bytes(token[1:], "big") if first == _FAR else first - _NEAR)
        recent.insert(0, name)
        pieces[i] = name
