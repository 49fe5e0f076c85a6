"""A terminal of a simulation: its folder with real records, which is worked in, copied, put back and cloned."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from config import plans
from config.settings import Clinic, Region, Settings
from domain import events
from sync.client import RegionClient
from sync.feed import Feed
from sync.keys import identity, region_keys
from sync.visit import sync_once
from terminal import bootstrap
from terminal.bootstrap import Home
from terminal.store import backup, children, doses, keyfile, ledger
from terminal.store.database import Store
from terminal.store.inbox import StoreInbox
from terminal.store.ledger import Entry, tell
from terminal.store.outbox import StoreOutbox, open_epoch, unsent
from terminal.usecases.desk import Desk
from tests.sim.clock import Clock, Watch

KEY = b"key of the simulation's records!"
NURSE = "N200"
_NAMES = ("王子涵", "欧阳静怡", "㐂𠮷", "李诺", "阿卜杜热合曼")
_VACCINES = ("02", "11", "21", "23", "31")
_PLANS = plans.load(Settings(Clinic("3301060201", "")).programme)
_numbers = count(1)
_COPIES = 4  # older ones of a terminal are thrown away

# What the region acknowledged of this database's facts.
_ACKED = """
SELECT DISTINCT e.event_id FROM event e JOIN outbox o ON o.event_no = e.no JOIN ack a ON a.epoch = o.epoch
WHERE o.seq <= a.received_upto
"""
_HELD = "SELECT event_id FROM event"


@dataclass
class Seat:
    """One PC at a counter of `clinic`."""

    name: str
    folder: Path
    clinic: str
    clock: Clock
    rng: Random
    watch: Watch = field(init=False)
    copies: list[Path] = field(default_factory=list)
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        self.watch = Watch(self.clock)
        self.world = self.watch.world(self.rng)
        region = Region(url=f"https://{self.name}.region", ca_file="ca.pem")
        settings = Settings(Clinic(self.clinic, "测试门诊"), desk=self.name, region=region)
        self.home = Home(self.folder / "vaxdesk.toml", settings)

    def found(self) -> None:
        """A new PC with empty records."""
        self.home.data.mkdir(parents=True)
        (self.folder / "ca.pem").write_text("")
        keyfile.save(self.home.key, keyfile.create(KEY, self.world.new_id()))
        store = Store(self.home.records, KEY)
        store.run(ledger.found, store, f"new-{self.name}", self.world.random(16).hex())
        store.close()
        self.open()

    def open(self) -> None:
        store = Store(self.home.records, KEY, check_first=False)
        self.desk = Desk(store, self.world, self.home.settings, _PLANS)
        self._look_at_children()

    def close(self) -> None:
        self.desk.store.close()

    @property
    def store(self) -> Store:
        return self.desk.store

    @property
    def outbox(self) -> StoreOutbox:
        return StoreOutbox(self.store, self.world)

    def tell(self, n: int) -> dict[str, bool]:
        """`n` facts or a few more in one transaction; id -> whether it is a dose."""
        return self.store.run(self._tell, n)

    def enrol(self, code: str) -> None:
        bootstrap.enrol_terminal(self.home, self.desk, code)

    def visit(self) -> None:
        """Bring the region up to date. Raises as sync_once."""
        outbox = self.outbox
        sync_once(outbox, self._client(), identity(outbox), self.world)

    def pull(self, *, check: bool = False) -> list[int]:
        """Read the feed to its end; with `check` the buckets that differ from what the region says."""
        outbox = self.outbox
        inbox = StoreInbox(self.store, self.world, self.clinic)
        way = Feed(inbox, self._client(), region_keys(outbox), identity(outbox), self.world)
        try:
            if check:
                return way.check()
            way.pull()
            return []
        finally:
            self._look_at_children()

    def unsent(self) -> int:
        return unsent(self.store).events

    def held(self) -> list[str]:
        """The ids of all facts ever recorded here that this database knows."""
        return [row[0] for row in self.store.sql(_HELD)]

    def told(self) -> list[str]:
        """The ids of the facts that the region told."""
        return [row[0] for row in self.store.sql("SELECT event_id FROM told WHERE stored IS NOT NULL")]

    def acked(self) -> set[str]:
        """The ids of those that the region has acknowledged."""
        return {row[0] for row in self.store.sql(_ACKED)}

    def back_up(self, *, real: bool) -> None:
        """A copy of the records: by the backup's own way, or of the file as it lies there."""
        if real:
            copy = backup.create(self.store, self.home.backups, self.world, self.home.key).path
        else:
            copy = self._copy(self.home.backups / f"{next(_numbers)}.db")
        self.copies.append(copy)
        for old in self.copies[:-_COPIES]:
            old.unlink()
            self.copies.remove(old)

    def restore(self, copy: Path, *, told: bool) -> None:
        """An older copy is put in place: a backup by its own way, which begins an epoch; of a file the program is
        `told` or not, as when somebody puts it there by hand."""
        self.close()
        if copy.suffix == ".vxb":
            backup.restore(copy, self.home.records, KEY, self.world)
        else:
            shutil.copyfile(copy, self.home.records)
        self.open()
        if told and copy.suffix != ".vxb":  # as backup.restore, which first proves everything
            open_epoch(self.store, self.world, "restore")

    def clone(self, name: str, folder: Path) -> Seat:
        """A second PC made from this one's folder; both go on."""
        other = Seat(name, folder, self.clinic, self.clock, self.rng)
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("backups", "*-wal", "*-shm", "*.replaced-*"))
        self._copy(other.home.records)
        other.open()
        return other

    def _look_at_children(self) -> None:
        self._children = [row[0] for row in self.store.sql("SELECT id FROM child ORDER BY no")]

    def _client(self) -> RegionClient:
        return bootstrap.region_client(self.home, self.outbox, self.world)

    def _copy(self, to: Path) -> Path:
        """The file alone is whole once its log is folded in and nobody writes."""
        self.store.run(self.store.sql, "PRAGMA wal_checkpoint(TRUNCATE)")
        to.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(self.home.records, to))

    def _tell(self, n: int) -> dict[str, bool]:
        with tell(self.store, self.world, NURSE) as entry:
            return {fact: dose for _ in range(n) for fact, dose in self._one(entry)}

    def _one(self, entry: Entry) -> list[tuple[str, bool]]:
        rng, chance = self.rng, self.rng.random()
        if chance < 0.1 or not self._children:
            born = events.ChildRegistered(rng.choice(_NAMES), "12"[rng.randrange(2)], "2026-03-01", clinic=self.clinic)
            child = entry.fact("child.registered", "", born, "2026-11-22")
            children.add(entry, child, born, "2026-11-22")
            self._children.append(child)
            return [(child, False)]
        if chance < 0.2:
            counted = events.StockCounted(rng.randrange(100))
            return [(entry.fact("stock.counted", f"lot {rng.randrange(9)}", counted), False)]
        child, day = rng.choice(self._children), f"2026-{rng.randrange(4, 11):02d}-{rng.randrange(1, 29):02d}"
        given = events.DoseGiven("", rng.choice(_VACCINES), 1, self.clinic, elsewhere="产科")
        dose = entry.fact("dose.given", child, given, day)
        doses.add(entry, dose, child, given, day)
        if chance > 0.97:
            body = events.DoseVoided(dose, "录入错误")
            void = entry.fact("dose.voided", child, body)
            doses.add_change(entry, void, dose, "voided", body)
            return [(dose, True), (void, False)]
        return [(dose, True)]
