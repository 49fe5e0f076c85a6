"""What every test stands on: the texts as they are written now, and the region's fixtures."""

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from config.texts import FOLDER
from regional import postgres

pytest_plugins = ["tests.region_fixtures"]


def pytest_configure(config: pytest.Config) -> None:
    """Before the tests are dealt out to processes: compile catalogues changed since the last `make`, and make what
    every PostgreSQL needs."""
    if hasattr(config, "workerinput"):
        return
    postgres.make_ready()
    for written in FOLDER.rglob("*.po"):
        read = written.with_suffix(".mo")
        if not read.exists() or read.stat().st_mtime < written.stat().st_mtime:
            with written.open(encoding="utf-8") as source, read.open("wb") as target:
                write_mo(target, read_po(source))
