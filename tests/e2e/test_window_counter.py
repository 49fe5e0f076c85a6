"""The window at the counter: what a nurse scans and confirms is in the database, what is wrong is said."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFrame, QLabel, QWidget
from pytestqt.qtbot import QtBot

from domain.codes import Package, TracePackage
from domain.errors import StoreError
from domain.events import Alert, ChildRegistered, Identifier
from drivers.scan import ScanEvent
from terminal.store import doses, papers
from terminal.store.children import Card
from terminal.ui.dose_sheets import LotSheet, ReasonSheet
from terminal.ui.services import Services
from terminal.ui.start_sheets import UnansweredSheet
from terminal.usecases.check_dose import check_dose
from terminal.usecases.receive_stock import recall_lot, receive_stock
from terminal.usecases.record_dose import transcribe_dose
from terminal.usecases.register_child import register_child, update_child
from terminal.usecases.visit import open_visit
from tests.fakes.desk import HEPB_BOX, NURSE, TestDesk, made
from tests.fakes.screen import Screen, booklet, click, shown_texts, with_visit

KEY = Qt.Key
UNKNOWN_BOX = "89999990000000000011"  # a trace code of no product here
MMR_BOX = "89000070000000000044"
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

    def submit(work, *args):
        def run():
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


def past(on: TestDesk, child: Card, *given: tuple[str, int, str]) -> None:
    for vaccine, number, day in given:
        made(transcribe_dose(on.desk, on.nurse, child.id, day, vaccine, number, "鼓楼妇幼"))


def test_what_is_due_stands_on_top_in_words(screen: Screen, on: TestDesk) -> None:
    past(on, on.boy, ("0101", 1, "2026-05-19"), ("0202", 1, "2026-05-19"), ("0202", 2, "2026-06-20"))
    screen.scan(booklet(on.boy))
    page = screen.counter.work.look.page
    assert page is not None and page.due[0].group == "HepB"
    said = shown_texts(screen.counter.due)
    assert any("乙肝" in text and "第3/3剂" in text and "应种" in text for text in said)
    row = screen.counter.history.texts()
    assert "○ 2026-06-20" in row and "今日" in row
    screen.scan(booklet(on.girl))  # had nothing so far: what does not fit is counted, and shown when asked for
    due = screen.counter.work.look.page.due
    assert any("还有" in text for text in shown_texts(screen.counter.due))
    click(screen.counter.due, "还有")
    assert sum(text.startswith("第") for face in screen.counter.due.faces for text in face.lines) == len(due)
    assert not any("还有" in text for text in shown_texts(screen.counter.due))


def test_an_invalid_dose_says_why_by_which_rule(screen: Screen, on: TestDesk) -> None:
    past(on, on.girl, ("0202", 1, "2025-02-03"), ("0202", 2, "2025-02-20"))
    screen.scan(booklet(on.girl))
    assert "× 2025-02-20 无效" in screen.counter.history.texts()
    second = screen.counter.work.look.child.doses[1]
    page = screen.counter.work.look.page
    assert page is not None
    mark = next(m for row in page.rows for cell in row.cells for m in cell.marks if m.dose_id == second.id)
    screen.counter.work.doses.dose_chosen(second, mark)
    told = " ".join(shown_texts(screen.counter.sheet))
    assert "无效" in told and "2025-02-20" in told and "[S" in told


def test_too_early_stops_says_from_when_and_asks_a_reason(screen: Screen, on: TestDesk) -> None:
    made(receive_stock(on.desk, on.nurse, [TracePackage(MMR_BOX, MMR_BOX[:7])], "M1", "2028-01-01"))
    with_visit(screen, on.boy)
    screen.scan(MMR_BOX)
    assert screen.tone == "stop" and "2027-01-19" in screen.said
    screen.press(KEY.Key_Return)
    assert isinstance(screen.counter.sheet, ReasonSheet) and doses.of_child(on.desk.store, on.boy.id) == []


def test_the_card_in_hand_is_framed_and_a_given_one_says_so(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    assert [f.tone for f in screen.counter.due.faces][:2] in (["ok", ""], ["look", ""])
    screen.press(KEY.Key_Return)
    assert screen.counter.due.faces[-1].chip == "✓ 已接种"
    assert "2026-12-2" in screen.said  # the next dose of the series


def test_after_the_visit_the_next_one_is_named(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    screen.press(KEY.Key_F12)
    assert "下次" in screen.said and any("下次" in text for text in shown_texts(screen.counter.visit))


def test_until_a_physician_approves_every_screen_says_demonstration(screen: Screen, on: TestDesk) -> None:
    assert not on.desk.approved
    assert any("演示版" in text for text in shown_texts(screen.window))
    on.desk.approvals = frozenset(on.desk.plans.digests.items())
    screen.shell.tick()
    assert on.desk.approved
    assert not any("演示版" in part.text() for part in screen.window.findChildren(QLabel) if part.isVisible())


def test_pages_are_opened_by_key_and_a_scan_comes_back(screen: Screen, on: TestDesk) -> None:
    names = [entry.name for entry in screen.shell.entries]
    for place, name in enumerate(names[1:], 2):
        digit = Qt.Key(Qt.Key.Key_0.value + place)
        QTest.keyClick(screen.window.focusWidget(), digit, Qt.KeyboardModifier.ControlModifier)
        screen.settle()
        assert screen.shell.current == name
    screen.scan(booklet(on.girl))
    assert screen.shell.current == "counter" and screen.counter.work.look.child_id == on.girl.id


def test_a_namesake_is_marked_and_named_in_the_verdict(screen: Screen, on: TestDesk) -> None:
    other = ChildRegistered("王梓涵", "2", "2026-03-02", identifiers=(Identifier("booklet", "3201140055"),))
    made(register_child(on.desk, on.nurse, other, {"child.possible_double": "不是同一人"}))
    with_visit(screen, on.boy)
    assert any("当心同名" in text and "2026-03-02" in text for text in shown_texts(screen.counter.person))
    screen.scan(HEPB_BOX)
    assert "不是 王梓涵" in screen.said


def test_a_brother_is_one_button_away(screen: Screen, on: TestDesk) -> None:
    twin = ChildRegistered("王子轩", "1", "2026-05-19", guardians=on.boy.facts.guardians, birth_order=2)
    card = made(register_child(on.desk, on.nurse, twin, {"child.possible_double": "双胞胎"}))
    screen.scan(booklet(on.boy))
    click(screen.counter.person, "换到这个孩子")
    screen.settle()
    assert screen.counter.work.look.child_id == card.id


def test_a_noted_allergy_is_grey_until_it_touches_the_vaccine_in_hand(screen: Screen, on: TestDesk) -> None:
    alerts = (Alert("allergy", "酵母", component="yeast"), Alert("allergy", "青霉素", component="penicillin"))
    made(update_child(on.desk, on.admin, on.boy.id, {"alerts": alerts}))
    with_visit(screen, on.boy)

    def tones() -> list[str]:
        frames = screen.counter.person.findChildren(QFrame)
        return [f.property("tone") for f in frames if f.property("kind") == "note"]

    assert tones() == ["plain", "plain"]
    screen.scan(HEPB_BOX)
    assert tones() == ["stop", "plain"] and screen.tone == "stop"
    screen.counter.work.not_given()
    screen.settle()
    assert tones() == ["plain", "plain"]
