from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.stories import Story


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Story]:
    """Every story must leave both chains whole."""
    story = Story(tmp_path)
    yield story
    story.whole()
    story.desk.store.close()
