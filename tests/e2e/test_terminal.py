"""A whole terminal, wired by bootstrap, against a real region: what it does by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.codes import TracePackage
from domain.world import World
from drivers.scan import Report
from printing.spool import Spool
from terminal import bootstrap
from terminal.demo import synthetic
from terminal.demo.clinic import DemoClinic
from terminal.demo.play import SOON
from terminal.housekeeping import Housekeeping
from terminal.store import backup
from terminal.store.papers import StorePrintQueue
from terminal.usecases.check_dose import check_dose
from terminal.usecases.record_dose import record_dose
from terminal.usecases.sign_in import sign_in
from terminal.usecases.visit import close_visit, open_visit


@pytest.fixture(scope="module")
def clinic() -> Iterator[DemoClinic]:
    with DemoClinic(7, "en") as clinic:
        yield clinic


@pytest.fixture
def terminal(clinic: DemoClinic) -> bootstrap.Terminal:
    return bootstrap.Terminal(clinic.home, clinic.desk, SOON)


def give_a_dose(clinic: DemoClinic, number: int) -> str:
    """A visit with one dose; gives the receipt's number."""
    desk, nurse, lot = clinic.desk, clinic.boss, clinic.lots[1]
    visit = open_visit(desk, nurse, clinic.children[number].id, booklet="seen").value
    assert visit
    package = TracePackage(lot.packages[number], lot.product.prefix7)
    verdict = check_dose(desk, nurse, visit.id, package).value
    assert verdict
    reasons = {p.code: "已核对" for p in verdict.problems}
    assert record_dose(desk, nurse, verdict.checked_id, reasons).ok
    closed = close_visit(desk, nurse, visit.id).value
    assert closed
    return closed.receipt


def test_offline_the_stick_holds_what_the_region_does_not(clinic: DemoClinic, terminal: bootstrap.Terminal) -> None:
    stick = clinic.home.second_medium
    assert stick
    clinic.cable.pull()
    give_a_dose(clinic, 0)
    terminal.copy_unsent()
    sealed = sorted(stick.glob("*.imb"))
    assert sealed and all(path.read_bytes()[:4] == b"IMB1" for path in sealed)
    clinic.cable.plug()
    bootstrap.sync_alone(clinic.home, clinic.desk)
    terminal.copy_unsent()
    assert not list(stick.glob("*.imb")), "what the region acknowledged leaves the stick"
    held = {row[0] for row in clinic.desk.store.sql("SELECT id FROM dose")}
    assert held <= set(clinic.region_doses()), "the clinic beside told of its own"


def test_a_slip_comes_out_and_is_confirmed(clinic: DemoClinic) -> None:
    store = clinic.desk.store
    spool = Spool(clinic.home.settings.printers[0], StorePrintQueue(store), clinic.world)
    number = give_a_dose(clinic, 1)
    ((waiting,),) = store.sql("SELECT count(*) FROM print_job WHERE state = 'queued'")
    spool.start()
    try:
        assert clinic.printer.wait(waiting, 10)
    finally:
        assert spool.stop(10)
    ((state,),) = store.sql("SELECT state FROM print_job WHERE receipt = ?", number)
    assert state in ("confirmed", "sent")


def test_everybody_the_readme_names_can_sign_in(clinic: DemoClinic) -> None:
    assert all(sign_in(clinic.desk, member.code, member.pin).ok for member in synthetic.staff())


def test_the_automatic_backup_runs_once_a_day(clinic: DemoClinic, terminal: bootstrap.Terminal) -> None:
    terminal.back_up()
    terminal.back_up()
    (path,) = backup.backups(clinic.home.backups)
    assert terminal.services().backed_up_at() == backup.made_at(path)
    report = backup.verify(path, bootstrap.unlock(clinic.home))
    assert report.children == clinic.desk.store.sql("SELECT count(*) FROM child")[0][0]


def test_a_backup_somebody_asks_for_is_made_at_once(clinic: DemoClinic, terminal: bootstrap.Terminal) -> None:
    terminal.back_up()
    before = len(backup.backups(clinic.home.backups))
    terminal.services().back_up_now()
    terminal.back_up()
    terminal.back_up()
    assert len(backup.backups(clinic.home.backups)) == before + 1


def test_no_name_reaches_a_file_beside_the_records(clinic: DemoClinic, terminal: bootstrap.Terminal) -> None:
    terminal.back_up()
    names = [card.facts.name.encode() for card in clinic.children if card.facts.name]
    for path in clinic.home.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(name in data for name in names), path.name


def started(
    folder: Path, task: Callable[[], None], heard: Callable[[Report], None] = lambda _: None
) -> bootstrap.Terminal:
    """A terminal of its own with a scanner and no region, whose housekeeping is `task`."""
    (folder / "vaxdesk.toml").write_text(
        '[clinic]\ncode = "3301060201"\nname = "示例"\n[[scanners]]\nname = "counter"\nport = "/dev/null"\n'
    )
    home = bootstrap.find_home(folder / "vaxdesk.toml")
    bootstrap.found_records(home, "correct horse battery staple", World())
    terminal = bootstrap.Terminal(home, bootstrap.open_desk(home))
    terminal.on_report = heard
    terminal.keeper = Housekeeping({"slow": task}, lambda *_: None)
    terminal.start()
    return terminal


def test_the_parts_are_stopped_all_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A task that ends only when the scanners do: asked one after another it would take its whole deadline."""
    desk: bootstrap.Terminal = started(tmp_path, lambda: desk.reader._thread.join(30))
    desk.stop(20)
    assert not desk.reader._thread.is_alive() and "still busy" not in caplog.text


def test_parts_that_hang_share_one_deadline_and_the_records_are_closed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    go_on, reported = threading.Event(), threading.Event()

    def hang(_: object = None) -> None:
        reported.set()
        go_on.wait(30)

    terminal = started(tmp_path, hang, hang)
    try:
        assert reported.wait(20)
        before = time.monotonic()
        terminal.stop(2)
        assert 2 <= time.monotonic() - before < 4, "twice the deadline"
        assert {"housekeeping still busy at exit", "scanners still busy at exit"} <= set(caplog.messages)
        with pytest.raises(RuntimeError, match="after shutdown"):
            terminal.desk.store.run(int)
    finally:
        go_on.set()
