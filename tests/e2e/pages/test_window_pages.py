"""The pages beside the counter, through the real window."""

from __future__ import annotations

import time
from datetime import date
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from config.texts import LANGUAGES, Language
from drivers.scan import DeviceState, StateChange
from terminal.store.children import card
from terminal.store.outbox import StoreOutbox
from terminal.ui.dose_sheets import ReasonSheet
from terminal.ui.page_children import ChildrenPage
from terminal.ui.page_devices import DevicesPage
from terminal.ui.page_due import DuePage
from terminal.ui.page_lots import LotsPage
from terminal.ui.page_queue import QueuePage
from terminal.ui.page_settings import SettingsPage
from terminal.ui.page_sync import SyncPage
from terminal.ui.pages import COUNTER
from terminal.ui.services import Condition, Services
from terminal.ui.stock_sheet import ReceiveSheet
from terminal.ui.table_view import Table
from terminal.ui.tokens import TARGET_PX
from terminal.ui.words import Words
from terminal.usecases.due_list import DueFilter
from terminal.usecases.queue import arrive
from terminal.usecases.visit import close_visit
from tests.fakes.desk import ADMIN, ADMIN_PIN
from tests.fakes.screen import Screen, booklet, click, shown_texts, type_in
from tests.fakes.stories import HEPB, PIN, Story, made
from tests.fakes.window_pages import keyed, lines, turn

# The waiting room


def test_an_empty_room_says_so_and_what_to_do(screen: Screen):
    page = turn(screen, "queue", QueuePage)
    assert lines(page.table) == []
    assert "今天没有候诊的孩子" in page.table.empty and "F2" in page.table.empty


def test_a_child_is_put_into_the_queue_by_hand_and_opened_on_the_counter_with_enter(screen: Screen, clinic: Story):
    boy = clinic.made.boy
    page = turn(screen, "queue", QueuePage)
    screen.press(Qt.Key.Key_F2)
    assert screen.window.focusWidget() is page.box
    type_in(page.box, "王子涵")
    screen.qtbot.waitUntil(page.box.found.isVisible)
    keyed(screen, page.box, Qt.Key.Key_Return)
    screen.settle()
    assert [(row[0], row[1]) for row in lines(page.table)] == [("已到", "王子涵")]
    assert page.note.said == "✓ 王子涵：已到。"
    keyed(screen, page.table, Qt.Key.Key_Return)
    screen.settle()
    assert screen.shell.current == COUNTER
    assert screen.counter.work.look.child_id == boy.id
    assert [row[0] for row in lines(turn(screen, "queue", QueuePage).table)] == ["已叫到"]


def test_a_touch_opens_the_line(screen: Screen, clinic: Story):
    made(arrive(clinic.desk, clinic.nurse, clinic.made.girl.id))
    page = turn(screen, "queue", QueuePage)
    place = page.table.visualRect(page.table.lines.index(0, 1)).center()
    QTest.mouseClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    screen.settle()
    assert screen.counter.work.look.child_id == clinic.made.girl.id


def test_at_the_precheck_desk_a_scan_is_an_arrival_elsewhere_it_opens_the_child(screen: Screen, clinic: Story):
    page = turn(screen, "queue", QueuePage)
    click(page, "预检台")
    screen.settle()
    screen.scan(booklet(clinic.made.boy), booklet(clinic.made.girl))
    screen.settle()
    assert screen.shell.current == "queue"
    assert [row[1] for row in lines(page.table)] == ["王子涵", "欧阳静怡"]
    screen.scan("9999999999")
    assert page.note.said.startswith("✗ ")
    click(page, "预检台")
    screen.settle()
    screen.scan(booklet(clinic.made.boy))
    assert screen.shell.current == COUNTER and screen.counter.work.look.child_id == clinic.made.boy.id


def test_the_observation_clock_runs_and_ends(screen: Screen, clinic: Story):
    child = clinic.child(born="2026-11-22")
    visit = clinic.visit(child)
    _, (box, *_) = clinic.receive(HEPB)
    clinic.enter(clinic.check(child, box).checked_id)
    made(close_visit(clinic.desk, clinic.nurse, visit))
    page = turn(screen, "queue", QueuePage)
    ((state, *_, first, doses),) = lines(page.table)
    assert (state, doses) == ("留观", "1") and first.startswith("还剩 29:")
    clinic.later(minutes=7)
    page._tick()
    ((*_, second, _),) = lines(page.table)
    assert second.startswith("还剩 22:")
    clinic.later(minutes=23)
    page._tick()
    screen.settle()
    assert [(row[0], row[5]) for row in lines(page.table)] == [("完成", "可以离开")]


