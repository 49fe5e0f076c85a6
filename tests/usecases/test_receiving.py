"""Stock received by scanning: lot and expiry from the code or typed, nothing counted twice, uses and returns."""

from __future__ import annotations

import pytest

from domain.codes import Package, TracePackage, classify
from terminal.store import stock
from terminal.usecases.amend_dose import void_dose
from terminal.usecases.desk import Outcome
from terminal.usecases.receive_stock import recall_lot, receive_stock
from terminal.usecases.scan_routing import scan_rules
from tests.fakes.stories import HEPB3, MMR, OPV, Story, codes, gs1, made


def receive(clinic: Story, scans: list[str], lot: str = "", expiry: str = "") -> Outcome[stock.LotRow]:
    read = [classify(s, scan_rules(clinic.desk)) for s in scans]
    assert all(isinstance(c, Package | TracePackage) for c in read), read
    return receive_stock(clinic.desk, clinic.nurse, read, lot, expiry)


def on_hand(clinic: Story, lot_id: str) -> int:
    return dict((lot.id, left) for lot, left in clinic.read(stock.on_hand))[lot_id]


def test_lot_and_expiry_come_from_the_gs1_code(clinic: Story) -> None:
    scans = [gs1(HEPB3, "A1-7", "280331", f"S{n}") for n in range(4)]
    lot = made(receive(clinic, scans, "typed and not needed", "2030-01-01"))
    assert (lot.lot_no, lot.expiry_on, lot.vaccine, lot.maker) == ("A1-7", "2028-03-31", "0201", "演示药业")
    assert on_hand(clinic, lot.id) == 12, "three doses a package"


def test_a_trace_code_needs_lot_and_expiry_typed(clinic: Story) -> None:
    scans = [clinic.box(MMR), clinic.box(MMR)]
    assert codes(receive(clinic, scans).problems) == ["lot.bad_number", "lot.bad_expiry"]
    lot = made(receive(clinic, scans, " Ａ２0 ", "2028-01-31"))
    assert lot.lot_no == "A20", "full width and blanks are the input method's"
    assert clinic.read(stock.lot_of_package, scans[0]) == lot


def test_scanned_twice_counts_once_and_received_before_counts_nothing(clinic: Story) -> None:
    box = clinic.box(OPV)
    lot = made(receive(clinic, [box, box], "B1", "2027-01-31"))
    assert on_hand(clinic, lot.id) == 20
    again = receive(clinic, [box, clinic.box(OPV)], "B1", "2027-01-31")
    assert [(p.code, p.params) for p in again.problems] == [("package.received_before", {"count": 1})]
    assert on_hand(clinic, lot.id) == 20


def test_more_of_a_lot_joins_it_and_another_expiry_is_a_question(clinic: Story) -> None:
    lot = made(receive(clinic, [clinic.box(MMR)], "C1", "2027-01-31"))
    assert made(receive(clinic, [clinic.box(MMR)], "C1", "2027-01-31")).id == lot.id
    assert on_hand(clinic, lot.id) == 2
    assert codes(receive(clinic, [clinic.box(MMR)], "C1", "2027-02-28").problems) == ["lot.other_expiry"]


@pytest.mark.parametrize(
    ("scans", "code"),
    [
        ([], "stock.nothing_scanned"),
        (["89000070000000000901", "89000020000000000902"], "stock.mixed_lots"),
        ([gs1(MMR, "A", "280101", "1"), gs1(MMR, "B", "280101", "2")], "stock.mixed_lots"),
        (["89999990000000000901"], "package.unknown_product"),
    ],
)
def test_what_is_no_delivery_of_one_lot(clinic: Story, scans: list[str], code: str) -> None:
    outcome = receive(clinic, scans, "L1", "2028-01-01")
    assert code in codes(outcome.problems)
    assert not outcome.ok


@pytest.mark.parametrize(
    ("lot", "expiry", "code"),
    [
        ("x" * 21, "2028-01-01", "lot.bad_number"),
        ("  ", "2028-01-01", "lot.bad_number"),
        ("A", "2028-02-30", "lot.bad_expiry"),
        ("A", "280101", "lot.bad_expiry"),
        ("A", "2099-01-01", "lot.bad_expiry"),
    ],
)
def test_a_lot_as_no_package_says_it(clinic: Story, lot: str, expiry: str, code: str) -> None:
    assert codes(receive(clinic, [clinic.box(MMR)], lot, expiry).problems) == [code]


def test_codes_without_serials_make_the_lot_known_and_say_that_nothing_was_counted(clinic: Story) -> None:
    outcome = receive(clinic, [gs1(MMR, "N1", "280101")] * 3)
    assert codes(outcome.problems) == ["stock.not_counted"]
    assert on_hand(clinic, made(outcome).id) == 0


def test_an_expired_delivery_is_said(clinic: Story) -> None:
    assert codes(receive(clinic, [clinic.box(MMR)], "OLD", "2026-11-01").problems) == ["lot.received_expired"]


def test_a_dose_takes_one_and_its_void_gives_it_back(clinic: Story) -> None:
    lot, (box,) = clinic.receive(OPV, lot="D1")
    child = clinic.child_for_drops()
    dose = clinic.give(child, box)
    assert on_hand(clinic, lot.id) == 19
    made(void_dose(clinic.desk, clinic.nurse, dose.id, "误录"))
    assert on_hand(clinic, lot.id) == 20


def test_the_first_use_given_back_gives_back_the_opening_time(clinic: Story) -> None:
    """The vial counts as opened by the dose that stands, not by the one recorded by mistake."""
    _, (box,) = clinic.receive("8900009", lot="MPV")
    wrong = clinic.give(clinic.child(), box)
    clinic.later(minutes=20)
    clinic.give(clinic.child(), box)
    made(void_dose(clinic.desk, clinic.nurse, wrong.id, "误录"))
    clinic.later(minutes=20)
    third = clinic.child()
    clinic.visit(third)
    assert clinic.check(third, box).level == "ok"


def test_recall_needs_a_reason_a_lot_and_the_grade(clinic: Story) -> None:
    lot = clinic.made.hepb.id
    assert codes(recall_lot(clinic.desk, clinic.nurse, lot, "x").problems) == ["denied.stock.recall"]
    assert codes(recall_lot(clinic.desk, clinic.doctor, lot, " ").problems) == ["reason.missing"]
    assert codes(recall_lot(clinic.desk, clinic.doctor, "none", "x").problems) == ["lot.not_found"]
    assert made(recall_lot(clinic.desk, clinic.doctor, lot, "质量公告")).recalled == "质量公告"
    assert clinic.read(stock.lot, lot).recalled
