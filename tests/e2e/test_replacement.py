"""A PC dies with a morning's work, some of it unsent; another takes its desk and is filled by the region, however often
it is cut off; what never arrived is listed and entered again from the slips."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from domain.codes import Package, TracePackage
from domain.doses import Dose
from domain.events import ChildRegistered, Guardian, Identifier
from domain.wire import event
from domain.world import from_utc_text
from regional import queries
from regional.serve import EmbeddedRegion
from terminal import bootstrap
from terminal.store import doses, matters, stock
from terminal.store.inbox import StoreInbox
from terminal.usecases.check_dose import check_dose
from terminal.usecases.desk import Actor, Desk
from terminal.usecases.enter_from_slip import SlipDose, enter_from_slip
from terminal.usecases.exchange_view import missing_hours, settle_matter
from terminal.usecases.find_child import find_child, view_child
from terminal.usecases.receive_stock import receive_stock
from terminal.usecases.record_dose import record_dose
from terminal.usecases.register_child import register_child
from terminal.usecases.sign_in import sign_in
from terminal.usecases.visit import close_visit, open_visit
from tests.e2e.test_command_line import PIN, init, vaxdesk
from tests.fakes.desk import made
from tests.fakes.filling import way_of
from tests.region_fixtures import CLINIC

Apply = Callable[[], int]
CHILDREN, UNSENT, ROWS = 40, 3, 30
HEPB = "8900002"  # one dose a package
SYLLABLES = "安宁静怡子涵梓萱浩宇"
_ROOT = Path(__file__).parents[2]


@dataclass
class Given:
    """A dose of the morning and the slip the family went home with."""

    child: str
    dose: Dose
    receipt: str


@dataclass
class Morning:
    """What the old PC did, and how it stood at the end: doses sent and not, what was left of the lot."""

    home: Path
    booklets: list[str]
    sent: list[Given]
    lost: list[Given]
    heard: str  # recorded_at of the last fact sent
    left: int


@contextmanager
def opened(home: Path) -> Iterator[tuple[bootstrap.Home, Desk, Actor]]:
    here = bootstrap.find_home(home / "vaxdesk.toml")
    desk = bootstrap.open_desk(here)
    try:
        yield here, desk, made(sign_in(desk, "admin", PIN))
    finally:
        desk.store.close()


def joined(home: Path, region: EmbeddedRegion) -> Path:
    """A PC set up at desk 2 by the commands."""
    assert init(home, "--desk", "2", "--region", region.url, "--ca", str(region.ca_file)).code == 0
    said = vaxdesk("enrol", home=home, given=region.new_code(clinic=CLINIC, desk="2", name="徐汇测试门诊") + "\n")
    assert (said.code, said.err) == (0, "")
    return home


def give(desk: Desk, actor: Actor, child: str, box: str) -> Given:
    visit = made(open_visit(desk, actor, child, booklet="seen"))
    verdict = made(check_dose(desk, actor, visit.id, TracePackage(box, box[:7])))
    reasons = {problem.code: "已核对" for problem in verdict.problems}
    dose = made(record_dose(desk, actor, verdict.checked_id, reasons)).dose
    return Given(child, dose, made(close_visit(desk, actor, visit.id)).receipt)


def on_hand(desk: Desk) -> int:
    return sum(left for _, left in desk.store.run(stock.on_hand, desk.store))


@pytest.fixture(scope="module")
def morning(region: EmbeddedRegion, tmp_path_factory: pytest.TempPathFactory) -> Morning:
    home = joined(tmp_path_factory.mktemp("old") / "home", region)
    born = (date.today() - timedelta(days=240)).isoformat()
    with opened(home) as (here, desk, actor):
        boxes = [f"{HEPB}{number:013d}" for number in range(CHILDREN)]
        scanned: list[Package | TracePackage] = [TracePackage(box, HEPB) for box in boxes]
        made(receive_stock(desk, actor, scanned, "L77", (date.today() + timedelta(days=700)).isoformat()))
        booklets = [f"33000{number:05d}" for number in range(CHILDREN)]
        children = [
            made(
                register_child(
                    desk,
                    actor,
                    ChildRegistered(
                        "王" + SYLLABLES[number % 10] + SYLLABLES[number // 10],
                        "1",
                        born,
                        identifiers=(Identifier("booklet", booklet),),
                        guardians=(Guardian("mother", "李芳", f"1990000{number:04d}"),),
                    ),
                    {"child.possible_double": "不是同一人"},
                )
            ).id
            for number, booklet in enumerate(booklets)
        ]
        each = [(desk, actor, child, box) for child, box in zip(children, boxes, strict=True)]
        sent = [give(*one) for one in each[:-UNSENT]]
        bootstrap.sync_alone(here, desk)
        heard = event.decode(desk.store.sql("SELECT stored FROM event ORDER BY no DESC LIMIT 1")[0][0]).recorded_at
        lost = [give(*one) for one in each[-UNSENT:]]
        return Morning(home, booklets, sent, lost, heard, on_hand(desk))


def fill(home: Path, pages: int) -> list[str]:
    """A process that fills the PC, killed after so many pages; what it said of each page."""
    command = [sys.executable, "-m", "tests.fakes.filling", str(home), str(ROWS)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = [line.strip() for _, line in zip(range(pages), process.stdout, strict=False)]
        process.kill()
    return said


def of_children(desk: Desk, ids: list[str]) -> dict[str, set[str]]:
    return {child: {dose.id for dose in doses.of_child(desk.store, child)} for child in ids}


def test_a_new_pc_is_filled_and_what_never_arrived_is_entered_from_the_slips(
    region: EmbeddedRegion, apply: Apply, morning: Morning, tmp_path: Path
) -> None:
    apply()
    home = joined(tmp_path / "home", region)
    children = [given.child for given in (*morning.sent, *morning.lost)]
    cut = _cut_off_again_and_again(home, morning)
    assert cut >= 3
    with opened(home) as (here, desk, actor):
        assert way_of(here, desk).check() == []
        expected = {given.child: {given.dose.id} for given in morning.sent}
        assert of_children(desk, children) == expected | {given.child: set() for given in morning.lost}
        assert on_hand(desk) == morning.left + UNSENT
        _enter_again(desk, actor, morning)
        assert on_hand(desk) == morning.left
        bootstrap.sync_alone(here, desk)
    apply()
    assert queries.doubled(region.dsn) == queries.quarantined(region.dsn) == 0
    assert len(queries.dose_ids(region.dsn)) == CHILDREN
    _the_old_disk_is_found(region, apply, morning, home)


def _cut_off_again_and_again(home: Path, morning: Morning) -> int:
    """How often. People may be opened as soon as they are there; nothing is read twice from the beginning."""
    seen: list[str] = []
    for cut in range(20):
        said = fill(home, 3)
        seen += said
        with opened(home) as (_, desk, actor):
            assert StoreInbox(desk.store, desk.world, desk.clinic).feed_standing().started_over == ()
            if seen and not any(line.startswith("people") for line in said):
                (child,) = made(find_child(desk, actor, morning.booklets[0]))
                assert made(view_child(desk, actor, child)).card.facts.name == "王安安"
        if said and said[-1].endswith(" 0"):
            return cut
    raise AssertionError(seen)


def _enter_again(desk: Desk, actor: Actor, morning: Morning) -> None:
    (hours,) = missing_hours(desk)
    since = from_utc_text(morning.heard).astimezone(desk.world.zone).strftime("%Y-%m-%dT%H:%M")
    assert (hours.desk_name, hours.since, hours.last_receipt) == ("2", since, morning.sent[-1].receipt)
    for given in morning.lost:
        assert given.receipt > hours.last_receipt
        facts = given.dose.facts
        slip = SlipDose(given.receipt, facts["stated"], given.dose.vaccine, given.dose.dose_no, facts["lot_no"])
        made(enter_from_slip(desk, actor, given.child, slip))
        assert not enter_from_slip(desk, actor, given.child, slip).ok
    made(settle_matter(desk, actor, hours.key, "小票都补录了"))
    assert missing_hours(desk) == []


def _the_old_disk_is_found(region: EmbeddedRegion, apply: Apply, morning: Morning, home: Path) -> None:
    """What it still held arrives: nothing is thrown away, and a person is asked about each pair."""
    with opened(morning.home) as (here, desk, _):
        bootstrap.sync_alone(here, desk)
    apply()
    with opened(home) as (here, desk, _):
        way_of(here, desk).pull()
        found = matters.open_matters(desk.store, "review.possible_double")
        pairs = [{one.params["one"], one.params["other"]} for one in found]
        assert [given.dose.id in pair for given, pair in zip(morning.lost, pairs, strict=True)] == [True] * UNSENT
        (hours,) = missing_hours(desk)
        assert hours.last_receipt == morning.lost[-1].receipt
