"""The line once, from a scan to the region: registered, scanned, recorded, on paper, acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import zxingcpp

from domain.codes import OwnReceipt, TracePackage, classify
from domain.events import ChildRegistered, Guardian, Identifier
from domain.wire import signed
from domain.world import World
from printing.simulator import SimulatedPrinter
from regional import queries
from regional.serve import EmbeddedRegion
from sync.keys import region_keys
from terminal import bootstrap
from terminal.store import ledger, papers
from terminal.store.outbox import StoreOutbox, check_chain, unsent
from terminal.usecases.receive_stock import receive_stock
from terminal.usecases.record_dose import record_dose
from terminal.usecases.register_child import register_child
from terminal.usecases.scan_routing import route_scan, scan_rules
from terminal.usecases.sign_in import sign_in
from terminal.usecases.visit import close_visit, open_visit
from tests.fakes.desk import made
from tests.fakes.homes import NURSE, PIN, QUICK, found_home
from tests.region_fixtures import CLINIC

BOXES = ("89000020000000000011", "89000070000000000012")
RARE = "王㛃䶮"


def test_from_a_scan_to_the_region(region: EmbeddedRegion, apply: Callable[[], int], tmp_path: Path) -> None:
    with SimulatedPrinter() as printer:
        home = found_home(tmp_path / "home", region, printer.address, World())
        desk = bootstrap.open_desk(home)
        terminal = bootstrap.Terminal(home, desk, QUICK)
        terminal.start()
        try:
            nurse = made(sign_in(desk, NURSE.code, PIN))
            for box in BOXES:
                made(receive_stock(desk, nurse, [TracePackage(box, box[:7])], "20260318", _soon(desk)))
            child = made(register_child(desk, nurse, _form(desk)))
            code = child.identifier("child_code")
            assert code.startswith(CLINIC), "from the region's lease"
            assert route_scan(desk, nurse, code).child_id == child.id
            visit = made(open_visit(desk, nurse, child.id, {"unwell": False}, informed=True, booklet="seen"))
            given = []
            for box in BOXES:
                verdict = route_scan(desk, nurse, box, child.id).verdict
                assert verdict
                assert verdict.level == "ok", verdict.problems
                given.append(made(record_dose(desk, nurse, verdict.checked_id)).dose.id)
            receipt = made(close_visit(desk, nurse, visit.id, "hand")).receipt
            terminal.wake_printers()
            assert printer.wait(1, 30)
            terminal.sync_now(30)
        finally:
            terminal.stop()
        (slip,) = printer.slips
    assert _receipt_on(slip.picture, desk) == OwnReceipt(receipt, CLINIC)

    desk = bootstrap.open_desk(home)
    try:
        assert [job.state for job in papers.jobs_of(desk.store, receipt)] == ["confirmed"]
        assert unsent(desk.store).events == unsent(desk.store).batches == 0
        _verified_ack(desk)
        assert desk.store.run(ledger.check_audit, desk.store) is None
        assert desk.store.run(check_chain, desk.store) is None
    finally:
        desk.store.close()
    assert apply() > 0
    there = [row for row in queries.doses(region.dsn) if row.child_id == child.id]
    assert sorted(row.dose_id for row in there) == sorted(given)
    assert {row.body["package"] for row in there} == set(BOXES)
    known = queries.child(region.dsn, child.id)
    assert known
    assert known["name"] == RARE
    assert (queries.doubled(region.dsn), queries.quarantined(region.dsn)) == (0, 0)


def _soon(desk: bootstrap.Desk) -> str:
    return f"{desk.today().year + 2}-03-17"


def _form(desk: bootstrap.Desk) -> ChildRegistered:
    return ChildRegistered(
        RARE,
        "1",
        f"{desk.today().year - 1}-05-19",
        guardians=(Guardian("mother", "李芳", "13900002071"),),
        identifiers=(Identifier("booklet", "3201140017"),),
    )


def _receipt_on(picture: object, desk: bootstrap.Desk) -> object:
    """What a scanner reads off the slip."""
    (found,) = zxingcpp.read_barcodes(picture)
    return classify(found.text, scan_rules(desk))


def _verified_ack(desk: bootstrap.Desk) -> None:
    """The acknowledgement on disk is the region's, of all that was told."""
    outbox = StoreOutbox(desk.store, desk.world)
    ((document, upto),) = desk.store.sql("SELECT a.document, a.received_upto FROM ack a JOIN head h USING (epoch)")
    ack = signed.payload(region_keys(outbox).verified(signed.decode(bytes(document), "ack")), signed.Ack)
    assert ack.received_upto == upto == outbox.standing().last_seq
    assert ack.hash == outbox.hash_at(upto)
