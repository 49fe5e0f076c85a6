"""A new epoch opened by ourselves, because the region holds another history at our numbers (docs/adr/0016)."""

from __future__ import annotations

import logging
from datetime import timedelta

import msgspec

from domain.errors import SyncError
from domain.world import World, from_utc_text, utc_text
from sync.ports import Outbox, Reason

OPENED = "line.anew"  # the instants of the last ones
_MOST, _IN = 3, timedelta(hours=24)
# What the region says of a batch that a new epoch answers: the reason of it, and whether every fact goes up again.
ANSWERS: dict[str, tuple[Reason, bool]] = {
    "sync.stale_epoch": ("clone", False),
    "sync.fork": ("clone", False),
    "sync.start_over": ("fork", True),
}
_log = logging.getLogger(__name__)


def begin(outbox: Outbox, world: World, reason: Reason, why: SyncError, *, everything: bool) -> None:
    """Once or twice a day is repair; more is a fault that it does not mend: then raises `why`."""
    now, kept = world.now(), outbox.recall(OPENED)
    past = msgspec.json.decode(kept, type=list[str]) if kept else []
    past = [at for at in past if abs(now - from_utc_text(at)) < _IN]
    if len(past) >= _MOST:
        raise why
    _log.warning("a new epoch is opened: %s, for %s", reason, why.code)
    outbox.open_epoch(reason, everything=everything)
    outbox.remember(OPENED, msgspec.json.encode([*past, utc_text(now)]))
