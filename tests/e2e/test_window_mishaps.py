"""Mistakes of a busy morning: keys, scans and forms that come at the wrong moment, through the real window."""

from __future__ import annotations

from datetime import timedelta

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from config import texts
from config.texts import Language
from domain.codes import Package
from domain.codes.own import badge_text
from domain.events import Alert, ChildRegistered, Identifier
from drivers.scan import ScanEvent, ScanLost
from terminal.store import doses
from terminal.ui.dose_sheets import DeferSheet, ReasonSheet
from terminal.ui.parts import Button
from terminal.ui.register_sheet import RegisterSheet
from terminal.ui.services import Condition, Services
from terminal.ui.sheet import REASON_LENGTH, Pick
from terminal.ui.shell import MOST_BARS
from terminal.ui.start_sheets import ClockSheet, PinSheet, UnansweredSheet
from terminal.ui.stock_sheet import ReceiveSheet
from terminal.ui.window import SMALLEST
from terminal.usecases.check_dose import check_dose
from terminal.usecases.record_dose import transcribe_dose
from terminal.usecases.register_child import register_child, update_child
from terminal.usecases.sign_in import put_staff
from terminal.usecases.visit import open_visit
from tests.fakes.desk import ADMIN, ADMIN_PIN, HEPB_BOX, HEPB_BOX_2, NURSE, OPV_BOX, TestDesk, made
from tests.fakes.screen import Screen, booklet, click, shown_texts, type_in, with_visit

KEY = Qt.Key


def left_unanswered(on: TestDesk) -> None:
    """A package was checked for the boy, and the power failed."""
    visit = made(open_visit(on.desk, on.nurse, on.boy.id))
    made(check_dose(on.desk, on.nurse, visit.id, Package("09529900000022", on.hepb.lot_no)))


def press_twice(screen: Screen, key: Qt.Key) -> None:
    """Bounced, or an impatient finger: the second before the first is answered."""
    to = screen.window.focusWidget() or screen.window
    QTest.keyClick(to, key)
    QTest.keyClick(to, key)
    screen.settle()


# The dose in the hand


def test_what_was_deferred_is_not_recorded_by_the_next_enter(screen: Screen, on: TestDesk) -> None:
    """The package in hand is answered with "not given": nothing waits any more."""
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_F8)
    sheet = screen.counter.sheet
    assert isinstance(sheet, DeferSheet)
    sheet.outcome.choose("deferred")
    sheet.reason.setText("发热")
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is None, shown_texts(sheet)
    screen.press(KEY.Key_Return)
    assert doses.of_child(on.desk.store, on.boy.id) == []
    assert doses.held(on.desk.store) == []
    screen.press(KEY.Key_F12)
    assert screen.counter.work.look.visit is None


def test_another_vaccine_deferred_leaves_the_package_in_hand(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_F8)
    sheet = screen.counter.sheet
    assert isinstance(sheet, DeferSheet)
    for button in sheet.due._buttons.values():
        button.setChecked(False)
    sheet.vaccine.choose("0301")
    sheet.outcome.choose("refused")
    sheet.reason.setText("家长拒绝")
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is None, shown_texts(sheet)
    screen.press(KEY.Key_Return)
    assert len(doses.of_child(on.desk.store, on.boy.id)) == 1


