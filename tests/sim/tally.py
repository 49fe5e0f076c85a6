"""What became of every event: at the region once, dead with a terminal, or lost for no good reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from regional import queries
from tests.sim.region import Region
from tests.sim.seat import Seat


@dataclass
class Tally:
    """`told`: every event ever committed at a terminal, and whether it is a dose. `acked` had been acknowledged when
    the records that held them were put back."""

    told: dict[str, bool] = field(default_factory=dict)
    acked: set[str] = field(default_factory=set)


def missing_acked(tally: Tally, region: Region, seats: Iterable[Seat]) -> set[str]:
    """What the region acknowledged, does not have and was not restored without."""
    return tally.acked.union(*(seat.acked() for seat in seats)) - region.accepted() - region.lost


@dataclass(frozen=True)
class Losses:
    """Events that are not at the region, by the reason why."""

    unexplained_losses: int
    died_unsent: int  # with a terminal put back before it had sent them
    died_both: int  # with a terminal put back and a region restored without them
    told_to_others: int  # of those: another desk was told of them, and still knows
    doubled: int
    foreign: int  # at the region though nobody told them


def count(tally: Tally, region: Region, seats: Sequence[Seat]) -> Losses:
    """To be called when everybody has nothing left to send and the region has applied everything."""
    rows = Counter(region.event_ids())
    held = {fact for seat in seats for fact in seat.held()}
    missing = tally.told.keys() - rows.keys()
    dead = missing - held
    both = dead & region.lost
    unexplained = (missing & held) | ((dead - both) & tally.acked)
    doses = Counter(queries.dose_ids(region.dsn))
    given = {fact for fact, is_dose in tally.told.items() if is_dose} & rows.keys()
    unexplained |= given - doses.keys()
    doubled = {fact for counted in (rows, doses) for fact, n in counted.items() if n > 1}
    told = {fact for seat in seats for fact in seat.told()} & both
    foreign = rows.keys() - tally.told.keys()
    return Losses(len(unexplained), len(dead - both - unexplained), len(both), len(told), len(doubled), len(foreign))
