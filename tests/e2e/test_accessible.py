"""Every page and form can be used without a mouse and by ear: names, focus in reading order, keys that are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from config import texts
from config.texts import Language
from domain.codes import PersonCode
from domain.doses import Dose
from terminal.store.links import Link
from terminal.store.requests import Request
from terminal.ui.amend_sheets import CORRECT, MOVE, REQUEST, VOID
from terminal.ui.correction_sheets import AnswerSheet
from terminal.ui.dose_sheets import LotSheet
from terminal.ui.identity_sheets import LinksSheet, MergeSheet, MoveHomeSheet
from terminal.ui.lookup_sheet import LookupSheet
from terminal.ui.parts import Button
from terminal.ui.sheet import Sheet
from terminal.ui.slip_sheet import SlipSheet
from terminal.ui.start_sheets import EmergencyCodeSheet, WhichChildSheet
from terminal.ui.stock_sheet import RecipientsSheet
from terminal.ui.trips import Pair
from terminal.usecases.exchange_view import RequestLine
from terminal.usecases.lot_recipients import RecipientLine, Recipients
from terminal.usecases.staff_emergency import break_glass, emergency_standing, first_emergency_code
from tests.fakes.desk import ADMIN, ADMIN_PIN, HEPB_BOX, NURSE, TestDesk, made, make_desk
from tests.fakes.screen import Screen, with_visit

CONTROLS = (QAbstractButton, QLineEdit, QComboBox, QAbstractItemView, QAbstractSpinBox, QPlainTextEdit)
ROW_PX = 40  # what begins within so many pixels stands in one row


def controls(within: QWidget) -> Iterator[QWidget]:
    """What can be used and is seen, but for the insides of other controls."""
    for kind in CONTROLS:
        for part in within.findChildren(kind):
            inside = any(isinstance(up, CONTROLS) for up in ancestors(part))
            if part.isVisible() and part.isEnabled() and not inside and not isinstance(part, QScrollBar):
                yield part


def ancestors(part: QWidget) -> Iterator[QWidget]:
    while part := part.parentWidget():
        yield part


def nameless(within: QWidget) -> list[str]:
    """Controls a screen reader has no word for."""
    return [f"{type(part).__name__} at {part.pos().toTuple()}" for part in controls(within) if not name_of(part)]


def name_of(part: QWidget) -> str:
    return part.accessibleName() or (part.text() if isinstance(part, QAbstractButton) else "")


def out_of_reach(within: QWidget) -> list[str]:
    """Controls that Tab never comes to. A digit of the pad is one: its keys are the keyboard's own."""
    reach = Qt.FocusPolicy.TabFocus
    return [
        name_of(part)
        for part in controls(within)
        if not part.focusPolicy() & reach and part.property("kind") != "pad" and not in_group(part)
    ]


def in_group(part: QWidget) -> bool:
    """One of a row of choices: the arrows go on from the one that Tab comes to."""
    return isinstance(part, QAbstractButton) and part.group() is not None


def tab_stops(within: QWidget) -> list[QWidget]:
    """What Tab goes over, in its order, beginning with the first."""
    stops, part = [], within.nextInFocusChain()
    while part is not within:
        usable = within.isAncestorOf(part) and part.isVisible() and part.isEnabled()
        if usable and part.focusPolicy() & Qt.FocusPolicy.TabFocus and isinstance(part, CONTROLS):
            stops.append(part)
        part = part.nextInFocusChain()
    return stops


def jumps(within: QWidget) -> list[str]:
    """Where Tab goes back: the eye and the focus go down, and over to the next column at the right."""
    places = [(part, place(part, within)) for part in tab_stops(within)]
    return [
        f"{name_of(before)} -> {name_of(after)}"
        for (before, here), (after, there) in pairwise(places)
        if there.y() < here.y() - ROW_PX and there.x() <= here.x()
    ]


