"""The one wiring file: settings, key, store, scanners, printers and sync become a running terminal.

A terminal's home is one folder: vaxdesk.toml, and below `data` the records, the key file, the PC's secret, the lock.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from config import plans
from config import settings as config
from domain.errors import StoreError, SyncError, VaxdeskError
from domain.wire.signed import HPKE_SUITE
from domain.world import World
from drivers.reader import ScannerReader
from drivers.scan import Report
from terminal import VERSION
from terminal.housekeeping import Housekeeping
from terminal.store import approvals, backup, keyfile, ledger, recount
from terminal.store.database import Store
from terminal.store.outbox import StoreOutbox, open_epoch
from terminal.store.papers import StorePrintQueue
from terminal.store.second_medium import copy_unsent
from terminal.ui.services import Condition, Services
from terminal.usecases.clock_check import check_clock
from terminal.usecases.desk import Desk

if TYPE_CHECKING:  # what the counter does not need to open is imported where it is used
    from printing.spool import Spool
    from sync.client import RegionClient
    from sync.enrol import Enrolment
    from sync.keys import RegionKeys
    from sync.visit import SyncResult
    from sync.worker import Rhythm, SyncWorker

CLIENT = f"vaxdesk/{VERSION}"
MANY = 1000  # children whose recount would be felt at the counter: processes of their own reckon them
_NEXT_KEY = "terminal.next_key"  # of an enrolment under way; until it ends the place held so far stays good
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Home:
    """Where a terminal's files are."""

    settings_path: Path
    settings: config.Settings

    @property
    def folder(self) -> Path:
        return self.settings_path.parent

    @property
    def data(self) -> Path:
        return self.folder / self.settings.data

    @property
    def records(self) -> Path:
        return self.data / "records.db"

    @property
    def key(self) -> Path:
        return self.data / "key.json"

    @property
    def secret(self) -> Path:
        return self.data / "machine.secret"

    @property
    def backups(self) -> Path:
        return self.folder / self.settings.backup.directory

    @property
    def second_medium(self) -> Path | None:
        given = self.settings.backup.second_medium
        return self.folder / given if given else None


def find_home(settings_path: Path) -> Home:
    """Raises ConfigError."""
    return Home(settings_path.absolute(), config.load(settings_path))


@contextmanager
def only_one(home: Home) -> Iterator[None]:
    """Hold the lock beside the records. Raises StoreError when another Vaxdesk has them open."""
    home.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home.data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            raise StoreError("store.other_runs") from fault
        yield


def found_records(home: Home, recovery_passphrase: str, world: World) -> None:
    """Make key file, PC secret and an empty database. Raises StoreError when records are there already."""
    if home.records.exists() or home.key.exists():
        raise StoreError("store.exists", path=str(home.data))
    home.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = world.random(32)
    wrapped = keyfile.create(key, world.new_id())
    wrapped = keyfile.with_machine(wrapped, key, keyfile.new_machine_secret(home.secret, world.random), world.random)
    wrapped = keyfile.with_passphrase(wrapped, key, "recovery", recovery_passphrase, world.random)
    keyfile.save(home.key, wrapped)
    store = Store(home.records, key)
    store.run(ledger.found, store, f"new-{world.random(6).hex()}", world.random(16).hex())
    store.close()


def unlock(home: Home, start_passphrase: str = "") -> bytes:
    """The database key, by this PC's secret or the start passphrase. Raises StoreError key.*."""
    wrapped = keyfile.load(home.key)
    if keyfile.has(wrapped, "machine"):
        return keyfile.unlock_machine(wrapped, keyfile.machine_secret(home.secret))
    return keyfile.unlock_passphrase(wrapped, "start", start_passphrase)


def world_of(home: Home) -> World:
    return World(zone=ZoneInfo(home.settings.clinic.zone))


