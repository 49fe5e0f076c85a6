"""The window at the counter: what a nurse scans and confirms is in the database, what is wrong is said."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from domain.codes import Package
from domain.errors import StoreError
from drivers.scan import ScanEvent
from terminal.store import doses, papers
from terminal.ui.dose_sheets import LotSheet, ReasonSheet
from terminal.ui.services import Services
from terminal.ui.start_sheets import UnansweredSheet
from terminal.usecases.check_dose import check_dose
from terminal.usecases.receive_stock import recall_lot, receive_stock
from terminal.usecases.visit import open_visit
from tests.fakes.desk import HEPB_BOX, NURSE, TestDesk, made
from tests.fakes.screen import Screen, booklet, click, shown_texts, with_visit

KEY = Qt.Key
UNKNOWN_BOX = "89999990000000000011"  # a trace code of no product here
NEW_HEPB = "89000020000000000099"  # of a product here, never received


def test_the_common_path(screen: Screen, on: TestDesk) -> None:
    """Scan child, scan package, Enter, F12: the dose is in the database, its slip in the queue."""
    screen.scan(booklet(on.boy))
    assert "王子涵" in shown_texts(screen.counter.person)
    screen.press(KEY.Key_F2)
    screen.scan(HEPB_BOX)
    assert screen.tone == "ok" and "20260318" in screen.said and "2028-03-17" in screen.said
    assert doses.of_child(on.desk.store, on.boy.id) == []
    screen.press(KEY.Key_Return)
    (given,) = doses.of_child(on.desk.store, on.boy.id)
    assert (given.vaccine, given.dose_no, given.facts["package"], given.facts["giver"]) == ("0202", 1, HEPB_BOX, NURSE)
    assert screen.tone == "ok" and "已保存" in screen.said
    screen.press(KEY.Key_F12)
    (job,) = papers.jobs_in(on.desk.store, "queued")
    assert job.receipt and job.receipt in screen.said


def test_two_scans_at_once_keep_their_order(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.girl)
    screen.scan(booklet(on.boy), booklet(on.girl), HEPB_BOX)
    (held,) = doses.held(on.desk.store)
    assert held.child_id == on.girl.id


def test_a_second_enter_records_nothing(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    for _ in range(3):
        screen.press(KEY.Key_Return)
    assert len(doses.of_child(on.desk.store, on.boy.id)) == 1


def test_a_wrong_package_stops_in_words(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(UNKNOWN_BOX)
    assert screen.tone == "stop" and "不认识这个产品" in screen.said
    made(recall_lot(on.desk, on.admin, on.hepb.id, "抽检不合格"))
    screen.scan(HEPB_BOX)
    assert screen.tone == "stop" and "停用" in screen.said and "请放回" in screen.said
    screen.press(KEY.Key_Return)
    assert doses.of_child(on.desk.store, on.boy.id) == []


def test_after_a_refused_package_enter_does_not_record_the_one_before(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.scan(UNKNOWN_BOX)
    screen.press(KEY.Key_Return)
    assert doses.of_child(on.desk.store, on.boy.id) == []
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    assert len(doses.of_child(on.desk.store, on.boy.id)) == 1


def test_another_child_stops_while_a_dose_waits(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.scan(booklet(on.girl))
    assert screen.tone == "stop" and "没有换人" in screen.said
    assert screen.counter.work.look.child_id == on.boy.id
    screen.counter.work.not_given()
    screen.settle()
    assert doses.held(on.desk.store) == []
    screen.scan(booklet(on.girl))
    assert screen.counter.work.look.child_id == on.girl.id


def test_leaving_a_child_with_doses_closes_its_visit(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    screen.scan(booklet(on.girl))
    assert len(papers.jobs_in(on.desk.store, "queued")) == 1


def test_a_dose_without_an_answer_is_asked_at_restart(qtbot: QtBot, on: TestDesk) -> None:
    visit = made(open_visit(on.desk, on.nurse, on.boy.id))
    verdict = made(check_dose(on.desk, on.nurse, visit.id, Package("09529900000022", on.hepb.lot_no)))
    assert verdict.checked_id
    screen = Screen(qtbot, on)
    screen.sign_in()
    sheet = screen.counter.sheet
    assert isinstance(sheet, UnansweredSheet) and "王子涵" in shown_texts(sheet)
    screen.scan(booklet(on.girl))
    screen.press(KEY.Key_Escape)
    assert screen.counter.sheet is sheet
    click(sheet, "已接种，补记")
    screen.settle()
    (given,) = doses.of_child(on.desk.store, on.boy.id)
    assert given.id == verdict.checked_id and given.facts["recorded_by"] == NURSE
    assert screen.counter.sheet is None and screen.counter.work.look.child_id == on.boy.id


def test_an_override_asks_for_a_reason_and_keeps_it(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    screen.press(KEY.Key_F12)
    with_visit(screen, on.girl)
    screen.scan(HEPB_BOX)
    assert screen.tone == "stop" and "已用完" in screen.said
    screen.press(KEY.Key_Return)
    sheet = screen.counter.sheet
    assert isinstance(sheet, ReasonSheet)
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is sheet and doses.of_child(on.desk.store, on.girl.id) == []
    sheet.reason.setText("实物有余量")
    screen.press(KEY.Key_F10)
    (given,) = doses.of_child(on.desk.store, on.girl.id)
    assert "实物有余量" in given.facts["overrides"]


def test_a_package_not_received_offers_its_lots(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(NEW_HEPB)
    sheet = screen.counter.sheet
    assert isinstance(sheet, LotSheet)
    click(sheet, "批号 20260318")
    screen.settle()
    assert screen.tone == "look" and "还没有入库" in screen.said
    screen.press(KEY.Key_Return)
    assert doses.of_child(on.desk.store, on.boy.id)[0].facts["lot_no"] == "20260318"


def test_an_opened_vial_can_be_replaced(screen: Screen, on: TestDesk) -> None:
    boxes = [Package("09529900000091", "MENA01", None, "S1")]
    made(receive_stock(on.desk, on.nurse, list(boxes), "MENA01", "2027-12-31"))
    with_visit(screen, on.boy)
    screen.scan("(01)09529900000091(10)MENA01(21)S1")
    screen.press(KEY.Key_Return)
    assert doses.of_child(on.desk.store, on.boy.id)[0].facts["vial_no"] == 1
    screen.press(KEY.Key_F12)


def test_enter_in_a_field_never_records(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.shell.search.setFocus()
    screen.press(KEY.Key_Return)
    screen.counter.work.children.register()
    screen.press(KEY.Key_Return)
    assert doses.of_child(on.desk.store, on.boy.id) == []


def test_a_broken_scan_is_shown_and_not_acted_on(screen: Screen, on: TestDesk) -> None:
    now = on.desk.world.now()
    screen.report(ScanEvent("counter", booklet(on.boy), "", now, 0.0, garbled=True))
    assert screen.tone == "stop" and "乱码" in screen.said
    assert screen.counter.work.look.child is None


def test_an_uncertain_slip_asks_quietly(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    screen.press(KEY.Key_F12)
    on.desk.store.run(set_uncertain, on)
    screen.shell.ask_standing()
    screen.settle()
    assert any("可能已经出纸" in text for text in shown_texts(screen.shell))
    click(screen.shell, "没有，补打")
    screen.settle()
    (again,) = papers.jobs_in(on.desk.store, "queued")
    assert again.copy_no == 1 and papers.jobs_in(on.desk.store, "uncertain") == []
    assert not any("可能已经出纸" in text for text in shown_texts(screen.shell))


def set_uncertain(on: TestDesk) -> None:
    with on.desk.store.transaction():
        on.desk.store.db.execute_sql("UPDATE print_job SET state = 'uncertain'")


def test_a_fault_of_the_store_is_said_and_the_counter_goes_on(qtbot: QtBot, on: TestDesk) -> None:
    full = [False]

    def submit(work, *args):  # type: ignore[no-untyped-def]
        def run():  # type: ignore[no-untyped-def]
            if full[0]:
                raise StoreError("store.disk_full", "later")
            return work(*args)

        return on.desk.store.submit(run)

    screen = Screen(qtbot, on, services=Services(submit))
    screen.sign_in()
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    full[0] = True
    screen.press(KEY.Key_Return)
    assert screen.tone == "stop" and "磁盘已满" in screen.said
    full[0] = False
    screen.press(KEY.Key_Return)
    assert len(doses.of_child(on.desk.store, on.boy.id)) == 1


def test_every_scan_is_timed_to_its_paint(screen: Screen, on: TestDesk, qtbot: QtBot) -> None:
    heard: list[float] = []
    seen: list[bool] = []

    def painted(seconds: float) -> None:
        heard.append(seconds)
        names = [w for w in screen.counter.person.findChildren(QWidget) if w.accessibleName() == "王子涵"]
        seen.append(bool(names) and names[0].isVisible() and not names[0].visibleRegion().isEmpty())

    screen.window.on_painted = painted
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.scan(HEPB_BOX)
    qtbot.waitUntil(lambda: len(heard) == 3, timeout=5000)
    assert screen.window.scan_to_screen_s == heard and 0 < max(heard) < 2
    assert seen == [True, True, True]