def place(part: QWidget, within: QWidget) -> QPoint:
    """The left of its middle; what is scrolled out of sight stands at the end of what scrolls."""
    at = part.mapTo(within, QPoint(0, part.height() // 2))
    for up in ancestors(part):
        if isinstance(up, QScrollArea) and within.isAncestorOf(up):
            at.setY(min(at.y(), up.mapTo(within, QPoint(0, up.height())).y()))
    return at


def keyless(within: QWidget) -> list[str]:
    """Buttons that name a key to a screen reader and do not show it, or show one and do not name it."""
    wrong = []
    for button in within.findChildren(Button):
        shown = [label.text() for label in button.findChildren(QLabel) if label.property("kind") == "key"]
        if any(key not in button.accessibleName() for key in shown):
            wrong.append(button.accessibleName())
    return wrong


def look(screen: Screen, where: str, form: QWidget) -> list[str]:
    """Everything that is wrong on the window as it is."""
    window = screen.window
    found = {"no name": nameless(window), "no tab": out_of_reach(window), "no key": keyless(window)}
    found["jumps"] = jumps(form)
    return [f"{where}: {what}: {part}" for what, parts in found.items() for part in parts]


@pytest.fixture(params=texts.LANGUAGES)
def admin(request: pytest.FixtureRequest, qtbot: QtBot, tmp_path: Path) -> Iterator[Screen]:
    """The window of one who may open every page, with a child, a visit and a package in hand."""
    on = make_desk(tmp_path)
    language: Language = request.param
    screen = Screen(qtbot, on, language)
    screen.sign_in(ADMIN, ADMIN_PIN)
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    yield screen
    screen.window.close()
    on.desk.store.close()


def test_every_page_can_be_used_by_keys_and_by_ear(admin: Screen) -> None:
    wrong = look(admin, "counter", admin.counter)
    for entry in admin.shell.entries:
        admin.shell.turn_to(entry.name)
        admin.settle()
        shown = admin.counter.sheet or admin.shell._pages[admin.shell.current]
        wrong += look(admin, entry.name, shown)
        admin.counter.close_sheet()
    assert wrong == []


def test_every_line_of_the_rail_says_its_key(admin: Screen) -> None:
    tips = [button.toolTip() for button in admin.shell.rail.findChildren(QAbstractButton)]
    assert all("Ctrl+" in tip for tip in tips) and len(set(tips)) == len(tips)


def forms(screen: Screen) -> Iterator[tuple[str, Callable[[], None]]]:
    """What opens each form of the counter."""
    work = screen.counter.work
    yield from (
        ("site", work.doses.site),
        ("defer", work.doses.defer),
        ("elsewhere", work.doses.elsewhere),
        ("register", work.children.register),
        ("edit", work.children.edit),
        ("pin", lambda: work.seat.ask_pin(NURSE)),
        ("date", work.seat.ask_date),
        ("unanswered", lambda: work.seat.ask_unanswered()),
        ("review", lambda: work.seat.review_emergency(emergency_standing(screen.on.desk).used[0])),
    )


def look_at_forms(screen: Screen, every: Iterable[tuple[str, Callable[[], None]]]) -> list[str]:
    wrong = []
    for name, show in every:
        show()
        screen.settle()
        sheet = screen.counter.sheet
        assert isinstance(sheet, Sheet), name
        assert sheet.accessibleName(), name
        wrong += look(screen, name, sheet)
        first = screen.window.focusWidget()
        assert first is not None and (first is sheet or sheet.isAncestorOf(first)), f"{name}: the focus is elsewhere"
        screen.counter.close_sheet(answered=True)
        screen.settle()
    return wrong


def test_every_form_can_be_used_by_keys_and_by_ear(admin: Screen) -> None:
    desk = admin.on.desk
    made(break_glass(desk, made(first_emergency_code(desk)), "李红", "739164"))
    assert look_at_forms(admin, forms(admin)) == []


def exchange_forms(admin: Screen, dose: Dose) -> Iterator[Sheet]:
    """Records from elsewhere, corrections, moves and merges."""
    words, desk, boy, close = admin.counter.work.words, admin.on.desk, admin.on.boy, admin.counter.close_sheet
    asked = Request("r", dose.id, boy.id, "3301990101", "2026-11-20", "?", "2026-12-01", {"dose_no": 2}, "", "", "")
    line = RequestLine(asked, boy.id, boy.facts.name, dose, False, 3)
    yield LookupSheet(words, desk, None, nothing, nothing, nothing, close)
    yield LookupSheet(words, desk, PersonCode("booklet", "3205000777"), nothing, nothing, nothing, close)
    yield AnswerSheet(words, line, nothing, close)
    yield MoveHomeSheet(words, boy, desk.clinic, nothing, close)
    yield MergeSheet(words, boy, nothing, nothing, nothing, nothing, close)
    merge = MergeSheet(words, boy, nothing, nothing, nothing, nothing, close)
    merge.show_pair(Pair((boy, admin.on.girl), ((dose,), ()), ("name",)))
    yield merge
    yield LinksSheet(words, [(Link("l", boy.id, "x", "2026-11-20", "?", "N200"), "王")], nothing, close)
    yield SlipSheet(words, "2026-11-22", nothing, nothing, nothing, close)
    given = RecipientLine(boy.id, boy.facts.name, "1", boy.facts.birth_on, "", (dose,))
    yield RecipientsSheet(words, Recipients(admin.on.hepb, (given,)), nothing, close)


def nothing(*_: object) -> None:
    pass


def test_the_forms_of_a_recorded_dose_can_be_used_by_keys_and_by_ear(admin: Screen) -> None:
    admin.press(Qt.Key.Key_Return)
    work, close = admin.counter.work, admin.counter.close_sheet
    assert work.look.child
    (dose,) = work.look.child.doses
    words = work.words
    every: list[tuple[str, Callable[[], None]]] = [("dose", lambda: work.doses.dose_chosen(dose))]
    every += [(action, partial(work.doses._amend, action, dose)) for action in (CORRECT, MOVE, REQUEST, VOID)]
    lots, cards = [(admin.on.hepb, 2)], [admin.on.boy, admin.on.girl]
    made_here = (
        LotSheet(words, [lot for lot, _ in lots], lambda _: None, close),
        WhichChildSheet(words, cards, [], lambda _: None, close),
        EmergencyCodeSheet(words, "ABCDE-12345-ABCDE-12345", close),
        *exchange_forms(admin, dose),
    )
    every += [(type(sheet).__name__, partial(admin.counter.open_sheet, sheet)) for sheet in made_here]
    assert look_at_forms(admin, every) == []


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_the_sign_in_can_be_used_by_keys_and_by_ear(qtbot: QtBot, on: TestDesk, language: Language) -> None:
    screen = Screen(qtbot, on, language)
    page = screen.window.sign_in
    assert page is not None
    wrong = []
    for name, form in (("door", page.door), ("new pin", page.new_pin), ("emergency", page.emergency)):
        page.turn_to(form)
        wrong += look(screen, name, page)
        assert screen.window.focusWidget() in form.fields
    assert wrong == []
