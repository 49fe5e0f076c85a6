"""What waits for a person, and whose record it is: the inbox, corrections, moves, merges, who received a lot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from config.texts import LANGUAGES, Language
from domain.doses import Dose
from domain.events import CorrectionRequested
from domain.wire.feed import Reference
from terminal.store import children, ledger, links, matters, references, requests
from terminal.store.children import card
from terminal.ui.amend_sheets import DoseSheet
from terminal.ui.correction_sheets import AnswerSheet, RequestSheet
from terminal.ui.dose_sheets import ReasonSheet
from terminal.ui.identity_sheets import LinksSheet, MergeSheet, MoveHomeSheet
from terminal.ui.page_children import ChildrenPage
from terminal.ui.page_inbox import InboxPage
from terminal.ui.page_lots import LotsPage
from terminal.ui.page_sync import SyncPage
from terminal.ui.pages import COUNTER
from terminal.ui.record_sheet import RecordSheet
from terminal.ui.services import Condition, FeedState, Services
from terminal.ui.slip_sheet import SlipSheet
from terminal.ui.stock_sheet import RecipientsSheet
from terminal.ui.tokens import TARGET_PX
from terminal.usecases.merge_children import merge_children
from tests.fakes.screen import DEADLINE_MS, Screen, booklet, click, shown_texts, type_in
from tests.fakes.stories import ELSEWHERE, HEPB, PIN, Story, made
from tests.fakes.window_pages import keyed, lines, turn

KEY = Qt.Key
ASKED, MINE = "request-1", "request-2"


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Story]:
    clinic = Story(tmp_path)
    yield clinic
    clinic.desk.store.close()


def window(qtbot: QtBot, clinic: Story, code: str = "D300", language: Language = "zh_CN", **services: Any) -> Screen:
    """Signed in as the doctor, who may settle and merge."""
    screen = Screen(qtbot, clinic.made, language, Services(clinic.desk.store.submit, **services))
    screen.sign_in(code, PIN)
    return screen


def nurses(qtbot: QtBot, clinic: Story) -> Screen:
    screen = Screen(qtbot, clinic.made)
    screen.sign_in()
    return screen


def opened(clinic: Story, key: str, code: str, child: str = "", **params: Any) -> None:
    """A matter, as the region tells it."""

    def run() -> None:
        with clinic.desk.store.transaction():
            said = matters.Matter(key, code, child, params, "2026-11-23T00:30:00.000Z")
            matters.open(clinic.desk.store, said)

    clinic.desk.store.run(run)


def asked(clinic: Story, request: str, dose: Dose, by: str, due: str, **fields: Any) -> None:
    """A correction asked for, as the feed brings it."""

    def run() -> None:
        with ledger.tell(clinic.desk.store, clinic.world, "exchange") as entry:
            body = CorrectionRequested(dose.id, "与接种证不符", due, fields)
            requests.add(entry, request, dose.child_id, body, by)

    clinic.desk.store.run(run)


def noticed(clinic: Story, text: str) -> None:
    def run() -> None:
        with clinic.desk.store.transaction():
            said = Reference(1, "notices", "1", "2026-11-01", "2026-11-01T00:00:00.000Z")
            references.keep(clinic.desk.store, said, text.encode())

    clinic.desk.store.run(run)


def given(clinic: Story) -> Dose:
    """One of our own, of today."""
    _, (box, *_) = clinic.receive(HEPB)
    return clinic.give(clinic.child("2026-11-20"), box)


def theirs(clinic: Story, child: str) -> Dose:
    dose_id = clinic.given_elsewhere(child, "0201", "2026-06-20")
    return next(dose for dose in clinic.doses(child) if dose.id == dose_id)


def full(clinic: Story) -> Dose:
    """An inbox with one of everything; the dose another clinic asks about."""
    dose, girl = given(clinic), clinic.made.girl.id
    asked(clinic, ASKED, dose, ELSEWHERE, "2026-11-19", given_on="2026-11-22")
    asked(clinic, MINE, theirs(clinic, girl), clinic.desk.clinic, "2026-12-07")
    opened(clinic, "k/double", "review.possible_double", girl, one=dose.id, other="not here")
    opened(clinic, "k/name", "review.identity", girl, field="birth_on", one="a", other="b")
    opened(clinic, "k/new", "some.newer_thing", "", what="?")
    lost = {"terminal": "T-8", "desk": "3", "last_at": "2026-11-22T02:42:00.000Z", "last_receipt": "R2000123"}
    opened(clinic, "k/desk", "desk.replaced", "", **lost)
    noticed(clinic, "周五停电\n请提前打印")
    return dose


# The inbox


def test_an_empty_inbox_says_so(qtbot: QtBot, clinic: Story):
    page = turn(window(qtbot, clinic), "inbox", InboxPage)
    assert lines(page.table) == [] and "没有要处理的事" in page.table.empty


def test_everything_that_waits_stands_there_what_is_due_first(qtbot: QtBot, clinic: Story):
    full(clinic)
    page = turn(window(qtbot, clinic), "inbox", InboxPage)
    shown = lines(page.table)
    titles = ["请本单位更正", "记录没到", "可能重复接种", "身份信息不一致", "其他", "通知", "本单位请求更正"]
    assert [row[0] for row in shown] == titles
    assert shown[0][3] == "2026-11-19 · 过期 2 个工作日"
    assert shown[1][2] == "3号台，2026-11-22 10:42 以后"
    assert [row[1] for row in shown][2:4] == ["欧阳静怡", "欧阳静怡"] and shown[3][2] == "出生日期"
    assert shown[5][2] == "周五停电" and "剩" in shown[6][3]
    page.table.selectRow(1)
    assert "R2000123" in page.told.text() and "补录" in page.told.text()
    page.table.selectRow(2)
    assert page.told.text().startswith("乙肝") and "2026-11-23" in page.heading.text()
    page.table.selectRow(4)
    assert "some.newer_thing" in page.told.text()
    page.table.selectRow(5)
    assert "请提前打印" in page.told.text()


def test_the_rail_counts_quietly_and_turns_amber_when_a_day_has_passed(qtbot: QtBot, clinic: Story):
    opened(clinic, "k", "review.identity", clinic.made.girl.id, field="name")
    screen = window(qtbot, clinic)
    line = screen.shell.rail._buttons["inbox"][0]
    qtbot.waitUntil(lambda: line.accessibleName() == "待办 1", timeout=DEADLINE_MS)
    assert not line._late
    asked(clinic, ASKED, given(clinic), ELSEWHERE, "2026-11-20")
    screen.shell.ask_standing()
    screen.settle()
    assert line.accessibleName() == "待办 2" and line._late


def test_enter_opens_the_child_and_the_key_of_the_page_comes_back(qtbot: QtBot, clinic: Story):
    full(clinic)
    screen = window(qtbot, clinic)
    page = turn(screen, "inbox", InboxPage)
    page.table.selectRow(3)
    keyed(screen, page.table, KEY.Key_Return)
    assert screen.shell.current == COUNTER and screen.counter.work.look.child_id == clinic.made.girl.id
    digit = KEY(KEY.Key_0.value + 1 + [entry.name for entry in screen.shell.entries].index("inbox"))
    from PySide6.QtTest import QTest

    QTest.keyClick(screen.window.focusWidget(), digit, Qt.KeyboardModifier.ControlModifier)
    screen.settle()
    assert screen.shell.current == "inbox"


def test_a_dose_is_corrected_as_asked_and_the_answer_goes_out(qtbot: QtBot, clinic: Story):
    dose = full(clinic)
    screen = window(qtbot, clinic)
    page = turn(screen, "inbox", InboxPage)
    keyed(screen, page.table, KEY.Key_F7)
    sheet = page.sheet
    assert isinstance(sheet, AnswerSheet) and sheet.outcome.value == "as_asked"
    assert any("2026-11-23 → 2026-11-22" in text for text in shown_texts(sheet))
    keyed(screen, sheet, KEY.Key_F10)
    assert page.sheet is None and "已答复" in page.note.said
    (now,) = clinic.doses(dose.child_id)
    assert now.given_on == "2026-11-22"
    (request,) = clinic.read(requests.of_dose, dose.id)
    assert request.outcome == "done"
    assert lines(page.table)[0][0] == "记录没到"


def test_declining_needs_a_reason_and_an_answer_without_a_deed_is_refused(qtbot: QtBot, clinic: Story):
    dose = full(clinic)
    screen = window(qtbot, clinic)
    page = turn(screen, "inbox", InboxPage)
    keyed(screen, page.table, KEY.Key_F7)
    sheet = page.sheet
    assert isinstance(sheet, AnswerSheet)
    click(sheet, "已更正或作废")
    keyed(screen, sheet, KEY.Key_F10)
    assert page.sheet is sheet and sheet.said.text()
    click(sheet, "不更正")
    keyed(screen, sheet, KEY.Key_F10)
    assert page.sheet is sheet
    sheet.reason.setText("接种证抄错了")
    keyed(screen, sheet, KEY.Key_F10)
    (request,) = clinic.read(requests.of_dose, dose.id)
    assert (request.outcome, request.answer) == ("declined", "接种证抄错了")


def test_a_matter_is_settled_with_a_reason_by_who_may(qtbot: QtBot, clinic: Story):
    full(clinic)
    screen = window(qtbot, clinic)
    page = turn(screen, "inbox", InboxPage)
    page.table.selectRow(2)
    keyed(screen, page.table, KEY.Key_F8)
    sheet = page.sheet
    assert isinstance(sheet, ReasonSheet)
    click(sheet, "已和纸质接种证核对")
    keyed(screen, sheet, KEY.Key_F10)
    assert "可能重复接种" not in [row[0] for row in lines(page.table)]
    page.table.selectRow(4)
    assert page.table.line and page.table.line.kind == "notice" and not page._settle_button.isEnabled()


def test_a_nurse_reads_and_leaves_settling_to_others(qtbot: QtBot, clinic: Story):
    full(clinic)
    screen = nurses(qtbot, clinic)
    page = turn(screen, "inbox", InboxPage)
    page.table.selectRow(2)
    assert page._open_button.isEnabled() and not page._settle_button.isEnabled()


def test_a_dose_of_the_missing_hours_is_entered_from_its_slip(qtbot: QtBot, clinic: Story):
    lost = {"terminal": "T-8", "desk": "3", "last_at": "2026-11-22T02:42:00.000Z", "last_receipt": "R2000123"}
    opened(clinic, "k/desk", "desk.replaced", "", **lost)
    boy, screen = clinic.made.boy, window(qtbot, clinic)
    page = turn(screen, "inbox", InboxPage)
    keyed(screen, page.table, KEY.Key_F6)
    sheet = page.sheet
    assert isinstance(sheet, SlipSheet) and sheet.day.text() == "2026-11-22"
    keyed(screen, sheet, KEY.Key_F10)
    assert sheet.said.text()
    screen.scan(booklet(boy))
    assert screen.shell.current == "inbox" and sheet.child.child_id == boy.id
    sheet.receipt.setText("R2000124")
    sheet.time.setText("11:05")
    sheet.vaccine.choose("0201")
    sheet.number.setText("1")
    keyed(screen, sheet, KEY.Key_F10)
    assert page.sheet is sheet and "已补录" in page.note.said and sheet.vaccine.value == ""
    (dose,) = clinic.doses(boy.id)
    assert (dose.given_on, dose.clinic) == ("2026-11-22", clinic.desk.clinic)


# A dose of another clinic


def test_a_correction_is_asked_for_with_a_day_and_stands_with_the_dose(qtbot: QtBot, clinic: Story):
    dose = theirs(clinic, clinic.made.boy.id)
    screen = window(qtbot, clinic)
    screen.scan(booklet(clinic.made.boy))
    screen.counter.work.doses.dose_chosen(dose)
    screen.settle()
    sheet = screen.counter.sheet
    assert isinstance(sheet, DoseSheet)
    click(sheet, "请求更正")
    form = screen.counter.sheet
    assert isinstance(form, RequestSheet) and form.due.text() == "2026-12-07"
    assert screen.window.focusWidget() is form.reason
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is form and form.said.text()
    form.reason.setText("接种证是另一天")
    type_in(form.given_on, "20260621")
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is None and "已请求更正" in screen.said
    (request,) = clinic.read(requests.of_dose, dose.id)
    assert (request.due, request.fields) == ("2026-12-07", {"given_on": "2026-06-21"})
    screen.counter.work.doses.dose_chosen(dose)
    screen.settle()
    assert screen.counter.sheet and "还没有答复" in " ".join(shown_texts(screen.counter.sheet))


# Whose record it is


def record(screen: Screen, child: str) -> tuple[ChildrenPage, RecordSheet]:
    page = turn(screen, "children", ChildrenPage) if screen.shell.current != "children" else None
    page = page or screen.shell.findChildren(ChildrenPage)[0]
    page.show_record(child)
    screen.settle()
    assert isinstance(page.sheet, RecordSheet)
    return page, page.sheet


def test_a_child_moves_out_and_in_again(qtbot: QtBot, clinic: Story):
    boy = clinic.made.boy.id
    screen = window(qtbot, clinic)
    page, sheet = record(screen, boy)
    keyed(screen, sheet, KEY.Key_F4)
    form = page.sheet
    assert isinstance(form, MoveHomeSheet)
    form.clinic.setText("12")
    keyed(screen, form, KEY.Key_F10)
    assert page.sheet is form and form.said.text()
    form.clinic.setText(ELSEWHERE)
    keyed(screen, form, KEY.Key_F10)
    assert isinstance(page.sheet, RecordSheet) and "已转出" in page.note.said
    found = card(clinic.desk.store, boy)
    assert found is not None and found.facts.clinic == ELSEWHERE
    keyed(screen, page.sheet, KEY.Key_F4)
    back = page.sheet
    assert isinstance(back, MoveHomeSheet) and back.clinic.text() == ELSEWHERE
    keyed(screen, back, KEY.Key_F10)
    found = card(clinic.desk.store, boy)
    assert found is not None and found.facts.clinic == clinic.desk.clinic


def test_two_records_are_compared_merged_and_taken_apart(qtbot: QtBot, clinic: Story):
    boy, screen = clinic.made.boy, window(qtbot, clinic)
    other = clinic.child("2026-05-20", name="王子函")
    page, sheet = record(screen, boy.id)
    assert not sheet._keys[KEY.Key_F8].isVisible()
    keyed(screen, sheet, KEY.Key_F6)
    form = page.sheet
    assert isinstance(form, MergeSheet) and not form.done_button.isEnabled()
    type_in(form.other.typed, "王子函")
    screen.settle()
    keyed(screen, form.other.typed, KEY.Key_Return)
    shown = shown_texts(form)
    assert "≠ 王子涵" in shown and "≠ 王子函" in shown and any("出生日期" in text for text in shown)
    keyed(screen, form, KEY.Key_F10)
    assert page.sheet is form and form.said.text()
    form.reason.setText("同一个孩子")
    keyed(screen, form, KEY.Key_F10)
    assert isinstance(page.sheet, RecordSheet) and page.sheet.child_id == boy.id
    assert clinic.read(links.head_of, other) == boy.id
    found = children.card(clinic.desk.store, other)
    assert found is not None
    screen.scan(booklet(found))
    assert screen.counter.work.look.child_id == boy.id
    page, sheet = record(screen, boy.id)
    keyed(screen, sheet, KEY.Key_F8)
    apart = page.sheet
    assert isinstance(apart, LinksSheet)
    click(apart, "拆开")
    assert apart.said.text()
    apart.reason.setText("是两个孩子")
    click(apart, "拆开")
    screen.settle()
    assert clinic.read(links.head_of, other) == other


def test_a_nurse_may_not_merge_and_is_told_who_may(qtbot: QtBot, clinic: Story):
    other, screen = clinic.child(), nurses(qtbot, clinic)
    page, sheet = record(screen, clinic.made.boy.id)
    keyed(screen, sheet, KEY.Key_F6)
    form = page.sheet
    assert isinstance(form, MergeSheet)
    type_in(form.other.typed, "赵")
    screen.settle()
    keyed(screen, form.other.typed, KEY.Key_Return)
    screen.settle()
    form.reason.setText("?")
    keyed(screen, form, KEY.Key_F10)
    assert page.sheet is form and form.said.text()
    assert clinic.read(links.head_of, other) == other


# The other desks, the region


def test_a_visit_at_another_desk_is_shown_and_is_not_ours(qtbot: QtBot, clinic: Story):
    girl = clinic.made.girl
    clinic.desk.store.run(
        clinic.desk.store.db.execute_sql,
        "INSERT INTO visit (id, child_id, clinic, desk, opened_at, opened_by, booklet, informed, health, terminal)"
        " VALUES ('v', ?, ?, '3', '2026-11-23T01:14:00.000Z', 'N9', 'seen', 1, '{}', 'T-7')",
        (girl.id, clinic.desk.clinic),
    )
    screen = window(qtbot, clinic)
    screen.scan(booklet(girl))
    assert screen.tone == "look" and "3号台正在接种，今日 09:14 起" in screen.said
    assert any("3号台" in text for text in shown_texts(screen.counter.person))
    assert screen.counter.work.look.visit is None


def test_the_first_load_is_said_until_it_is_over(qtbot: QtBot, clinic: Story):
    states = [FeedState("sync.ok", {}, "", 70_000, 100_000, True, False)]
    screen = window(qtbot, clinic, feed=lambda: states[-1])

    def bars() -> str:
        return " ".join(shown_texts(screen.shell))

    qtbot.waitUntil(lambda: "正在装入儿童名单" in bars(), timeout=DEADLINE_MS)
    assert "装入 30%" in bars()
    page = turn(screen, "sync", SyncPage)
    assert page.first_load.isVisible() and page.first_load.bar.value() == 30
    states.append(FeedState("sync.ok", {}, "2026-11-23T01:00:00.000Z", 20_000, 100_000, True, True))
    screen.shell.ask_standing()
    screen.settle()
    assert "还不全" not in bars() and "现在可以接种" in page.first_load.told.text()
    states.append(FeedState("sync.ok", {}, "2026-11-23T01:00:00.000Z"))
    screen.shell.ask_standing()
    screen.settle()
    assert not page.first_load.isVisible() and "装入" not in screen.shell.top.unsent.accessibleName()


def test_the_sync_page_says_how_both_ways_stand(qtbot: QtBot, clinic: Story):
    feed = FeedState("sync.timeout", {"url": "https://region"}, "2026-11-23T00:50:00.000Z", 12, 0)
    hub = Condition("look", "sync.no_network", {"url": "https://hub"})
    opened(
        clinic, "k", "desk.replaced", "", terminal="T-8", desk="3", last_at="2026-11-22T02:42:00.000Z", last_receipt=""
    )
    screen = window(qtbot, clinic, feed=lambda: feed, hub=lambda: hub, online=lambda: False)
    page = turn(screen, "sync", SyncPage)
    shown = page.down.shown
    assert (
        shown["网络"] == "不在线，接种照常" and shown["最近收到"] == "今日 08:50" and shown["还没下载"] == "12 条记录"
    )
    assert "https://region" in shown["最近一次结果"] and "https://hub" in shown["本单位各台"]
    assert "3号台" in page.missing.text() and page.missing.isVisible()


# Who received a lot


def test_who_received_a_lot_is_listed_and_opened(qtbot: QtBot, clinic: Story):
    dose = given(clinic)
    screen = window(qtbot, clinic)
    page = turn(screen, "stock", LotsPage)
    page.table.selectRow(next(at for at, line in enumerate(page.table.lines.shown) if line.lot.lot_no == "L2026"))
    keyed(screen, page.table, KEY.Key_F7)
    sheet = page.sheet
    assert isinstance(sheet, RecipientsSheet)
    ((name, *_, when, where),) = lines(sheet.table)
    assert (
        when == "第1剂 2026-11-23"
        and where == clinic.desk.settings.clinic.name
        and name in sheet.table.lines.shown[0].name
    )
    sheet.table.selectRow(0)
    keyed(screen, sheet.table, KEY.Key_Return)
    assert screen.counter.work.look.child_id == dose.child_id
    assert page.sheet is None


# In both languages, at the smallest size


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_forms_fit_the_smallest_window(qtbot: QtBot, clinic: Story, language: Language):
    dose, girl = full(clinic), clinic.made.girl.id
    other = clinic.child("2025-02-04", name="欧阳静仪")
    screen = window(qtbot, clinic, language=language)
    screen.window.resize(1024, 768)
    inbox = turn(screen, "inbox", InboxPage)
    fits(inbox)
    inbox.table.selectRow(0)
    keyed(screen, inbox.table, KEY.Key_F7)
    fits(inbox.sheet)
    made(merge_children(clinic.desk, clinic.doctor, girl, other, "同一个孩子"))
    page, sheet = record(screen, girl)
    assert sheet._keys[KEY.Key_F8].isVisible()
    fits(sheet)
    for key in (KEY.Key_F4, KEY.Key_F6, KEY.Key_F8):
        page, sheet = record(screen, girl)
        keyed(screen, sheet, key)
        fits(page.sheet)
    assert dose


def fits(widget: QWidget | None) -> None:
    """Every button is as large as a finger, shows all its words and lies inside the window."""
    assert widget is not None
    inside = widget.window().rect()
    for button in widget.findChildren(QPushButton):
        if button.isVisible():
            assert button.height() >= TARGET_PX, button.accessibleName()
            assert button.width() >= button.minimumSizeHint().width(), button.accessibleName()
            corner = button.mapTo(widget.window(), button.rect().bottomRight())
            assert inside.contains(corner), button.accessibleName()
