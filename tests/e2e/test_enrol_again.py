"""A terminal that enrols a second time: revoked by mistake, interrupted half way, or at a region that knows nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain import events
from domain.errors import StoreError, SyncError
from domain.world import World
from regional import queries
from regional.serve import EmbeddedRegion
from sync.keys import identity
from terminal import bootstrap
from terminal.store import ledger
from terminal.store.outbox import StoreOutbox, unsent
from terminal.usecases.desk import Desk
from tests.fakes.homes import found_home
from tests.region_fixtures import CLINIC, events_per_terminal


@pytest.fixture
def home(region: EmbeddedRegion, tmp_path: Path) -> bootstrap.Home:
    return found_home(tmp_path / "home", region, "127.0.0.1:9", World())


@pytest.fixture
def desk(home: bootstrap.Home) -> Iterator[Desk]:
    desk = bootstrap.open_desk(home)
    yield desk
    desk.store.close()


def give(desk: Desk) -> str:
    def tell() -> str:
        with ledger.tell(desk.store, desk.world, "nurse") as entry:
            body = events.DoseGiven("visit", "02", 1, CLINIC)
            return entry.fact("dose.given", f"child-{entry.terminal_id}", body, "2026-11-22")

    return desk.store.run(tell)


def me(desk: Desk) -> str:
    return identity(StoreOutbox(desk.store, desk.world)).terminal_id


def test_a_revoked_terminal_comes_back_with_a_new_code(region: EmbeddedRegion, home: bootstrap.Home, desk: Desk):
    before, dose = me(desk), give(desk)
    queries.revoke(region.dsn, before, World().now())
    with pytest.raises(SyncError) as caught:
        bootstrap.sync_alone(home, desk)
    assert caught.value.code == "sync.revoked"
    after = bootstrap.enrol_terminal(home, desk, region.new_code(clinic=CLINIC))
    assert after == me(desk) != before
    bootstrap.sync_alone(home, desk)
    assert unsent(desk.store).events == 0
    assert events_per_terminal(region.dsn).get(before) is None
    assert dose in str(desk.store.sql("SELECT event_id FROM event"))


def test_an_enrolment_cut_off_keeps_the_old_place_and_the_code(
    region: EmbeddedRegion, home: bootstrap.Home, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    before, code = me(desk), region.new_code(clinic=CLINIC)

    def full(*_: object, **__: object) -> str:
        raise StoreError("store.disk_full", "later")

    with monkeypatch.context() as disk:
        disk.setattr(bootstrap.region, "open_epoch", full)
        with pytest.raises(StoreError):
            bootstrap.enrol_terminal(home, desk, code)
    give(desk)
    assert me(desk) == before
    bootstrap.sync_alone(home, desk)
    assert unsent(desk.store).events == 0
    assert bootstrap.enrol_terminal(home, desk, code) == me(desk) != before
    give(desk)
    bootstrap.sync_alone(home, desk)
    assert unsent(desk.store).events == 0


def test_a_region_that_knows_nothing_gets_everything(
    home: bootstrap.Home, desk: Desk, new_dsn: Callable[[], str], tmp_path: Path
):
    given = [give(desk)]
    bootstrap.sync_alone(home, desk)
    given.append(give(desk))
    with EmbeddedRegion(tmp_path / "other", dsn=new_dsn(), workers=1) as other:
        (home.folder / "ca.pem").write_bytes(other.ca_file.read_bytes())
        text = home.settings_path.read_text().replace(home.settings.region.url, other.url)
        home.settings_path.write_text(text)
        moved = bootstrap.find_home(home.settings_path)
        bootstrap.enrol_terminal(moved, desk, other.new_code(clinic="3101150102"))
        bootstrap.sync_alone(moved, desk)
        assert unsent(desk.store).events == 0
        assert other.wait_applied(30)
        assert queries.dose_ids(other.dsn) == sorted(given)


def test_a_certificate_in_binary_form_is_said_and_stops_no_backup(home: bootstrap.Home, desk: Desk):
    (home.folder / "ca.pem").write_bytes(b"\x30\x82\x01\xff\xfe")
    terminal = bootstrap.Terminal(home, desk)
    try:
        terminal.start_lines()
        assert terminal.outbox.last == ("sync.bad_ca", {})
        assert terminal.keeper.is_alive()
    finally:
        terminal.stop()
