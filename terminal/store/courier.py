"""The stick that is carried between this PC and the region (sync/courier.py says what is on it)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from domain.errors import StoreError
from domain.wire.batch import MAX_FILE_BYTES
from sync import courier
from sync.courier import Settled
from sync.keys import Identity
from sync.ports import Outbox
from terminal.store import files
from terminal.store.second_medium import NAME


def bring_in(outbox: Outbox, me: Identity, folder: Path) -> Settled:
    """Take in what the region answered, then take from the stick what it has served for. What is not this terminal's
    stays. Raises StoreError medium.missing, medium.failed, SyncError; then the stick is as it was."""
    with files.converting("medium.full", "medium.failed", folder):
        if not folder.is_dir():
            raise StoreError("medium.missing", "later", path=str(folder))
        acks, refusals = sorted(folder.glob(f"*{courier.ACK}")), sorted(_mine(folder, me, courier.REFUSAL))
        keyset = folder / courier.KEYS
        result = courier.settle(
            outbox, me, _read(keyset) if keyset.is_file() else None, map(_read, acks), map(_read, refusals)
        )
        for path in refusals:
            path.unlink(missing_ok=True)
        for path in _mine(folder, me, courier.BATCH):
            _drop_held(path, result)
    return result


def _mine(folder: Path, me: Identity, ending: str) -> Iterator[Path]:
    for path in folder.glob(f"{me.terminal_id}-*{ending}"):
        if NAME.fullmatch(path.with_suffix(courier.BATCH).name):
            yield path


def _read(path: Path) -> bytes:
    """Whatever lies there: no more of it than the longest batch has."""
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES)


def _drop_held(path: Path, result: Settled) -> None:
    """The region signed that it has all of this batch."""
    name = NAME.fullmatch(path.name)
    if name and int(name["last"]) <= result.held.get(name["epoch"], 0):
        path.unlink(missing_ok=True)
        path.with_suffix(courier.ACK).unlink(missing_ok=True)
