"""How the line to the region stands: what waits, since when, what was said last and by whom it must be mended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from terminal.store import outbox, sync_view
from terminal.usecases.desk import Desk


@dataclass(frozen=True)
class SyncView:
    """`code` with `params` names what the last visit to the region said at `at` (UTC); "sync.never" without one."""

    unsent: outbox.UnsentCount
    line: sync_view.Line
    batches: tuple[sync_view.BatchRow, ...]
    code: str = "sync.never"
    params: dict[str, Any] = field(default_factory=dict)
    at: str = ""


def read_sync(desk: Desk) -> SyncView:
    """On the store thread; counts and codes only, so it is not audited."""
    report = outbox.StoreOutbox(desk.store, desk.world).recall(outbox.SYNC_REPORT)
    said = msgspec.json.decode(report) if report else {}
    kept = tuple(sync_view.batches(desk.store))
    return SyncView(outbox.unsent(desk.store), sync_view.line(desk.store), kept, **said)
