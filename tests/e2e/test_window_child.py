"""A child in the window: found, registered and changed; doses of the history amended; not given, given elsewhere."""

from __future__ import annotations

from datetime import timedelta

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from domain.events import ChildRegistered, Guardian
from terminal.store import children, doses, papers
from terminal.ui.amend_sheets import CorrectSheet
from terminal.ui.booklet_sheet import BookletSheet
from terminal.ui.register_sheet import RegisterSheet
from terminal.ui.sheet import Day
from terminal.usecases.record_dose import transcribe_dose
from terminal.usecases.sign_in import put_staff, sign_in
from tests.fakes.desk import ADMIN, ADMIN_PIN, HEPB_BOX, TestDesk, made
from tests.fakes.screen import Screen, booklet, click, shown_texts, type_in, with_visit

KEY = Qt.Key


def test_search_opens_and_is_audited(screen: Screen, on: TestDesk) -> None:
    screen.shell.search.setText("ouyang")
    screen.counter.work.children.search("ouyang")
    screen.settle()
    screen.shell.search.setFocus()
    screen.press(KEY.Key_Return)
    assert screen.counter.work.look.child_id == on.girl.id
    actions = [a for (a,) in on.desk.store.sql("SELECT action FROM audit ORDER BY seq DESC LIMIT 2")]
    assert actions == ["child.view", "child.search"]


def test_a_search_that_opens_nobody_is_audited_too(screen: Screen, on: TestDesk) -> None:
    box = screen.shell.search
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
    screen.shell.search.setText("ouyang")
    screen.counter.work.children.search("ouyang")
    screen.settle()
    assert screen.tone == "stop" and screen.shell.search.found.count() == 0


def test_twins_are_marked(screen: Screen, on: TestDesk) -> None:
    from terminal.usecases.register_child import register_child

    twin = ChildRegistered(
        "王子轩", "1", "2026-05-19", birth_order=2, guardians=(Guardian("mother", "李芳", "13800002071"),)
    )
    made(register_child(on.desk, on.nurse, twin, {"child.possible_double": "双胞胎"}))
    screen.scan(booklet(on.boy))
    assert any("双胞胎" in text and "王子轩" in text for text in shown_texts(screen.counter.person))


def test_register_checks_while_typing_and_offers_doubles(screen: Screen, on: TestDesk, qtbot: QtBot) -> None:
    screen.press(KEY.Key_F2)
    sheet = screen.counter.sheet
    assert isinstance(sheet, RegisterSheet)
    fields = sheet._fields
    type_in(fields["name"], "王子涵")
    type_in(fields["birth_on"], "20260519")
    assert fields["birth_on"].text() == "2026-05-19"
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
    screen.counter.sheet.reason.setText("记在了别的孩子名下")
    screen.press(KEY.Key_F10)
    (moved,) = doses.of_child(on.desk.store, on.girl.id)
    assert moved.counts and not doses.of_child(on.desk.store, on.boy.id)[0].counts
    screen.press(KEY.Key_F12)
    screen.scan(booklet(on.girl))
    screen.counter.work.doses.dose_chosen(moved)
    click(screen.counter.sheet, "作废")
    screen.counter.sheet.reason.setText("实际没有接种")
    screen.press(KEY.Key_F10)
    assert not doses.of_child(on.desk.store, on.girl.id)[0].counts


