"""Records that go to the region by hand, where a clinic has no line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from terminal.bootstrap.region import CLIENT
from terminal.store.courier import bring_in
from terminal.store.outbox import StoreOutbox
from terminal.store.second_medium import MediumCount, copy_unsent
from terminal.usecases.desk import Desk

if TYPE_CHECKING:  # what the counter does not need to open is imported where it is used
    from sync.courier import Settled


def courier_out(desk: Desk, folder: Path) -> MediumCount:
    """Seal what waits and put it on the stick; also beside a running window. Raises SyncError, StoreError."""
    from sync.keys import identity, region_keys
    from sync.sealing import seal_waiting

    outbox = StoreOutbox(desk.store, desk.world)
    seal_waiting(outbox, region_keys(outbox), identity(outbox), desk.world, CLIENT)
    return copy_unsent(desk.store, folder, desk.world)


def courier_in(desk: Desk, folder: Path) -> Settled:
    """What the region answered on the stick. Raises SyncError, StoreError."""
    from sync.keys import identity

    outbox = StoreOutbox(desk.store, desk.world)
    return bring_in(outbox, identity(outbox), desk.world, folder)