def test_a_visit_left_open_yesterday_stands_on_top_and_survives_a_restart(qtbot: QtBot, clinic: Story):
    left, waits = clinic.child(), clinic.child()
    clinic.visit(left)
    clinic.later(days=1)
    made(arrive(clinic.desk, clinic.nurse, waits))
    clinic.reopen()
    clinic.made.desk = clinic.desk
    screen = Screen(qtbot, clinic.made)
    screen.sign_in()
    page = turn(screen, "queue", QueuePage)
    first, second = lines(page.table)
    assert (first[0], first[4], second[0]) == ("以前未结束", "2026-11-23", "已到")
    keyed(screen, page.table, Qt.Key.Key_Return)
    assert screen.counter.work.look.child_id == left


def test_the_nurse_calls_the_next_and_one_who_left_is_taken_out(screen: Screen, clinic: Story):
    first, second = clinic.child(), clinic.child()
    for child in (first, second):
        made(arrive(clinic.desk, clinic.nurse, child))
    page = turn(screen, "queue", QueuePage)
    screen.press(Qt.Key.Key_F5)
    name = clinic.read(card, first).facts.name
    assert page.note.said == f"✓ 请 {name} 到接种台。"
    assert [row[0] for row in lines(page.table)] == ["已叫到", "已到"]
    page.table.selectRow(1)
    screen.press(Qt.Key.Key_F8)
    assert [row[0] for row in lines(page.table)] == ["已叫到"]


# The due list


def test_the_due_list_is_filtered_searched_and_opens_the_child(screen: Screen, clinic: Story):
    old, young = clinic.child(born="2024-01-05"), clinic.child(born="2026-11-23")
    page = turn(screen, "due", DuePage)
    everyone = lines(page.table)
    assert {row[2].split()[0] for row in everyone} == {"逾期", "应种"}
    page.standing.choose("overdue")
    screen.settle()
    overdue = lines(page.table)
    assert overdue and len(overdue) < len(everyone) and all(row[2].startswith("逾期") for row in overdue)
    page.standing.choose("")
    page.age.choose("0-1")
    screen.settle()
    names = {row[0] for row in lines(page.table)}
    assert clinic.read(card, young).facts.name in names and clinic.read(card, old).facts.name not in names
    page.age.choose("")
    page.phone.choose("missing")
    screen.settle()
    assert lines(page.table) == [] and "放宽" in page.table.empty
    page.phone.choose("known")
    screen.settle()
    page.within.setText("wzh")
    assert [row[0] for row in lines(page.table)] == ["王子涵"]
    keyed(screen, page.within, Qt.Key.Key_Return)
    screen.settle()
    assert screen.counter.work.look.child_id == clinic.made.boy.id
    assert clinic.audit("due.list")


def test_the_due_list_of_another_day_and_one_vaccine(screen: Screen, clinic: Story):
    clinic.child(born="2026-11-20")
    page = turn(screen, "due", DuePage)
    group = page.group.itemData(1)
    page.group.choose(group)
    page.day.setText("2027-06-01")
    page.day.editingFinished.emit()
    screen.settle()
    assert page.chosen() == DueFilter(group=group, on=date(2027, 6, 1))
    name = page.group.currentText()
    assert lines(page.table) and all(name in row[3] for row in lines(page.table))


def test_names_sort_by_pinyin(screen: Screen, clinic: Story):
    for name in ("单小安", "曾小安", "白小安", "欧阳小安"):
        clinic.child(name=name)
    page = turn(screen, "children", ChildrenPage)
    page.within.setText("小安")
    assert [row[0] for row in lines(page.table)] == ["白小安", "欧阳小安", "单小安", "曾小安"]
    page.table.lines.sort(0)
    page.table.lines.sort(0)
    assert [row[0] for row in lines(page.table)] == ["曾小安", "单小安", "欧阳小安", "白小安"]


