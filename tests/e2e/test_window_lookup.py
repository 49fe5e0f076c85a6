"""Records from elsewhere at the counter: a number nobody knows here, and an opened child that refreshes by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from domain.errors import SyncError
from domain.events import ChildMerged
from domain.world import utc_text
from sync.feed import Found
from terminal.store import children, doses
from terminal.ui.dose_sheets import SiteSheet
from terminal.ui.lookup_sheet import LookupSheet
from terminal.ui.register_sheet import RegisterSheet
from terminal.ui.services import Condition, FeedState, Services
from tests.fakes.desk import HEPB_BOX, NURSE, TestDesk
from tests.fakes.elsewhere import AS_OF, BOOKLET, CHILD, Elsewhere
from tests.fakes.screen import Screen, booklet, click, shown_texts, type_in, with_visit
from tests.fakes.stories import ELSEWHERE

KEY = Qt.Key


@pytest.fixture
def region() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def screen(qtbot: QtBot, on: TestDesk, region: Elsewhere) -> Screen:
    """Signed in, with a region to ask."""
    screen = Screen(qtbot, on, services=region.services(on))
    screen.sign_in()
    return screen


def buttons(screen: Screen) -> list[str]:
    found = screen.counter.strip.findChildren(QAbstractButton)
    return [button.accessibleName() for button in found if button.isVisible()]


def lookups(on: TestDesk) -> list[dict[str, str]]:
    """The audited look-ups, oldest first."""
    rows = on.desk.store.sql("SELECT subject, detail FROM audit WHERE action = 'child.lookup' ORDER BY seq")
    return [{"child": child, **json.loads(detail)} for child, detail in rows]


def sheet_of(screen: Screen) -> LookupSheet:
    sheet = screen.counter.sheet
    assert isinstance(sheet, LookupSheet)
    return sheet


def until(screen: Screen, seen: Callable[[], bool]) -> None:
    screen.qtbot.waitUntil(seen, timeout=10_000)
    screen.settle()


def known(screen: Screen) -> str:
    return screen.counter.person._known.text()


# A number nobody knows here


def test_an_unknown_number_is_looked_up_seen_and_only_then_kept(screen: Screen, on: TestDesk, region: Elsewhere):
    region.answers[BOOKLET] = region.stranger()
    screen.scan(BOOKLET)
    assert screen.tone == "stop" and buttons(screen) == ["到外地查找 F7", "新建档 F2"]
    screen.press(KEY.Key_F7)
    sheet = sheet_of(screen)
    assert any(BOOKLET in text for text in shown_texts(sheet))
    screen.press(KEY.Key_1)
    until(screen, lambda: sheet._found is not None)
    assert region.asked == [("booklet", BOOKLET, "vaccination", NURSE)]
    shown = shown_texts(sheet)
    assert "沈思远" in shown and any("2026-01-14" in text and "男" in text for text in shown)
    assert any(ELSEWHERE in text for text in shown) and "139****5678" in " ".join(shown)
    assert children.card(on.desk.store, CHILD) is None
    screen.press(KEY.Key_Return)
    look = screen.counter.work.look
    assert look.child is not None and look.child_id == CHILD
    assert look.child.card.facts.name == "沈思远" and len(look.child.doses) == 3
    assert look.child.card.facts.clinic == ELSEWHERE
    assert "区平台" in known(screen)
    assert lookups(on)[:2] == [
        {"child": CHILD, "purpose": "vaccination", "outcome": outcome} for outcome in ("shown", "found")
    ]


def test_who_moved_in_is_of_this_clinic_at_once(screen: Screen, on: TestDesk, region: Elsewhere):
    region.answers[BOOKLET] = region.stranger()
    screen.scan(BOOKLET)
    screen.press(KEY.Key_F7)
    screen.press(KEY.Key_2)
    sheet = sheet_of(screen)
    until(screen, lambda: sheet._found is not None)
    assert region.asked[0][2] == "moved_in" and sheet.moves.isChecked()
    screen.press(KEY.Key_F10)
    card = children.card(on.desk.store, CHILD)
    assert card is not None and card.facts.clinic == on.desk.clinic
    assert screen.counter.work.look.child_id == CHILD


def test_leaving_what_was_found_keeps_nothing(screen: Screen, on: TestDesk, region: Elsewhere):
    region.answers[BOOKLET] = region.stranger()
    screen.scan(BOOKLET)
    screen.press(KEY.Key_F7)
    screen.press(KEY.Key_Return)
    sheet = sheet_of(screen)
    until(screen, lambda: sheet._found is not None)
    screen.press(KEY.Key_Escape)
    assert screen.counter.sheet is None and children.card(on.desk.store, CHILD) is None
    assert lookups(on) == [{"child": CHILD, "purpose": "vaccination", "outcome": "shown"}]  # but it was looked at


def test_nobody_found_is_said_and_the_child_can_be_registered(screen: Screen, on: TestDesk):
    screen.scan(BOOKLET)
    screen.press(KEY.Key_F7)
    sheet = sheet_of(screen)
    screen.press(KEY.Key_3)
    until(screen, lambda: screen.tone == "look" and sheet.done_button.isEnabled())
    assert screen.said.startswith(screen.window.words.sentences(screen.window.words("sync.lookup_not_found"))[0])
    until(screen, lambda: bool(lookups(on)))
    assert lookups(on) == [{"child": "", "purpose": "history", "outcome": "sync.lookup_not_found"}]
    assert BOOKLET not in str(on.desk.store.sql("SELECT * FROM audit"))
    screen.press(KEY.Key_F2)
    form = screen.counter.sheet
    assert isinstance(form, RegisterSheet) and form.facts().identifiers[0].value == BOOKLET


def test_without_a_line_it_says_why_and_goes_on_with_registering(qtbot: QtBot, on: TestDesk):
    region = Elsewhere(online=False)
    down = Condition("look", "sync.no_network", {"url": "https://region"})
    screen = Screen(qtbot, on, services=region.services(on, sync=lambda: down))
    screen.sign_in()
    screen.scan(BOOKLET)
    assert buttons(screen) == ["新建档 F2"]
    screen.press(KEY.Key_F7)
    assert screen.counter.sheet is None and "现在查不了外地档案" in screen.said and region.asked == []
    assert "https://region" in screen.said
    screen.press(KEY.Key_F2)
    form = screen.counter.sheet
    assert isinstance(form, RegisterSheet) and form.facts().identifiers[0].value == BOOKLET


def test_a_number_typed_into_the_search_is_looked_up_too(screen: Screen, region: Elsewhere):
    region.answers[BOOKLET] = region.stranger()
    box = screen.shell.search
    box.setFocus()
    box.setText(BOOKLET)
    screen.counter.work.children.search(BOOKLET)
    screen.settle()
    screen.press(KEY.Key_Return)
    sheet = sheet_of(screen)
    screen.press(KEY.Key_Return)
    until(screen, lambda: sheet._found is not None)
    assert region.asked == [("booklet", BOOKLET, "vaccination", NURSE)]


def test_any_number_can_be_typed_into_the_form(screen: Screen, region: Elsewhere):
    screen.press(KEY.Key_F7)
    sheet = sheet_of(screen)
    screen.press(KEY.Key_F10)
    assert "号码" in sheet.said.text() and region.asked == []
    type_in(sheet._number, "X 77 12")
    click(sheet, "出生证")
    screen.press(KEY.Key_Return)
    assert region.asked == [("birth_certificate", "X 77 12", "vaccination", NURSE)]


# An opened child


def test_an_opened_child_is_asked_about_and_what_comes_joins_in(screen: Screen, on: TestDesk, region: Elsewhere):
    region.later = True
    region.knows(on.boy.id, ("0201", 1, "2026-05-20"))
    screen.scan(booklet(on.boy))
    assert region.asked == [("child", on.boy.id, "vaccination", NURSE)]
    assert "正在问区平台" in known(screen) and screen.counter.work.look.child
    assert screen.counter.work.look.child.doses == []
    box = screen.shell.search
    box.setFocus()
    type_in(box, "欧阳")
    region.speak()
    until(screen, lambda: "区平台" in known(screen) and "正在" not in known(screen))
    assert [dose.vaccine for dose in screen.counter.work.look.child.doses] == ["0201"]
    assert any("26-05-20" in text for text in screen.counter.history.texts())
    assert screen.window.focusWidget() is box and box.text() == "欧阳"
    assert screen.counter.work.look.child_id == on.boy.id


def test_a_line_that_fails_is_not_spoken_of(screen: Screen, on: TestDesk, region: Elsewhere):
    region.later = True
    region.answers[on.boy.id] = SyncError("sync.timeout", "later", url="https://region")
    screen.scan(booklet(on.boy))
    before = screen.said
    region.speak()
    until(screen, lambda: "正在" not in known(screen))
    until(screen, lambda: bool(lookups(on)))
    assert screen.said == before and "本机" in known(screen)
    assert lookups(on) == [{"child": on.boy.id, "purpose": "vaccination", "outcome": "sync.timeout"}]


def test_an_answer_for_a_child_that_left_the_screen_changes_nothing_there(
    screen: Screen, on: TestDesk, region: Elsewhere
):
    region.later = True
    region.knows(on.boy.id, ("0201", 1, "2026-05-20"))
    screen.scan(booklet(on.boy), booklet(on.girl))
    look = screen.counter.work.look
    assert look.child_id == on.girl.id
    region.speak()
    until(screen, lambda: bool(doses.of_child(on.desk.store, on.boy.id)))
    assert screen.counter.work.look is look or screen.counter.work.look.child_id == on.girl.id
    assert screen.counter.work.look.child and screen.counter.work.look.child.doses == []


def test_a_dose_in_the_hand_is_judged_again(screen: Screen, on: TestDesk, region: Elsewhere):
    """It was green; then the region says that the child was given one today elsewhere."""
    region.later = True
    today = on.desk.today().isoformat()
    region.knows(on.boy.id, ("0201", 1, today))
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    assert screen.tone == "ok"
    region.speak()
    until(screen, lambda: screen.tone == "stop")
    assert screen.counter.work.verdict is None
    screen.press(KEY.Key_Return)
    assert [dose.clinic for dose in doses.of_child(on.desk.store, on.boy.id)] == [ELSEWHERE]


def test_an_answer_that_changed_by_itself_is_read_before_enter_counts(screen: Screen, on: TestDesk, region: Elsewhere):
    region.later = True
    region.knows(on.boy.id, ("0201", 1, "2026-05-20"))
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    first = screen.said
    region.speak()
    until(screen, lambda: screen.said != first)
    work = screen.counter.work
    assert work.verdict is not None and work.verdict.dose and work.verdict.dose.dose_no == 2
    work.exchange._changed_at = float("inf")  # the moment goes on
    screen.press(KEY.Key_Return)
    assert len(doses.of_child(on.desk.store, on.boy.id)) == 1
    work.exchange._changed_at = float("-inf")
    screen.press(KEY.Key_Return)
    assert [dose.dose_no for dose in doses.of_child(on.desk.store, on.boy.id)] == [1, 2]


def test_what_changes_nothing_leaves_the_answer_alone(screen: Screen, on: TestDesk, region: Elsewhere):
    region.later = True
    region.knows(on.boy.id)
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    verdict, shown = screen.counter.work.verdict, screen.counter.strip.said
    region.speak()
    until(screen, lambda: "区平台" in known(screen))
    assert screen.counter.work.verdict is verdict and screen.counter.strip.said is shown


def test_an_open_form_stays_and_the_dose_is_judged_after_it(screen: Screen, on: TestDesk, region: Elsewhere):
    region.later = True
    region.knows(on.boy.id, ("0201", 1, on.desk.today().isoformat()))
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_F4)
    form = screen.counter.sheet
    assert isinstance(form, SiteSheet)
    region.speak()
    until(screen, lambda: "区平台" in known(screen))
    assert screen.counter.sheet is form
    screen.press(KEY.Key_Escape)
    until(screen, lambda: screen.tone == "stop")
    assert screen.counter.work.verdict is None


def test_without_a_line_nobody_is_asked(screen: Screen, on: TestDesk, region: Elsewhere):
    region.online = False
    screen.scan(booklet(on.boy))
    assert region.asked == [] and "正在" not in known(screen)


def test_a_child_that_was_merged_elsewhere_is_opened_as_the_record_that_goes_on(
    screen: Screen, on: TestDesk, region: Elsewhere
):
    region.later = True
    merged = region.told("child.merged", on.girl.id, "2026-11-20", ChildMerged(on.boy.id, "同一个孩子"))
    region.answers[on.boy.id] = Found((on.girl.id, on.boy.id), (merged,), AS_OF)
    screen.scan(booklet(on.boy))
    region.speak()
    until(screen, lambda: screen.counter.work.look.child_id == on.girl.id)


def test_an_answer_after_the_window_was_closed_is_dropped(screen: Screen, on: TestDesk, region: Elsewhere):
    region.later = True
    screen.scan(booklet(on.boy))
    screen.window.close()
    region.speak()
    screen.settle()
    assert lookups(on) == []


def test_a_child_of_the_clinic_is_known_as_of_what_the_feed_told_last(qtbot: QtBot, on: TestDesk):
    at = on.desk.world.now() + timedelta(minutes=3)
    feed = FeedState("sync.ok", {}, utc_text(at))
    screen = Screen(qtbot, on, services=Services(on.desk.store.submit, feed=lambda: feed))
    screen.sign_in()
    with_visit(screen, on.boy)
    assert at.astimezone(on.desk.world.zone).strftime("%H:%M") in known(screen) and "区平台 + 本机" in known(screen)


def test_our_own_visit_does_not_make_a_record_from_elsewhere_any_fresher(
    screen: Screen, on: TestDesk, region: Elsewhere
):
    region.answers[BOOKLET] = region.stranger()
    screen.scan(BOOKLET)
    screen.press(KEY.Key_F7)
    screen.press(KEY.Key_1)
    until(screen, lambda: sheet_of(screen)._found is not None)
    screen.press(KEY.Key_F10)
    before = known(screen)
    screen.press(KEY.Key_F2)
    assert screen.counter.work.look.visit is not None and known(screen) == before and "区平台" in before
