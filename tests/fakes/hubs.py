"""A clinic's hub and the desks that meet there: real stores, real use cases, real lines, no people."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path

from domain.codes import TracePackage
from domain.doses import Dose
from domain.errors import SyncError
from domain.events import ChildRegistered, Guardian, Identifier
from domain.wire import signed
from domain.world import World
from regional import hub_place, queries
from regional.hub_serve import Hub
from regional.serve import EmbeddedRegion, prepare
from sync.feed import Feed
from sync.hub import HubWorker
from sync.keys import identity, region_keys
from sync.worker import Rhythm, SyncWorker
from terminal import bootstrap
from terminal.bootstrap.hub import hub_worker
from terminal.store import doses, stock
from terminal.store.hub_outbox import StoreHubOutbox
from terminal.store.inbox import StoreInbox
from terminal.store.outbox import StoreOutbox
from terminal.usecases.check_dose import check_dose
from terminal.usecases.desk import Actor, Desk
from terminal.usecases.receive_stock import receive_stock
from terminal.usecases.record_dose import record_dose
from terminal.usecases.register_child import register_child
from terminal.usecases.sign_in import first_staff
from terminal.usecases.visit import open_visit
from tests.fakes.desk import made
from tests.region_fixtures import CLINIC

HEPB, OPV = "8900002", "8900005"
_SETTINGS = """
desk = "{desk}"
[clinic]
code = "{clinic}"
name = "徐汇测试门诊"
[region]
url = "{url}"
ca_file = "ca.pem"
"""
_REGION_RHYTHM = Rhythm(debounce_s=0.1, base_s=0.1, cap_s=0.5)
_numbers = count(1)
_names = "安宁静怡子涵梓萱浩宇欣然博文雨桐思远佳怡明轩若曦俊杰诗琪"


def until(true: Callable[[], object], deadline_s: float = 20.0) -> float:
    """Wait for it, looking every 20 ms; the seconds it took."""
    begun, pause = time.monotonic(), threading.Event()
    while not true():
        assert time.monotonic() < begun + deadline_s, "not in time"
        pause.wait(0.02)
    return time.monotonic() - begun


def enrol_hub(folder: Path, dsn: str, region: EmbeddedRegion, clinic: str = CLINIC) -> signed.Registration:
    """A hub's place in the region, its folder and database ready to serve."""
    prepare(folder, dsn, ("127.0.0.1",), World())
    code = region.new_code(clinic=clinic, desk="hub", name="徐汇测试门诊", hub=True)
    with queries.connect(dsn) as connection:
        return hub_place.take(folder, connection, (region.url, region.ca_file.read_text()), code, World())


