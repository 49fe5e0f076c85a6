"""The running terminal: desk, scanners, printers, line to the region and housekeeping, started and stopped together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from config.published import Refused
from domain.errors import ConfigError, StoreError, VaxdeskError
from drivers.reader import ScannerReader
from drivers.scan import Report
from terminal.bootstrap.home import Home, use_published
from terminal.bootstrap.lines import RegionLine, WatchedOutbox
from terminal.bootstrap.region import CLIENT
from terminal.housekeeping import Housekeeping
from terminal.store import backup, recount, references
from terminal.store.papers import StorePrintQueue
from terminal.store.second_medium import copy_unsent
from terminal.ui.services import Condition, Services
from terminal.usecases.desk import Desk

if TYPE_CHECKING:  # what the counter does not need to open is imported where it is used
    from printing.spool import Spool
    from sync.hub import HubWorker
    from sync.worker import Rhythm
    from terminal.store.hub_outbox import StoreHubOutbox

MANY = 1000  # children whose recount would be felt at the counter: processes of their own reckon them
# What a hub that is off, or not ready, is said to be: the words of these codes are about the region.
_HUB_ABSENT = {f"sync.{word}" for word in ("no_network", "refused", "timeout", "cut_short", "busy", "server_fault")}
_log = logging.getLogger(__name__)


class Terminal:
    """A desk with its devices and its line to the region, started and stopped together.

    `on_report` gets what the scanners say, on their thread; set it before `start`.
    """

    def __init__(self, home: Home, desk: Desk, rhythm: Rhythm | None = None) -> None:
        self.home, self.desk = home, desk
        self.on_report: Callable[[Report], None] = lambda _: None
        self.outbox = WatchedOutbox(desk.store, desk.world)
        self.region = RegionLine(home, desk, self.outbox, rhythm, self._children_came)
        self.hub_outbox: StoreHubOutbox | None = None
        self.hub: HubWorker | None = None
        self.ill: dict[str, tuple[str, dict[str, Any]]] = {}  # housekeeping task -> code, params
        self.backed_up_at: datetime | None = None
        self._checked = False
        self._backup_asked = False
        self._standing: tuple[tuple[int, bool], ...] = ()  # of the documents gone by
        self._refused: tuple[Refused, ...] = ()
        self.spools: list[Spool] = []
        self.reader = ScannerReader(home.settings.scanners, lambda report: self.on_report(report), desk.world)
        tasks = {
            "records": self.check_records,
            "backup": self.back_up,
            "medium": self.copy_unsent,
            "published": self.follow_region,
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

        queue = StorePrintQueue(self.desk.store)
        self.spools = [Spool(printer, queue, self.desk.world) for printer in self.home.settings.printers]
        for spool in self.spools:
            spool.start()
        self.region.start()
        if self.home.settings.hub:
            self._start_hub()
        self.keeper.start()

    def _start_hub(self) -> None:
        """The line to the clinic's own hub; the work goes on without."""
        from sync.visit import WELL
        from terminal.bootstrap.hub import hub_worker
        from terminal.store.hub_outbox import StoreHubOutbox

        self.hub_outbox = outbox = StoreHubOutbox(self.desk.store, self.desk.world)
        home, desk = self.home, self.desk
        try:
            self.hub = hub_worker(
                home, desk, self.outbox, outbox, lambda: self.outbox.last[0] not in WELL, self._children_came
            )
        except VaxdeskError as fault:
            outbox.report(fault.code, fault.params)
        else:
            self.hub.start()

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
            look_up=self.region.look_up,
            online=lambda: self.outbox.online,
            feed=self.region.feed,
            hub=self._hub_condition,
        )

    def wake_printers(self) -> None:
        for spool in self.spools:
            spool.wake()

    def wake_sync(self) -> None:
        """A visit is on disk: the region hears of it soon, the second medium at once."""
        self.region.wake()
        if self.hub:
            self.hub.wake(at_once=True)
        self.keeper.wake()

    def upload_now(self) -> None:
        """A person asks: at once, whatever wait was agreed."""
        self.region.wake(at_once=True)
        if self.hub:
            self.hub.wake(at_once=True)
        self.keeper.wake()

    def sync_now(self, deadline_s: float) -> None:
        """Upload now and wait for the report, at most so long."""
        self.region.sync_now(deadline_s)

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

    def _hub_condition(self) -> Condition:
        """Of the line to the clinic's hub; without one there is nothing to tell."""
        if self.hub_outbox is None:
            return Condition()
        code, params = self.hub_outbox.last
        if code == "sync.ok":
            return Condition("ok", "hub.ok")
        return Condition("look", "hub.unreachable" if code in _HUB_ABSENT else code, params)

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

    def follow_region(self) -> None:
        """Go by the programmes and code tables the region published, when one came or came into force; one that cannot
        be used is told. Raises ConfigError."""
        standing = references.standing(self.desk.store, self.desk.today())
        if standing != self._standing:
            self._refused = use_published(self.desk)
            self._standing = standing
        for one in self._refused:
            raise ConfigError("reference.unusable", name=one.name, day=one.effective_on, detail=one.detail)

    def recount(self) -> None:
        """Reckon every child anew of whom others told, and all when the programme's data, the edition in force or the
        month is another."""
        desk, day = self.desk, self.desk.today()
        desk.store.run(references.list_recalls, desk.store, day)
        if desk.clock == "doubtful":
            return
        many = len(recount.stale(desk.store, desk.plans.stamp(day))) > MANY
        recount.recount(desk.store, desk.plans, day, 2 if many else 0, lambda: self.keeper.stopping)

    def _children_came(self) -> None:
        """Facts of others became rows: their children are reckoned anew, beside the work."""
        self.keeper.wake()

    def _note_ill(self, task: str, code: str, params: dict[str, Any]) -> None:
        self.ill[task] = (code, params)

    def stop(self, deadline_s: float = 5.0) -> None:
        """End the threads, all at once and within `deadline_s` together, then close the records. What is unprinted or
        unsent waits in the database."""
        parts = {"housekeeping": self.keeper.stop, "scanners": self.reader.stop}
        parts |= {f"printer {i}": spool.stop for i, spool in enumerate(self.spools)}
        parts |= self.region.stops()
        if self.hub:
            parts["hub"] = self.hub.stop
        with ThreadPoolExecutor(len(parts)) as each:
            ended = each.map(lambda stop: stop(deadline_s), parts.values())
        for name in (name for name, in_time in zip(parts, ended, strict=True) if not in_time):
            _log.warning("%s still busy at exit", name)
        self.region.close()
        self.desk.store.close()
