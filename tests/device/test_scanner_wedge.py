"""A scanner in keyboard mode in the window, and a person at the same keys: real Qt events with their times."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from config.settings import Scanner
from drivers.scan import Report, ScanEvent, ScanLost
from terminal.ui.wedge import GUARD_S, Wedge, half_width
from tests.fakes.typing_keys import Keys, compose

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
SCAN = "]d20106912345678905\x1d17270131 10A1b2"
FAST, SLOW_SCANNER, FAST_TYPIST, TYPIST = 3, 40, 60, 120  # ms between keys


class Desk:
    """A window with a text field and a button, and a wedge that watches it."""

    def __init__(self, qtbot: QtBot, **settings: object) -> None:
        self.qtbot = qtbot
        self.page = QWidget()
        self.field, self.button = QLineEdit(), QPushButton("OK")
        self.entered, self.pressed = 0, 0
        self.button.setAutoDefault(True)
        self.field.returnPressed.connect(self._enter)
        self.button.clicked.connect(self._press)
        layout = QVBoxLayout(self.page)
        layout.addWidget(self.field)
        layout.addWidget(self.button)
        self.page.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        qtbot.addWidget(self.page)
        self.page.show()
        qtbot.waitExposed(self.page)
        self.page.activateWindow()
        self.reports: list[Report] = []
        scanner = Scanner(**{"name": "gun", "kind": "wedge"} | settings)
        self.wedge = Wedge(scanner, self.reports.append, self.page.windowHandle())
        self.keys = Keys(self.page.windowHandle())

    def focus(self, widget: QWidget) -> None:
        widget.setFocus()
        self.qtbot.waitUntil(widget.hasFocus)

    def _enter(self) -> None:
        self.entered += 1

    def _press(self) -> None:
        self.pressed += 1

    @property
    def scans(self) -> list[ScanEvent]:
        return [report for report in self.reports if isinstance(report, ScanEvent)]

    def wait_text(self, text: str) -> None:
        self.qtbot.waitUntil(lambda: self.field.text() == text)

    def wait_reports(self, count: int) -> None:
        self.qtbot.waitUntil(lambda: len(self.reports) >= count)


@pytest.fixture
def desk(qtbot: QtBot) -> Callable[..., Desk]:
    return lambda **settings: Desk(qtbot, **settings)


@pytest.mark.parametrize("where", ["field", "button", "page"])
@pytest.mark.parametrize("gap_ms", [FAST, SLOW_SCANNER])
def test_a_scan_is_one_wherever_the_focus_is_and_leaves_nothing(
    desk: Callable[..., Desk], where: str, gap_ms: int
) -> None:
    on = desk()
    on.focus(getattr(on, where))
    on.keys.type(SCAN + "\r", gap_ms)
    [scan] = on.scans
    assert (scan.payload, scan.symbology, scan.code) == (SCAN.removeprefix("]d2"), "]d2", "")
    on.keys.type("690" + "1234567892\r", gap_ms)
    assert [scan.payload for scan in on.scans][1:] == ["6901234567892"]
    assert (on.field.text(), on.entered, on.pressed) == ("", 0, 0)


@pytest.mark.parametrize("gap_ms", [FAST_TYPIST, TYPIST])
def test_a_person_types_and_every_letter_and_enter_arrives(desk: Callable[..., Desk], gap_ms: int) -> None:
    on = desk()
    on.focus(on.field)
    on.keys.type("LOT 2026 a\r", gap_ms)
    on.wait_text("LOT 2026 a")
    assert (on.entered, on.reports) == (1, [])


def test_fingers_that_roll_over_a_word_are_still_a_person(desk: Callable[..., Desk]) -> None:
    """Six letters 30 ms apart, then the Enter of a person."""
    on = desk()
    on.focus(on.field)
    on.keys.type("nation", 30)
    on.wait_text("nation")
    on.keys.type("\r", 0, first_ms=150)
    assert (on.entered, on.reports) == (1, [])


def test_a_key_held_down_is_a_person(desk: Callable[..., Desk]) -> None:
    on = desk()
    on.focus(on.field)
    on.keys.hold_down("1", 12)
    on.keys.type("\r", 0, first_ms=30)
    assert (on.field.text(), on.entered, on.reports) == ("1" * 13, 1, [])


def test_what_was_typed_before_a_scan_stays(desk: Callable[..., Desk]) -> None:
    on = desk()
    on.focus(on.field)
    on.keys.type("ab", TYPIST)
    on.keys.type("6901234567892\r", FAST, first_ms=TYPIST)
    on.wait_text("ab")
    assert ([scan.payload for scan in on.scans], on.entered) == (["6901234567892"], 0)


def test_keys_that_queued_up_while_the_window_was_busy_keep_their_times(desk: Callable[..., Desk]) -> None:
    """They all arrive at once: a person's are not a scan for that, and a scan is one."""
    on = desk()
    on.focus(on.field)
    on.keys.type("1234567\r", TYPIST)
    on.keys.type("6901234567892\r", FAST)
    assert (on.field.text(), on.entered, [scan.payload for scan in on.scans]) == ("1234567", 1, ["6901234567892"])


