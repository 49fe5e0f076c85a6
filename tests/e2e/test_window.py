"""The real window over a real store: what a nurse scans and presses is in the database, what is wrong is said."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from config import texts
from config.settings import Scanner
from config.texts import Language
from domain.codes import Package
from domain.codes.own import badge_text
from domain.errors import StoreError
from domain.events import ChildRegistered, Guardian
from domain.world import World
from drivers.reader import ScannerReader
from drivers.scan import DeviceState, Report, ScanEvent, StateChange
from drivers.simulator import Fault, ScannerSimulator
from terminal.store import children, doses, papers
from terminal.ui.dose_sheets import LotSheet, ReasonSheet
from terminal.ui.panel import Panel, Props
from terminal.ui.pictures import grab
from terminal.ui.register_sheet import RegisterSheet
from terminal.ui.services import Condition, Services
from terminal.ui.start_sheets import ClockSheet, PinSheet, UnansweredSheet
from terminal.ui.stock_sheet import StockSheet
from terminal.ui.words import Words
from terminal.usecases.check_dose import check_dose
from terminal.usecases.clock_check import BACK
from terminal.usecases.receive_stock import recall_lot, receive_stock
from terminal.usecases.sign_in import put_staff, sign_in
from terminal.usecases.visit import open_visit
from tests.fakes.desk import ADMIN, ADMIN_PIN, HEPB_BOX, NURSE, TestDesk, made, make_desk
from tests.fakes.ledgers import new_world
from tests.fakes.screen import Screen, shown_texts

KEY = Qt.Key
UNKNOWN_BOX = "89999990000000000011"  # a trace code of no product here
NEW_HEPB = "89000020000000000099"  # of a product here, never received


@pytest.fixture
def on(tmp_path: Path) -> Iterator[TestDesk]:
    on = make_desk(tmp_path)
    yield on
    on.desk.store.close()


@pytest.fixture
def screen(qtbot: QtBot, on: TestDesk) -> Screen:
    screen = Screen(qtbot, on)
    screen.sign_in()
    return screen


def booklet(card: children.Card) -> str:
    return card.identifier("booklet")


def with_visit(screen: Screen, card: children.Card) -> None:
    screen.scan(booklet(card))
    screen.press(KEY.Key_F2)


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


def click(within: QWidget, name: str) -> None:
    buttons = [b for b in within.findChildren(QAbstractButton) if b.accessibleName().startswith(name)]
    assert len(buttons) == 1, [b.accessibleName() for b in within.findChildren(QAbstractButton)]
    buttons[0].click()


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


def test_enter_in_a_field_never_records(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.counter.search.setFocus()
    screen.press(KEY.Key_Return)
    screen.counter.work.children.register()
    screen.press(KEY.Key_Return)
    assert doses.of_child(on.desk.store, on.boy.id) == []


def test_a_broken_scan_is_shown_and_not_acted_on(screen: Screen, on: TestDesk) -> None:
    now = on.desk.world.now()
    screen.report(ScanEvent("counter", booklet(on.boy), "", now, 0.0, garbled=True))
    assert screen.tone == "stop" and "乱码" in screen.said
    assert screen.counter.work.look.child is None


def test_site_and_void_and_move(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_F4)
    assert screen.counter.sheet
    click(screen.counter.sheet, "左上臂")
    screen.press(KEY.Key_F10)
    screen.press(KEY.Key_Return)
    (given,) = doses.of_child(on.desk.store, on.boy.id)
    assert given.facts["site"] == "1"
    screen.counter.work.doses.dose_chosen(given)
    click(screen.counter.sheet, "转给另一个孩子")
    screen.scan(booklet(on.girl))
    screen.counter.sheet.reason.setText("记在了别的孩子名下")  # type: ignore[union-attr]
    screen.press(KEY.Key_F10)
    (moved,) = doses.of_child(on.desk.store, on.girl.id)
    assert moved.counts and not doses.of_child(on.desk.store, on.boy.id)[0].counts
    screen.press(KEY.Key_F12)
    screen.scan(booklet(on.girl))
    screen.counter.work.doses.dose_chosen(moved)
    click(screen.counter.sheet, "作废")
    screen.counter.sheet.reason.setText("实际没有接种")  # type: ignore[union-attr]
    screen.press(KEY.Key_F10)
    assert not doses.of_child(on.desk.store, on.girl.id)[0].counts


def test_deferred_elsewhere_and_reprint(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.press(KEY.Key_F8)
    sheet = screen.counter.sheet
    sheet.outcome.choose("deferred")  # type: ignore[union-attr]
    sheet.vaccine.choose("0202")  # type: ignore[union-attr]
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is sheet and "请写明原因。" in shown_texts(sheet)
    sheet.reason.setText("发热")  # type: ignore[union-attr]
    screen.press(KEY.Key_F10)
    assert on.desk.store.sql("SELECT vaccine, outcome FROM deferral") == [("0202", "deferred")]
    screen.press(KEY.Key_F6)
    sheet = screen.counter.sheet
    sheet.vaccine.choose("0101")  # type: ignore[union-attr]
    sheet.day.setText("2026-05-20")  # type: ignore[union-attr]
    sheet.clinic.setText("某市妇幼")  # type: ignore[union-attr]
    screen.press(KEY.Key_F10)
    assert doses.of_child(on.desk.store, on.boy.id)[0].facts["elsewhere"] == "某市妇幼"
    screen.press(KEY.Key_F9)
    assert "没有小票" in screen.said
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    screen.press(KEY.Key_F12)
    screen.press(KEY.Key_F9)
    assert sorted(job.copy_no for job in papers.jobs_in(on.desk.store, "queued")) == [0, 1]


def test_register_checks_while_typing_and_offers_doubles(screen: Screen, on: TestDesk, qtbot: QtBot) -> None:
    screen.press(KEY.Key_F2)
    sheet = screen.counter.sheet
    assert isinstance(sheet, RegisterSheet)
    fields = sheet._fields
    type_in(fields["name"], "王子涵")
    type_in(fields["birth_on"], "20260519")
    assert fields["birth_on"].text() == "2026-05-19"  # type: ignore[attr-defined]
    type_in(fields["phone"], "1380000")
    assert sheet._hints["phone"].text()
    qtbot.waitUntil(lambda: "姓名相同 · 出生日期相同" in shown_texts(sheet), timeout=5000)
    sheet.put("sex", "1")
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is sheet and sheet.reason.isVisible()
    sheet.reason.setText("同名同生日的另一个孩子")
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is None
    opened = screen.counter.work.look.child
    assert opened is not None and opened.card.id != on.boy.id and opened.card.identifier("child_code")


def type_in(field: QWidget, text: str) -> None:
    assert isinstance(field, QLineEdit)
    field.setText(text)
    field.textEdited.emit(text)


def test_change_details_keeps_what_the_form_does_not_show(screen: Screen, on: TestDesk) -> None:
    screen.scan(booklet(on.boy))
    screen.counter.work.children.edit()
    sheet = screen.counter.sheet
    assert isinstance(sheet, RegisterSheet) and sheet.changes() == {}
    type_in(sheet._fields["allergy"], "青霉素")
    screen.press(KEY.Key_F10)
    card = children.card(on.desk.store, on.boy.id)
    assert card is not None and card.facts.alerts[0].text == "青霉素"
    assert card.identifier("child_code") == on.boy.identifier("child_code")
    assert card.facts.guardians == on.boy.facts.guardians


def test_receive_stock_by_scanning(screen: Screen, on: TestDesk) -> None:
    screen.counter.work.seat.stock()
    screen.scan("89000060000000000011", "89000060000000000022", "89000060000000000022")
    sheet = screen.counter.sheet
    assert isinstance(sheet, StockSheet)
    sheet.lot.setText("DT2601")
    sheet.expiry.setText("2027-12-31")
    screen.press(KEY.Key_F10)
    assert screen.tone == "ok"
    lots = on.desk.store.sql("SELECT lot_no, (SELECT count(*) FROM package p WHERE p.lot_id = l.id) FROM lot l")
    assert ("DT2601", 2) in lots


def test_a_badge_hands_over_the_seat(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(badge_text(ADMIN))
    sheet = screen.counter.sheet
    assert isinstance(sheet, PinSheet)
    sheet.pin.setText("000000")
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is sheet and screen.counter.work.actor.code == NURSE
    sheet.pin.setText(ADMIN_PIN)
    screen.press(KEY.Key_F10)
    assert screen.counter.work.actor.code == ADMIN and screen.counter.work.look.visit


def test_sign_in_by_badge_needs_the_pin(qtbot: QtBot, on: TestDesk) -> None:
    screen = Screen(qtbot, on)
    form = screen.window.sign_in
    assert form is not None
    screen.scan(badge_text(NURSE))
    assert (form.code.text(), form.pin.text()) == (NURSE, "")
    screen.sign_in(pin="111119")
    assert screen.window.counter is None and "工号或密码不对。请重试。" in shown_texts(form)
    screen.sign_in()
    assert screen.window.counter


def test_lock_leaves_nothing_of_a_person(screen: Screen, on: TestDesk, qtbot: QtBot) -> None:
    screen.scan(booklet(on.boy))
    screen.counter.search.setText("wzh")
    screen.counter.work.children.search("wzh")
    screen.settle()
    assert screen.counter.search.found.count() == 1
    counter = screen.counter
    screen.window.lock()
    qtbot.waitUntil(lambda: not isValid(counter), timeout=5000)
    assert not any("王子涵" in text or "2071" in text for text in shown_texts(screen.window))


def test_search_opens_and_is_audited(screen: Screen, on: TestDesk) -> None:
    screen.counter.search.setText("ouyang")
    screen.counter.work.children.search("ouyang")
    screen.settle()
    screen.counter.search.setFocus()
    screen.press(KEY.Key_Return)
    assert screen.counter.work.look.child_id == on.girl.id
    actions = [a for (a,) in on.desk.store.sql("SELECT action FROM audit ORDER BY seq DESC LIMIT 2")]
    assert actions == ["child.view", "child.search"]


def test_a_search_that_opens_nobody_is_audited_too(screen: Screen, on: TestDesk) -> None:
    box = screen.counter.search
    box.setText("ouyang")
    screen.counter.work.children.search("ouyang")
    screen.settle()
    box.clear()
    screen.settle()
    assert on.desk.store.sql("SELECT action, detail FROM audit ORDER BY seq DESC LIMIT 1") == [
        ("child.search", '{"results":1}')
    ]
    box.setText("o")
    screen.counter.work.children.search("o")
    screen.settle()
    screen.window.lock()
    screen.settle()
    assert not on.desk.store.sql("SELECT 1 FROM audit WHERE action = 'child.search' AND detail LIKE '%\"results\":0%'")
    assert on.desk.store.sql("SELECT count(*) FROM audit WHERE action = 'child.search'") == [(2,)]


def test_an_auditor_finds_nobody(qtbot: QtBot, on: TestDesk) -> None:
    admin = made(sign_in(on.desk, ADMIN, ADMIN_PIN))
    made(put_staff(on.desk, admin, "C300", "查账", ("auditor",), "573926"))
    screen = Screen(qtbot, on)
    screen.sign_in("C300", "573926")
    screen.counter.search.setText("ouyang")
    screen.counter.work.children.search("ouyang")
    screen.settle()
    assert screen.tone == "stop" and screen.counter.search.found.count() == 0


def test_an_uncertain_slip_asks_quietly(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    screen.press(KEY.Key_F12)
    on.desk.store.run(set_uncertain, on)
    screen.counter.ask_standing()
    screen.settle()
    assert any("可能已经出纸" in text for text in shown_texts(screen.counter))
    click(screen.counter, "没有，补打")
    screen.settle()
    (again,) = papers.jobs_in(on.desk.store, "queued")
    assert again.copy_no == 1 and papers.jobs_in(on.desk.store, "uncertain") == []
    assert not any("可能已经出纸" in text for text in shown_texts(screen.counter))


def set_uncertain(on: TestDesk) -> None:
    with on.desk.store.transaction():
        on.desk.store.db.execute_sql("UPDATE print_job SET state = 'uncertain'")


def test_a_doubtful_clock_is_confirmed_by_a_person(qtbot: QtBot, tmp_path: Path) -> None:
    world = new_world()
    now = [world.now]
    on = make_desk(tmp_path, World(lambda: now[0](), world.random))
    early = world.now() - 100 * BACK
    now[0] = lambda: early
    screen = Screen(qtbot, on)
    screen.sign_in()
    assert on.desk.clock == "doubtful" and any("对不上" in text for text in shown_texts(screen.counter))
    click(screen.counter, "确认日期")
    sheet = screen.counter.sheet
    assert isinstance(sheet, ClockSheet)
    sheet.day.setText("2026-11-22")
    screen.press(KEY.Key_F10)
    assert on.desk.clock == "confirmed" and on.desk.today().isoformat() == "2026-11-22"
    on.desk.store.close()


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


def test_tab_goes_from_search_over_the_rail_to_the_keys(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    names, part = [], screen.counter.search.nextInFocusChain()
    while part is not screen.counter.search:
        if part.isVisible() and part.isEnabled() and part.focusPolicy() & Qt.FocusPolicy.TabFocus:
            names.append(part.accessibleName())
        part = part.nextInFocusChain()
    expected = ["接种", "新建档", "没有接种", "修改资料", "接种证已手写", "接种史", "记录接种 Enter", "完成 · 打印 F12"]
    assert [name for name in names if name in expected] == expected


def test_lamps_say_what_is_wrong(screen: Screen, on: TestDesk) -> None:
    now = on.desk.world.now()
    for state, level in ((DeviceState.ABSENT, "stop"), (DeviceState.READY, "ok")):
        screen.report(StateChange("counter", state, now, 0.0))
        assert screen.counter.top.scanner.level == level
    assert screen.counter.top.unsent.level == "look"


def test_a_fault_of_the_house_stands_above_the_strip_in_words(qtbot: QtBot, on: TestDesk) -> None:
    """Not in a hint only: a touch screen has none."""
    damaged = Condition("stop", "store.damaged")
    screen = Screen(qtbot, on, services=Services(on.desk.store.submit, sync=lambda: damaged))
    screen.sign_in()
    assert any("backup restore" in text for text in shown_texts(screen.counter))
    damaged = Condition()
    screen.counter.ask_standing()
    screen.settle()
    assert not any("backup restore" in text for text in shown_texts(screen.counter))


def test_upload_says_how_it_stands_with_the_age_of_the_backup(qtbot: QtBot, on: TestDesk) -> None:
    asked: list[str] = []
    made = on.desk.world.now()
    services = Services(
        on.desk.store.submit,
        sync=lambda: Condition("look", "sync.no_region"),
        upload_now=lambda: asked.append("now"),
        backed_up_at=lambda: made,
    )
    screen = Screen(qtbot, on, services=services)
    screen.sign_in()
    upload = next(b for b in screen.counter.findChildren(QAbstractButton) if b.accessibleName() == "上传")
    upload.click()
    screen.settle()
    assert asked == ["now"]
    assert "[region]" in screen.said and "最近备份：今日" in screen.said
    assert "最近备份：今日" in screen.counter.top.unsent.toolTip()


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_control_is_named_and_every_text_there(
    qtbot: QtBot, on: TestDesk, language: Language, tmp_path: Path
) -> None:
    screen = Screen(qtbot, on, language)
    screen.sign_in()
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    work = screen.counter.work
    for number, show in enumerate(
        (lambda: None, work.doses.site, work.doses.defer, work.doses.elsewhere, work.children.register, work.seat.stock)
    ):
        show()
        screen.settle()
        for kind in (QAbstractButton, QLineEdit, QComboBox):
            nameless = [w for w in screen.window.findChildren(kind) if w.isVisible() and not w.accessibleName()]
            assert [w for w in nameless if w.parentWidget().accessibleName() == ""] == []
        assert not any("{" in text for text in shown_texts(screen.window))
        grab(screen.window, tmp_path / f"{number}.png")
    words = {"zh_CN": "相符", "en": "Checked"}[language]
    screen.counter.close_sheet()
    assert words in screen.said


def test_twins_are_marked(screen: Screen, on: TestDesk) -> None:
    from terminal.usecases.register_child import register_child

    twin = ChildRegistered(
        "王子轩", "1", "2026-05-19", birth_order=2, guardians=(Guardian("mother", "李芳", "13800002071"),)
    )
    made(register_child(on.desk, on.nurse, twin, {"child.possible_double": "双胞胎"}))
    screen.scan(booklet(on.boy))
    assert any("双胞胎" in text and "王子轩" in text for text in shown_texts(screen.counter.person))


def test_an_opened_vial_can_be_replaced(screen: Screen, on: TestDesk) -> None:
    boxes = [Package("09529900000091", "MENA01", None, "S1")]
    made(receive_stock(on.desk, on.nurse, list(boxes), "MENA01", "2027-12-31"))
    with_visit(screen, on.boy)
    screen.scan("(01)09529900000091(10)MENA01(21)S1")
    screen.press(KEY.Key_Return)
    assert doses.of_child(on.desk.store, on.boy.id)[0].facts["vial_no"] == 1
    screen.press(KEY.Key_F12)


def test_the_panel_scans_over_the_real_wire_and_shows_slips(qtbot: QtBot, tmp_path: Path) -> None:
    picture = QPixmap(60, 30)
    picture.fill()
    picture.save(str(tmp_path / "slip.png"))
    slips: list[bytes] = []
    got: list[ScanEvent] = []
    with ScannerSimulator(tmp_path / "port") as simulator:

        def hear(report: Report) -> None:
            if isinstance(report, ScanEvent):
                got.append(report)
            elif isinstance(report, StateChange) and report.state is DeviceState.READY:
                ready.append(True)

        ready: list[bool] = []
        reader = ScannerReader((Scanner("counter", simulator.port),), hear)
        reader.start()
        faults = {f"ui.panel.scanner.{fault}": partial(simulator.fail_next, fault) for fault in Fault}
        codes = [("王子涵", "3201140017"), ("欧阳静怡", "3201140018")]
        panel = Panel(Words("zh_CN"), Props(codes, [("乙肝", HEPB_BOX)], simulator.scan, faults, {}, lambda: slips))
        qtbot.addWidget(panel)
        panel.show()
        qtbot.waitUntil(lambda: bool(ready), timeout=10_000)
        for _ in codes:
            click(panel, "扫这个孩子")
        click(panel, "乱码")
        click(panel, "扫这一包装")
        qtbot.waitUntil(lambda: len(got) == 3, timeout=10_000)
        slips.append((tmp_path / "slip.png").read_bytes())
        qtbot.waitUntil(lambda: "第 1 张小票" in shown_texts(panel), timeout=10_000)
        panel.close()
        assert reader.stop()
    assert [event.payload for event in got[:2]] == ["3201140017", "3201140018"] and got[2].garbled
