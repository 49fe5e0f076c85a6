"""Sealed batches without acknowledgement, kept a second time on a stick or share until the region has them.

A file is `<terminal>-<epoch>-<first>-<last>.imb`, the batch as it is sent: sealed to the region, so nobody else reads
it, and it can be carried there. What this database does not know as acknowledged is never removed: after a restore
the medium may hold the only copy of the facts since the backup.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from domain.errors import StoreError
from domain.world import World, utc_text
from sync import courier
from terminal.store import files
from terminal.store.database import Store
from terminal.store.ledger import tell

NAME = re.compile(r"[0-9A-Za-z._-]{1,64}-(?P<epoch>[0-9a-f]{32})-\d{12}-(?P<last>\d{12})\.imb")
_UNACKED = """
    SELECT b.epoch, first_seq, last_seq FROM batch b JOIN head h ON h.epoch = b.epoch
    WHERE acked_at IS NULL ORDER BY first_seq
"""
# Facts are acknowledged in order, whatever epoch they travelled in: every fact up to this one is in the region.
_ACKED_NO = """
    SELECT coalesce(max(o.event_no), 0) FROM ack a JOIN outbox o ON o.epoch = a.epoch AND o.seq = a.received_upto
"""


@dataclass(frozen=True)
class MediumCount:
    """What one visit to the medium did, and how many sealed batches wait there."""

    copied: int
    removed: int
    waiting: int


def copy_unsent(store: Store, directory: Path, world: World) -> MediumCount:
    """Copy what is missing on the medium, remove what the region has. Any thread but the store's.

    `directory` is a folder on the medium, never made here: on an empty mount point the copy would land on the disk it
    shall protect from. Raises StoreError medium.missing, medium.full, medium.failed; the counter goes on.
    """
    with files.converting("medium.full", "medium.failed", directory):
        if not directory.is_dir():
            raise StoreError("medium.missing", "later", path=str(directory))
        copied = [wanted for wanted in store.sql(_UNACKED) if _copy(store, directory, *wanted)]
        removed = [path for path in directory.glob("*.imb") if _acked(store, path)]
        for path in removed:
            for name in (path, path.with_suffix(courier.ACK), path.with_suffix(courier.REFUSAL)):
                name.unlink(missing_ok=True)
        waiting = sum(1 for path in directory.glob("*.imb") if NAME.fullmatch(path.name))
    if copied:
        store.run(_note, store, world, [(utc_text(world.now()), epoch, first) for epoch, first, _ in copied])
    return MediumCount(len(copied), len(removed), waiting)


def _copy(store: Store, directory: Path, epoch: str, first: int, last: int) -> bool:
    ((terminal_id,),) = store.sql("SELECT terminal_id FROM head")
    path = directory / f"{courier.name(terminal_id, epoch, first, last)}{courier.BATCH}"
    found = store.sql("SELECT blob FROM batch WHERE epoch = ? AND first_seq = ? AND last_seq = ?", epoch, first, last)
    if not found:
        return False
    blob = bytes(found[0][0])
    if path.is_file() and path.read_bytes() == blob:  # sealed anew to another key it has the same size
        return False
    files.write(path, blob)
    return True


def _acked(store: Store, path: Path) -> bool:
    name = NAME.fullmatch(path.name)
    if not name:
        return False
    sql = f"SELECT 1 FROM outbox WHERE epoch = ? AND seq = ? AND event_no <= ({_ACKED_NO})"
    return bool(store.sql(sql, name["epoch"], int(name["last"])))


def _note(store: Store, world: World, copied: list[tuple[str, str, int]]) -> None:
    with tell(store, world, "") as entry:
        entry.audit("export.medium", batches=len(copied))
        store.db.connection().executemany("UPDATE batch SET copied_at = ? WHERE epoch = ? AND first_seq = ?", copied)
