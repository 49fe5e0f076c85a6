"""A clinic whose clock the story moves, and its window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.fakes.screen import Screen
from tests.fakes.stories import Story


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
