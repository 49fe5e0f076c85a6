"""A day of a counter as its events: visits with their doses, stock, slips and health questions."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import msgspec

from domain import clock, events
from domain.ids import uuid7
from domain.wire import event
from domain.world import utc_text

QUESTIONS = ("fever", "cough", "allergy", "convulsion", "medicine", "ill_today")
CLINIC = "3205830101"


class Day:
    """A counter at work; one transaction's events share their instant, as the ledger writes them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)
        self.hlc = ""
        self.actor = "S001"
        self.stored: list[tuple[str, bytes]] = []

    def new_id(self) -> str:
        return uuid7(int(self.now.timestamp() * 1000), self.chance.randbytes(10))

    def old_child(self) -> str:
        return uuid7(1_735_689_600_000 + self.chance.randrange(10**10), self.chance.randbytes(10))

    def local(self, minutes: int = 0) -> str:
        return (self.now + timedelta(hours=8, minutes=minutes)).strftime("%Y-%m-%dT%H:%M")

    def later(self, least_s: int, most_s: int) -> None:
        self.now += timedelta(milliseconds=self.chance.randrange(least_s * 1000, most_s * 1000))

    def tell(self, kind: str, subject: str, body: msgspec.Struct, stated: str = "") -> str:
        self.hlc = clock.tick(self.hlc, int(self.now.timestamp() * 1000))
        event_id = self.new_id()
        stored = event.encode(
            event_id=event_id,
            kind=kind,
            subject=subject,
            actor=self.actor,
            hlc=self.hlc,
            stated=stated,
            recorded_at=utc_text(self.now),
            offset_ms=-137,
            body=body,
        )
        self.stored.append((kind, stored))
        return event_id

    def lot(self, n: int) -> events.DoseGiven:
        """Everything of a dose but its visit, number, package and site."""
        vaccine = f"{n + 1:02d}01"
        expiry = f"2027-{self.chance.randrange(1, 13):02d}-{self.chance.randrange(1, 29):02d}"
        lot_no = f"2026{self.chance.randrange(10**5):05d}"
        return events.DoseGiven(
            "", vaccine, 0, CLINIC, "S003", self.new_id(), lot_no, expiry, f"{n:02d}", "", 1, 0.5, "", "im"
        )

    def visit(self, doses: list[events.DoseGiven], number: int) -> None:
        self.later(60, 140)
        self.actor, child = self.chance.choice(["S001", "S002"]), self.old_child()
        health = dict.fromkeys(QUESTIONS, "no")
        opened = events.VisitOpened(CLINIC, "1", health, True, "seen")
        visit = self.tell("visit.opened", child, opened, self.local())
        for dose in doses:
            self.later(20, 50)
            package = f"81{int(dose.vaccine):05d}{self.chance.randrange(10**13):013d}"
            site = self.chance.choice(["LA", "RA"])
            own = {"visit": visit, "dose_no": self.chance.randrange(1, 4), "package": package, "site": site}
            given = self.tell("dose.given", child, msgspec.structs.replace(dose, **own), self.local())
            self.tell("stock.used", dose.lot, events.StockUsed(given))
        self.later(3, 9)
        self.tell("receipt.issued", child, events.ReceiptIssued(visit, f"{CLINIC}{number:07d}", len(doses)))
        self.tell("visit.closed", child, events.VisitClosed(visit, "printed", self.local(30)))


def day_of(doses: int, seed: int = 20261122) -> tuple[Day, int]:
    """A day with at least so many doses, and how many visits it took."""
    day, visits, given = Day(seed), 0, 0
    lots = [day.lot(n) for n in range(10)]
    while given < doses:
        visits += 1
        chosen = day.chance.sample(lots, day.chance.choice([1, 2, 2, 3]))
        given += len(chosen)
        day.visit(chosen, visits)
    return day, visits
