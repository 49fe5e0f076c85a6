"""A start from an icon, where nobody sees a terminal: what is wrong is told, and the passphrase asked, in a window."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit
from pytestqt.qtbot import QtBot

from terminal import bootstrap
from terminal.commands import kiosk, line
from terminal.store import keyfile
from terminal.ui.window import MainWindow
from tests.fakes.screen import shown_texts

SETTINGS = """
language = "zh_CN"
desk = "1"
[clinic]
code = "3301060201"
name = "示例社区卫生服务中心"
"""
PASSPHRASE = "typed at every start"
RIGHT = "the recovery paper"


@pytest.fixture(autouse=True)
def an_icon(monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> Iterator[None]:
    """A display, and nothing on standard input; logging and the hook for our mistakes stay those of the tests."""
    monkeypatch.setattr("sys.excepthook", sys.excepthook)
    monkeypatch.setattr(bootstrap, "set_up_logging", lambda home: None)
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        yield


class Person:
    """Answers every dialog that comes up by typing and pressing a key; `seen` holds what each said."""

    def __init__(self, typed: str = "", key: Qt.Key = Qt.Key.Key_Return) -> None:
        self.seen: list[list[str]] = []
        self._typed, self._key = typed, key
        self._timer = QTimer(interval=5)
        self._timer.timeout.connect(self._answer)
        self._timer.start()

    def _answer(self) -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, QDialog) or not dialog.isVisible():
            return
        self.seen.append(shown_texts(dialog))
        for field in dialog.findChildren(QLineEdit):
            field.setText(self._typed)
        QTest.keyClick(dialog.focusWidget() or dialog, self._key)


def start(home: Path) -> int:
    return line.run(["--home", str(home), "--lang", "zh_CN"])


def test_a_missing_key_is_told_in_a_window(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "vaxdesk.toml").write_text(SETTINGS, encoding="utf-8")
    person = Person()
    assert start(tmp_path) == line.FAILED
    (told,) = person.seen
    assert capfd.readouterr().err.strip() in told and "知道了 Enter" in told


def test_wrong_settings_are_told_in_a_window(tmp_path: Path) -> None:
    (tmp_path / "vaxdesk.toml").write_text(SETTINGS + "[backup]\nevery_hour = 1\n", encoding="utf-8")
    person = Person()
    assert start(tmp_path) == line.FAILED
    assert any("every_hour" in text for text in person.seen[0])


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    """Records that open with a typed passphrase only."""
    (tmp_path / "vaxdesk.toml").write_text(SETTINGS, encoding="utf-8")
    home = bootstrap.find_home(tmp_path / "vaxdesk.toml")
    world = bootstrap.world_of(home)
    bootstrap.found_records(home, RIGHT, world)
    dek = bootstrap.unlock(home)
    key = keyfile.with_passphrase(keyfile.load(home.key), dek, "start", PASSPHRASE, world.random)
    keyfile.save(home.key, key)
    keyfile.forget_machine_secret(home.secret)
    return tmp_path


def test_the_start_passphrase_is_asked_in_a_window(locked: Path) -> None:
    person = Person("not it")
    assert start(locked) == line.FAILED
    asked, told = person.seen
    assert any("启动口令" in text for text in asked) and any("口令" in text for text in told)


def test_going_back_from_the_passphrase_starts_nothing(locked: Path) -> None:
    person = Person(key=Qt.Key.Key_Escape)
    assert start(locked) == line.FAILED
    assert len(person.seen) == 1


def test_another_window_running_is_told(locked: Path) -> None:
    person = Person(PASSPHRASE)
    with bootstrap.only_one(bootstrap.find_home(locked / "vaxdesk.toml")):
        assert start(locked) == line.FAILED
    assert any("已" in text and "运行" in text for text in person.seen[1])


def test_the_right_passphrase_opens_the_window(locked: Path, qtbot: QtBot) -> None:
    person = Person(PASSPHRASE)
    shown = []

    def close() -> None:
        """Once printers and upload are under way too."""
        started = all(thread.name != "lines" for thread in threading.enumerate())
        for window in QApplication.topLevelWidgets():
            if started and isinstance(window, MainWindow) and window.isVisible():
                shown.append(window.windowTitle())
                window.close()

    timer = QTimer(interval=20)
    timer.timeout.connect(close)
    timer.start()
    assert start(locked) == line.DONE
    assert len(person.seen) == 1 and shown


def test_a_program_that_feeds_standard_input_meets_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as fed, os.fdopen(writing, "w"):
        monkeypatch.setattr("sys.stdin", fed)
        assert not kiosk.from_icon()
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert kiosk.from_icon()
