"""The stock as a person looks at it: each lot, what is left by the book, its opened vials, and how long it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from config import tables
from domain.stock import Contents, check_vial, next_vial
from domain.world import utc_text
from terminal.store import stock, stock_view
from terminal.usecases.desk import Desk

SOON = timedelta(days=90)  # this house's own; a clinic uses what expires first
VIAL_LOOK_BACK = timedelta(days=1)  # an opened vial ends with its session

Standing = Literal["recalled", "expired", "soon", "used_up", "good"]
STANDINGS: tuple[Standing, ...] = ("recalled", "expired", "soon", "good", "used_up")  # what must be seen first


@dataclass(frozen=True)
class LotLine:
    """One lot. `left` doses by the book; `open_vials` are begun and may be drawn from, holding `open_doses`."""

    lot: stock.LotRow
    left: int
    open_vials: int
    open_doses: int
    standing: Standing


def list_lots(desk: Desk) -> tuple[LotLine, ...]:
    """Every lot ever received, what needs a look first. On the store thread; no personal data."""
    today, now = desk.today(), desk.local_now()
    lines = [_line(desk, lot, left, today, now) for lot, left in stock.on_hand(desk.store)]
    return tuple(sorted(lines, key=lambda line: (STANDINGS.index(line.standing), line.lot.expiry_on, line.lot.vaccine)))


def _line(desk: Desk, lot: stock.LotRow, left: int, today: date, now: datetime) -> LotLine:
    vials = _opened(desk, lot, now) if left > 0 else []
    return LotLine(lot, left, len(vials), sum(vials), _standing(lot, left, today))


def _standing(lot: stock.LotRow, left: int, today: date) -> Standing:
    if left <= 0:
        return "used_up"
    if lot.recalled:
        return "recalled"
    if lot.expiry_on < today.isoformat():
        return "expired"
    return "soon" if lot.expiry_on <= (today + SOON).isoformat() else "good"


def _opened(desk: Desk, lot: stock.LotRow, now: datetime) -> list[int]:
    """Doses left in each opened vial of the lot that may still be used."""
    product = tables.product(lot.product)
    if product is None or product.doses_per_vial < 2:
        return []
    contents = Contents(product.doses_per_vial, product.vials_per_package, product.open_hours)
    since = utc_text(desk.world.now() - VIAL_LOOK_BACK)
    vials = [
        next_vial(stock.uses(desk.store, package), contents)
        for package in stock_view.drawn_from(desk.store, lot.id, since)
    ]
    return [v.left_in_vial for v in vials if v.opened_at and v.left_in_vial > 0 and not check_vial(v, contents, now)]