def test_a_deferral_until_a_day_that_is_over_is_refused(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.press(KEY.Key_F8)
    sheet = screen.counter.sheet
    assert isinstance(sheet, DeferSheet)
    sheet.outcome.choose("deferred")
    sheet.vaccine.choose("0202")
    sheet.reason.setText("发热")
    yesterday = (on.desk.today() - timedelta(days=1)).isoformat()
    sheet.until.setText(yesterday)
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is sheet and sheet.said.text()
    assert on.desk.store.sql("SELECT count(*) FROM deferral") == [(0,)]


def test_after_a_garbled_scan_enter_does_not_record_the_package_before(screen: Screen, on: TestDesk) -> None:
    """Nobody knows what was scanned: red means stop."""
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.report(ScanEvent("counter", OPV_BOX[:9], "", on.desk.world.now(), 0.0, garbled=True))
    assert screen.tone == "stop"
    screen.press(KEY.Key_Return)
    assert doses.of_child(on.desk.store, on.boy.id) == []
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    assert len(doses.of_child(on.desk.store, on.boy.id)) == 1


def test_a_scanner_unplugged_mid_code_disarms_enter(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.report(ScanLost("counter", "scan.cut_off", on.desk.world.now(), 0.0))
    screen.press(KEY.Key_Return)
    assert doses.of_child(on.desk.store, on.boy.id) == []


def test_f12_twice_ends_the_visit_once_and_says_so(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    press_twice(screen, KEY.Key_F12)
    assert screen.tone == "ok", screen.said
    assert on.desk.store.sql("SELECT count(*) FROM print_job") == [(1,)]


def test_enter_twice_records_once_and_says_saved(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    press_twice(screen, KEY.Key_Return)
    assert len(doses.of_child(on.desk.store, on.boy.id)) == 1
    assert screen.tone == "ok" and "已保存" in screen.said


def test_f2_twice_opens_one_visit(screen: Screen, on: TestDesk) -> None:
    screen.scan(booklet(on.boy))
    press_twice(screen, KEY.Key_F2)
    assert on.desk.store.sql("SELECT count(*) FROM visit") == [(1,)]
    assert screen.counter.work.look.visit and screen.tone == "plain"


def test_not_given_twice_is_no_fault(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.counter.work.not_given()
    screen.counter.work.not_given()
    screen.settle()
    assert screen.tone == "plain", screen.said


def test_the_common_path_from_the_temperature_field(screen: Screen, on: TestDesk) -> None:
    """She typed the temperature, then only scans and presses Enter."""
    screen.scan(booklet(on.boy))
    field = screen.counter.visit.findChild(QLineEdit)
    assert field is not None
    field.setFocus()
    type_in(field, "366")
    QTest.keyClick(field, KEY.Key_F2)
    screen.settle()
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    assert len(doses.of_child(on.desk.store, on.boy.id)) == 1


def test_a_scan_ends_a_search_and_enter_is_the_counters_again(screen: Screen, on: TestDesk) -> None:
    """She began to type a name, then scanned the booklet after all."""
    box = screen.shell.search
    box.setFocus()
    box.setText("ouyang")
    screen.counter.work.children.search("ouyang")
    screen.settle()
    assert box.found.isVisible()
    screen.scan(booklet(on.boy))
    assert not box.found.isVisible() and box.text() == ""
    screen.press(KEY.Key_F2)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    assert screen.counter.work.look.child_id == on.boy.id
    assert len(doses.of_child(on.desk.store, on.boy.id)) == 1


def test_a_scan_of_the_package_while_the_search_has_the_focus(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.shell.search.setFocus()
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    assert len(doses.of_child(on.desk.store, on.boy.id)) == 1


def test_enter_on_the_button_not_given_does_not_record_it_as_given(screen: Screen, on: TestDesk) -> None:
    """By Tab she came to "not given"; Space presses it, as everywhere. On the record button Enter records."""
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    (button,) = screen.counter.strip.findChildren(Button)
    button.setFocus()
    screen.press(KEY.Key_Return)
    assert doses.of_child(on.desk.store, on.boy.id) == [] and doses.held(on.desk.store)
    screen.press(KEY.Key_Space)
    assert doses.held(on.desk.store) == []
    screen.scan(HEPB_BOX)
    screen.counter._actions[KEY.Key_Return].setFocus()
    screen.press(KEY.Key_Return)
    assert len(doses.of_child(on.desk.store, on.boy.id)) == 1


# Questions that must be answered


def test_no_key_bar_or_search_puts_a_question_aside(qtbot: QtBot, on: TestDesk) -> None:
    left_unanswered(on)
    screen = Screen(qtbot, on)
    screen.sign_in()
    assert isinstance(screen.counter.sheet, UnansweredSheet)
    for key in (
        KEY.Key_F2,
        KEY.Key_F4,
        KEY.Key_F6,
        KEY.Key_F8,
        KEY.Key_F9,
        KEY.Key_F12,
        KEY.Key_Return,
        KEY.Key_Escape,
    ):
        screen.press(key)
        screen.press(KEY.Key_Escape)
        assert isinstance(screen.counter.sheet, UnansweredSheet), key
    screen.shell.open_child(on.girl.id)
    screen.settle()
    assert isinstance(screen.counter.sheet, UnansweredSheet)
    assert screen.counter.work.look.child_id != on.girl.id


def test_a_question_comes_back_after_a_form_of_the_bars(qtbot: QtBot, on: TestDesk) -> None:
    left_unanswered(on)
    screen = Screen(qtbot, on)
    screen.sign_in()
    screen.counter.work.seat.ask_date()
    assert isinstance(screen.counter.sheet, ClockSheet)
    screen.press(KEY.Key_Escape)
    assert isinstance(screen.counter.sheet, UnansweredSheet)


def test_a_scan_while_the_pin_is_asked_does_not_put_the_question_aside(qtbot: QtBot, on: TestDesk) -> None:
    left_unanswered(on)
    screen = Screen(qtbot, on)
    screen.sign_in()
    screen.scan(badge_text(ADMIN))
    assert isinstance(screen.counter.sheet, PinSheet)
    screen.scan(booklet(on.girl))
    assert doses.held(on.desk.store)
    screen.press(KEY.Key_Escape)
    assert isinstance(screen.counter.sheet, UnansweredSheet)


# The seat


def test_who_may_see_no_child_gets_none_with_the_seat(screen: Screen, on: TestDesk) -> None:
    made(put_staff(on.desk, on.admin, "Z900", "赵查", ("auditor",), "604718"))
    with_visit(screen, on.boy)
    screen.scan(badge_text("Z900"))
    sheet = screen.counter.sheet
    assert isinstance(sheet, PinSheet)
    sheet.pin.setText("604718")
    screen.press(KEY.Key_F10)
    assert not any("王子涵" in text or "2071" in text for text in shown_texts(screen.window))


def test_the_language_reaches_every_part_of_the_window(qtbot: QtBot, on: TestDesk) -> None:
    screen = Screen(qtbot, on, "zh_CN")
    form = screen.window.sign_in
    assert form is not None
    click(form, "English")
    screen.sign_in()
    han = [t for t in shown_texts(screen.window) if any("\u4e00" <= c <= "\u9fff" for c in t)]
    names = ("张敏", "示例社区")
    assert [t for t in han if not any(n in t for n in names)] == []


def test_another_nurses_dose_is_not_voided(screen: Screen, on: TestDesk) -> None:
    made(transcribe_dose(on.desk, on.admin, on.boy.id, "2026-06-20", "0202", 2, "鼓楼妇幼"))
    screen.scan(booklet(on.boy))
    sheet = void_sheet(screen, on)
    sheet.reason.setText("实际没有接种")
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is sheet and sheet.said.text()
    assert doses.of_child(on.desk.store, on.boy.id)[0].counts


def void_sheet(screen: Screen, on: TestDesk) -> ReasonSheet:
    """The form that voids the boy's one dose."""
    (dose,) = doses.of_child(on.desk.store, on.boy.id)
    screen.counter.work.doses.dose_chosen(dose)
    assert screen.counter.sheet
    click(screen.counter.sheet, "作废")
    sheet = screen.counter.sheet
    assert isinstance(sheet, ReasonSheet)
    return sheet


def test_a_reason_has_room_for_what_a_person_says_and_no_more(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    sheet = void_sheet(screen, on)
    sheet.reason.setText("错" * 30000)
    assert len(sheet.reason.text()) == REASON_LENGTH
    press_twice(screen, KEY.Key_F10)
    assert screen.counter.sheet is None and screen.tone == "ok", screen.said


def test_save_twice_notes_a_deferral_once(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.press(KEY.Key_F8)
    sheet = screen.counter.sheet
    assert isinstance(sheet, DeferSheet)
    sheet.outcome.choose("deferred")
    sheet.vaccine.choose("0202")
    sheet.reason.setText("发热")
    press_twice(screen, KEY.Key_F10)
    assert on.desk.store.sql("SELECT count(*) FROM deferral") == [(1,)]


def test_a_bounced_enter_is_one_wrong_pin(screen: Screen, on: TestDesk) -> None:
    screen.scan(badge_text(ADMIN))
    sheet = screen.counter.sheet
    assert isinstance(sheet, PinSheet)
    sheet.pin.setText("000000")
    press_twice(screen, KEY.Key_F10)
    assert on.desk.store.sql("SELECT count(*) FROM audit WHERE action = 'sign_in.failed'") == [(1,)]


# Forms


def typed_form(screen: Screen) -> RegisterSheet:
    screen.press(KEY.Key_F2)
    sheet = screen.counter.sheet
    assert isinstance(sheet, RegisterSheet)
    type_in(sheet._fields["name"], "张小宝")
    return sheet


def test_f2_in_the_form_does_not_begin_it_anew(screen: Screen) -> None:
    sheet = typed_form(screen)
    screen.press(KEY.Key_F2)
    assert screen.counter.sheet is sheet


def test_a_form_left_for_another_page_is_there_and_answers_its_key(screen: Screen) -> None:
    sheet = typed_form(screen)
    for page in ("queue", "counter"):
        screen.shell.turn_to(page)
        screen.settle()
    assert screen.counter.sheet is sheet and sheet.isVisible()
    screen.press(KEY.Key_F10)
    assert sheet.said.text(), "F10 says what is missing"
    screen.shell.turn_to("stock")
    screen.settle()
    screen.scan(HEPB_BOX)
    received = screen.shell.findChildren(ReceiveSheet)
    for page in ("queue", "stock"):
        screen.shell.turn_to(page)
        screen.settle()
    screen.press(KEY.Key_F10)
    assert len(received) == 1 and received[0].said.text()


@pytest.mark.parametrize("takes_the_seat", [True, False])
def test_what_was_typed_outlives_a_hand_over(screen: Screen, takes_the_seat: bool) -> None:
    sheet = typed_form(screen)
    screen.scan(badge_text(ADMIN))
    asked = screen.counter.sheet
    assert isinstance(asked, PinSheet) and not sheet.isVisible()
    asked.pin.setText(ADMIN_PIN)
    screen.press(KEY.Key_F10 if takes_the_seat else KEY.Key_Escape)
    assert screen.counter.work.actor.code == (ADMIN if takes_the_seat else NURSE)
    assert screen.counter.sheet is sheet and sheet.isVisible() and sheet.facts().name == "张小宝"
    screen.press(KEY.Key_Escape)
    assert screen.counter.sheet is None and screen.counter.person.isVisible()


def test_a_wheel_over_a_list_changes_no_answer(screen: Screen) -> None:
    sheet = typed_form(screen)
    down, nowhere = QPoint(0, -120), QPointF(5, 5)
    for pick in sheet.findChildren(Pick):
        before = pick.value
        modifiers, phase = Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
        wheel = QWheelEvent(nowhere, nowhere, down, down, Qt.MouseButton.NoButton, modifiers, phase, False)
        QCoreApplication.sendEvent(pick, wheel)
        assert pick.value == before


# Who is who


def test_a_number_unknown_here_disarms_enter(screen: Screen, on: TestDesk) -> None:
    """Another child sits down while a package waits: its booklet is not known, the strip is red."""
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX, "3201149999")
    assert screen.tone == "stop"
    screen.press(KEY.Key_Return)
    assert doses.of_child(on.desk.store, on.boy.id) == [] and doses.held(on.desk.store)


def test_the_same_child_again_says_the_verdict_again(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    said = screen.said
    screen.scan(booklet(on.girl), booklet(on.boy))
    assert (screen.tone, screen.said) == ("ok", said)


def test_what_is_noted_after_the_check_is_answered_with_the_next_enter(qtbot: QtBot, on: TestDesk) -> None:
    screen = Screen(qtbot, on)
    screen.sign_in(ADMIN, ADMIN_PIN)
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    alerts = (Alert("allergy", "酵母", component="yeast"),)
    made(update_child(on.desk, on.admin, on.boy.id, {"alerts": alerts}))
    screen.press(KEY.Key_Return)
    assert screen.tone == "stop" and doses.of_child(on.desk.store, on.boy.id) == []
    screen.press(KEY.Key_Return)
    sheet = screen.counter.sheet
    assert isinstance(sheet, ReasonSheet)
    sheet.reason.setText("医生已确认")
    screen.press(KEY.Key_F10)
    (given,) = doses.of_child(on.desk.store, on.boy.id)
    assert "dose.allergy" in given.facts["overrides"]


def test_newborns_without_a_name_are_told_apart_loudly(screen: Screen, on: TestDesk) -> None:
    for number in ("3201140077", "3201140078"):
        newborn = ChildRegistered("", "1", "2026-11-20", identifiers=(Identifier("booklet", number),))
        made(register_child(on.desk, on.nurse, newborn, {"child.possible_double": "另一个孩子"}))
    with_visit_of(screen, "3201140077")
    assert any("当心同名：新生儿" in text for text in shown_texts(screen.counter.person))
    screen.scan(HEPB_BOX)
    assert "不是 新生儿" in screen.said


def with_visit_of(screen: Screen, number: str) -> None:
    screen.scan(number)
    screen.press(KEY.Key_F2)


def test_a_name_written_from_the_right_turns_nothing_around(screen: Screen, on: TestDesk) -> None:
    form = ChildRegistered("أحمد", "1", "2026-06-19", identifiers=(Identifier("booklet", "3201140077"),))
    made(register_child(on.desk, on.nurse, form))
    with_visit_of(screen, "3201140077")
    screen.scan(HEPB_BOX)
    assert "أحمد" in screen.said
    for text in shown_texts(screen.counter):
        assert "أحمد" not in text or "\u2068أحمد\u2069" in text, "isolated, the line keeps its own direction"


# The seat, and paper


def test_a_year_mistyped_is_not_today(screen: Screen, on: TestDesk) -> None:
    """2062 for 2026: no dose may bear it. What the PC lost with its battery is not what is held against it."""
    for day in ("2062-11-22", "2020-01-01", "2026-13-45", ""):
        screen.counter.work.seat.ask_date()
        sheet = screen.counter.sheet
        assert isinstance(sheet, ClockSheet)
        sheet.day.setText(day)
        screen.press(KEY.Key_F10)
        assert screen.counter.sheet is sheet and sheet.said.text(), day
        screen.press(KEY.Key_Escape)
    assert on.desk.clock == "sure"


def test_a_bounced_key_prints_one_copy(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    screen.press(KEY.Key_F12)
    press_twice(screen, KEY.Key_F9)
    assert on.desk.store.sql("SELECT count(*) FROM print_job WHERE copy_no > 0") == [(1,)]


def test_an_uncertain_slip_is_answered_once(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    screen.press(KEY.Key_F12)
    on.desk.store.run(set_uncertain, on)
    ((job,),) = on.desk.store.sql("SELECT id FROM print_job")
    screen.counter.work.children.answer_print(job, printed=False)
    screen.counter.work.children.answer_print(job, printed=False)
    screen.settle()
    assert on.desk.store.sql("SELECT count(*) FROM print_job WHERE copy_no > 0") == [(1,)]
    assert screen.tone != "stop", screen.said


def test_a_field_left_blank_at_the_door_is_asked_for(qtbot: QtBot, on: TestDesk) -> None:
    """And what was said before is not said of it."""
    screen = Screen(qtbot, on)
    form = screen.window.sign_in
    assert form is not None
    screen.sign_in(pin="111119")
    assert form.door.said.text()
    screen.sign_in(code="  ")
    assert screen.window.focusWidget() is form.code and screen.window.shell is None
    form.code.setText("李" * 500)
    assert len(form.code.text()) < 100


# What stands above the page


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_bars_never_push_the_keys_out_of_the_smallest_window(qtbot: QtBot, on: TestDesk, language: Language) -> None:
    """Everything at once: no paper, a damaged file, a doubtful date, uncertain slips, no code in the envelope."""
    faults = Condition("stop", "print.paper_out", {"printer": "slip"}), Condition("stop", "store.damaged")
    services = Services(on.desk.store.submit, printer=lambda: faults[0], sync=lambda: faults[1])
    screen = Screen(qtbot, on, language, services=services)
    screen.window.resize(*SMALLEST)
    screen.sign_in(ADMIN, ADMIN_PIN)
    for card, box in ((on.boy, HEPB_BOX), (on.girl, HEPB_BOX_2)):
        with_visit(screen, card)
        screen.scan(box)
        screen.press(KEY.Key_Return)
        screen.press(KEY.Key_F12)
    on.desk.store.run(set_uncertain, on)
    screen.shell.ask_standing()
    screen.settle()
    on.desk.clock = "doubtful"
    screen.shell.ask_standing()
    screen.settle()
    QTest.qWait(0)
    assert screen.window.size().toTuple() == SMALLEST
    bottom = screen.counter._actions[KEY.Key_F12].mapTo(screen.window, QPoint(0, 56)).y()
    assert bottom <= SMALLEST[1]
    assert screen.shell._bars.count() == MOST_BARS
    more = screen.window.words("ui.bars.more", count=4)
    assert any(more in text for text in shown_texts(screen.shell))


def set_uncertain(on: TestDesk) -> None:
    with on.desk.store.transaction():
        on.desk.store.db.execute_sql("UPDATE print_job SET state = 'uncertain'")
