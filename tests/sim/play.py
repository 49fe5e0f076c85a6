"""One round: terminals of a few clinics at work on a bad wire, things going wrong, and at the end all is mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

from domain.errors import VaxdeskError
from tests.sim.clock import Clock
from tests.sim.region import Region, of_chance
from tests.sim.seat import Seat
from tests.sim.tally import Tally, count
from tests.sim.wire import FAULTS, Fault, Wire

CLINICS = ("3301060201", "3301060202", "3301060203")
# What a person at the terminal answers with a new one-time code.
ENROL = {"sync.not_enrolled", "sync.unknown_terminal", "sync.cloned"}
_HEAL_PASSES = 12
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
    restore: float = 0.03
    clone: float = 0.002
    region_copy: float = 0.02
    region_restore: float = 0.006
    skew: float = 0.01
    rotate: float = 0.002
    night: float = 0.01
    real: float = 0.2  # of copies made and of restores: by the backup's own, slower way


class Play:
    """`server` reaches a PostgreSQL; `mean` facts are told at a time."""

    def __init__(self, folder: Path, server: Callable[[str], str], seed: int, seats: int, rates: Rates) -> None:
        self.rng, self.clock, self.rates, self.folder = Random(seed), Clock(), rates, folder
        self.region = Region(folder / "region", server, self.clock.world(self.rng))
        self.wire = Wire(self.region.answer, self._fault, self.rng)
        self.tally, self.said, self.did = Tally(), Counter[str](), Counter[str]()
        self.healing = False
        self.seats: list[Seat] = []
        self._photographs: list[str] = []
        (folder / "copies").mkdir()
        for number in range(seats):
            self._add(Seat(f"pc{number}", folder / f"pc{number}", CLINICS[number % 3], self.clock, self.rng)).found()

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
        """Somebody records something; perhaps it is sent; perhaps something goes wrong."""
        seat, chance, rates = self.rng.choice(self.seats), self.rng.random, self.rates
        self.clock.at += timedelta(seconds=self.rng.expovariate(1 / 20))
        self.tally.told |= seat.tell(1 + int(self.rng.expovariate(1 / mean)))
        if chance() < rates.visit:
            self.visit(seat)
        if chance() < rates.pull:
            self.pull(seat)
        if chance() < 0.3:
            self.wire.deliver_late(3)
        mishaps = {
            self.copy: rates.copy, self.restore: rates.restore, self.clone: rates.clone, self.skew: rates.skew,
        }  # fmt: skip
        for mishap, rate in mishaps.items():
            if chance() < rate:
                mishap(seat)
        for happening, rate in {
            self.copy_region: rates.region_copy,
            self.restore_region: rates.region_restore,
            self.rotate: rates.rotate,
            self.night: rates.night,
        }.items():
            if chance() < rate:
                happening()

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

    def copy(self, seat: Seat) -> None:
        seat.back_up(real=self.rng.random() < self.rates.real)

    def restore(self, seat: Seat) -> None:
        """The seat's disk dies; a copy is put in place by the program, or by hand, which nobody tells the program."""
        if seat.copies:
            self.tally.forget(seat)
            seat.restore(self.rng.choice(seat.copies), told=self.rng.random() < 0.5)
            self.did["restores"] += 1

    def clone(self, seat: Seat) -> None:
        number = len(self.seats)
        self._add(seat.clone(f"pc{number}", self.folder / f"pc{number}"))
        self.did["clones"] += 1

    def skew(self, seat: Seat) -> None:
        seat.watch.ahead = timedelta(days=self.rng.choice((-366, 0, 0, 366)), seconds=self.rng.randrange(-3600, 3600))
        self.did["skews"] += 1

    def copy_region(self) -> None:
        if self.rng.random() < self.rates.real:
            folder = self.folder / "copies" / str(self.rng.randrange(3))
            self.region.back_up(folder)
        else:
            self._photographs.append(self.region.photograph())

    def restore_region(self) -> None:
        """From a copy of its own, or its disk put back."""
        if self.rng.random() < self.rates.real and (copy := of_chance(self.rng, self.folder / "copies")):
            self.region.restore(copy)
        elif self._photographs:
            self.region.go_back(self.rng.choice(self._photographs[-4:]))
        else:
            return
        self.did["region_restores"] += 1

    def rotate(self) -> None:
        overlap = timedelta(days=self.rng.choice((0, 365)))
        self.region.keys.rotate(("seal", "sign"), self.clock.now(), overlap)
        self.did["rotations"] += 1

    def night(self) -> None:
        self.clock.at += timedelta(hours=self.rng.choice((14, 26, 24 * 20)))

    def heal(self) -> None:
        """The wire is whole; everybody sends and reads until nobody has anything left."""
        self.healing = True
        self.wire.deliver_late(10_000)
        for _ in range(_HEAL_PASSES):
            self.clock.at += timedelta(hours=26)
            well = [self.visit(seat) and not seat.unsent() for seat in self.seats]
            self.did["heal_passes"] += 1
            if all(well):
                break
        self.did["stuck"] = well.count(False)
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
