"""What the stock page asks beside the book of lots."""

from __future__ import annotations

from terminal.store.database import Store


def drawn_from(store: Store, lot_id: str, since: str) -> list[str]:
    """The packages of a lot of which a dose was used since a moment (UTC)."""
    found = store.sql(
        "SELECT DISTINCT package FROM movement WHERE lot_id = ? AND kind = 'used' AND at >= ? AND package <> ''",
        lot_id,
        since,
    )
    return [str(package) for (package,) in found]
