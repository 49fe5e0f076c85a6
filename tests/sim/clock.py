"""The true time of a simulation, and clocks that are off."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from domain.world import World


@dataclass
class Clock:
    """The true time; a look at it takes a millisecond."""

    at: datetime = field(default_factory=lambda: datetime(2026, 11, 22, 1, tzinfo=UTC))

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at

    def world(self, rng: Random) -> World:
        return World(self.now, rng.randbytes)


@dataclass
class Watch:
    """A PC's clock, `ahead` of the true time or, below zero, behind it."""

    clock: Clock
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return self.clock.now() + self.ahead

    def world(self, rng: Random) -> World:
        return World(self.now, rng.randbytes)
