"""A child of another clinic at our counter: real records on both sides, a real region between them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from domain.events import ChildRegistered, Guardian, Identifier
from domain.world import World
from regional import queries
from regional.serve import EmbeddedRegion
from terminal import bootstrap
from terminal.store import requests
from terminal.ui.correction_sheets import RequestSheet
from terminal.ui.lookup_sheet import LookupSheet
from terminal.ui.page_inbox import InboxPage
from terminal.usecases.amend_dose import correct_dose
from terminal.usecases.corrections import answer_request
from terminal.usecases.exchange_view import InboxCount, inbox_count
from terminal.usecases.record_dose import transcribe_dose
from terminal.usecases.register_child import register_child
from tests.fakes.desk import TestDesk, made
from tests.fakes.homes import NURSE, PIN, QUICK, found_home
from tests.fakes.screen import Screen, click, shown_texts, type_in
from tests.fakes.window_pages import lines, turn

KEY = Qt.Key
THEIR_CLINIC, BOOKLET = "3205050101", "3205000777"
CHILD = ChildRegistered(
    "沈思远",
    "1",
    "2026-01-14",
    identifiers=(Identifier("booklet", BOOKLET),),
    guardians=(Guardian("mother", "吴敏", "13912345678"),),
)
Apply = Callable[[], int]


@pytest.fixture
def ours(region: EmbeddedRegion, tmp_path: Path) -> Iterator[bootstrap.Terminal]:
    yield from running(region, tmp_path / "ours")


@pytest.fixture
def theirs(region: EmbeddedRegion, tmp_path: Path) -> Iterator[bootstrap.Terminal]:
    yield from running(region, tmp_path / "theirs", THEIR_CLINIC)


def running(region: EmbeddedRegion, folder: Path, *clinic: str) -> Iterator[bootstrap.Terminal]:
    home = found_home(folder, region, "127.0.0.1:9", World(), *clinic)
    terminal = bootstrap.Terminal(home, bootstrap.open_desk(home), QUICK)
    terminal.start_lines()
    yield terminal
    terminal.stop()


def test_a_child_from_elsewhere_is_found_kept_and_a_wrong_dose_corrected_there(
    qtbot: QtBot,
    region: EmbeddedRegion,
    apply: Apply,
    ours: bootstrap.Terminal,
    theirs: bootstrap.Terminal,
    tmp_path: Path,
) -> None:
    child = made(register_child(theirs.desk, NURSE, CHILD)).id
    dose = made(transcribe_dose(theirs.desk, NURSE, child, "2026-01-15", "0201", 1, "产科")).id
    theirs.sync_now(30)
    apply()
    screen = Screen(qtbot, TestDesk(ours.desk, *[None] * 6), services=ours.services())  # type: ignore[arg-type]  # no one else
    screen.sign_in(NURSE.code, PIN)
    qtbot.waitUntil(ours.services().online, timeout=30_000)
    screen.scan(BOOKLET)
    screen.press(KEY.Key_F7)
    sheet = screen.counter.sheet
    assert isinstance(sheet, LookupSheet)
    screen.press(KEY.Key_Return)
    qtbot.waitUntil(lambda: sheet._found is not None, timeout=10_000)
    assert "沈思远" in shown_texts(sheet) and any(THEIR_CLINIC in text for text in shown_texts(sheet))
    screen.press(KEY.Key_F10)
    look = screen.counter.work.look
    assert look.child is not None and look.child_id == child and [one.id for one in look.child.doses] == [dose]
    with queries.connect(region.dsn) as connection:
        (row, *_) = connection.execute("SELECT actor, purpose, outcome FROM lookup WHERE child_id = %s", (child,))
    assert row == (NURSE.code, "vaccination", "found")

    screen.counter.work.doses.dose_chosen(look.child.doses[0])
    click(screen.counter.sheet, "请求更正")
    form = screen.counter.sheet
    assert isinstance(form, RequestSheet)
    form.reason.setText("接种证是另一天")
    type_in(form.given_on, "20260116")
    screen.press(KEY.Key_F10)
    (asked,) = requests.of_dose(ours.desk.store, dose)
    page = turn(screen, "inbox", InboxPage)
    assert [row[0] for row in lines(page.table)] == ["本单位请求更正"]

    meet(lambda: inbox_count(theirs.desk) == InboxCount(1, 0), apply, ours, theirs)
    made(correct_dose(theirs.desk, NURSE, dose, {"given_on": "2026-01-16"}, "抄错"))
    made(answer_request(theirs.desk, NURSE, asked.id, "done"))
    meet(lambda: requests.of_dose(ours.desk.store, dose)[0].outcome == "done", apply, ours, theirs)
    page.look()
    screen.settle()
    assert lines(page.table) == []
    screen.shell.open_child(child)
    screen.settle()
    look = screen.counter.work.look
    assert look.child is not None and [one.given_on for one in look.child.doses] == ["2026-01-16"]
    screen.window.close()


def meet(what: Callable[[], bool], apply: Apply, *terminals: bootstrap.Terminal) -> None:
    """Both upload, the region applies, both hear, until it is so."""
    end, pause = time.monotonic() + 30, threading.Event()
    while not what():
        assert time.monotonic() < end
        for one in terminals:
            one.services().upload_now()
        apply()
        pause.wait(0.05)
