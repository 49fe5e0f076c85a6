"""Backups: a verified, encrypted copy `vaxdesk-<utc>.vxb` with the wrapped key beside it (`.key`).

A backup is written by VACUUM INTO, which never copies a file in use, and has its name only after it was opened again
and everything in it proved: pages, trees, foreign keys, both chains up to their heads. With the `.key` file and the
recovery passphrase it opens on any PC.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.errors import StoreError
from domain.world import World
from terminal.store import files, keyfile, migrations, papers
from terminal.store.copies import Copy
from terminal.store.database import Store, converting
from terminal.store.ledger import check_audit, tell
from terminal.store.outbox import check_chain, open_epoch

_STAMP = "%Y%m%dT%H%M%S%fZ"
_GROWING = ("event", "approval", "audit")  # what others told may go meanwhile
_COUNTS = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in _GROWING)


@dataclass(frozen=True)
class BackupReport:
    """What a verified backup holds. `last_at` is when the last fact in it was recorded, "" none."""

    version: int
    terminal_id: str
    epoch: str
    last_seq: int
    last_at: str
    children: int
    doses: int
    facts: int


@dataclass(frozen=True)
class BackupInfo:
    """A backup just made."""

    path: Path
    size: int  # bytes
    report: BackupReport


def create(store: Store, directory: Path, world: World, key_path: Path, actor: str = "") -> BackupInfo:
    """Make and verify a backup, audited. Any thread but the store's: the counter goes on meanwhile.

    Raises StoreError backup.disk_full, backup.failed, backup.damaged; then no file is left, older ones are untouched.
    """
    final = directory / f"vaxdesk-{world.now().astimezone(UTC).strftime(_STAMP)}.vxb"
    draft = final.with_suffix(".part")
    with _writing(directory), _removed_on_failure(draft, key_of(final)):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        _remove(*directory.glob("vaxdesk-*.part"))  # of a backup that was killed
        draft.touch(0o600)
        before = store.sql(_COUNTS)[0]
        store.sql("VACUUM INTO ?", str(draft))
        report = verify(draft, store.key)
        with Copy(draft, store.key) as copy:
            _compare(before, copy.sql(_COUNTS)[0], store.sql(_COUNTS)[0])
        files.write(key_of(final), key_path.read_bytes())
        files.publish(draft, final)
        size = final.stat().st_size

    def note() -> None:
        with tell(store, world, actor) as entry:
            entry.audit("backup.create", name=final.name, facts=report.facts)

    store.run(note)
    return BackupInfo(final, size, report)


def verify(path: Path, key: bytes) -> BackupReport:
    """Prove a backup whole. Raises StoreError backup.missing, backup.wrong_key (its key file tells), backup.damaged,
    store.newer."""
    if not path.is_file():
        raise StoreError("backup.missing", "operator", path=str(path))
    wrapped = key_of(path)
    if wrapped.is_file() and not keyfile.fits(keyfile.load(wrapped), key):
        raise StoreError("backup.wrong_key", "operator", path=str(path))
    try:
        with converting(), Copy(path, key) as copy:
            ((version,),) = copy.sql("PRAGMA user_version")
            if version > migrations.VERSION:
                raise StoreError("store.newer", "operator", found=version, known=migrations.VERSION)
            copy.check_pages()
            founded = version > 0 and copy.sql("SELECT 1 FROM head")
            whole = founded and check_audit(copy) is None and check_chain(copy) is None
            report = _report(copy, version) if whole else None
    except StoreError as fault:
        if fault.code == "store.newer":
            raise
        raise StoreError("backup.damaged", "operator", path=str(path)) from fault
    if report is None:
        raise StoreError("backup.damaged", "operator", path=str(path))
    return report


def restore(path: Path, target: Path, key: bytes, world: World, actor: str = "") -> Path | None:
    """Put a verified backup in the database's place, while nothing has that open; its facts go on in a new epoch.

    A database already there is moved aside, whole; where to is given, None when there was none. Raises StoreError as
    `verify`, backup.disk_full, backup.failed; then the database in place is untouched.
    """
    verify(path, key)
    draft = target.with_name(target.name + ".restoring")
    with _writing(target.parent), _removed_on_failure(draft, *_logs(draft)):
        _remove(draft, *_logs(draft))
        shutil.copyfile(path, draft)  # at rest and verified
        files.sync(draft)
        store = Store(draft, key)
        try:
            open_epoch(store, world, "restore", actor)
            store.run(_doubt_prints, store)
        finally:
            store.close()
        if any(log.exists() for log in _logs(draft)):
            raise StoreError("backup.failed", "operator", path=str(target.parent), detail="")
        aside = _move_aside(target, world)
        files.publish(draft, target)
    return aside


def backups(directory: Path, now: datetime | None = None) -> list[Path]:
    """The finished backups, oldest first by name; with `now`, those from the future (a wrong clock) before the rest."""
    found = sorted(p for p in directory.glob("vaxdesk-*.vxb") if made_at(p))
    return sorted(found, key=lambda path: (made_at(path) or now) <= now) if now else found


def key_of(path: Path) -> Path:
    """The wrapped key beside a backup."""
    return path.with_suffix(".key")


def made_at(path: Path) -> datetime | None:
    """When a backup was made, from its name; None for another file."""
    with suppress(ValueError):
        return datetime.strptime(path.stem, f"vaxdesk-{_STAMP}").replace(tzinfo=UTC)
    return None


def age(directory: Path, now: datetime) -> timedelta | None:
    """How old the newest backup is, None when there is none; one from the future (a wrong clock) does not count."""
    ages = [now - moment for path in backups(directory) if (moment := made_at(path)) and moment <= now]
    return min(ages, default=None)


def due(directory: Path, now: datetime, every_h: int) -> bool:
    """Whether the automatic backup should run."""
    since = age(directory, now)
    return since is None or since >= timedelta(hours=every_h)


def prune(directory: Path, keep: int, now: datetime) -> int:
    """Remove all but the newest `keep` (at least one) and give how many went; those from the future go first."""
    old = backups(directory, now)[: -max(keep, 1)]
    with files.converting("backup.disk_full", "backup.failed", directory):
        for path in old:
            _remove(path, key_of(path))
    return len(old)


def _doubt_prints(store: Store) -> None:
    with store.transaction():
        papers.doubt_waiting(store)


def _report(copy: Copy, version: int) -> BackupReport:
    ((terminal_id, epoch, seq, last_at),) = copy.sql("SELECT terminal_id, epoch, seq, last_at FROM head")
    counts = [copy.sql(f"SELECT count(*) FROM {table}")[0][0] for table in ("child", "dose", "event")]
    return BackupReport(version, terminal_id, epoch, seq, last_at, *counts)


def _compare(before: tuple[int, ...], copied: tuple[int, ...], after: tuple[int, ...]) -> None:
    """The counter goes on while a copy is made: its rows lie between those before and those after."""
    if not all(a <= b <= c for a, b, c in zip(before, copied, after, strict=True)):
        raise StoreError("backup.damaged", "operator", path="")


def _logs(path: Path) -> tuple[Path, Path]:
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


def _move_aside(target: Path, world: World) -> Path | None:
    """Rename a database and its log together, the database first: cut off between, it must not open without its log,
    which holds the latest facts."""
    aside = target.with_name(f"{target.name}.replaced-{world.now().astimezone(UTC).strftime(_STAMP)}")
    for old, new in zip((target, *_logs(target)), (aside, *_logs(aside)), strict=True):
        if old.exists():
            old.rename(new)
    return aside if aside.exists() else None


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


@contextmanager
def _removed_on_failure(*paths: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:  # whatever it was, it goes on up
        with suppress(OSError):
            _remove(*paths)
        raise


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    """A full disk while writing a copy is not a record lost: other words than at the counter."""
    try:
        with files.converting("backup.disk_full", "backup.failed", directory):
            yield
    except StoreError as fault:
        codes = {
            "store.disk_full": "backup.disk_full",
            "store.disk_error": "backup.failed",
            "store.cannot_open": "backup.failed",
        }
        if fault.code not in codes:
            raise
        raise StoreError(codes[fault.code], fault.retry, path=str(directory), detail="") from fault
