"""The stick that is carried between this PC and the region (sync/courier.py says what is on it)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from domain.errors import StoreError, WireError
from domain.wire import batch
from domain.world import World
from sync import courier
from sync.courier import Settled
from sync.keys import Identity
from sync.ports import Outbox
from terminal.store import files
from terminal.store.second_medium import NAME


def bring_in(outbox: Outbox, me: Identity, world: World, folder: Path) -> Settled:
    """Take in what the region answered, then take from the stick what it has served for. What is not this terminal's
    stays. Raises StoreError medium.missing, medium.failed, SyncError; then the stick is as it was."""
    with files.converting("medium.full", "medium.failed", folder):
        if not folder.is_dir():
            raise StoreError("medium.missing", "later", path=str(folder))
        acks, refusals = sorted(folder.glob(f"*{courier.ACK}")), sorted(_mine(folder, me, courier.REFUSAL))
        known = [path for path in _mine(folder, me, courier.BATCH) if _is_ours(outbox, path)]
        keyset = folder / courier.KEYS
        result = courier.settle(
            outbox, me, world, _read(keyset) if keyset.is_file() else None, map(_read, acks), map(_read, refusals)
        )
        for path in refusals:
            path.unlink(missing_ok=True)
        for path in known if result.anew else []:  # its facts go out again under new numbers
            path.unlink(missing_ok=True)
        for path in _mine(folder, me, courier.BATCH):
            _drop_held(path, result)
    return result


def _mine(folder: Path, me: Identity, ending: str) -> Iterator[Path]:
    for path in folder.glob(f"{me.terminal_id}-*{ending}"):
        if NAME.fullmatch(path.with_suffix(courier.BATCH).name):
            yield path


def _is_ours(outbox: Outbox, path: Path) -> bool:
    """Every fact of it is in these records, and of the present epoch: it is no twin's, nor of a lost evening."""
    try:
        header = batch.unpack(_read(path)).header
    except WireError:
        return False
    return header.epoch == outbox.standing().epoch and outbox.hash_at(header.last_seq) == header.last_hash


def _read(path: Path) -> bytes:
    """Whatever lies there: no more of it than the longest batch has."""
    with path.open("rb") as file:
        return file.read(batch.MAX_FILE_BYTES)


def _drop_held(path: Path, result: Settled) -> None:
    """The region signed that it has all of this batch."""
    name = NAME.fullmatch(path.name)
    if name and int(name["last"]) <= result.held.get(name["epoch"], 0):
        path.unlink(missing_ok=True)
        path.with_suffix(courier.ACK).unlink(missing_ok=True)
