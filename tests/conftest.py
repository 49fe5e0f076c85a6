"""What every test stands on: the texts as they are written now, and the region's fixtures."""

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from config.texts import FOLDER

pytest_plugins = ["tests.region_fixtures"]


def pytest_configure() -> None:
    """Compile catalogues changed since the last `make`."""
    for written in FOLDER.rglob("*.po"):
        read = written.with_suffix(".mo")
        if not read.exists() or read.stat().st_mtime < written.stat().st_mtime:
            with written.open(encoding="utf-8") as source, read.open("wb") as target:
                write_mo(target, read_po(source))
