"""A scanner in keyboard mode at the counter: whole scans wherever the focus is, never a dose by its Enter."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QWidget

from terminal.store import doses
from terminal.ui.search_box import SearchBox
from tests.fakes.desk import HEPB_BOX, TestDesk
from tests.fakes.screen import Screen, booklet, shown_texts, with_visit
from tests.fakes.typing_keys import Keys

SCANNER_MS, PERSON_MS = 4, 120


def scan(screen: Screen, keys: Keys, code: str) -> None:
    keys.type(code + "\r", SCANNER_MS)
    screen.qtbot.waitUntil(lambda: not screen.window.pump.waiting)
    screen.settle()


def test_a_scan_opens_the_child_and_leaves_nothing_in_the_field(screen: Screen, on: TestDesk) -> None:
    keys = Keys(screen.window.windowHandle())
    field = screen.window.findChild(SearchBox)
    assert field is not None
    field.setFocus()
    scan(screen, keys, booklet(on.boy))
    assert "王子涵" in shown_texts(screen.counter.person)
    assert field.text() == ""


def test_a_scanners_enter_records_no_dose_and_a_persons_does(screen: Screen, on: TestDesk) -> None:
    keys = Keys(screen.window.windowHandle())
    with_visit(screen, on.boy)
    for _ in range(2):
        scan(screen, keys, HEPB_BOX)
        keys.type("\r", 0, first_ms=SCANNER_MS)  # a scanner that sends two
        screen.settle()
    assert screen.tone == "ok"
    assert doses.of_child(on.desk.store, on.boy.id) == []
    keys.type("\r", 0, first_ms=900)
    screen.settle()
    assert len(doses.of_child(on.desk.store, on.boy.id)) == 1


def test_a_button_with_the_focus_is_not_pressed(screen: Screen, on: TestDesk) -> None:
    keys = Keys(screen.window.windowHandle())
    with_visit(screen, on.boy)
    buttons = [w for w in screen.counter.findChildren(QWidget) if w.focusPolicy() & Qt.FocusPolicy.TabFocus]
    shown = [w for w in buttons if w.isVisible() and w.isEnabled() and not isinstance(w, QLineEdit)]
    assert shown
    for button in shown[:4]:
        button.setFocus()
        scan(screen, keys, booklet(on.boy))
        keys.type("123\r", 80)  # too slow to be taken for a scanner
        screen.settle()
        assert screen.counter.sheet is None and screen.counter.isVisible()


def test_the_input_method_is_off_unless_a_field_for_text_has_the_focus(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    enabled = Qt.WidgetAttribute.WA_InputMethodEnabled
    parts = [w for w in screen.window.findChildren(QWidget) if w.focusPolicy() & Qt.FocusPolicy.TabFocus]
    seen = {True: 0, False: 0}
    for part in parts:
        part.setFocus()
        if part.hasFocus():
            assert part.testAttribute(enabled) == isinstance(part, QLineEdit), part
            seen[isinstance(part, QLineEdit)] += 1
    assert seen[True] and seen[False]
