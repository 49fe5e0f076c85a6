"""The region as the window asks it: children of other clinics, answers that come at once, later, or never."""

from __future__ import annotations

from concurrent.futures import Future
from itertools import count
from typing import Any

from domain.clock import tick
from domain.errors import SyncError
from domain.events import ChildRegistered, DoseGiven, Guardian, Identifier
from domain.wire import event
from sync.feed import Found
from sync.messages import Purpose
from sync.ports import Told
from terminal.ui.services import Services
from tests.fakes.desk import TestDesk
from tests.fakes.stories import ELSEWHERE

BOOKLET, CHILD = "3205000777", "0192c0de-0000-7000-8000-00000000000c"
AS_OF = "2026-11-23T01:30:00.000Z"
STRANGER = ChildRegistered(
    "沈思远",
    "1",
    "2026-01-14",
    identifiers=(Identifier("booklet", BOOKLET),),
    guardians=(Guardian("mother", "吴敏", "13912345678"),),
    clinic=ELSEWHERE,
)


class Elsewhere:
    """`asked` is every question; `answers` what is said to them, a fault or a child's record. While `later`, nothing is
    said until `speak`. With `online` False nobody is asked."""

    def __init__(self, online: bool = True, later: bool = False) -> None:
        self.online, self.later = online, later
        self.asked: list[tuple[str, str, str, str]] = []
        self.answers: dict[str, Found | SyncError] = {}
        self._open: list[tuple[str, Future[Found]]] = []
        self._numbers = count(1)

    def look_up(self, kind: str, value: str, purpose: Purpose, actor_code: str) -> Future[Found]:
        self.asked.append((kind, value, purpose, actor_code))
        future: Future[Found] = Future()
        self._open.append((value, future))
        if not self.later:
            self.speak()
        return future

    def speak(self) -> None:
        """Answer what was asked."""
        waiting, self._open = self._open, []
        for value, future in waiting:
            answer = self.answers.get(value, SyncError("sync.lookup_not_found", "never"))
            if isinstance(answer, Found):
                future.set_result(answer)
            else:
                future.set_exception(answer)

    def told(self, kind: str, subject: str, stated: str, body: Any, event_id: str = "") -> Told:
        """A fact another clinic told."""
        n = next(self._numbers)
        data = event.encode(
            event_id=event_id or f"0192c0de-0000-7000-8000-{n:012d}",
            kind=kind,
            subject=subject,
            actor="X1",
            hlc=tick("", 1_763_800_000_000 + n),
            stated=stated,
            recorded_at="2026-11-01T01:00:00.000Z",
            offset_ms=None,
            body=body,
        )
        return Told("T-9", ELSEWHERE, data)

    def dose(self, child: str, vaccine: str, number: int, day: str) -> Told:
        return self.told("dose.given", child, day, DoseGiven("v", vaccine, number, ELSEWHERE))

    def stranger(self) -> Found:
        """A child this clinic never saw, with three doses."""
        person = self.told("child.registered", CHILD, "2026-01-15", STRANGER, CHILD)
        given = [("0101", 1, "2026-01-15"), ("0201", 1, "2026-01-15"), ("0201", 2, "2026-02-16")]
        return Found((CHILD,), (person, *(self.dose(CHILD, *one) for one in given)), AS_OF)

    def knows(self, child: str, *doses: tuple[str, int, str]) -> None:
        """What it will say of a child of ours: these doses were given elsewhere."""
        self.answers[child] = Found((child,), tuple(self.dose(child, *one) for one in doses), AS_OF)

    def services(self, on: TestDesk, **more: Any) -> Services:
        return Services(on.desk.store.submit, look_up=self.look_up, online=lambda: self.online, **more)