class HubDesk:
    """A desk of the clinic, enrolled at the region while that answers; `join` takes it to a hub, `start` keeps its line
    there, `start_region` one to the region."""

    def __init__(self, folder: Path, region: EmbeddedRegion, clinic: str = CLINIC) -> None:
        folder.mkdir(parents=True)
        number = next(_numbers)
        (folder / "ca.pem").write_bytes(region.ca_file.read_bytes())
        (folder / "vaxdesk.toml").write_text(_SETTINGS.format(clinic=clinic, url=region.url, desk=number))
        self.home = bootstrap.find_home(folder / "vaxdesk.toml")
        self.world = World()
        bootstrap.found_records(self.home, "correct horse battery staple", self.world)
        self.desk: Desk = bootstrap.open_desk(self.home, world=self.world)
        self.nurse = Actor(f"N{number}", "张敏", ("super",))
        assert first_staff(self.desk, self.nurse.code, self.nurse.name, self.nurse.grades, "583920").ok
        code = region.new_code(clinic=clinic, desk=str(number), name="徐汇测试门诊")
        self.terminal_id = bootstrap.enrol_terminal(self.home, self.desk, code)
        self.region = StoreOutbox(self.desk.store, self.world)
        self.alone = True
        self.hub: HubWorker | None = None
        self.up: SyncWorker | None = None
        self.hub_outbox = StoreHubOutbox(self.desk.store, self.world)

    def join(self, hub: Hub) -> str:
        """`vaxdesk hub join`; the fingerprint seen."""
        self.point_at(hub)
        return bootstrap.join_hub(self.home, self.desk)

    def point_at(self, hub: Hub) -> None:
        """Its address in the settings, no more."""
        (self.home.folder / "hub.pem").write_bytes(hub.ca_file.read_bytes())
        bootstrap.set_hub(self.home, hub.url, "hub.pem")
        self.home = bootstrap.find_home(self.home.settings_path)

    def start(self) -> None:
        """The line to the hub."""
        self.hub_outbox = StoreHubOutbox(self.desk.store, self.world)
        self.hub = hub_worker(self.home, self.desk, self.region, self.hub_outbox, lambda: self.alone)
        self.hub.start()

    def start_region(self) -> None:
        """A line of its own to the region, up only."""
        self.alone = False
        client = bootstrap.region_client(self.home, self.region, self.world)
        self.up = SyncWorker(self.region, client, identity(self.region), self.world, _REGION_RHYTHM)
        self.up.start()

    def look_up(self, child: str) -> bool:
        """Ask the region for a child of another clinic and keep it; whether it was found."""
        with closing(bootstrap.region_client(self.home, self.region, self.world)) as client:
            me, inbox = identity(self.region), StoreInbox(self.desk.store, self.world, self.desk.settings.clinic.code)
            way = Feed(inbox, client, region_keys(self.region), me, self.world)
            try:
                found = way.lookup("child", child, "vaccination", self.nurse.code)
            except SyncError:
                return False
        return bool(inbox.apply_found(found.facts, found.as_of))

    def stop(self) -> None:
        """The desk is cut off: no line is kept."""
        for line in (self.hub, self.up):
            if line:
                assert line.stop(20)
        self.hub = self.up = None

    def close(self) -> None:
        self.stop()
        self.desk.store.close()

    def reopen(self) -> None:
        """As the PC does in the morning, with whatever is in its folder."""
        self.close()
        self.desk = bootstrap.open_desk(self.home, world=self.world)
        self.region = StoreOutbox(self.desk.store, self.world)

    def child(self, born: str = "2026-03-19") -> str:
        """Registers one like no other; its id."""
        n = next(_numbers)
        name = "赵钱孙周吴郑冯陈"[n % 8] + _names[(n * 2) % 24] + _names[(n * 3 + 1) % 24]
        facts = ChildRegistered(
            name,
            "12"[n % 2],
            born,
            identifiers=(Identifier("booklet", f"44{n:08d}"),),
            guardians=(Guardian("mother", "李芳", f"1360000{n:04d}"),),
        )
        return made(register_child(self.desk, self.nurse, facts, {"child.possible_double": "已核对"})).id

    def receive(self, prefix: str = HEPB, packages: int = 2) -> tuple[str, list[str]]:
        """A lot of its own; its id and the packages."""
        n = next(_numbers)
        boxes = [f"{prefix}{n:06d}{k:07d}" for k in range(packages)]
        scanned = [TracePackage(box, prefix) for box in boxes]
        return made(receive_stock(self.desk, self.nurse, scanned, f"L{n}", "2028-03-17")).id, boxes

    def visit(self, child: str) -> str:
        return made(open_visit(self.desk, self.nurse, child, informed=True, booklet="seen")).id

    def give(self, child: str, box: str, visit: str = "") -> Dose:
        """Visit, scan, Enter."""
        visit = visit or self.visit(child)
        verdict = made(check_dose(self.desk, self.nurse, visit, TracePackage(box, box[:7])))
        reasons = {problem.code: "已核对" for problem in verdict.problems}
        return made(record_dose(self.desk, self.nurse, verdict.checked_id, reasons)).dose

    def sql(self, text: str, *params: object) -> list[tuple]:
        return self.desk.store.sql(text, *params)

    def knows(self, child: str) -> bool:
        return bool(self.sql("SELECT 1 FROM child WHERE id = ?", child))

    def doses(self, child: str) -> set[str]:
        return {dose.id for dose in self.desk.store.run(doses.of_child, self.desk.store, child)}

    def lot(self, lot_id: str) -> stock.LotRow | None:
        return self.desk.store.run(stock.lot, self.desk.store, lot_id)

    def facts(self) -> int:
        return int(self.sql("SELECT count(*) FROM event")[0][0])

    def unacknowledged(self) -> int:
        standing = self.region.standing()
        return standing.last_seq - standing.acked_seq

    def code(self) -> str:
        """What the line to the hub said last."""
        return self.hub_outbox.last[0]
