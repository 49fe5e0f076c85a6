"""What the stories of the window stand on: a desk ready for work, and its window with the nurse signed in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.fakes.desk import TestDesk, make_desk
from tests.fakes.screen import Screen


@pytest.fixture
def on(tmp_path: Path) -> Iterator[TestDesk]:
    """The desk without a window."""
    on = make_desk(tmp_path)
    yield on
    on.desk.store.close()


@pytest.fixture
def screen(qtbot: QtBot, on: TestDesk) -> Screen:
    """Its window, the nurse signed in."""
    screen = Screen(qtbot, on)
    screen.sign_in()
    return screen
