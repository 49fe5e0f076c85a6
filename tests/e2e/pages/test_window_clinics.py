"""Other clinics appear by name wherever people see them, by their code where the region names none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from domain.wire.feed import Reference
from terminal.store import references
from terminal.store.children import card
from terminal.ui.amend_sheets import DoseSheet
from terminal.ui.correction_sheets import AnswerSheet, RequestSheet
from terminal.ui.history import SHOWN
from terminal.ui.identity_sheets import MoveHomeSheet
from terminal.ui.lookup_sheet import LookupSheet
from terminal.ui.page_inbox import InboxPage
from terminal.ui.record_sheet import RecordSheet
from tests.e2e.pages.test_window_exchange import ASKED, asked, given, record, theirs, window
from tests.fakes.elsewhere import BOOKLET, CHILD, Elsewhere
from tests.fakes.screen import Screen, click, shown_texts
from tests.fakes.stories import ELSEWHERE, Story
from tests.fakes.window_pages import keyed, lines, turn

KEY = Qt.Key
NAME, OTHER = "花桥卫生院", "3301990102"


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Story]:
    clinic = Story(tmp_path)
    yield clinic
    clinic.desk.store.close()


def named(clinic: Story) -> None:
    """The region's list, as the feed brings it."""

    def run() -> None:
        with clinic.desk.store.transaction():
            said = Reference(7, "clinics", "7", "2026-11-01", "2026-11-01T00:00:00.000Z")
            names = {ELSEWHERE: NAME, OTHER: "石湾卫生院", clinic.desk.clinic: "本单位"}
            references.keep(clinic.desk.store, said, msgspec.json.encode({"clinics": names}))

    clinic.desk.store.run(run)


def elsewhere(screen: Screen, region: Elsewhere) -> LookupSheet:
    """The form with who was found."""
    region.answers[BOOKLET] = region.stranger()
    screen.scan(BOOKLET)
    screen.press(KEY.Key_F7)
    screen.press(KEY.Key_1)
    sheet = screen.counter.sheet
    assert isinstance(sheet, LookupSheet)
    screen.qtbot.waitUntil(lambda: sheet._found is not None, timeout=10_000)
    screen.settle()
    return sheet


@pytest.mark.parametrize("known", [True, False])
def test_who_was_found_and_whose_child_it_is(qtbot: QtBot, clinic: Story, known: bool):
    if known:
        named(clinic)
    region = Elsewhere()
    screen = window(qtbot, clinic, look_up=region.look_up, online=lambda: True)
    shown, want = shown_texts(elsewhere(screen, region)), NAME if known else ELSEWHERE
    assert f"接种单位：{want}" in shown or any(text.endswith(want) for text in shown)
    screen.press(KEY.Key_Return)
    assert screen.counter.work.look.child_id == CHILD
    assert screen.counter.person._known.text().endswith(want)
    cells = screen.counter.history
    shown = [cells.item(row, 1).data(SHOWN) for row in range(cells.rowCount()) if cells.item(row, 1)]
    assert any(cell.lines[0].words == "○ 2026-01-15" for cell in shown), "given elsewhere"


def test_what_another_clinic_asks_and_is_asked(qtbot: QtBot, clinic: Story):
    named(clinic)
    dose = given(clinic)
    asked(clinic, ASKED, dose, ELSEWHERE, "2026-12-01")
    screen = window(qtbot, clinic)
    page = turn(screen, "inbox", InboxPage)
    assert len(lines(page.table)) == 1 and page.told.text().startswith(NAME)
    keyed(screen, page.table, KEY.Key_F7)
    assert isinstance(page.sheet, AnswerSheet) and NAME in shown_texts(page.sheet)


def test_a_dose_says_whose_it_is(qtbot: QtBot, clinic: Story):
    named(clinic)
    dose = theirs(clinic, clinic.made.girl.id)
    screen = window(qtbot, clinic)
    screen.counter.work.doses.dose_chosen(dose)
    screen.settle()
    assert isinstance(screen.counter.sheet, DoseSheet)
    click(screen.counter.sheet, screen.window.words("ui.dose.request"))
    assert isinstance(screen.counter.sheet, RequestSheet)
    assert any(NAME in text for text in shown_texts(screen.counter.sheet))


def test_the_clinic_a_child_goes_to_is_chosen_by_name_or_typed(qtbot: QtBot, clinic: Story):
    named(clinic)
    boy, screen = clinic.made.boy.id, window(qtbot, clinic)
    page, sheet = record(screen, boy)
    keyed(screen, sheet, KEY.Key_F4)
    form = page.sheet
    assert isinstance(form, MoveHomeSheet) and form.clinic.text() == ""
    offered = [form.clinic.itemText(at) for at in range(form.clinic.count())]
    assert offered == [f"{NAME}  {ELSEWHERE}", f"石湾卫生院  {OTHER}"], "all but this one"
    form.clinic.setEditText("3301990999")
    assert form.clinic.text() == "3301990999"
    form.clinic.setCurrentIndex(1)
    keyed(screen, form, KEY.Key_F10)
    found = card(clinic.desk.store, boy)
    assert found is not None and found.facts.clinic == OTHER
    assert isinstance(page.sheet, RecordSheet) and "石湾卫生院" in page.sheet.person._known.text()
