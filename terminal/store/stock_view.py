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


def touched_by(store: Store, lot_no: str) -> list[str]:
    """The children with a dose that was of this lot number, or was corrected to it, at any time."""
    found = store.sql(
        "SELECT child_id FROM dose WHERE lot_no = ? UNION"
        " SELECT d.child_id FROM dose_change c JOIN dose d ON d.id = c.dose_id"
        " WHERE c.kind = 'corrected' AND json_extract(c.body, '$.fields.lot_no[1]') = ?",
        lot_no,
        lot_no,
    )
    return [str(child_id) for (child_id,) in found]
