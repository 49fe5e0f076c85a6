"""One trip to the store thread each: a verb, and the child as it stands after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from domain.doses import Dose
from domain.permissions import Permission, allowed
from domain.schedule.page import Page
from drivers.scan import ScanEvent
from terminal.store import children, doses, forecasts, links, outbox, papers, requests, staff, visits
from terminal.usecases.check_dose import Choice
from terminal.usecases.desk import Actor, Desk, Outcome
from terminal.usecases.exchange_view import InboxCount, MissingHours, clinic_names, inbox_count, missing_hours
from terminal.usecases.find_child import OpenChild, find_child, note_search, read_child, view_child
from terminal.usecases.lookup import keep_found
from terminal.usecases.merge_children import differences
from terminal.usecases.scan_routing import Answer, route_scan
from terminal.usecases.schedule import page_of
from terminal.usecases.staff_emergency import EmergencyUse, emergency_standing
from terminal.usecases.sync_view import SyncView, read_sync
from terminal.usecases.visit import ClosedVisit, close_visit

if TYPE_CHECKING:
    from sync.feed import Found
    from sync.messages import Purpose


@dataclass(frozen=True)
class Look:
    """The child on the screen, its page, the doses of the open visit, and the dose that waits for its answer.
    `merged`: its record is made of several, of which `head` goes on; `elsewhere` its visit that another desk has
    open; `upto` the last fact its forecast knew of."""

    child: OpenChild | None = None
    page: Page | None = None
    given: tuple[Dose, ...] = ()
    held: doses.CheckedDose | None = None
    merged: bool = False
    head: str = ""
    elsewhere: visits.VisitRow | None = None
    upto: int | None = None

    @property
    def child_id(self) -> str:
        return self.child.card.id if self.child else ""

    @property
    def visit(self) -> visits.VisitRow | None:
        return self.child.visit if self.child else None


@dataclass(frozen=True)
class Pair:
    """Two records to be held side by side, with the doses that count; `differ` are the fields of identity in which they
    do not agree."""

    cards: tuple[children.Card, children.Card]
    doses: tuple[Sequence[Dose], Sequence[Dose]]
    differ: tuple[str, ...]


@dataclass(frozen=True)
class Scanned:
    """The answer to a scan. `closed` is the visit of the child before, when this scan ended it."""

    event: ScanEvent
    answer: Answer
    look: Look
    several: tuple[children.Card, ...] = ()
    closed: Outcome[ClosedVisit] | None = None


@dataclass(frozen=True)
class Standing:
    """The rest of the house: what is not uploaded, slips that ask, how the sealed code stands, what waits in the
    inbox, the region's clinics by name; `upto` the last fact that the forecast of `child_id` knows of."""

    unsent: outbox.UnsentCount
    uncertain: tuple[papers.Job, ...]
    emergency: EmergencyUse
    waiting: InboxCount
    clinics: Mapping[str, str]
    child_id: str
    upto: int | None


def look_at(desk: Desk, child_id: str) -> Look:
    """The child without an audit row: for a screen that shows it already."""
    child = read_child(desk, child_id) if child_id else None
    if child is None:
        return Look()
    records = links.group(desk.store, child_id)
    look = Look(
        child,
        page_of(desk, child_id),
        merged=len(records) > 1,
        head=records[0],
        elsewhere=visits.open_elsewhere(desk.store, child_id),
        upto=forecasts.looked_at(desk.store, child_id),
    )
    if child.visit is None:
        return look
    held = doses.held(desk.store, visit_id=child.visit.id)
    given = tuple(doses.of_visit(desk.store, child.visit.id))
    return replace(look, given=given, held=held[0] if held else None)


def scan(desk: Desk, actor: Actor, event: ScanEvent, child_id: str, choice: Choice) -> Scanned:
    """Answer a scan; a scanned child is opened, and the visit of the one before ends with its slip."""
    answer = route_scan(desk, actor, event.payload, child_id, event.symbology, event.device, choice)
    if answer.children:
        cards = [card for i in answer.children if (card := children.card(desk.store, i))]
        return Scanned(event, answer, look_at(desk, child_id), tuple(cards))
    if answer.child_id and answer.child_id != child_id:
        outcome, look, closed = open_child(desk, actor, answer.child_id, child_id)
        return Scanned(event, Answer(answer.code, outcome.problems, answer.child_id), look, closed=closed)
    return Scanned(event, answer, look_at(desk, child_id))


