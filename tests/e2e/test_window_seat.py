"""The seat without a child: sign-in, hand-over, lock, the date, lamps and bars, names and focus of controls."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QMessageBox,
    QWidget,
)
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from config import texts
from config.settings import Scanner, Sound
from config.texts import Language
from domain.codes.own import badge_text
from domain.world import World
from drivers.reader import ScannerReader
from drivers.scan import DeviceState, Report, ScanEvent, StateChange
from drivers.simulator import Fault, ScannerSimulator
from terminal.store.database import Store
from terminal.ui import qt_words
from terminal.ui.dose_sheets import ReasonSheet
from terminal.ui.panel import Panel, Props
from terminal.ui.pictures import grab
from terminal.ui.services import Condition, Services
from terminal.ui.sounds import AT_ONCE, Sounds, wav
from terminal.ui.start_sheets import ClockSheet, EmergencyCodeSheet, PinSheet, UnansweredSheet
from terminal.ui.words import Words
from terminal.usecases.clock_check import BACK
from terminal.usecases.desk import Desk
from terminal.usecases.staff_badge import issue_badge
from terminal.usecases.staff_emergency import emergency_standing, first_emergency_code
from terminal.usecases.staff_pin import reset_pin
from tests.fakes.desk import ADMIN, ADMIN_PIN, HEPB_BOX, NURSE, OPV_BOX, SETTINGS, TestDesk, made, make_desk
from tests.fakes.ledgers import KEY as KEY_OF_TESTS
from tests.fakes.ledgers import new_world
from tests.fakes.screen import Screen, booklet, click, shown_texts, with_visit

KEY = Qt.Key


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


def test_a_nurse_hands_over_and_the_next_dose_bears_the_other_name(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    screen.scan(OPV_BOX, badge_text(ADMIN))
    sheet = screen.counter.sheet
    assert isinstance(sheet, PinSheet)
    sheet.pin.setText(ADMIN_PIN)
    screen.press(KEY.Key_F10)
    assert screen.counter.work.actor.code == ADMIN
    assert screen.counter.work.look.held and screen.counter.sheet is None, "the dose in the hand is not asked about"
    screen.counter.work.say_again()
    screen.scan(OPV_BOX)
    screen.press(KEY.Key_Return)
    if screen.counter.sheet:
        give_reason(screen)
    givers = on.desk.store.sql("SELECT vaccine, giver FROM dose WHERE visit_id <> '' ORDER BY recorded_at")
    assert [giver for _, giver in givers] == [NURSE, ADMIN]


def give_reason(screen: Screen) -> None:
    sheet = screen.counter.sheet
    assert isinstance(sheet, ReasonSheet)
    sheet.reason.setText("医生已确认")
    screen.press(KEY.Key_F10)


def test_a_lost_badge_is_blocked_and_replaced_without_the_network(qtbot: QtBot, on: TestDesk) -> None:
    """The old one answers loudly, at the door and at the counter; the new one asks for the same PIN."""
    played: list[str] = []
    screen = Screen(qtbot, on)
    form = screen.window.sign_in
    assert form is not None
    form._sounds.play = played.append  # the loudspeaker
    new = made(issue_badge(on.desk, on.admin, NURSE))
    screen.scan(badge_text(NURSE))
    assert any("已挂失停用" in text for text in shown_texts(form)) and played == ["stop"]
    assert (form.code.text(), form.pin.text()) == ("", "")
    screen.scan(new)
    assert form.code.text() == NURSE
    screen.sign_in()
    screen.scan(badge_text(NURSE))
    assert screen.tone == "stop" and "已挂失停用" in screen.said and screen.counter.sheet is None
    refused = on.desk.store.sql("SELECT subject, detail FROM audit WHERE action = 'badge.refused'")
    assert refused == [(NURSE, '{"why":"blocked"}')] * 2


def test_a_badge_typed_by_a_scanner_that_is_a_keyboard_says_who(qtbot: QtBot, on: TestDesk) -> None:
    screen = Screen(qtbot, on)
    form = screen.window.sign_in
    assert form is not None
    form.pin.setFocus()
    QTest.keyClicks(form.pin, badge_text(NURSE))
    QTest.keyClick(form.pin, KEY.Key_Return)
    screen.settle()
    assert (form.code.text(), form.pin.text()) == (NURSE, "") and screen.window.shell is None


def test_monday_eight_oclock_and_nobody_can_sign_in(qtbot: QtBot, on: TestDesk) -> None:
    """The envelope opens a seat for the day, loudly; the work is done; on Tuesday it is reviewed and renewed."""
    code = made(first_emergency_code(on.desk))
    screen = Screen(qtbot, on)
    form = screen.window.sign_in
    assert form is not None
    screen.press(KEY.Key_F11)
    for field, text in zip(form.emergency.fields, (code.lower(), "李红", "739164", "739164"), strict=True):
        field.setText(text)
    form.emergency.submit()
    screen.settle()
    assert any("EMERGENCY-1" in text and "事后必须核查" in text for text in shown_texts(screen.shell))
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    screen.press(KEY.Key_F12)
    assert on.desk.store.sql("SELECT giver FROM dose") == [("EMERGENCY-1",)]
    screen.window.lock()
    screen.sign_in("EMERGENCY-1", "739164")
    assert screen.window.shell, "for the day, the lock is no end"
    screen.window.lock()
    screen.sign_in(ADMIN, ADMIN_PIN)
    screen.shell.ask_standing()
    screen.settle()
    click(screen.shell, "核查")
    sheet = screen.counter.sheet
    assert isinstance(sheet, ReasonSheet) and any("李红" in text for text in shown_texts(sheet))
    sheet.reason.setText("钥匙锁在家里，李红值台")
    screen.press(KEY.Key_F10)
    shown = screen.counter.sheet
    assert isinstance(shown, EmergencyCodeSheet)
    renewed = [text for text in shown_texts(shown) if len(text) == len(code) and text.count("-") == 3]
    assert len(renewed) == 1 and renewed[0] != code
    standing = emergency_standing(on.desk)
    assert (standing.sealed, standing.used) == (True, ())


def test_a_given_pin_is_changed_before_anything_else(qtbot: QtBot, on: TestDesk) -> None:
    given = made(reset_pin(on.desk, on.admin, NURSE))
    screen = Screen(qtbot, on)
    form = screen.window.sign_in
    assert form is not None
    screen.sign_in(pin=given)
    assert form.form is form.new_pin and any("临时密码" in text for text in shown_texts(form))
    for new, again in (("739164", "739165"), ("123456", "123456"), ("739164", "739164")):
        assert screen.window.shell is None
        form.new_pin.fields[2].setText(new)
        form.new_pin.fields[3].setText(again)
        form.new_pin.submit()
        screen.settle()
    assert screen.counter.work.actor.code == NURSE
    screen.window.lock()
    screen.sign_in(pin=given)
    assert screen.window.shell is None
    screen.sign_in(pin="739164")
    assert screen.counter.work.actor.code == NURSE


def test_the_screen_locks_by_itself_with_a_child_open(qtbot: QtBot, tmp_path: Path) -> None:
    """Emptied, not covered; the syringe in the hand can still be given, by another nurse too."""
    on = make_desk(tmp_path, settings=msgspec.structs.replace(SETTINGS, idle_lock_s=1))
    screen = Screen(qtbot, on)
    screen.sign_in()
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    shell = screen.shell
    qtbot.waitUntil(lambda: screen.window.shell is None, timeout=5000)
    qtbot.waitUntil(lambda: not isValid(shell), timeout=5000)
    shown = shown_texts(screen.window)
    assert not any(word in text for text in shown for word in ("王子涵", "2071", "乙肝", "3201140017"))
    assert any("锁" in text for text in shown)
    screen.window._idle.setInterval(600_000)
    screen.sign_in(ADMIN, ADMIN_PIN)
    sheet = screen.counter.sheet
    assert isinstance(sheet, UnansweredSheet) and any("张敏 核对" in text for text in shown_texts(sheet))
    click(sheet, "还没打")
    screen.settle()
    assert screen.counter.sheet is None and screen.counter.work.look.held
    assert any("王子涵" in text for text in shown_texts(screen.counter.person))
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    assert on.desk.store.sql("SELECT giver FROM dose") == [(ADMIN,)]
    on.desk.store.close()


def test_the_power_fails_with_a_child_in_the_chair(qtbot: QtBot, on: TestDesk, tmp_path: Path) -> None:
    """After the start: the package is asked about, then the child comes back with the visit open."""
    before = Screen(qtbot, on)
    before.sign_in()
    with_visit(before, on.boy)
    before.scan(HEPB_BOX)
    before.window.lock()
    on.desk.store.close()
    again = replace(on, desk=Desk(Store(tmp_path / "vaxdesk.db", KEY_OF_TESTS), on.desk.world, SETTINGS, on.desk.plans))
    screen = Screen(qtbot, again)
    screen.sign_in()
    sheet = screen.counter.sheet
    assert isinstance(sheet, UnansweredSheet)
    screen.scan(booklet(on.girl))
    assert screen.counter.sheet is sheet, "answered first"
    screen.scan(badge_text(ADMIN))
    asked = screen.counter.sheet
    assert isinstance(asked, PinSheet)
    screen.press(KEY.Key_Escape)
    sheet = screen.counter.sheet
    assert isinstance(sheet, UnansweredSheet), "going back from the PIN is no answer"
    click(sheet, "已接种")
    screen.settle()
    look = screen.counter.work.look
    assert look.child_id == on.boy.id and look.visit and len(look.given) == 1 and screen.counter.sheet is None
    screen.press(KEY.Key_F12)
    assert again.desk.store.sql("SELECT count(*) FROM visit WHERE closed_at IS NULL") == [(0,)]
    again.desk.store.close()


def test_a_visit_left_open_comes_back_after_the_lock(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    screen.window.lock()
    screen.sign_in(ADMIN, ADMIN_PIN)
    look = screen.counter.work.look
    assert (look.child_id, len(look.given)) == (on.boy.id, 1) and look.visit


@pytest.mark.parametrize(("language", "words"), [("zh_CN", ("取消", "保存")), ("en", ("Cancel", "Save"))])
def test_qts_own_buttons_speak_the_language_of_the_window(
    qtbot: QtBot, on: TestDesk, language: Language, words: tuple[str, str]
) -> None:
    screen = Screen(qtbot, on, {"zh_CN": "en", "en": "zh_CN"}[language])
    form = screen.window.sign_in
    assert form is not None
    click(form, {"zh_CN": "中文", "en": "English"}[language])
    kinds = QMessageBox.StandardButton
    box = QMessageBox(QMessageBox.Icon.Question, "", "?", kinds.Cancel | kinds.Save)
    qtbot.addWidget(box)
    told = {b.text().replace("&", "").split("(")[0] for b in box.buttons()}
    assert told == set(words)
    files = QFileDialog()
    files.setOption(QFileDialog.Option.DontUseNativeDialog)
    files.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    qtbot.addWidget(files)
    shown = {b.text().replace("&", "").split("(")[0] for b in files.findChildren(QAbstractButton)}
    assert set(words) <= shown
    qt_words.speak("en")


@pytest.fixture
def holder(qtbot: QtBot) -> QWidget:
    """What sounds belong to, so that they end on this thread."""
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def test_a_tone_is_played_by_a_program_and_can_be_muted(qtbot: QtBot, holder: QWidget, tmp_path: Path) -> None:
    player = tmp_path / "player"
    player.write_text('#!/bin/sh\ncp "$1" "$0-$(basename "$1")"\n')
    player.chmod(0o700)
    sounds = Sounds(Sound(volume=50), holder, (str(player),))
    sounds.play("stop")
    heard = tmp_path / "player-stop.wav"
    qtbot.waitUntil(lambda: heard.exists() and heard.stat().st_size == len(wav("stop", 50)), timeout=5000)
    qtbot.waitUntil(lambda: not sounds._playing, timeout=5000)
    assert sounds.toggle() and not (tmp_path / "player-ok.wav").exists()
    sounds.play("ok")
    assert not sounds._playing
    sounds.stop()


def test_a_player_that_is_gone_or_hangs_stops_nothing(qtbot: QtBot, holder: QWidget, tmp_path: Path) -> None:
    gone = Sounds(Sound(), holder, (str(tmp_path / "nothing"),))
    gone.play("ok")
    qtbot.waitUntil(lambda: gone.player == (), timeout=5000)
    gone.play("stop")
    hangs = Sounds(Sound(), holder, ("sleep", "60", "#"))
    for _ in range(5):
        hangs.play("ok")
    assert len(hangs._playing) == AT_ONCE
    hangs.stop()
    assert not hangs._playing
    gone.stop()


def test_the_sound_key_says_what_it_did(screen: Screen) -> None:
    for said in ("声音已关闭", "声音已打开"):
        screen.press(KEY.Key_F3)
        screen.settle()
        assert said in screen.said


def test_handing_over_the_seat_clears_the_search_and_audits_who_searched(screen: Screen, on: TestDesk) -> None:
    box = screen.shell.search
    box.setText("ouyang")
    screen.counter.work.children.search("ouyang")
    screen.settle()
    screen.scan(badge_text(ADMIN))
    sheet = screen.counter.sheet
    assert isinstance(sheet, PinSheet)
    sheet.pin.setText(ADMIN_PIN)
    screen.press(KEY.Key_F10)
    assert screen.counter.work.actor.code == ADMIN
    assert (box.text(), box.found.count(), box.found.isVisible()) == ("", 0, False)
    assert on.desk.store.sql("SELECT actor FROM audit WHERE action = 'child.search'") == [(NURSE,)]


def test_lock_leaves_nothing_of_a_person(screen: Screen, on: TestDesk, qtbot: QtBot) -> None:
    screen.scan(booklet(on.boy))
    screen.shell.search.setText("wzh")
    screen.counter.work.children.search("wzh")
    screen.settle()
    assert screen.shell.search.found.count() == 1
    shell = screen.shell
    screen.window.lock()
    assert (shell.search.text(), shell.search.found.count()) == ("", 0)
    qtbot.waitUntil(lambda: not isValid(shell), timeout=5000)
    assert not any("王子涵" in text or "2071" in text for text in shown_texts(screen.window))


def test_a_doubtful_clock_is_confirmed_by_a_person(qtbot: QtBot, tmp_path: Path) -> None:
    world = new_world()
    now = [world.now]
    on = make_desk(tmp_path, World(lambda: now[0](), world.random))
    early = world.now() - 100 * BACK
    now[0] = lambda: early
    screen = Screen(qtbot, on)
    screen.sign_in()
    assert on.desk.clock == "doubtful" and any("对不上" in text for text in shown_texts(screen.shell))
    click(screen.shell, "确认日期")
    sheet = screen.counter.sheet
    assert isinstance(sheet, ClockSheet)
    sheet.day.setText("2026-11-22")
    screen.press(KEY.Key_F10)
    assert on.desk.clock == "confirmed" and on.desk.today().isoformat() == "2026-11-22"
    on.desk.store.close()


def test_lamps_say_what_is_wrong(screen: Screen, on: TestDesk) -> None:
    now = on.desk.world.now()
    for state, level in ((DeviceState.ABSENT, "stop"), (DeviceState.READY, "ok")):
        screen.report(StateChange("counter", state, now, 0.0))
        assert screen.shell.top.scanner.level == level
    assert screen.shell.top.unsent.level == "look"


def test_a_fault_of_the_house_stands_above_the_strip_in_words(qtbot: QtBot, on: TestDesk) -> None:
    """Not in a hint only: a touch screen has none."""
    damaged = Condition("stop", "store.damaged")
    screen = Screen(qtbot, on, services=Services(on.desk.store.submit, sync=lambda: damaged))
    screen.sign_in()
    assert any("backup restore" in text for text in shown_texts(screen.shell))
    damaged = Condition()
    screen.shell.ask_standing()
    screen.settle()
    assert not any("backup restore" in text for text in shown_texts(screen.shell))


def test_the_lamp_tells_why_it_waits_and_the_age_of_the_backup(qtbot: QtBot, on: TestDesk) -> None:
    made = on.desk.world.now()
    services = Services(
        on.desk.store.submit, sync=lambda: Condition("look", "sync.no_region"), backed_up_at=lambda: made
    )
    screen = Screen(qtbot, on, services=services)
    screen.sign_in()
    screen.settle()
    hint = screen.shell.top.unsent.toolTip()
    assert "[region]" in hint and "最近备份：今日" in hint


def test_tab_goes_from_search_over_the_rail_to_the_keys(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    names, part = [], screen.shell.search.nextInFocusChain()
    while part is not screen.shell.search:
        if part.isVisible() and part.isEnabled() and part.focusPolicy() & Qt.FocusPolicy.TabFocus:
            names.append(part.accessibleName())
        part = part.nextInFocusChain()
    expected = ["接种", "档案", "没有接种", "修改资料", "接种证已手写", "接种史", "记录接种 Enter", "完成 · 打印 F12"]
    assert [name for name in names if name in expected] == expected


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
        (lambda: None, work.doses.site, work.doses.defer, work.doses.elsewhere, work.children.register)
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
        strangers, packages = [("外来的孩子", "9800000001")], [("乙肝", HEPB_BOX)]
        props = Props(codes, strangers, packages, simulator.scan, faults, {}, lambda: slips)
        panel = Panel(Words("zh_CN"), props)
        qtbot.addWidget(panel)
        panel.show()
        qtbot.waitUntil(lambda: bool(ready), timeout=10_000)
        for _ in codes:
            click(panel, "扫这个孩子")
        click(panel, "扫这个外来儿童")
        click(panel, "乱码")
        click(panel, "扫这一包装")
        qtbot.waitUntil(lambda: len(got) == 4, timeout=10_000)
        slips.append((tmp_path / "slip.png").read_bytes())
        qtbot.waitUntil(lambda: "第 1 张小票" in shown_texts(panel), timeout=10_000)
        panel.close()
        assert reader.stop()
    assert [event.payload for event in got[:3]] == ["3201140017", "3201140018", "9800000001"] and got[3].garbled