def test_seven_thousand_lines_stand_without_a_stall(screen: Screen, clinic: Story):
    """No pause of the main thread over 100 ms while they come, are searched, sorted and scrolled."""
    page = turn(screen, "children", ChildrenPage)
    table = page.table
    (line, *_) = table.lines.shown
    many = [msgspec.structs.replace(line, id=str(n), name=f"王{n:04d}", pinyin=f"wang {n:04d}") for n in range(7000)]
    beats: list[float] = [time.monotonic()]
    heart = QTimer(interval=5)
    heart.timeout.connect(lambda: beats.append(time.monotonic()))
    heart.start()
    steps = (
        lambda: table.show_lines(many),
        lambda: page.within.setText("wang69"),
        lambda: page.within.setText(""),
        lambda: table.lines.sort(0),
        lambda: table.verticalScrollBar().setValue(table.verticalScrollBar().maximum() // 2),
    )
    for step in steps:
        step()
        before = len(beats)
        screen.qtbot.waitUntil(lambda before=before: len(beats) > before + 2)
    heart.stop()
    assert table.lines.rowCount() == 7000
    assert max(b - a for a, b in pairwise(beats)) < 0.1


# Children


def test_a_child_is_found_in_the_list_and_a_new_one_registered(screen: Screen, clinic: Story):
    page = turn(screen, "children", ChildrenPage)
    page.within.setText("3201140018")
    keyed(screen, page.within, Qt.Key.Key_Down, Qt.Key.Key_Return)
    screen.settle()
    assert screen.counter.work.look.child_id == clinic.made.girl.id
    page = turn(screen, "children", ChildrenPage)
    page.year.choose("2026")
    screen.settle()
    page.within.setText("")
    assert {row[2][:4] for row in lines(page.table)} == {"2026"}
    screen.press(Qt.Key.Key_F2)
    assert screen.shell.current == COUNTER and screen.counter.sheet
    assert [row["results"] for row in clinic.audit("child.list")][:1] == [2]


# Stock


def test_packages_are_received_by_scanning_and_show_in_the_book(screen: Screen, clinic: Story):
    page = turn(screen, "stock", LotsPage)
    screen.scan("89000060000000000011", "89000060000000000022", "89000060000000000022")
    sheet = page.sheet
    assert isinstance(sheet, ReceiveSheet)
    assert any("2 个包装" in text for text in shown_texts(sheet))
    sheet.lot.setText("DT2601")
    sheet.expiry.setText("2026-12-31")
    screen.press(Qt.Key.Key_F10)
    screen.settle()
    (row,) = [row for row in lines(page.table) if row[1] == "DT2601"]
    assert row[2:4] == ["2026-12-31", "近效期"]
    assert "已入库" in page.note.said and page.sheet is None
    page.within.setText("dt2601")
    assert len(lines(page.table)) == 1


def test_what_is_wrong_with_a_delivery_is_said_in_its_form(screen: Screen, clinic: Story):
    page = turn(screen, "stock", LotsPage)
    screen.scan("89000060000000000011")
    screen.press(Qt.Key.Key_F10)
    screen.settle()
    assert isinstance(page.sheet, ReceiveSheet) and page.sheet.said.text()
    screen.press(Qt.Key.Key_Escape)
    assert page.sheet is None and screen.shell.current == "stock"


def test_a_lot_is_recalled_with_a_reason_by_one_who_may(qtbot: QtBot, screen: Screen, clinic: Story):
    nurse = turn(screen, "stock", LotsPage)
    assert not nurse._recall_button.isVisible(), "who may not is not offered it"
    lead = Screen(qtbot, clinic.made)
    lead.sign_in("D300", PIN)
    page = turn(lead, "stock", LotsPage)
    page.within.setText(clinic.made.hepb.lot_no)
    lead.press(Qt.Key.Key_F8)
    asked = page.sheet
    assert isinstance(asked, ReasonSheet) and any(clinic.made.hepb.lot_no in text for text in shown_texts(asked))
    click(asked, "接到停用或召回通知")
    lead.press(Qt.Key.Key_F10)
    lead.settle()
    assert "已停用" in page.note.said
    assert lines(page.table)[0][3] == "已停用" and not page._recall_button.isEnabled()


# Upload, backup, devices


def test_the_upload_page_tells_what_waits_and_asks_for_upload_and_backup(qtbot: QtBot, clinic: Story):
    asked: list[str] = []
    services = Services(
        clinic.desk.store.submit,
        sync=lambda: Condition("look", "sync.no_region"),
        upload_now=lambda: asked.append("upload"),
        back_up_now=lambda: asked.append("backup"),
        backed_up_at=lambda: clinic.now,
    )
    StoreOutbox(clinic.desk.store, clinic.world).report("sync.no_region", {})
    screen = Screen(qtbot, clinic.made, services=services)
    screen.sign_in()
    page = turn(screen, "sync", SyncPage)
    facts = page.upload.shown
    assert facts["待上传"].endswith("条记录") and facts["最近回执"] == "从未"
    assert "[region]" in facts["最近一次结果"]
    assert page.backup.shown["最近备份"].startswith("今日")
    screen.press(Qt.Key.Key_F2)
    screen.press(Qt.Key.Key_F6)
    assert asked == ["upload", "backup"] and "正在备份" in page.note.said


def test_devices_say_how_they_are_and_a_test_scan_shows_gs(qtbot: QtBot, clinic: Story):
    services = Services(
        clinic.desk.store.submit, printers=lambda: {"slip": Condition("stop", "print.paper_out", {"printer": "slip"})}
    )
    screen = Screen(qtbot, clinic.made, services=services)
    screen.sign_in()
    screen.report(StateChange("counter", DeviceState.ABSENT, clinic.now, 0.0))
    page = turn(screen, "devices", DevicesPage)
    scanner, printer, sound = lines(page.table)
    assert "未连接" in scanner[3] and scanner[4] == "本次登录后没有"
    assert printer[3] == Words("zh_CN")("print.paper_out", printer="slip")
    assert "没有播放声音的程序" in sound[3], "nothing plays where there is no screen"
    click(page, "声音")
    assert "已静音" in lines(page.table)[2][3] and screen.window.sounds.muted
    screen.press(Qt.Key.Key_F3)
    assert not screen.window.sounds.muted
    screen.press(Qt.Key.Key_F5)
    screen.scan(f"010952990000002217280317{'10'}L1\x1d21S7")
    assert screen.shell.current == "devices", "a test scan does nothing else"
    assert page.test_raw.text() == "01095299000000221728031710L1‹GS›21S7"
    page._show()
    assert "个字符" in lines(page.table)[0][4]
    screen.press(Qt.Key.Key_F5)
    assert page.test_raw.text() == "", "nobody's number stays on the screen"
    screen.scan(booklet(clinic.made.boy))
    assert screen.shell.current == COUNTER


def test_a_test_page_goes_to_the_printer_and_a_cut_off_one_asks(screen: Screen, clinic: Story):
    page = turn(screen, "devices", DevicesPage)
    screen.press(Qt.Key.Key_F6)
    assert "测试页已送到打印机“slip”" in page.note.said
    assert clinic.desk.store.sql("SELECT printer, state FROM print_job") == [("slip", "queued")]
    clinic.desk.store.run(lambda: clinic.desk.store.sql("UPDATE print_job SET state = 'uncertain'"))
    page.refresh()
    screen.settle()
    click(page, "已打印出来")
    screen.settle()
    page.refresh()
    screen.settle()
    assert clinic.desk.store.sql("SELECT state FROM print_job") == [("confirmed",)]
    assert page.asking.count() == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_named_wide_enough_and_of_one_language(
    qtbot: QtBot, clinic: Story, language: Language, tmp_path: Path
):
    """Also in the smallest window. Names of people and of the clinic's own things are as they were written."""
    path = tmp_path / "vaxdesk.toml"
    path.write_text('[clinic]\ncode = "3301060201"\nname = "x"\n')
    services = Services(clinic.desk.store.submit, settings_path=path)
    own = ("张敏", "王敏", "周敏", "李芳", "欧阳", "示例", "王子涵", "中文", "国家免疫规划", "非免疫规划")
    for who, pin in ((ADMIN, ADMIN_PIN), ("E400", PIN)):
        screen = Screen(qtbot, clinic.made, language, services)
        screen.window.resize(1024, 768)
        screen.sign_in(who, pin)
        for entry in screen.shell.entries:
            if entry.name == COUNTER:
                continue
            screen.shell.turn_to(entry.name)
            screen.settle()
            shown = screen.shell._pages[entry.name]
            for at in range(len(shown.sections) if isinstance(shown, SettingsPage) else 1):
                if isinstance(shown, SettingsPage):
                    shown.turn_to(list(shown.sections)[at])
                    screen.settle()
                check_page(shown, language, own)
        screen.window.lock()


def check_page(page: QWidget, language: Language, own: tuple[str, ...]) -> None:
    for kind in (QAbstractButton, QLineEdit, QComboBox, Table):
        for widget in page.findChildren(kind):
            if widget.isVisible() and widget.parentWidget().metaObject().className() not in ("QLineEdit", "QComboBox"):
                assert widget.accessibleName() or widget.toolTip(), widget
                small = isinstance(widget, (QLineEdit, QComboBox)) or widget.property("kind") in ("primary", "plain")
                assert not small or widget.height() >= TARGET_PX, (widget.accessibleName(), widget.height())
    assert page.grab().width() <= 1024 - 84
    texts = [*shown_texts(page), *(t for table in page.findChildren(Table) for row in lines(table) for t in row)]
    assert not any("{" in t and "}" in t for t in texts if "d{10}" not in t)
    if language == "en":
        chinese = [t for t in texts if any("\u4e00" <= c <= "\u9fff" for c in t)]
        assert [t for t in chinese if not any(name in t for name in own)] == []
