"""A synthetic clinic on this PC: region, cable, simulated scanner and printer, people, stock received by scanning."""

from __future__ import annotations

import queue
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import TracebackType

import msgspec

from config import tables
from config.texts import Language, say
from domain.codes import Package, TracePackage, classify
from domain.events import ChildRegistered, Identifier
from domain.world import CHINA, World
from drivers.reader import ScannerReader
from drivers.scan import DeviceState, Report, ScanEvent, StateChange
from drivers.simulator import ScannerSimulator
from printing.simulator import SimulatedPrinter
from terminal import bootstrap
from terminal.demo import neighbour, synthetic
from terminal.demo.cable import Cable
from terminal.demo.neighbour import Neighbour
from terminal.demo.scene import Where, done
from terminal.store.children import Card
from terminal.usecases.receive_stock import receive_stock
from terminal.usecases.record_dose import transcribe_dose
from terminal.usecases.register_child import register_child
from terminal.usecases.scan_routing import scan_rules
from terminal.usecases.sign_in import first_staff, put_staff, sign_in

CODE, NAME = "1100990101", "铁心桥社区卫生服务中心"
SCANNER = "counter"
ELSEWHERE = "外省某卫生院"
CHILDREN = 90
_SETTINGS = """
language = "{language}"
[clinic]
code = "{code}"
name = "{name}"
[[scanners]]
name = "counter"
port = "{port}"
gs_proven = true
[[printers]]
name = "slip"
kind = "tcp"
address = "{printer}"
[region]
url = "{region}"
ca_file = "region-ca.pem"
[backup]
second_medium = "stick"
"""


@dataclass
class DemoClock:
    """Real time plus what the script added to it."""

    shift: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift


