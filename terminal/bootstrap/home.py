"""A terminal's home, one folder: vaxdesk.toml, and below `data` records, key file, the PC's secret, the lock."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from config import plans, tables
from config import settings as config
from config.published import Refused
from domain.errors import StoreError
from domain.world import World
from terminal.store import approvals, keyfile, ledger, references
from terminal.store.database import Store
from terminal.usecases.clock_check import check_clock
from terminal.usecases.desk import Desk


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
    """Open the records for work, by what the region published; the clock is held against the last record. Raises
    StoreError, ConfigError.

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
    use_published(desk)
    return desk


def use_published(desk: Desk) -> tuple[Refused, ...]:
    """Go by the programmes and code tables the region published that are in force today; gives those that cannot be
    used, in whose place what was in force before stays. Any thread but the store's. Raises ConfigError, StoreError."""
    day, named, read = desk.today(), desk.settings.programme, desk.plans
    found = references.documents(desk.store, lambda name: name in tables.KEYS or plans.is_programme(name, named))
    kept, refused = tables.in_force(found, day)
    if any(one.name not in tables.KEYS for one in found):
        read = plans.load(named, documents=found, day=day)
    desk.store.run(_go_by, desk, read, kept)
    return (*read.refused, *refused)


def _go_by(desk: Desk, read: plans.Plans, kept: Mapping[str, bytes]) -> None:
    """On the store's thread: no verb is under way."""
    tables.use(kept)
    desk.plans, desk.foreseen = read, None


def set_up_logging(home: Home, level: int = logging.INFO) -> None:
    """JSON lines beside the records, rotating; codes and counts only."""
    from terminal.logs import handler

    logging.basicConfig(level=level, handlers=[handler(home.data / "logs" / "vaxdesk.log")], force=True)
    os.umask(0o077)
