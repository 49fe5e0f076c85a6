"""The waiting room: who arrived, who waits, who is called, who stays for observation, who is done.

arrived -- pre-check opens the visit --> waiting -- called, or a dose given --> called -- F12 --> observing -> done
A visit left open on another day stands on top until somebody answers it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal

from domain.permissions import Permission
from domain.problems import block
from domain.world import from_utc_text, utc_text
from terminal.store import children, ledger, queue
from terminal.store.queue import Place
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb

State = Literal["left", "called", "waiting", "arrived", "observing", "done"]
STATES: tuple[State, ...] = ("left", "called", "waiting", "arrived", "observing", "done")  # as they stand in the room


@dataclass(frozen=True)
class Waiting:
    """One child in the room. `since` UTC: from when the state holds; `until` the end of the observation, "" without."""

    place: Place
    state: State
    since: str
    until: str = ""

    @property
    def child_id(self) -> str:
        return self.place.child_id


@dataclass(frozen=True)
class Room:
    """The room at a moment; `precheck`: a scan here puts into the queue."""

    lines: tuple[Waiting, ...]
    precheck: bool

    def count(self, *states: State) -> int:
        return sum(line.state in states for line in self.lines)


@verb(Permission.CHILD_VIEW)
def enter_room(desk: Desk, actor: Actor) -> Outcome[Room]:
    """The room for one who opens it: names are seen, so it is audited, once."""
    room = read_room(desk)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        entry.audit("queue.read", results=len(room.lines))
    return Outcome(room)


def read_room(desk: Desk) -> Room:
    """Without an audit row: for a screen that shows it already."""
    day = desk.today().isoformat()
    begin = utc_text(datetime.combine(desk.today(), time(), desk.world.zone) - desk.shift)
    visits = queue.visits(desk.store, day, begin)
    arrivals = queue.arrivals(desk.store, day)
    now = utc_text(desk.world.now())
    return Room(tuple(arrange(visits, arrivals, begin, now)), queue.is_precheck(desk.store))


def arrange(visits: Iterable[Place], arrivals: Iterable[Place], begin: str, now: str) -> list[Waiting]:
    """Each child once, by state, then by how long it holds. `begin` of the day and `now` are UTC."""
    lines: dict[str, Waiting] = {}
    for place in visits:  # oldest first: of several visits the last counts, but one left open always shows
        if lines.get(place.child_id, _NOBODY).state != "left":
            lines[place.child_id] = _visiting(place, begin, now)
    for place in arrivals:
        line = lines.get(place.child_id)
        if line is None or (line.state in ("observing", "done") and place.arrived_at > line.place.closed_at):
            called = bool(place.called_at)
            lines[place.child_id] = Waiting(
                place, "called" if called else "arrived", place.called_at if called else place.arrived_at
            )
    return sorted(lines.values(), key=lambda w: (STATES.index(w.state), w.until or w.since))


_NOBODY = Waiting(Place("", "", "", "", "", "", "", "", "", "", "", 0, ""), "done", "")


def _visiting(place: Place, begin: str, now: str) -> Waiting:
    if not place.closed_at:
        if place.opened_at < begin:
            return Waiting(place, "left", place.opened_at)
        if place.called_at or place.doses:
            return Waiting(place, "called", place.last_dose_at or max(place.called_at, place.opened_at))
        return Waiting(place, "waiting", place.opened_at)
    if place.observe_until > now:
        return Waiting(place, "observing", place.last_dose_at or place.closed_at, place.observe_until)
    return Waiting(place, "done", max(place.closed_at, place.observe_until))


def left_s(line: Waiting, now: datetime) -> int:
    """Seconds of observation that are left."""
    return max(0, round((from_utc_text(line.until) - now).total_seconds())) if line.until else 0


@verb(Permission.VISIT)
def arrive(desk: Desk, actor: Actor, child_id: str) -> Outcome[Waiting]:
    """Put a child into the queue; one that stands there already keeps its place."""
    if children.card(desk.store, child_id) is None:
        return stop(block("child.not_found"))
    standing = _line(desk, child_id)
    if standing and standing.state != "done":
        return Outcome(standing)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        queue.arrive(entry, child_id, desk.today().isoformat())
        entry.audit("queue.arrive", child_id)
    return Outcome(_line(desk, child_id))


@verb(Permission.VISIT)
def call(desk: Desk, actor: Actor, child_id: str) -> Outcome[Waiting]:
    """Call a child to the counter."""
    standing = _line(desk, child_id)
    if standing is None or standing.state not in ("arrived", "waiting"):
        return Outcome(standing) if standing else stop(block("queue.not_there"))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        queue.call(entry, child_id, desk.today().isoformat())
        entry.audit("queue.call", child_id)
    return Outcome(_line(desk, child_id))


@verb(Permission.VISIT)
def leave(desk: Desk, actor: Actor, child_id: str) -> Outcome[str]:
    """The family left before the visit; an open visit is closed on the counter, not here."""
    standing = _line(desk, child_id)
    if standing is None or standing.place.visit_id:
        return stop(block("queue.has_visit" if standing else "queue.not_there"))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        queue.leave(entry, child_id)
        entry.audit("queue.leave", child_id)
    return Outcome(child_id)


@verb(Permission.VISIT)
def set_precheck(desk: Desk, actor: Actor, on: bool) -> Outcome[bool]:
    """This desk is the pre-check's: a scan in the room puts the child into the queue."""
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        queue.set_precheck(entry, on)
        entry.audit("queue.precheck", on=on)
    return Outcome(on)


def _line(desk: Desk, child_id: str) -> Waiting | None:
    return next((line for line in read_room(desk).lines if line.child_id == child_id), None)
