"""Lots, packages and every dose that came into or left them."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from domain.events import StockReceived
from domain.stock import Use
from domain.world import from_utc_text
from terminal.store import references
from terminal.store.database import Store
from terminal.store.ledger import Telling
from terminal.store.tables import Lot, Movement, Package


class LotRow(msgspec.Struct, frozen=True):
    """A lot as received; `recalled` holds the reason, the clinic's or the region's, "" while it may be given."""

    id: str
    vaccine: str
    lot_no: str
    expiry_on: str
    maker: str
    product: str
    doses_per_package: int
    recalled: str


_RECALLED = "coalesce(nullif(recalled, ''), listed)"
_LOT = f"SELECT id, vaccine, lot_no, expiry_on, maker, product, doses_per_package, {_RECALLED} FROM lot l "


def receive(entry: Telling, lot_id: str, event_id: str, body: StockReceived, lot_known: bool) -> None:
    """The rows of a delivery: the lot when it is new, its packages, one movement for all doses. A package that another
    desk received as well is there once."""
    store = entry.store
    if not lot_known:
        row = {name: getattr(body, name) for name in ("vaccine", "lot_no", "expiry_on", "maker", "product")}
        row |= {"id": lot_id, "doses_per_package": body.doses_per_package, "received_at": entry.at, "recalled": ""}
        store.insert(Lot, row)
        references.list_recalls(store, date.fromisoformat(entry.at[:10]))
    new = [code for code in body.packages if not store.sql("SELECT 1 FROM package WHERE code = ?", code)]
    for code in new:
        store.insert(Package, {"code": code, "lot_id": lot_id, "received_at": entry.at})
    move(entry, event_id, lot_id, "received", len(new) * body.doses_per_package)


def hear_received(entry: Telling, lot_id: str, event_id: str, body: StockReceived) -> None:
    """A delivery that another desk received: its lot may be here under an id of our own."""
    run, known = entry.store.db.execute_sql, lot(entry.store, lot_id)
    same = known or lot_named(entry.store, body.vaccine, body.lot_no, body.maker)
    if same and not known:
        run("INSERT INTO lot_alias (id, lot_id) VALUES (?, ?)", (lot_id, same.id))
    here = same.id if same else lot_id
    receive(entry, here, event_id, body, same is not None)
    run("UPDATE lot SET received_at = min(received_at, ?) WHERE id = ?", (entry.at, here))


def move(
    entry: Telling,
    event_id: str,
    lot_id: str,
    kind: str,
    doses: int,
    package: str = "",
    vial_no: int = 0,
    dose_id: str = "",
) -> None:
    """One movement. kind: received, used, returned, wasted; counted tells how many doses there were."""
    lot_id = known_as(entry.store, lot_id)
    row = {"event_id": event_id, "lot_id": lot_id, "package": package, "vial_no": vial_no, "dose_id": dose_id}
    entry.store.insert(Movement, row | {"kind": kind, "doses": doses, "at": entry.at})


def recall(entry: Telling, lot_id: str, reason: str) -> None:
    entry.store.change(Lot.update(recalled=reason).where(Lot.id == known_as(entry.store, lot_id)))


def known_as(store: Store, lot_id: str) -> str:
    """The id by which a lot is kept here."""
    found = store.sql("SELECT lot_id FROM lot_alias WHERE id = ?", lot_id) if lot_id else []
    return str(found[0][0]) if found else lot_id


def lot(store: Store, lot_id: str) -> LotRow | None:
    lot_id = known_as(store, lot_id)
    return next((LotRow(*r) for r in store.sql(_LOT + "WHERE id = ?", lot_id)), None)


def lot_of_package(store: Store, code: str) -> LotRow | None:
    found = store.sql(_LOT + "JOIN package p ON p.lot_id = l.id WHERE p.code = ?", code)
    return next((LotRow(*r) for r in found), None)


def lot_named(store: Store, vaccine: str, lot_no: str, maker: str) -> LotRow | None:
    found = store.sql(_LOT + "WHERE vaccine = ? AND lot_no = ? AND maker = ?", vaccine, lot_no, maker)
    return next((LotRow(*r) for r in found), None)


def lots_of(store: Store, vaccine: str) -> list[LotRow]:
    """The lots of a vaccine, earliest expiry first."""
    return [LotRow(*r) for r in store.sql(_LOT + "WHERE vaccine = ? ORDER BY expiry_on", vaccine)]


def uses(store: Store, package: str) -> list[Use]:
    """Uses and returns of one package, in order."""
    if not package:
        return []
    rows = store.sql(
        "SELECT vial_no, doses, at, dose_id FROM movement WHERE package = ? AND kind IN ('used', 'returned')"
        " ORDER BY no",
        package,
    )
    return [Use(vial, 1 if doses < 0 else -1, _moment(at), dose) for vial, doses, at, dose in rows]


def _moment(text: str) -> datetime:
    return from_utc_text(text)


def on_hand(store: Store) -> list[tuple[LotRow, int]]:
    """Every lot with the doses left in it by the book: the last count, and what came and went since."""
    rows = store.sql(
        "SELECT l.id, l.vaccine, l.lot_no, l.expiry_on, l.maker, l.product, l.doses_per_package,"
        f" {_RECALLED},"
        " coalesce(sum(CASE WHEN m.at >= coalesce(c.at, '') AND m.kind <> 'counted' THEN m.doses END), 0)"
        " + coalesce(c.doses, 0) FROM lot l LEFT JOIN movement m ON m.lot_id = l.id LEFT JOIN movement c"
        " ON c.no = (SELECT no FROM movement WHERE lot_id = l.id AND kind = 'counted' ORDER BY at DESC LIMIT 1)"
        " GROUP BY l.id ORDER BY l.expiry_on"
    )
    return [(LotRow(*r[:8]), int(r[8])) for r in rows]
