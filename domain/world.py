"""Time and chance, handed in as arguments so that every rule can be replayed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo

from domain.ids import uuid7

CHINA = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class World:
    """`now` gives aware UTC; `random` gives n unpredictable bytes; `zone` is the clinic's time zone."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    random: Callable[[int], bytes] = os.urandom
    zone: tzinfo = CHINA

    def today(self) -> date:
        """The clinic's calendar day."""
        return self.now().astimezone(self.zone).date()

    def new_id(self) -> str:
        return uuid7(int(self.now().timestamp() * 1000), self.random(10))


def utc_text(moment: datetime) -> str:
    """Milliseconds, UTC: 2026-11-22T01:42:11.123Z (the only form of an instant on disk and wire)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def from_utc_text(text: str) -> datetime:
    return datetime.fromisoformat(text)
