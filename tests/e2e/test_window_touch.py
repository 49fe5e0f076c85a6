"""Everything a finger is to hit is 48 pixels high at 100 %, on every page and form, in the smallest window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from config.texts import LANGUAGES, Language
from terminal.ui.amend_sheets import CORRECT, MOVE, VOID
from terminal.ui.booklet_sheet import COLUMNS, BookletSheet
from terminal.ui.page_children import ChildrenPage
from terminal.ui.page_devices import DevicesPage
from terminal.ui.page_lots import LotsPage
from terminal.ui.page_settings import SettingsPage
from terminal.ui.services import Services
from terminal.ui.tokens import TARGET_PX
from terminal.ui.window import SMALLEST
from terminal.usecases.staff_emergency import break_glass, emergency_standing, first_emergency_code
from tests.fakes.desk import ADMIN, ADMIN_PIN, HEPB_BOX, NURSE, made, make_desk
from tests.fakes.screen import Screen, booklet, with_visit


@pytest.fixture(params=LANGUAGES)
def screen(request: pytest.FixtureRequest, qtbot: QtBot, tmp_path: Path) -> Iterator[Screen]:
    """The smallest window, of one who may open everything."""
    on = make_desk(tmp_path)
    path = tmp_path / "vaxdesk.toml"
    path.write_text('[clinic]\ncode = "3301060201"\nname = "x"\n')
    language: Language = request.param
    services = Services(on.desk.store.submit, settings_path=path)
    screen = Screen(qtbot, on, language, services)
    screen.window.resize(*SMALLEST)
    yield screen
    screen.window.close()
    on.desk.store.close()


def small(screen: Screen, where: str) -> list[str]:
    """What is too low, or is not within the window's width."""
    found = []
    for kind in (QAbstractButton, QLineEdit, QComboBox):
        for part in screen.window.findChildren(kind):
            if part.isVisible() and not isinstance(part.parentWidget(), (QComboBox, QLineEdit)):
                name = part.accessibleName() or type(part).__name__
                found += [f"{where}: {name}: {part.height()} px"] if part.height() < TARGET_PX else []
                right = part.mapTo(screen.window, QPoint(part.width(), 0)).x()
                found += [f"{where}: {name} ends at {right}"] if right > screen.window.width() else []
    return found


def test_the_sign_in(screen: Screen) -> None:
    page = screen.window.sign_in
    assert page is not None
    wrong = []
    for form in (page.door, page.new_pin, page.emergency):
        page.turn_to(form)
        screen.settle()
        wrong += small(screen, "sign-in")
    assert wrong == []


def test_the_counter_and_its_forms(screen: Screen) -> None:
    desk = screen.on.desk
    made(break_glass(desk, made(first_emergency_code(desk)), "李红", "739164"))
    screen.sign_in(ADMIN, ADMIN_PIN)
    wrong = small(screen, "nobody")
    screen.scan(booklet(screen.on.boy))
    wrong += small(screen, "before the visit")
    with_visit(screen, screen.on.boy)
    screen.scan(HEPB_BOX)
    wrong += small(screen, "checked")
    work = screen.counter.work
    used = emergency_standing(desk).used[0]
    for name, show in (
        ("site", work.doses.site),
        ("defer", work.doses.defer),
        ("booklet", work.doses.elsewhere),
        ("register", work.children.register),
        ("edit", work.children.edit),
        ("pin", lambda: work.seat.ask_pin(NURSE)),
        ("date", work.seat.ask_date),
        ("unanswered", work.seat.ask_unanswered),
        ("review", lambda: work.seat.review_emergency(used)),
    ):
        show()
        screen.settle()
        assert screen.counter.sheet, name
        wrong += small(screen, name)
        screen.counter.close_sheet(answered=True)
        screen.settle()
    work.confirm()
    screen.settle()
    (dose,) = work.look.given
    for action in (CORRECT, MOVE, VOID):
        work.doses._amend(action, dose)
        wrong += small(screen, action)
    assert wrong == []


def test_every_page(screen: Screen) -> None:
    screen.sign_in(ADMIN, ADMIN_PIN)
    wrong = []
    for entry in screen.shell.entries:
        screen.shell.turn_to(entry.name)
        screen.settle()
        wrong += small(screen, entry.name)
        page: QWidget = screen.shell._pages[entry.name]
        if isinstance(page, ChildrenPage):
            page.show_record(screen.on.boy.id)
        elif isinstance(page, DevicesPage):
            page._set_up()
        elif isinstance(page, LotsPage):
            page.receive()
        elif isinstance(page, SettingsPage):
            for part in list(page.sections):
                page.turn_to(part)
                screen.settle()
                wrong += small(screen, part)
        screen.settle()
        wrong += small(screen, f"{entry.name}, its form")
    assert wrong == []


def test_the_lines_of_an_opened_list(screen: Screen) -> None:
    screen.sign_in(ADMIN, ADMIN_PIN)
    screen.counter.work.children.register()
    for name in ("residence", "ethnic", "relation"):
        pick = screen.counter.sheet._fields[name]
        pick.showPopup()
        assert pick.view().sizeHintForRow(0) >= TARGET_PX, name
        pick.hidePopup()


def test_the_booklets_grid_shows_every_dose_in_the_smallest_window(screen: Screen) -> None:
    screen.sign_in(ADMIN, ADMIN_PIN)
    screen.scan(booklet(screen.on.boy))
    screen.counter.work.doses.elsewhere()
    screen.settle()
    sheet = screen.counter.sheet
    assert isinstance(sheet, BookletSheet)
    for place in sheet.places[:COLUMNS]:
        assert not place.field.visibleRegion().isEmpty()
        assert place.field.visibleRegion().boundingRect().width() == place.field.width()
    assert screen.window.words.child(screen.on.boy.facts.name) in sheet.heading.text()
