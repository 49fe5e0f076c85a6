"""The facts of a terminal in memory, as `sync.ports.Outbox` documents them."""

from __future__ import annotations

from threading import Lock
from typing import Any

from domain import clock, events
from domain.wire import chain, event
from domain.wire.batch import Header
from domain.wire.signed import Ack, Lease
from domain.world import World, utc_text
from sync import crypto
from sync.enrol import Enrolment, enrol
from sync.keys import Identity, identity
from sync.ports import Reason, Run, SealedBatch, Standing


class MemoryOutbox:
    def __init__(self, world: World, terminal_id: str = "terminal", epoch: str = "") -> None:
        self.world = world
        self.terminal_id, self.epoch = terminal_id, epoch or world.random(16).hex()
        self.told: list[bytes] = []  # every fact, in whatever epoch
        self.events: list[bytes] = []
        self.hashes = [chain.start(terminal_id, self.epoch).hex()]
        self.sealed: list[SealedBatch] = []
        self.sealed_upto = 0
        self.acks: list[Ack] = []
        self.acked_seq = 0
        self.generation, self.offset_ms = "", None
        self.documents: dict[str, bytes] = {}
        self.leases: list[Lease] = []
        self.wanted: dict[str, int] = {}
        self.reports: list[tuple[str, dict[str, Any]]] = []
        self.reasons: list[Reason] = []  # of the epochs opened
        self.hlc = ""
        self._lock = Lock()

    def tell(self, kind: str, body: Any, subject: str = "child-1", *, stated: str = "2026-11-22") -> str:
        """Record a fact; its id."""
        event_id = self.world.new_id()
        self.hlc = clock.tick(self.hlc, int(self.world.now().timestamp() * 1000))
        recorded_at = utc_text(self.world.now())
        self.tell_raw(
            event.encode(
                event_id=event_id, kind=kind, subject=subject, actor="nurse", hlc=self.hlc, stated=stated,
                recorded_at=recorded_at, offset_ms=self.offset_ms, body=body,
            )
        )  # fmt: skip
        return event_id

    def tell_raw(self, stored: bytes) -> None:
        with self._lock:
            self.told.append(stored)
            self._place(stored)

    def _place(self, stored: bytes) -> None:
        self.events.append(stored)
        previous = bytes.fromhex(self.hashes[-1])
        self.hashes.append(chain.step(previous, len(self.events), stored).hex())

    def give(self, child: str, vaccine: str = "02", **more: Any) -> str:
        return self.tell("dose.given", events.DoseGiven("visit", vaccine, 1, "3101150101", **more), child)

    def standing(self) -> Standing:
        acked = self.acked_seq
        return Standing(self.epoch, len(self.events), acked, self.hashes[acked], self.generation, self.offset_ms)

    def unsealed(self, max_events: int, max_bytes: int) -> Run | None:
        with self._lock:
            start = self.sealed_upto
            taken: list[bytes] = []
            size = 0
            for stored in self.events[start : start + max_events]:
                size += len(stored) + 1
                if taken and size > max_bytes:
                    break
                taken.append(stored)
            if not taken:
                return None
            return Run(self.epoch, start + 1, self.hashes[start], self.hashes[start + len(taken)], taken, "")

    def keep(self, header: Header, blob: bytes) -> None:
        assert header.first_seq == self.sealed_upto + 1
        self.sealed.append(SealedBatch(header.epoch, header.first_seq, header.last_seq, blob))
        self.sealed_upto = header.last_seq

    def oldest_batch(self) -> SealedBatch | None:
        return self.sealed[0] if self.sealed else None

    def hash_at(self, seq: int) -> str | None:
        return self.hashes[seq] if seq < len(self.hashes) else None

    def settle(self, ack: Ack, document: bytes) -> None:
        assert (ack.terminal_id, ack.epoch, ack.hash) == (self.terminal_id, self.epoch, self.hashes[ack.received_upto])
        self.acks.append(ack)
        self.acked_seq = ack.received_upto
        self.sealed = [one for one in self.sealed if one.last_seq > ack.received_upto]

    def rewind(self, have_seq: int) -> None:
        self.sealed = [one for one in self.sealed if one.last_seq <= have_seq]
        self.acked_seq = min(self.acked_seq, have_seq)
        self.sealed_upto = max([have_seq, *(one.last_seq for one in self.sealed)])

    def open_epoch(self, reason: Reason, *, everything: bool = False) -> str:
        waiting = list(self.told) if everything else self.events[self.acked_seq :]
        self.reasons.append(reason)
        self.epoch = self.world.random(16).hex()
        self.events, self.sealed, self.sealed_upto, self.acked_seq = [], [], 0, 0
        self.hashes = [chain.start(self.terminal_id, self.epoch).hex()]
        for stored in waiting:
            self._place(stored)
        return self.epoch

    def region_says(self, generation: str, offset_ms: int) -> None:
        self.generation, self.offset_ms = generation, offset_ms

    def remember(self, name: str, value: bytes) -> None:
        self.documents[name] = value

    def recall(self, name: str) -> bytes | None:
        return self.documents.get(name)

    def add_leases(self, leases: list[Lease]) -> None:
        self.leases += leases
        self.wanted = {}

    def leases_wanted(self) -> dict[str, int]:
        return self.wanted

    def report(self, code: str, params: dict[str, Any]) -> None:
        self.reports.append((code, params))


def enrolled(url: str, ca_pem: str, code: str, world: World) -> tuple[MemoryOutbox, Identity, Enrolment]:
    """A new terminal of a running region."""
    place = enrol(url, ca_pem, code, crypto.new_key(), client="vaxdesk/0.1.0", world=world)
    outbox = MemoryOutbox(world, place.registration.terminal_id)
    for name, value in place.documents.items():
        outbox.remember(name, value)
    outbox.region_says(place.generation, place.offset_ms)
    outbox.add_leases(place.leases)
    return outbox, identity(outbox), place
