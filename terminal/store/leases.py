"""Numbers this terminal may give out while offline: ranges the region leased to it, for ever."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from domain.errors import StoreError
from domain.wire.signed import Lease
from terminal.store.database import Store
from terminal.store.ledger import Entry


class Refill(NamedTuple):
    """Ask for `ask` more numbers when fewer than `low` are left."""

    low: int
    ask: int


# A busy clinic prints 300 slips a day: ten days offline. A child code's serial has four digits for the whole clinic.
REFILLS = {"child_code": Refill(100, 300), "booklet": Refill(100, 300), "receipt": Refill(3000, 6000)}

_NEXT = """
    SELECT l.lease_id, l.prefix, l.width, coalesce(u.next, l.first)
    FROM lease l LEFT JOIN lease_use u ON u.lease_id = l.lease_id AND u.year = ?
    WHERE l.kind = ? AND NOT l.retired AND coalesce(u.next, l.first) <= l.last ORDER BY l.rowid LIMIT 1
"""
_USE = """
    INSERT INTO lease_use (lease_id, year, next) VALUES (?, ?, ?)
    ON CONFLICT (lease_id, year) DO UPDATE SET next = excluded.next
"""
_LEFT = """
    SELECT coalesce(sum(l.last + 1 - coalesce(u.next, l.first)), 0)
    FROM lease l LEFT JOIN lease_use u ON u.lease_id = l.lease_id AND u.year = ?
    WHERE l.kind = ? AND NOT l.retired
"""
_OVERLAP = """
    SELECT 1 FROM lease WHERE kind = ? AND prefix = ? AND width = ? AND first <= ? AND last >= ? AND lease_id <> ?
"""


def take_number(entry: Entry, kind: str, year: str = "") -> str | None:
    """The next number of this kind, None when no range has one left; if the entry is not kept, neither is the use.
    `year` is the birth year of a child code (clinic, year, serial), "" for the other kinds."""
    found = entry.store.sql(_NEXT, year, kind)
    if not found:
        return None
    lease_id, prefix, width, serial = found[0]
    entry.store.db.execute_sql(_USE, (lease_id, year, serial + 1))
    return f"{prefix}{year}{serial:0{width}d}"


def numbers_left(store: Store, kind: str, year: str = "") -> int:
    """How many numbers can still be given out, for a child code in this birth year."""
    return int(store.sql(_LEFT, year, kind)[0][0])


def wanted(store: Store, birth_year: str) -> dict[str, int]:
    """kind -> how many numbers to ask the region for. Each birth year uses a child code range from its start,
    so the year with the fewest left decides."""
    used = [year for (year,) in store.sql("SELECT DISTINCT year FROM lease_use WHERE year <> ''")]
    years = {"child_code": {birth_year, *used}}
    return {
        kind: refill.ask
        for kind, refill in REFILLS.items()
        if min(numbers_left(store, kind, year) for year in years.get(kind, {""})) < refill.low
    }


def add(store: Store, leases: Iterable[Lease]) -> None:
    """Keep ranges inside the caller's transaction; one held already is passed over. Raises
    StoreError("store.lease_refused") for another terminal's range or numbers this one already has."""
    ((terminal_id,),) = store.sql("SELECT terminal_id FROM head")
    for lease in leases:
        where: tuple[Any, ...] = (lease.kind, lease.prefix, lease.width, lease.last, lease.first, lease.lease_id)
        if lease.terminal_id != terminal_id or not 0 <= lease.first <= lease.last or store.sql(_OVERLAP, *where):
            raise StoreError("store.lease_refused", "operator", kind=lease.kind, first=lease.first, last=lease.last)
        store.db.execute_sql(
            "INSERT OR IGNORE INTO lease (lease_id, kind, prefix, first, last, width) VALUES (?, ?, ?, ?, ?, ?)",
            (lease.lease_id, lease.kind, lease.prefix, lease.first, lease.last, lease.width),
        )


def retire(store: Store) -> None:
    """Give out nothing more of the ranges held, inside the caller's transaction: a restored database has forgotten
    what was given out since its backup, a cloned one shares its ranges. The region leases new ones."""
    store.db.execute_sql("UPDATE lease SET retired = 1")