def test_no_terminator_ends_by_silence_and_asks_for_another_look(desk: Callable[..., Desk]) -> None:
    on = desk()
    on.focus(on.button)
    on.keys.type("6901234567892", FAST)
    on.wait_reports(1)
    assert (on.scans[0].payload, on.scans[0].code) == ("6901234567892", "scan.unterminated")
    on.keys.type("\r", 0, first_ms=200)  # the Enter comes late
    assert on.pressed == 0
    on.keys.type("\r", 0)
    assert on.pressed == 1


def test_a_scanner_set_to_no_terminator_ends_by_silence(desk: Callable[..., Desk]) -> None:
    on = desk(terminator="")
    on.keys.type("6901234567892", FAST)
    on.wait_reports(1)
    assert (on.scans[0].payload, on.scans[0].code) == ("6901234567892", "")


def test_tab_as_terminator_moves_no_focus(desk: Callable[..., Desk]) -> None:
    on = desk(terminator="\t")
    on.focus(on.field)
    on.keys.type("6901234567892\t", FAST)
    assert ([scan.payload for scan in on.scans], on.field.hasFocus(), on.field.text()) == (["6901234567892"], True, "")


def test_two_enters_after_a_scan_press_nothing(desk: Callable[..., Desk]) -> None:
    on = desk()
    on.focus(on.button)
    on.keys.type("6901234567892\r\r", FAST)
    assert (len(on.scans), on.pressed) == (1, 0)


@pytest.mark.parametrize("end", ["\r", " \r"])
def test_a_scanner_too_slow_to_be_one_presses_no_button(desk: Callable[..., Desk], end: str) -> None:
    on = desk()
    on.focus(on.button)
    on.keys.type("6901234567892" + end, 80)
    assert (on.scans, on.pressed) == ([], 0)
    on.keys.type("\r", 0, first_ms=int(GUARD_S * 1000) + 1)
    assert on.pressed == 1


def test_a_person_presses_a_button_with_space_and_enter(desk: Callable[..., Desk]) -> None:
    on = desk()
    on.focus(on.button)
    on.keys.type(" ", 0)
    on.qtbot.waitUntil(lambda: on.pressed == 1)
    on.keys.type("\r", 0)
    assert (on.pressed, on.reports) == (2, [])


def test_the_separator_by_a_function_key(desk: Callable[..., Desk]) -> None:
    on = desk(gs_key="F8")
    on.keys.type("10LOT", FAST)
    on.keys.press(Qt.Key.Key_F8, FAST)
    on.keys.type("21SERIAL\r", FAST, first_ms=FAST)
    assert on.scans[0].payload == "10LOT\x1d21SERIAL"


def test_a_code_read_twice_counts_once_unless_a_key_came_between(desk: Callable[..., Desk]) -> None:
    on = desk(repeat_ms=10_000)
    on.keys.type("6901234567892\r", FAST)
    on.keys.type("6901234567892\r", FAST)
    on.keys.press(Qt.Key.Key_F2)
    on.keys.type("6901234567892\r", FAST)
    assert len(on.scans) == 2


def test_the_input_method_lets_wide_digits_through_and_they_are_a_scan(desk: Callable[..., Desk]) -> None:
    on = desk()
    on.focus(on.field)
    for digit in "６９０１２３４５６７８９２":
        compose(on.field, commit=digit)
    on.keys.clock_ms += FAST
    on.keys.type("\r", 0, first_ms=FAST)
    assert ([scan.payload for scan in on.scans], on.field.text(), on.entered) == (["6901234567892"], "", 0)


def test_a_scan_into_a_word_being_composed_is_lost_in_words_and_leaves_nothing(desk: Callable[..., Desk]) -> None:
    on = desk()
    on.focus(on.field)
    for letters in ("l", "lo", "lot", "lota", "lotab"):
        compose(on.field, preedit=letters)
    compose(on.field, commit="咯他")
    on.keys.type("17270131\r", FAST)
    on.wait_reports(1)
    [lost] = on.reports
    assert isinstance(lost, ScanLost)
    assert (lost.code, on.field.text(), on.entered) == ("scan.composing", "", 0)


def test_chinese_typed_by_a_person_arrives(desk: Callable[..., Desk]) -> None:
    on = desk()
    on.focus(on.field)
    for letters in ("l", "li"):
        compose(on.field, preedit=letters)
        on.qtbot.waitUntil(lambda: not on.wedge.holding)  # a person types on when the letter is there
    compose(on.field, commit="李")
    on.wait_text("李")
    assert on.reports == []


def test_fields_alone_take_an_input_method(desk: Callable[..., Desk]) -> None:
    on = desk()
    enabled = Qt.WidgetAttribute.WA_InputMethodEnabled
    assert [w.testAttribute(enabled) for w in (on.field, on.button, on.page)] == [True, False, False]


def test_wide_signs_become_what_a_code_holds() -> None:
    assert half_width("（０１）ＡＢｃ　［中文］") == "(01)ABc [中文]"