class DemoClinic:
    """Everything the demonstration needs, set up on entering and gone on leaving."""

    def __init__(self, seed: int, language: Language, elsewhere: Where | None = None) -> None:
        self.rng = Random(seed)
        self.language: Language = language
        self.clock = DemoClock()
        self.world = World(now=self.clock.now, zone=CHINA)
        self.dsn = ""  # of the embedded region's database
        self.neighbour: Neighbour | None = None  # another clinic, where the region is ours to set up
        self._elsewhere = elsewhere
        self._stack = ExitStack()

    def __enter__(self) -> DemoClinic:
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vaxdesk-demo-")))
            where = self._elsewhere or self._start_region(stack)
            self.cable = stack.enter_context(Cable(where.url))
            self.scanner = stack.enter_context(ScannerSimulator(self.folder / "scanner"))
            self.printer = stack.enter_context(SimulatedPrinter())
            self.home = self._write_settings(where)
            bootstrap.found_records(self.home, self.rng.randbytes(16).hex(), self.world)
            self.desk = bootstrap.open_desk(self.home, world=self.world)
            stack.callback(self.desk.store.close)
            self.staff = self._hire()
            bootstrap.enrol_terminal(self.home, self.desk, where.code)
            self.children = self._register()
            self.lots = list(self._receive())
            if self.dsn:
                self._meet_neighbour(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def _start_region(self, stack: ExitStack) -> Where:
        from regional.serve import EmbeddedRegion  # noqa: PLC0415 (the terminal's bundle has no region)

        region = stack.enter_context(EmbeddedRegion(self.folder / "region", temporary=True, quiet=True))
        self.dsn = region.dsn
        self.region = region
        return Where(region.url, region.ca_file, region.new_code(clinic=CODE, name=NAME))

    def _meet_neighbour(self, stack: ExitStack) -> None:
        """What is to be seen of the region: children who may come from another clinic, its question, a notice."""
        from regional import queries, reference  # noqa: PLC0415 (the bundle has no region)
        from regional.keys import KeyRing  # noqa: PLC0415 (as above)

        region, world = self.region, self.world
        where = Where(region.url, region.ca_file, region.new_code(clinic=neighbour.CODE, name=neighbour.NAME))
        rng = Random(self.rng.random())
        self.neighbour = Neighbour(self.folder / "neighbour", where, world, rng)
        stack.callback(self.neighbour.close)
        bootstrap.sync_alone(self.home, self.desk)
        region.wait_applied(60)
        self.neighbour.ask_about(self.children[-1], say(self.language, "demo.asks"))
        with queries.connect(self.dsn) as connection:
            notice, keys = say(self.language, "demo.notice").encode(), KeyRing(region.folder / "keys", world.now())
            reference.publish(connection, keys, "notices", notice, world.today(), world.now())
        region.wait_applied(60)

    def region_doses(self) -> list[str]:
        """The ids of the doses the region holds: from its database, or, for a region elsewhere, by its signed word."""
        if self.dsn:
            from regional import queries  # noqa: PLC0415 (the bundle has no region)

            self.region.wait_applied(60)
            return queries.dose_ids(self.dsn)
        acked = (
            "SELECT e.event_id FROM event e JOIN outbox o ON o.event_no = e.no JOIN ack a ON a.epoch = o.epoch"
            " WHERE e.kind = 'dose.given' AND o.seq <= a.received_upto"
        )
        return [row[0] for row in self.desk.store.sql(acked)]

    def region_batches(self) -> int:
        """Sealed batches in the region's inbox; of a region elsewhere, those it has acknowledged."""
        if self.dsn:
            from regional import queries  # noqa: PLC0415 (the bundle has no region)

            return queries.batches(self.dsn)
        return int(self.desk.store.sql("SELECT count(*) FROM batch WHERE acked_at IS NOT NULL")[0][0])

    def _write_settings(self, where: Where) -> bootstrap.Home:
        home = self.folder / "terminal"
        home.mkdir()
        (home / "region-ca.pem").write_bytes(where.ca_file.read_bytes())
        text = _SETTINGS.format(
            name=NAME,
            code=CODE,
            language=self.language,
            port=self.scanner.port,
            printer=self.printer.address,
            region=self.cable.url,
        )
        (home / "vaxdesk.toml").write_text(text, encoding="utf-8")
        (home / "stick").mkdir()
        return bootstrap.find_home(home / "vaxdesk.toml")

    def _hire(self) -> dict[str, synthetic.Member]:
        """Everybody; the first account is the administrator's. Gives the first person of each grade."""
        members = {m.grades[0]: m for m in reversed(synthetic.staff())}
        boss = members["super"]
        done(first_staff(self.desk, boss.code, boss.name, boss.grades, boss.pin))
        self.boss = done(sign_in(self.desk, boss.code, boss.pin))
        for m in synthetic.staff():
            if m is not boss:
                done(put_staff(self.desk, self.boss, m.code, m.name, m.grades, m.pin))
        return members

    def _register(self) -> list[Card]:
        """The children of the catchment; the last ones stay unregistered for the counter."""
        today = self.desk.today()
        forms = list(synthetic.people(CHILDREN, self.rng, today, years=6))
        self.newcomers = [with_booklet(f, CHILDREN - 2 + i) for i, f in enumerate(forms[-2:])]
        reasons = {"child.possible_double": "synthetic"}
        cards = []
        for number, form in enumerate(forms[:-2]):
            card = done(register_child(self.desk, self.boss, with_booklet(form, number), reasons))
            past = synthetic.history(card.facts, today, self.rng, tables.products(), CODE)
            last = max((d.given_at[:10] for d in past), default="")
            for dose in past:
                day, body = dose.given_at[:10], dose.body
                if day < last:  # what the last call was for is still to be given: these children come today
                    done(
                        transcribe_dose(
                            self.desk, self.boss, card.id, day, body.vaccine, body.dose_no, ELSEWHERE, body.lot_no
                        )
                    )
            cards.append(card)
        return cards

    def _receive(self) -> list[synthetic.Lot]:
        """Scan every package of a delivery with the simulated scanner, as the storeroom does."""
        heard: queue.SimpleQueue[Report] = queue.SimpleQueue()
        reader = ScannerReader(self.home.settings.scanners, heard.put, self.world)
        reader.start()
        try:
            _wait_ready(heard)
            deliveries = list(synthetic.lots(tables.products(), self.rng, self.desk.today(), packages=14))
            for lot in deliveries:
                codes = [self._heard(heard, text) for text in lot.packages]
                done(receive_stock(self.desk, self.boss, codes, lot.lot_no, lot.expiry_on))
            return deliveries
        finally:
            reader.stop()

    def _heard(self, heard: queue.SimpleQueue[Report], text: str) -> Package | TracePackage:
        self.scanner.scan(text)
        report = heard.get(timeout=10)
        assert isinstance(report, ScanEvent), report
        code = classify(report.payload, scan_rules(self.desk, SCANNER), report.symbology)
        assert isinstance(code, (Package, TracePackage)), code
        return code


def with_booklet(form: ChildRegistered, number: int) -> ChildRegistered:
    """The form with a booklet number: its own, or one of this clinic's pattern."""
    if any(i.kind == "booklet" for i in form.identifiers):
        return form
    booklet = Identifier("booklet", f"{9_900_000_000 + number}", CODE)
    return msgspec.structs.replace(form, identifiers=(*form.identifiers, booklet))


def _wait_ready(heard: queue.SimpleQueue[Report]) -> None:
    while True:
        report = heard.get(timeout=10)
        if isinstance(report, StateChange) and report.state is DeviceState.READY:
            return