def test_a_detail_is_corrected_with_a_reason(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    (given,) = doses.of_child(on.desk.store, on.boy.id)
    screen.counter.work.doses.dose_chosen(given)
    click(screen.counter.sheet, "更正")
    sheet = screen.counter.sheet
    assert isinstance(sheet, CorrectSheet)
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is sheet and any("没有改动" in text for text in shown_texts(sheet))
    click(sheet, "左上臂")
    type_in(sheet.dose_no, "二")
    screen.press(KEY.Key_F10)
    assert "请写明原因。" in shown_texts(sheet)
    sheet.reason.setText("部位记错")
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is sheet and any("剂次 的新值不正确" in text for text in shown_texts(sheet))
    type_in(sheet.dose_no, "2")
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is None and "已更正" in screen.said
    (corrected,) = doses.of_child(on.desk.store, on.boy.id)
    assert (corrected.dose_no, corrected.facts["site"], corrected.corrected) == (2, "1", ("dose_no", "site"))


def test_deferred_and_reprint(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.press(KEY.Key_F8)
    sheet = screen.counter.sheet
    sheet.outcome.choose("deferred")
    sheet.vaccine.choose("0202")
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is sheet and "请写明原因。" in shown_texts(sheet)
    click(sheet, "发热")
    click(sheet, "1 周后")
    screen.press(KEY.Key_F10)
    until = (on.desk.today() + timedelta(days=7)).isoformat()
    rows = on.desk.store.sql("SELECT vaccine, outcome, reason, until FROM deferral")
    assert rows == [("0202", "deferred", "发热", until)]
    assert any("暂缓" in text for text in shown_texts(screen.counter.due))
    screen.press(KEY.Key_F9)
    assert "没有小票" in screen.said
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    screen.press(KEY.Key_F12)
    screen.press(KEY.Key_F9)
    assert sorted(job.copy_no for job in papers.jobs_in(on.desk.store, "queued")) == [0, 1]


def place(sheet: BookletSheet, name: str, number: int) -> Day:
    """The field of a line and dose."""
    fields = [p.field for p in sheet.places if p.number == number]
    return next(f for f in fields if f.accessibleName().startswith(name))


def test_the_booklet_is_copied_and_what_differs_is_corrected(screen: Screen, on: TestDesk) -> None:
    made(transcribe_dose(on.desk, on.nurse, on.boy.id, "2026-06-20", "0202", 2, "鼓楼妇幼"))
    screen.scan(booklet(on.boy))
    screen.press(KEY.Key_F6)
    sheet = screen.counter.sheet
    assert isinstance(sheet, BookletSheet) and sheet.lines() == []
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is sheet and any("没有改动" in text for text in shown_texts(sheet))
    type_in(place(sheet, "卡介苗", 1), "20260519")
    known = next(p for p in sheet.places if p.dose)
    type_in(known.field, "20260622")
    type_in(place(sheet, "其他疫苗", 1), "2026-02-30")
    sheet.clinic.setText("某市妇幼")
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is sheet and doses.of_child(on.desk.store, on.boy.id)[0].given_on == "2026-06-20"
    place(sheet, "其他疫苗", 1).clear()
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is None, shown_texts(sheet)
    first, second = doses.of_child(on.desk.store, on.boy.id)
    assert (first.vaccine, first.given_on, first.facts["elsewhere"]) == ("0101", "2026-05-19", "某市妇幼")
    assert (second.given_on, second.corrected) == ("2026-06-22", ("given_on",))


def test_a_date_that_cannot_be_stays_in_the_grid(screen: Screen, on: TestDesk) -> None:
    screen.scan(booklet(on.boy))
    screen.press(KEY.Key_F6)
    sheet = screen.counter.sheet
    assert isinstance(sheet, BookletSheet)
    type_in(place(sheet, "卡介苗", 1), "20260518")
    type_in(place(sheet, "乙", 1), "20260519")
    screen.press(KEY.Key_F10)
    assert isinstance(screen.counter.sheet, BookletSheet)
    assert any("2026-05-18" in text for text in shown_texts(screen.counter.sheet.said))
    assert [d.vaccine for d in doses.of_child(on.desk.store, on.boy.id)] == ["0202"]


def test_birth_and_health_are_noted_and_reach_the_schedule(screen: Screen, on: TestDesk) -> None:
    screen.scan(booklet(on.girl))
    screen.counter.work.children.edit()
    sheet = screen.counter.sheet
    assert isinstance(sheet, RegisterSheet)
    entries = {"birth_time": "14:30", "preterm_weeks": "36", "birth_hospital": "市妇幼", "ethnic": "02"}
    for name, value in entries.items():
        sheet.put(name, value)
    sheet.conditions.pick.choose("HIV-SEVERE")
    sheet.conditions.day.setText("2026-13-01")
    sheet.conditions.add()
    assert sheet.conditions.alerts == []
    sheet.conditions.day.setText("2026-11-01")
    sheet.conditions.add()
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is None, shown_texts(sheet)
    card = children.card(on.desk.store, on.girl.id)
    assert card is not None
    facts = card.facts
    assert (facts.birth_time, facts.preterm_weeks, facts.birth_hospital, facts.ethnic) == ("14:30", 36, "市妇幼", "02")
    (alert,) = facts.alerts
    assert (alert.kind, alert.component, alert.on) == ("condition", "HIV-SEVERE", "2026-11-01")
    screen.counter.work.children.edit()
    again = screen.counter.sheet
    assert isinstance(again, RegisterSheet) and again.changes() == {}
    page = screen.counter.work.look.page
    assert page is not None and "BCG" not in {n.group for n in page.due}


def test_a_finger_gets_a_pad_of_digits_and_a_mouse_does_not(screen: Screen, qtbot: QtBot) -> None:
    finger = QTest.createTouchDevice()
    screen.press(KEY.Key_F2)
    sheet = screen.counter.sheet
    assert isinstance(sheet, RegisterSheet)
    field, pad = sheet._fields["birth_on"], screen.window.pad
    QTest.mouseClick(field, Qt.MouseButton.LeftButton)
    assert not pad.isVisible()
    QTest.touchEvent(field, finger).press(0, field.rect().center(), field).commit()
    QTest.touchEvent(field, finger).release(0, field.rect().center(), field).commit()
    qtbot.waitUntil(pad.isVisible, timeout=5000)
    assert screen.window.rect().contains(pad.geometry())
    for digit in "20260519":
        click(pad, digit)
    assert field.text() == "2026-05-19"
    screen.press(KEY.Key_Escape)
    assert screen.counter.sheet is None and not pad.isVisible()


def test_a_temperature_needs_no_point(screen: Screen, on: TestDesk) -> None:
    screen.scan(booklet(on.boy))
    field = screen.counter.visit.findChild(QLineEdit)
    assert field is not None
    type_in(field, "365")
    assert field.text() == "36.5" and screen.counter.visit.precheck().health == {"temperature_c": 36.5}


def test_what_a_voided_dose_does_to_the_others_is_said(screen: Screen, on: TestDesk) -> None:
    first = transcribe_dose(on.desk, on.nurse, on.boy.id, "2026-05-19", "0201", 1, "产科").value
    assert first and transcribe_dose(on.desk, on.nurse, on.boy.id, "2026-06-22", "0201", 2, "产科").ok
    with_visit(screen, on.boy)
    screen.counter.work.doses.dose_chosen(first)
    click(screen.counter.sheet, "作废")
    screen.counter.sheet.reason.setText("抄错了孩子")
    screen.press(KEY.Key_F10)
    assert screen.tone == "look"
    assert "2026-06-22 的 乙肝(CHO) 按免疫程序计为第 1 剂，记录为第 2 剂" in screen.said
