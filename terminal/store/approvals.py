"""Who approved which data of a programme."""

from __future__ import annotations

from terminal.store.database import Store
from terminal.store.ledger import Entry
from terminal.store.tables import Approval


def add(entry: Entry, programme: str, edition: str, digest: str, physician: str) -> None:
    row = {"programme": programme, "edition": edition, "digest": digest, "physician": physician}
    entry.store.insert(Approval, row | {"staff": entry.actor, "at": entry.at})


def given(store: Store) -> frozenset[tuple[str, str]]:
    """(programme, digest) of everything approved; any thread."""
    return frozenset((name, digest) for name, digest in store.sql("SELECT programme, digest FROM approval"))


def last(store: Store, programme: str, digest: str) -> tuple[str, str, str] | None:
    """(physician, staff code, UTC instant) of the latest approval of these data."""
    rows = store.sql(
        "SELECT physician, staff, at FROM approval WHERE programme = ? AND digest = ? ORDER BY no DESC LIMIT 1",
        programme,
        digest,
    )
    return rows[0] if rows else None
