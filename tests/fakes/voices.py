"""Facts as other terminals tell them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from domain import clock, events
from domain.wire import event
from domain.world import World, utc_text
from sync.ports import Told
from tests.fakes.desk import CLINIC

ELSEWHERE = "3301990101"


class Voice:
    """One terminal of a clinic. Every fact is one second after the one before."""

    def __init__(self, world: World, terminal_id: str = "T-2", clinic: str = CLINIC) -> None:
        self.world, self.terminal_id, self.clinic = world, terminal_id, clinic
        self.hlc = ""
        self.told: list[Told] = []

    def tell(
        self,
        kind: str,
        body: Any,
        subject: str = "",
        *,
        stated: str = "2026-11-20T09:00",
        also: bool = False,
        id_: str = "",
    ) -> str:
        """Tell a fact; its id. `subject` "" is the fact itself."""
        id_, at = id_ or self.world.new_id(), self.world.now()
        self.hlc = clock.tick(self.hlc, int(at.timestamp() * 1000))
        said = event.encode(
            event_id=id_, kind=kind, subject=subject or id_, actor="S900", hlc=self.hlc, stated=stated,
            recorded_at=utc_text(at), offset_ms=None, body=body,
        )  # fmt: skip
        self.told.append(Told(self.terminal_id, self.clinic, said, also))
        return id_

    def hear(self, other: Voice) -> None:
        """What is told next is later than all the other told."""
        self.hlc = max(self.hlc, other.hlc)

    def child(self, name: str = "王子涵", born: str = "2025-11-20", **more: Any) -> str:
        return self.tell("child.registered", events.ChildRegistered(name, "1", born, clinic=self.clinic, **more))

    def dose(self, child: str, vaccine: str = "1201", day: str = "2026-11-20", **more: Any) -> str:
        body = events.DoseGiven("", vaccine, 1, self.clinic, "S900", site="1", route="SC", **more)
        return self.tell("dose.given", body, child, stated=f"{day}T09:00")

    def beside(self) -> list[Told]:
        """All it told, as "also" lines."""
        return [replace(one, also=True) for one in self.told]