def open_child(
    desk: Desk, actor: Actor, child_id: str, before: str
) -> tuple[Outcome[OpenChild], Look, Outcome[ClosedVisit] | None]:
    """Open a child. A visit of the child before in which doses were given is closed: its slip prints."""
    closed = None
    last = look_at(desk, before)
    if last.visit and last.given and not last.held:
        closed = close_visit(desk, actor, last.visit.id)
    outcome = view_child(desk, actor, child_id)
    return outcome, look_at(desk, child_id if outcome.ok else before), closed


def open_found(
    desk: Desk, actor: Actor, child_id: str, before: str, results: int
) -> tuple[Outcome[OpenChild], Look, Outcome[ClosedVisit] | None]:
    """Open a line of the search; the search is audited with the count of its results."""
    note_search(desk, actor, results)
    return open_child(desk, actor, child_id, before)


def do(
    desk: Desk, child_id: str, verb: Callable[..., Outcome[Any]], actor: Actor, *args: Any
) -> tuple[Outcome[Any], Look]:
    """A verb, then the child as it stands."""
    outcome = verb(desk, actor, *args)
    return outcome, look_at(desk, child_id)


def renew(desk: Desk, actor: Actor, found: Found, purpose: Purpose, child_id: str) -> Look:
    """Take in what the region knows of a child, then the child as it stands."""
    keep_found(desk, actor, found, purpose)
    return look_at(desk, child_id)


def record_of(desk: Desk, actor: Actor, child_id: str) -> Outcome[Look]:
    """A child to read, not in the chair; audited as a view."""
    outcome = view_child(desk, actor, child_id)
    return Outcome(look_at(desk, child_id), outcome.problems) if outcome.ok else Outcome(None, outcome.problems)


def by_number(desk: Desk, actor: Actor, number: str) -> list[children.Found]:
    """The children with this number, as lines of a list."""
    found = find_child(desk, actor, number).value or []
    cards = [card for i in found if (card := children.card(desk.store, i))]
    return [
        children.Found(c.id, c.facts.name, c.facts.sex, c.facts.birth_on, "", c.identifier("child_code")) for c in cards
    ]


def pair_of(desk: Desk, actor: Actor, one: str, other: str) -> Pair | None:
    """Two records side by side, the other audited as a view; None when one of them may not be seen or is not here."""
    if not view_child(desk, actor, other).ok:
        return None
    cards = [children.card(desk.store, child_id) for child_id in (one, other)]
    if cards[0] is None or cards[1] is None:
        return None
    given = [[d for d in doses.of_child(desk.store, child_id) if d.counts] for child_id in (one, other)]
    return Pair((cards[0], cards[1]), (given[0], given[1]), differences(desk, one, other))


def links_of(desk: Desk, child_id: str) -> list[tuple[links.Link, str]]:
    """The merges a record stands on, each with the name on the record that was merged into it."""
    found = links.standing(desk.store, child_id)
    cards = [children.card(desk.store, link.other) for link in found]
    return [(link, card.facts.name if card else "") for link, card in zip(found, cards, strict=True)]


def staff_names(desk: Desk) -> dict[str, str]:
    """Names by staff code, of those who left too."""
    return {row.code: row.name for row in staff.everyone(desk.store)}


def about_dose(desk: Desk, dose_id: str) -> tuple[dict[str, str], list[requests.Request]]:
    """The names of staff, and what was asked about a dose."""
    return staff_names(desk), requests.of_dose(desk.store, dose_id)


def unanswered(desk: Desk, actor: Actor) -> tuple[tuple[doses.CheckedDose, children.Card], ...]:
    """Doses that were checked and never answered, oldest first, with their children, for one who may answer; who
    checked is called by name."""
    held = doses.held(desk.store) if allowed(actor.grades, Permission.DOSE_RECORD) else []
    names = staff_names(desk) if held else {}
    named = [msgspec.structs.replace(c, actor=names.get(c.actor, c.actor)) for c in held]
    return tuple((c, card) for c in named if (card := children.card(desk.store, c.child_id)))


def standing(desk: Desk, child_id: str) -> Standing:
    """The rest of the house, and whether anything was told of the child on the screen."""
    return Standing(
        outbox.unsent(desk.store),
        tuple(papers.jobs_in(desk.store, "uncertain")),
        emergency_standing(desk),
        inbox_count(desk),
        clinic_names(desk),
        child_id,
        forecasts.looked_at(desk.store, child_id),
    )


def sync(desk: Desk) -> tuple[SyncView, list[MissingHours]]:
    """How the line stands, and which desks' hours never arrived."""
    return read_sync(desk), missing_hours(desk)
