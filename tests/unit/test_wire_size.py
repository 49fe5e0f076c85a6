"""What a day weighs on the wire: 300 doses in about 150 visits, with stock, slips and health questions."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import msgspec

from domain import clock, events
from domain.ids import uuid7
from domain.wire import batch, event
from domain.world import utc_text
from sync import batches, crypto

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


def sealed_bytes(stored: list[bytes]) -> int:
    """All batches of these events as they travel, headers, signatures and seals included."""
    terminal, region = crypto.private_from_int(11), crypto.private_from_int(12)
    total = 0
    for at in range(0, len(stored), batch.MAX_EVENTS):
        run = stored[at : at + batch.MAX_EVENTS]
        key_id = crypto.key_id(region.public_key())
        some_id, some_hash, client = "01a1ff00-0000-7000-8000-00000000000a", "ab" * 32, "vaxdesk/0.1.0"
        made_at = "2026-11-22T08:00:00.000Z"
        header = batch.Header(
            1,
            batch.SUITE,
            some_id,
            "00" * 16,
            at + 1,
            at + len(run),
            len(run),
            some_hash,
            some_hash,
            key_id,
            made_at,
            -137,
            some_hash,
            client,
        )
        total += len(batches.seal(header, run, terminal, region.public_key()))
    return total


def test_a_day_on_the_wire() -> None:
    day = Day(20261122)
    lots = [day.lot(n) for n in range(10)]
    visits = 0
    while sum(kind == "dose.given" for kind, _ in day.stored) < 300:
        visits += 1
        day.visit(day.chance.sample(lots, day.chance.choice([1, 2, 2, 3])), visits)
    doses = [stored for kind, stored in day.stored if kind == "dose.given"]
    per_visit = sealed_bytes([stored for _, stored in day.stored]) / visits
    per_dose = sealed_bytes(doses) / len(doses)
    print(f"\n{len(doses)} doses, {visits} visits: {per_dose:.0f} B a dose.given, {per_visit:.0f} B a whole visit")
    assert per_dose <= 105
    assert per_visit <= 250
