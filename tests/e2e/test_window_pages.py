"""The pages beside the counter, through the real window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from terminal.store.children import card
from terminal.ui.page_parts import WorkPage
from terminal.ui.page_queue import QueuePage
from terminal.ui.pages import COUNTER
from terminal.ui.table_view import Table
from terminal.usecases.queue import arrive
from terminal.usecases.visit import close_visit
from tests.fakes.screen import Screen, booklet, click, type_in
from tests.fakes.stories import HEPB, Story, made

P = TypeVar("P", bound=WorkPage)


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Story]:
    story = Story(tmp_path)
    yield story
    story.desk.store.close()


@pytest.fixture
def screen(qtbot: QtBot, clinic: Story) -> Screen:
    """A window on a clinic whose clock the story moves; the nurse is signed in."""
    screen = Screen(qtbot, clinic.made)
    screen.sign_in()
    return screen


def turn(screen: Screen, name: str, kind: type[P]) -> P:
    """Turn to a page by the rail."""
    screen.shell.turn_to(name)
    screen.settle()
    found = screen.shell.findChildren(kind)
    assert len(found) == 1 and screen.shell.current == name
    return found[0]


def lines(table: Table[Any]) -> list[list[str]]:
    """What a table shows, line by line."""
    model = table.lines
    return [[str(model.data(model.index(r, c))) for c in range(model.columnCount())] for r in range(model.rowCount())]


def keyed(screen: Screen, widget: Any, *keys: Qt.Key) -> None:
    for key in keys:
        QTest.keyClick(widget, key)
    screen.settle()


# The waiting room


def test_an_empty_room_says_so_and_what_to_do(screen: Screen):
    page = turn(screen, "queue", QueuePage)
    assert lines(page.table) == []
    assert "今天没有候诊的孩子" in page.table.empty and "F2" in page.table.empty


def test_a_child_is_put_into_the_queue_by_hand_and_opened_on_the_counter_with_enter(screen: Screen, clinic: Story):
    boy = clinic.made.boy
    page = turn(screen, "queue", QueuePage)
    screen.press(Qt.Key.Key_F2)
    assert screen.window.focusWidget() is page.find
    type_in(page.find, "王子涵")
    screen.qtbot.waitUntil(page.find.found.isVisible)
    keyed(screen, page.find, Qt.Key.Key_Return)
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
