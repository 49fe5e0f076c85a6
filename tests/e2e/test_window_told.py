"""The child on the screen, of whom another desk tells something meanwhile: it is shown within moments, and nobody who
types or has a form open is disturbed."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from domain import events
from terminal.store.inbox import StoreInbox
from terminal.ui.dose_sheets import SiteSheet
from tests.fakes.desk import CLINIC, HEPB_BOX, TestDesk
from tests.fakes.screen import Screen, booklet, shown_texts, type_in, with_visit
from tests.fakes.voices import Voice

KEY = Qt.Key
SOON_MS = 4_000  # the house is looked at every two seconds


@pytest.fixture
def screen(qtbot: QtBot, on: TestDesk) -> Screen:
    screen = Screen(qtbot, on)
    screen.sign_in()
    return screen


@pytest.fixture
def other(on: TestDesk) -> Voice:
    """Another desk of the clinic, that has heard all this one told."""
    voice = Voice(on.desk.world)
    ((voice.hlc,),) = on.desk.store.sql("SELECT hlc FROM head")
    return voice


def hear(on: TestDesk, other: Voice, source: Any = "region") -> None:
    StoreInbox(on.desk.store, on.desk.world, CLINIC, source).apply_page(other.told, "cursor")


def given(screen: Screen) -> list[str]:
    child = screen.counter.work.look.child
    return [dose.vaccine for dose in child.doses] if child else []


@pytest.mark.parametrize("source", ["region", "hub"])
def test_a_dose_of_another_desk_is_drawn_while_somebody_types(
    screen: Screen, on: TestDesk, other: Voice, source: str
) -> None:
    screen.scan(booklet(on.boy))
    box = screen.shell.search
    box.setFocus()
    type_in(box, "欧阳")
    other.dose(on.boy.id, "0201", "2026-05-20")
    hear(on, other, source)
    screen.qtbot.waitUntil(lambda: given(screen) == ["0201"], timeout=SOON_MS)
    assert any("26-05-20" in text for text in screen.counter.history.texts())
    assert screen.window.focusWidget() is box and box.text() == "欧阳"


def test_the_dose_in_the_hand_is_judged_again(screen: Screen, on: TestDesk, other: Voice) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    assert screen.tone == "ok"
    other.dose(on.boy.id, "0201", on.desk.today().isoformat())
    hear(on, other)
    screen.qtbot.waitUntil(lambda: screen.tone == "stop", timeout=SOON_MS)
    assert screen.counter.work.verdict is None


def test_an_open_form_stays_and_the_dose_is_judged_after_it(screen: Screen, on: TestDesk, other: Voice) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_F4)
    form = screen.counter.sheet
    assert isinstance(form, SiteSheet)
    other.dose(on.boy.id, "0201", on.desk.today().isoformat())
    hear(on, other)
    screen.qtbot.waitUntil(lambda: given(screen) == ["0201"], timeout=SOON_MS)
    assert screen.counter.sheet is form and screen.tone != "stop"
    screen.press(KEY.Key_Escape)
    screen.qtbot.waitUntil(lambda: screen.tone == "stop", timeout=SOON_MS)


def test_an_alert_and_a_visit_at_another_desk_are_shown(screen: Screen, on: TestDesk, other: Voice) -> None:
    screen.scan(booklet(on.boy))
    allergy = [{"kind": "allergy", "text": "对鸡蛋过敏"}]
    other.tell("child.updated", events.ChildUpdated({"alerts": ([], allergy)}), on.boy.id)
    other.tell("visit.opened", events.VisitOpened(CLINIC, "7"), on.boy.id)
    hear(on, other)
    screen.qtbot.waitUntil(lambda: screen.counter.work.look.elsewhere is not None, timeout=SOON_MS)
    assert "7" in screen.said
    assert any("对鸡蛋过敏" in text for text in shown_texts(screen.counter.person))


def test_our_own_facts_and_those_of_other_children_draw_nothing_anew(
    screen: Screen, on: TestDesk, other: Voice
) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    other.dose(on.girl.id, "0201", "2026-05-20")
    hear(on, other)
    look = screen.counter.work.look
    screen.shell.ask_standing()
    screen.settle()
    assert screen.counter.work.look is look and len(look.given) == 1
