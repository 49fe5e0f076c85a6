"""Receive a lot by scanning its packages; recall a lot."""

from __future__ import annotations

from datetime import date

from config import tables
from domain.codes import Package, TracePackage
from domain.events import LotRecalled, StockReceived
from domain.identifiers import half_width
from domain.permissions import Permission
from domain.problems import Problem, Severity, block, warn
from terminal.store import ledger, stock
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb


@verb(Permission.STOCK_RECEIVE)
def receive_stock(
    desk: Desk, actor: Actor, codes: list[Package | TracePackage], lot_no: str = "", expiry_on: str = ""
) -> Outcome[stock.LotRow]:
    """Take packages of one product and lot into stock. Lot and expiry come from the code where it carries them.

    A package scanned twice counts once; one received before is a problem, nothing is counted twice.
    """
    problems, product, packages = _one_product(desk, codes)
    lot_no, first = half_width(lot_no), codes[0] if codes else None
    if isinstance(first, Package):
        lot_no = first.lot or lot_no
        expiry_on = first.expiry.isoformat() if first.expiry else expiry_on
    problems += _check_lot(desk, lot_no, expiry_on)
    if problems or product is None:
        return stop(*problems)
    contents = product.doses_per_vial * product.vials_per_package
    body = StockReceived(
        product.vaccine, lot_no, expiry_on, product.maker_zh, tuple(packages), contents, product.prefix7
    )
    known = stock.lot_named(desk.store, product.vaccine, lot_no, product.maker_zh)
    if known and known.expiry_on != expiry_on:
        return stop(block("lot.other_expiry", "expiry_on", lot=lot_no, known=known.expiry_on, given=expiry_on))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        event_id = desk.world.new_id()
        lot_id = known.id if known else event_id
        entry.fact("stock.received", lot_id, body, desk.stated_now(), fact_id=event_id)
        stock.receive(entry, lot_id, event_id, body, known is not None)
        entry.audit("stock.receive", lot_id, packages=len(packages))
    look = [p for c in codes if isinstance(c, Package) for p in c.problems if p.severity is Severity.WARN]
    if expiry_on < desk.today().isoformat():
        look.append(warn("lot.received_expired", lot=lot_no))
    if not packages:
        look.append(warn("stock.not_counted"))
    return Outcome(stock.lot(desk.store, lot_id), tuple(look))


def _one_product(
    desk: Desk, codes: list[Package | TracePackage]
) -> tuple[list[Problem], tables.Product | None, list[str]]:
    """The product all codes share, and the package names among them."""
    problems: list[Problem] = []
    products = {c.product if isinstance(c, TracePackage) else c.gtin for c in codes}
    lots = {(c.lot, c.expiry) for c in codes if isinstance(c, Package)}
    product = tables.product(next(iter(products))) if len(products) == 1 else None
    if not codes:
        problems.append(block("stock.nothing_scanned"))
    elif len(products) > 1 or len(lots) > 1:
        problems.append(block("stock.mixed_lots"))
    elif product is None:
        problems.append(block("package.unknown_product"))
    names = [c.code if isinstance(c, TracePackage) else f"{c.gtin}:{c.serial}" for c in codes]
    unique = list(dict.fromkeys(n for n in names if not n.endswith(":")))
    again = [n for n in unique if stock.lot_of_package(desk.store, n)]
    if again:
        problems.append(block("package.received_before", count=len(again)))
    return problems, product, unique


def _check_lot(desk: Desk, lot_no: str, expiry_on: str) -> list[Problem]:
    problems = []
    if not lot_no or len(lot_no) > 20:
        problems.append(block("lot.bad_number", "lot_no"))
    try:
        if not 2000 <= date.fromisoformat(expiry_on).year <= desk.today().year + 15:
            raise ValueError
    except ValueError:
        problems.append(block("lot.bad_expiry", "expiry_on"))
    return problems


@verb(Permission.STOCK_RECALL)
def recall_lot(desk: Desk, actor: Actor, lot_id: str, reason: str) -> Outcome[stock.LotRow]:
    """From now on the lot stops at the counter."""
    if stock.lot(desk.store, lot_id) is None:
        return stop(block("lot.not_found"))
    if not reason.strip():
        return stop(block("reason.missing", "reason"))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        entry.fact("stock.recalled", lot_id, LotRecalled(reason), desk.stated_now())
        stock.recall(entry, lot_id, reason)
        entry.audit("stock.recall", lot_id)
    return Outcome(stock.lot(desk.store, lot_id))