def open_desk(home: Home, start_passphrase: str = "", world: World | None = None, *, check_first: bool = True) -> Desk:
    """Open the records for work; the clock is held against the last record. Raises StoreError, ConfigError.

    `check_first` reads the whole database before anything else; the counter does that while it is already open.
    """
    if not home.records.exists():
        raise StoreError("store.no_records", path=str(home.data))
    desk = Desk(
        Store(home.records, unlock(home, start_passphrase), check_first=check_first),
        world or world_of(home),
        home.settings,
        plans.load(home.settings.programme),
    )
    desk.approvals = approvals.given(desk.store)
    check_clock(desk)
    return desk


def region_client(home: Home, outbox: StoreOutbox, world: World) -> RegionClient:
    """A client for the region of the settings. Raises SyncError when there is none or it is not enrolled."""
    from sync.client import RegionClient
    from sync.keys import identity

    region = home.settings.region
    if region is None:
        raise SyncError("sync.no_region")
    me = identity(outbox)
    pem = read_ca(home)
    return RegionClient(region.url, pem, me.key, world, client=CLIENT, offset_ms=outbox.standing().offset_ms)


def read_ca(home: Home) -> str:
    """The pinned certificate authority, PEM. Raises SyncError."""
    region = home.settings.region
    if region is None:
        raise SyncError("sync.no_region")
    try:
        return (home.folder / region.ca_file).read_text("utf-8")
    except UnicodeDecodeError as fault:  # a certificate in binary form
        raise SyncError("sync.bad_ca") from fault
    except OSError as fault:
        raise SyncError("sync.no_ca_file", path=region.ca_file) from fault


def enrol_terminal(home: Home, desk: Desk, code: str, accept: Callable[[str], bool] = lambda _: True) -> str:
    """Take this terminal's place in the region with a one-time code; gives the terminal id. Raises SyncError.

    `accept` is shown the fingerprint of the region's root key before anything is kept. What was recorded before goes up
    under the new id: enrolment opens an epoch.
    """
    from sync import crypto
    from sync.enrol import enrol
    from sync.keys import ROOT, private_bytes, private_from_bytes, region_keys

    if home.settings.region is None:
        raise SyncError("sync.no_region")
    outbox = StoreOutbox(desk.store, desk.world)
    kept = outbox.recall(_NEXT_KEY)  # of a try whose answer was lost: the code is good for this key only
    key = private_from_bytes(kept) if kept else crypto.new_key()
    outbox.remember(_NEXT_KEY, private_bytes(key))
    gained = enrol(home.settings.region.url, read_ca(home), code, key, client=CLIENT, world=desk.world)
    if not accept(crypto.fingerprint(gained.documents[ROOT])):
        raise SyncError("sync.fingerprint_differs", "operator")
    desk.store.run(_take_place, desk, outbox, gained)
    _add_escrow(home, desk.store.key, region_keys(outbox))
    outbox.add_leases(gained.leases)
    return gained.registration.terminal_id


def _take_place(desk: Desk, outbox: StoreOutbox, gained: Enrolment) -> None:
    """Name, key and epoch in one transaction: a batch sealed under two names is taken by nobody. What another region,
    or this one before it lost its records, acknowledged is sent again."""
    with desk.store.transaction():
        lost = outbox.standing().generation not in ("", gained.generation)
        for name, document in gained.documents.items():
            outbox.remember(name, document)
        outbox.remember(_NEXT_KEY, b"")
        open_epoch(desk.store, desk.world, "enrol", terminal_id=gained.registration.terminal_id, everything=lost)
        outbox.region_says(gained.generation, gained.offset_ms)


def _add_escrow(home: Home, key: bytes, keys: RegionKeys) -> None:
    """From enrolment on the region can open a rescued disk, where it offers an escrow key."""
    offered = [k for k in keys.keyset.keys if k.use == "escrow" and k.suite == HPKE_SUITE]
    if offered:
        newest = max(offered, key=lambda k: k.not_before)
        keyfile.save(home.key, keyfile.with_escrow(keyfile.load(home.key), key, newest))


