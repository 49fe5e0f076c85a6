"""Documents everybody works by, as the region published them; the lots it recalled stop at the counter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType

import msgspec

from config.published import Document
from domain.wire import UNREADABLE
from domain.wire.feed import Reference
from terminal.store.database import Store

RECALLED_LOTS, CLINICS = "recalled-lots", "clinics"

_HELD = "SELECT number, name, version, effective_on, published_at FROM reference ORDER BY number"
_IN_FORCE = """SELECT content FROM reference WHERE name = ? AND effective_on <= ?
    ORDER BY effective_on DESC, number DESC LIMIT 1"""
_VERSIONS = "SELECT name, version, effective_on, number FROM reference ORDER BY name, effective_on, number"


class _RecalledLot(msgspec.Struct, frozen=True):
    """`maker` "" means whoever made it."""

    lot_no: str
    reason: str
    maker: str = ""


class _RecalledLots(msgspec.Struct, frozen=True):
    lots: tuple[_RecalledLot, ...]


class _Clinics(msgspec.Struct, frozen=True):
    clinics: dict[str, str]


def held(store: Store) -> dict[int, Reference]:
    """The publications held, by number; any thread."""
    return {row[0]: Reference(*row) for row in store.sql(_HELD)}


def in_force(store: Store, name: str, day: date) -> bytes | None:
    """The document of that name in force on a day; None without one."""
    found = store.sql(_IN_FORCE, name, day.isoformat())
    return bytes(found[0][0]) if found else None


def documents(store: Store, wanted: Callable[[str], bool]) -> list[Document]:
    """Everything published under the names wanted, by name, then as it comes into force; any thread."""
    found = []
    for name, version, effective_on, number in store.sql(_VERSIONS):
        if wanted(name):
            content = store.sql("SELECT content FROM reference WHERE number = ?", number)[0][0]
            found.append(Document(name, version, date.fromisoformat(effective_on), bytes(content)))
    return found


def standing(store: Store, day: date) -> tuple[tuple[int, bool], ...]:
    """Changes when a document comes, and when one comes into force; any thread."""
    return tuple((one.number, one.effective_on <= day.isoformat()) for one in held(store).values())


def clinics(store: Store, day: date) -> Mapping[str, str]:
    """The names of the region's clinics by their ten-digit codes, as the list in force on a day has them; empty without
    one, or with one that cannot be read. Any thread."""
    return _clinics(in_force(store, CLINICS, day) or b'{"clinics": {}}')


@lru_cache(maxsize=2)
def _clinics(content: bytes) -> Mapping[str, str]:
    """Kept: it is asked for many times a minute and changes a few times a year."""
    try:
        return MappingProxyType(msgspec.json.decode(content, type=_Clinics).clinics)
    except UNREADABLE:
        return MappingProxyType({})


def keep(store: Store, reference: Reference, content: bytes) -> None:
    """In a transaction; a publication held already stays."""
    store.db.execute_sql(
        "INSERT OR IGNORE INTO reference VALUES (?, ?, ?, ?, ?, ?)", (*msgspec.structs.astuple(reference), content)
    )


def list_recalls(store: Store, day: date) -> None:
    """Mark the lots that stand in the list of recalled lots in force, and no others: for every new list, new lot and
    new day. A list that cannot be read changes nothing."""
    try:
        content = in_force(store, RECALLED_LOTS, day) or b'{"lots": []}'
        recalled = msgspec.json.decode(content, type=_RecalledLots).lots
    except UNREADABLE:
        return
    why = {(one.lot_no, one.maker): one.reason or "?" for one in recalled}
    for lot_id, lot_no, maker, listed in store.sql("SELECT id, lot_no, maker, listed FROM lot"):
        reason = why.get((lot_no, maker)) or why.get((lot_no, ""), "")
        if reason != listed:
            store.db.execute_sql("UPDATE lot SET listed = ? WHERE id = ?", (reason, lot_id))
