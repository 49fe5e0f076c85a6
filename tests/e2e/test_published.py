"""A programme and a table published at the region: a terminal that runs goes by them, and so does the next start."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from config import programmes, tables
from domain.schedule.case import Case
from domain.wire.feed import Reference
from domain.world import World
from regional.__main__ import main as region_main
from regional.serve import EmbeddedRegion
from terminal import bootstrap
from terminal.store import references
from tests.e2e.test_command_line import vaxdesk
from tests.e2e.test_way_back import Running
from tests.fakes.homes import found_home

NEW = "cn-nip-2099"


@pytest.fixture
def one(region: EmbeddedRegion, tmp_path: Path) -> Iterator[Running]:
    running = Running(found_home(tmp_path / "one", region, "127.0.0.1:9", World()), region)
    yield running
    running.terminal.stop()
    tables.use({})


def edition(day: date, folder: Path) -> Path:
    """The newest edition that ships under another name, in force from another day."""
    known = programmes.load(programmes.DIRECTORY / "cn-nip-2026")
    first = msgspec.structs.replace(known, name=NEW, edition="2099", effective_on=day, source="of the region")
    programmes.write(first, folder / NEW)
    return folder / NEW


def publish(region: EmbeddedRegion, name: str, file: Path, day: date) -> int:
    where = ["--data", str(region.folder), "--dsn", region.dsn]
    return region_main(["publish", name, str(file), "--effective", day.isoformat(), *where])


def product(folder: Path) -> Path:
    text = (tables.FOLDER / "products.csv").read_text(encoding="utf-8")
    path = folder / "products.csv"
    path.write_text(text + "8999901,09529999900015,0202,某厂,Some,1,1,0.5,IM,2,,self,,S: published\n", encoding="utf-8")
    return path


def broken(number: int, day: date) -> Reference:
    return Reference(number, NEW, f"{number:064d}", day.isoformat(), "2026-11-22T00:00:00.000Z")


def test_what_the_region_publishes_is_gone_by_while_the_terminal_runs(
    region: EmbeddedRegion, one: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk, today = one.counter.desk, World().today()
    shipped = desk.plan.programme(today).name
    assert publish(region, NEW, edition(today, tmp_path), today) == 0
    assert publish(region, "products", product(tmp_path), today) == 0
    assert publish(region, NEW, tables.FOLDER / "sexes.csv", today) == 1
    assert publish(region, "products", tables.FOLDER / "sexes.csv", today) == 1
    assert NEW in capsys.readouterr().err, "a file that terminals could not use is refused in words"
    one.until(lambda: desk.plan.programme(today).name == NEW and tables.product("8999901"))
    assert desk.plan.programme(today - timedelta(days=1)).name == shipped
    assert desk.plan.evaluate(Case("", today, "F", today)).groups
    assert not desk.approved and one.terminal.ill["published"] == ("", {})

    store = one.store
    store.run(_keep, store, broken(900, today), b"no programme")
    one.until(lambda: one.terminal.ill["published"][0] == "reference.unusable")
    assert one.terminal.ill["published"][1]["name"] == NEW
    assert desk.plan.programme(today).name == NEW, "what was in force before stays"

    home = one.counter.home
    said = vaxdesk("doctor", home=home.folder)
    assert NEW in said.out and "what was in force before stays in force" in said.out
    assert "of the region" in vaxdesk("programme", "review", NEW, home=home.folder).out, "the physician reads it"
    again = bootstrap.open_desk(home)
    try:
        assert again.plan.programme(today).name == NEW and tables.product("8999901")
    finally:
        again.store.close()


def _keep(store: references.Store, said: Reference, content: bytes) -> None:
    with store.transaction():
        references.keep(store, said, content)