def sync_alone(home: Home, desk: Desk) -> SyncResult:
    """One visit to the region without a running terminal. Raises SyncError, WireError, StoreError."""
    from sync.keys import identity
    from sync.visit import sync_once

    outbox = StoreOutbox(desk.store, desk.world)
    with closing(region_client(home, outbox, desk.world)) as client:
        return sync_once(outbox, client, identity(outbox), desk.world)


class _WatchedOutbox(StoreOutbox):
    """Remembers the last report for the window, which must not wait for the store."""

    last: tuple[str, dict[str, Any]] = ("sync.ok", {})
    on_report: Callable[[], None] = staticmethod(lambda: None)

    def report(self, code: str, params: dict[str, Any]) -> None:
        self.last = (code, params)
        super().report(code, params)
        self.on_report()


class Terminal:
    """A desk with its devices and its line to the region, started and stopped together.

    `on_report` gets what the scanners say, on their thread; set it before `start`.
    """

    def __init__(self, home: Home, desk: Desk, rhythm: Rhythm | None = None) -> None:
        self.home, self.desk = home, desk
        self.on_report: Callable[[Report], None] = lambda _: None
        self.outbox = _WatchedOutbox(desk.store, desk.world)
        self.sync: SyncWorker | None = None
        self.ill: dict[str, tuple[str, dict[str, Any]]] = {}  # housekeeping task -> code, params
        self._rhythm = rhythm
        self.backed_up_at: datetime | None = None
        self._checked = False
        self._backup_asked = False
        self.spools: list[Spool] = []
        self.reader = ScannerReader(home.settings.scanners, lambda report: self.on_report(report), desk.world)
        self._reckoned = ""  # the plan and month by which every child is reckoned
        tasks = {
            "records": self.check_records,
            "backup": self.back_up,
            "medium": self.copy_unsent,
            "forecasts": self.recount,
        }
        self.keeper = Housekeeping(tasks, self._note_ill)

    def start(self) -> None:
        """Start what the settings name; a terminal without region or printer works all the same."""
        self.start_reader()
        self.start_lines()

    def start_reader(self) -> None:
        """The scanners: what the counter waits for."""
        self.reader.start()

    def start_lines(self) -> None:
        """Printers, region and housekeeping; on any thread, while the counter works already."""
        from printing.spool import Spool
        from sync.keys import identity
        from sync.worker import SyncWorker

        queue = StorePrintQueue(self.desk.store)
        self.spools = [Spool(printer, queue, self.desk.world) for printer in self.home.settings.printers]
        for spool in self.spools:
            spool.start()
        try:
            client, me = region_client(self.home, self.outbox, self.desk.world), identity(self.outbox)
        except VaxdeskError as fault:  # printing and backups do not wait for the region
            self.outbox.report(fault.code, fault.params)
        else:
            self.sync = SyncWorker(self.outbox, client, me, self.desk.world, self._rhythm)
            self.sync.start()
        self.keeper.start()

    def services(self) -> Services:
        """What the window is handed."""
        return Services(
            submit=self.desk.store.submit,
            printer=self._printer_condition,
            sync=self._sync_condition,
            wake_printer=self.wake_printers,
            wake_sync=self.wake_sync,
            printers=self._printer_conditions,
            upload_now=self.upload_now,
            back_up_now=self.back_up_now,
            backed_up_at=lambda: self.backed_up_at,
            key_pressed=self.reader.forget,
            settings_path=self.home.settings_path,
        )

    def wake_printers(self) -> None:
        for spool in self.spools:
            spool.wake()

    def wake_sync(self) -> None:
        """A visit is on disk: the region hears of it soon, the second medium at once."""
        if self.sync:
            self.sync.wake()
        self.keeper.wake()

    def upload_now(self) -> None:
        """A person asks: at once, whatever wait was agreed."""
        if self.sync:
            self.sync.wake(at_once=True)
        self.keeper.wake()

    def sync_now(self, deadline_s: float) -> None:
        """Upload now and wait for the report, at most so long."""
        reported = threading.Event()
        self.outbox.on_report = reported.set
        if self.sync:
            self.sync.wake(at_once=True)
            reported.wait(deadline_s)

    def _printer_conditions(self) -> dict[str, Condition]:
        """How each printer is."""
        told = {}
        for printer, spool in zip(self.home.settings.printers, self.spools, strict=False):
            health = spool.health
            level: Literal["ok", "look", "stop"] = "look" if health.code else "ok"
            if health.state in ("blocked", "unreachable", "faulted"):
                level = "stop"
            told[printer.name] = Condition(level, health.code, {"printer": printer.name})
        return told

    def _printer_condition(self) -> Condition:
        """That of the slip printer."""
        slip = next((p.name for p in self.home.settings.printers if p.role == "slip"), "")
        return self._printer_conditions().get(slip, Condition())

    def _sync_condition(self) -> Condition:
        if self.ill.get("records", ("", {}))[0]:
            return Condition("stop", *self.ill["records"])
        code, params = self.outbox.last
        if code != "sync.ok":
            return Condition("look", code, params)
        ill = next(((code, params) for code, params in self.ill.values() if code), None)
        return Condition("look", *ill) if ill else Condition()

    def check_records(self) -> None:
        """Once after the start, beside the work: every page is read. On damaged records all work stops, in words."""
        if not self._checked:
            try:
                self.desk.store.check()
            except StoreError as fault:
                self.desk.ill = fault.code
                raise
            self._checked = True

    def back_up_now(self) -> None:
        """A person asks: at once, whether it is due or not."""
        self._backup_asked = True
        self.keeper.wake()

    def back_up(self) -> None:
        """The automatic backup, when it is due or asked for."""
        now, home = self.desk.world.now(), self.home
        if self._backup_asked or backup.due(home.backups, now, home.settings.backup.every_h):
            self._backup_asked = False
            backup.create(self.desk.store, home.backups, self.desk.world, home.key)
            backup.prune(home.backups, home.settings.backup.keep, now)
            now = self.desk.world.now()
        age = backup.age(home.backups, now)
        self.backed_up_at = now - age if age is not None else None

    def copy_unsent(self) -> None:
        """Seal what waits and copy it to the second medium, where one is set, with or without the region."""
        from sync.keys import REGISTRATION, identity, region_keys
        from sync.sealing import seal_waiting

        if self.home.second_medium and self.outbox.recall(REGISTRATION):
            outbox = self.outbox
            seal_waiting(outbox, region_keys(outbox), identity(outbox), self.desk.world, CLIENT)
            copy_unsent(self.desk.store, self.home.second_medium, self.desk.world)

    def recount(self) -> None:
        """Reckon every child anew when the programme's data, the edition in force or the month is another."""
        desk, day = self.desk, self.desk.today()
        stamp = desk.plans.stamp(day)
        if stamp == self._reckoned or desk.clock == "doubtful":
            return
        many = len(recount.stale(desk.store, stamp)) > MANY
        recount.recount(desk.store, desk.plans, day, 2 if many else 0, lambda: self.keeper.stopping)
        self._reckoned = "" if self.keeper.stopping else stamp

    def _note_ill(self, task: str, code: str, params: dict[str, Any]) -> None:
        self.ill[task] = (code, params)

    def stop(self, deadline_s: float = 5.0) -> None:
        """End the threads and close the records. What is unprinted or unsent waits in the database."""
        parts = {"housekeeping": self.keeper.stop, "scanners": self.reader.stop}
        parts |= {f"printer {i}": spool.stop for i, spool in enumerate(self.spools)}
        if self.sync:
            parts["sync"] = self.sync.stop
        for name, stop in parts.items():
            if not stop(deadline_s):
                _log.warning("%s still busy at exit", name)
        self.desk.store.close()


def set_up_logging(home: Home, level: int = logging.INFO) -> None:
    """JSON lines beside the records, rotating; codes and counts only."""
    from terminal.logs import handler

    logging.basicConfig(level=level, handlers=[handler(home.data / "logs" / "vaxdesk.log")], force=True)
    os.umask(0o077)
