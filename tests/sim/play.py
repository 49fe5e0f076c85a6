"""One round: terminals of a few clinics at work on a bad wire, things going wrong, and at the end all is mended."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random

from domain.errors import VaxdeskError
from tests.sim.clock import Clock
from tests.sim.region import Region, quick_cluster
from tests.sim.seat import Seat
from tests.sim.tally import Tally, count
from tests.sim.wire import FAULTS, Fault, Wire

SEATS = 12  # terminals of a round, before any is cloned
MEAN = 20  # facts told at a time, about
CLINICS = ("3301060201", "3301060202", "3301060203", "3301060204")
# What a person at the terminal answers with a new one-time code; foreign: two copies made while they enrolled with one
# key, and a region that came back in between, which gave that key another name.
ENROL = {"sync.not_enrolled", "sync.unknown_terminal", "sync.cloned", "sync.foreign"}
_HEAL_PASSES = 12
_PHOTOGRAPHS = 4  # of the region's disk, the newest
WRONG = ("unexplained_losses", "doubled", "foreign", "stuck", "unread")  # each must be 0
_DONE = (
    "restores",
    "clones",
    "region_restores",
    "visits",
    "pulls",
    "enrolments",
    "rotations",
    "skews",
    "feed_misses",
    "stuck",
    "unread",
)


@dataclass(frozen=True)
class Rates:
    """How often what happens: `wire` of each request, the others of each step."""

    wire: float = 0.2
    visit: float = 0.75
    pull: float = 0.03
    copy: float = 0.06
    restore: float = 0.05
    clone: float = 0.006
    region_copy: float = 0.02
    region_restore: float = 0.008
    skew: float = 0.01
    rotate: float = 0.002
    night: float = 0.01
    real: float = 0.2  # of copies made and of restores: by the backup's own, slower way


def a_round(seed: int, events: int) -> Counter[str]:
    """A round on a PostgreSQL of its own. Its figures."""
    logging.basicConfig(level=logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="vaxdesk-sim-") as folder, quick_cluster(Path(folder)) as server:
        one = Play(Path(folder), server, seed, SEATS, Rates())
        try:
            return one.run(events, MEAN)
        finally:
            one.close()


class Play:
    """`server` reaches a PostgreSQL; `seats` terminals sit in `clinics` clinics."""

    def __init__(
        self,
        folder: Path,
        server: Callable[[str], str],
        seed: int,
        seats: int,
        rates: Rates,
        clinics: int = len(CLINICS),
    ) -> None:
        self.rng, self.clock, self.rates, self.folder = Random(seed), Clock(), rates, folder
        self.region = Region(folder / "region", server, self.clock.world(self.rng))
        self.wire = Wire(self.region.answer, self._fault, self.rng)
        self.tally, self.said, self.did = Tally(), Counter[str](), Counter[str]()
        self.healing = False
        self.seats: list[Seat] = []
        self.photographs: list[str] = []
        (folder / "copies").mkdir()
        for number in range(seats):
            clinic = CLINICS[number % clinics]
            self._add(Seat(f"pc{number}", folder / f"pc{number}", clinic, self.clock, self.rng)).found()

    def run(self, events: int, mean: int) -> Counter[str]:
        """Work until so many events are told, then mend all and count."""
        with self.wire.in_place_of_https():
            while len(self.tally.told) < events:
                self.step(mean)
            self.heal()
        return self.figures()

    def close(self) -> None:
        for seat in self.seats:
            seat.close()
        self.region.close()

    def step(self, mean: int) -> None:
        """Somebody records something, perhaps about `mean` facts; perhaps it is sent; perhaps something goes wrong."""
        seat, rng, rates = self.rng.choice(self.seats), self.rng, self.rates
        self.clock.at += timedelta(seconds=rng.expovariate(1 / 20))
        self.tell(seat, 1 + int(rng.expovariate(1 / mean)))
        self.wire.deliver_late(rng.choice((0, 0, 3)))
        happenings: dict[Callable[[], object], float] = {
            partial(self.visit, seat): rates.visit,
            partial(self.pull, seat): rates.pull,
            partial(self._copy, seat): rates.copy,
            partial(self._restore, seat): rates.restore,
            partial(self.clone, seat): rates.clone,
            partial(self._skew, seat): rates.skew,
            self._copy_region: rates.region_copy,
            self._restore_region: rates.region_restore,
            self._rotate: rates.rotate,
            self._night: rates.night,
        }
        for happening, rate in happenings.items():
            if rng.random() < rate:
                happening()

    def tell(self, seat: Seat, facts: int) -> None:
        self.tally.told |= seat.tell(facts)

    def visit(self, seat: Seat) -> bool:
        """As the worker at the terminal does, and the person in front of it. Whether all went well."""
        try:
            seat.visit()
        except VaxdeskError as fault:
            self.said[fault.code] += 1
            if fault.code in ENROL:
                self._enrol(seat)
            return False
        self.did["visits"] += 1
        return True

    def pull(self, seat: Seat, *, check: bool = False) -> bool:
        self.region.apply()
        try:
            wrong = seat.pull(check=check)
        except VaxdeskError as fault:
            self.said[f"feed: {fault.code}"] += 1
            return False
        self.did["pulls"] += 1
        self.did["feed_misses"] += len(wrong) > 0
        return not wrong

    def restore(self, seat: Seat, copy: Path, *, told: bool) -> None:
        """The seat's disk dies; a copy is put in place by the program, or by hand, which nobody tells the program."""
        self.tally.acked |= seat.acked()
        seat.restore(copy, told=told)
        self.did["restores"] += 1

    def clone(self, seat: Seat) -> None:
        """A PC is set up from this one's folder."""
        number = len(self.seats)
        self._add(seat.clone(f"pc{number}", self.folder / f"pc{number}"))
        self.did["clones"] += 1

    @property
    def copied(self) -> bool:
        """Whether there is a copy of the region to begin anew from."""
        return any((self.folder / "copies").iterdir())

    def back_up_region(self, number: int) -> None:
        self.region.back_up(self.folder / "copies" / str(number))

    def restore_region_from(self, number: int) -> None:
        """The region is lost, and begins anew from this copy."""
        folder = self.folder / "copies" / str(number)
        if folder.exists():
            self.region.restore(folder)
            self.did["region_restores"] += 1

    def photograph_region(self) -> None:
        self.photographs.append(self.region.photograph())

    def put_disk_back(self, number: int) -> None:
        """The region's disk is put back as it was."""
        if self.photographs:
            self.region.go_back(self.photographs[number % len(self.photographs)])
            self.did["region_restores"] += 1

    def rotate(self, overlap: timedelta) -> None:
        """New keys of the region; what is sealed to the old ones is taken so long."""
        self.region.keys.rotate(("seal", "sign"), self.clock.now(), overlap)
        self.did["rotations"] += 1

    def heal(self) -> None:
        """The wire is whole; everybody sends and reads until nobody has anything left."""
        self.healing = True
        self.wire.deliver_late(10_000)
        for _ in range(_HEAL_PASSES):
            self.clock.at += timedelta(hours=26)
            well = [self.visit(seat) for seat in self.seats]
            self.did["heal_passes"] += 1
            if all(well):
                break
        self.did["stuck"] = sum(seat.unsent() > 0 for seat in self.seats)
        self.region.apply()
        for _ in range(3):
            self.clock.at += timedelta(hours=26)
            read = [self.pull(seat, check=True) for seat in self.seats]
            if all(read):
                break
        self.did["unread"] = read.count(False)

    def figures(self) -> Counter[str]:
        """What was told, what became of it, what was done, and what the terminals said."""
        figures = Counter({"events": len(self.tally.told)})
        figures.update(asdict(count(self.tally, self.region, self.seats)))
        figures.update({name: self.did[name] for name in _DONE})
        figures.update({f"wire: {fault or 'whole'}": self.wire.count[fault] for fault in ("", *FAULTS)})
        figures.update(dict(sorted(self.said.items())))
        return figures

    def _add(self, seat: Seat) -> Seat:
        self.seats.append(seat)
        return seat

    def _enrol(self, seat: Seat) -> None:
        try:
            seat.enrol(self.region.new_code(seat.clinic, seat.name))
        except VaxdeskError as fault:
            self.said[f"enrol: {fault.code}"] += 1
        else:
            self.did["enrolments"] += 1

    def _fault(self) -> Fault:
        if self.healing or self.rng.random() >= self.rates.wire:
            return ""
        return self.rng.choice(FAULTS)

    def _copy(self, seat: Seat) -> None:
        seat.back_up(real=self._real())

    def _restore(self, seat: Seat) -> None:
        if seat.copies:
            self.restore(seat, self.rng.choice(seat.copies), told=self.rng.random() < 0.5)

    def _skew(self, seat: Seat) -> None:
        seat.watch.ahead = timedelta(days=self.rng.choice((-366, 0, 0, 366)), seconds=self.rng.randrange(-3600, 3600))
        self.did["skews"] += 1

    def _copy_region(self) -> None:
        if self._real():
            self.back_up_region(self.rng.randrange(3))
        else:
            self.photograph_region()
            for old in self.photographs[:-_PHOTOGRAPHS]:
                self.region.throw_away(old)
            del self.photographs[:-_PHOTOGRAPHS]

    def _restore_region(self) -> None:
        if self._real():
            self.restore_region_from(self.rng.randrange(3))
        else:
            self.put_disk_back(self.rng.randrange(_PHOTOGRAPHS))

    def _rotate(self) -> None:
        self.rotate(timedelta(days=self.rng.choice((0, 365))))

    def _night(self) -> None:
        self.clock.at += timedelta(hours=self.rng.choice((14, 26, 24 * 20)))

    def _real(self) -> bool:
        return self.rng.random() < self.rates.real
