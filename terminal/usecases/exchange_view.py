"""What waits for a person: matters, corrections asked for, notices, hours that never arrived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from domain import workdays
from domain.doses import Dose
from domain.permissions import Permission
from domain.problems import block
from domain.world import from_utc_text
from terminal.store import children, doses, ledger, links, matters, references, requests
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb

REPLACED = "desk.replaced"
_DOSES = ("one", "other", "dose")  # parameters of an advice that may name a dose


@dataclass(frozen=True)
class MatterLine:
    """A matter with what its text wants; `doses` are those it is about, `child_id` the record to open or ""."""

    key: str
    code: str
    params: dict[str, Any]
    child_id: str
    name: str
    at: str
    doses: tuple[Dose, ...] = ()


@dataclass(frozen=True)
class RequestLine:
    """A correction asked for, by this clinic (`mine`) or of it. `days_left`: working days, below 0 once overdue."""

    request: requests.Request
    child_id: str
    name: str
    dose: Dose | None
    mine: bool
    days_left: int


@dataclass(frozen=True)
class MissingHours:
    """A desk's PC was replaced: after `since` (local, 2026-11-22T10:42) nothing of the old one arrived; `last_receipt`
    is its last slip that did, "" when none."""

    key: str
    terminal_id: str
    desk_name: str
    since: str
    last_receipt: str


@dataclass(frozen=True)
class InboxView:
    """All of it, what is due first at the top. `notices` are the texts in force today."""

    matters: tuple[MatterLine, ...]
    requests: tuple[RequestLine, ...]
    notices: tuple[str, ...]
    missing: tuple[MissingHours, ...]


@dataclass(frozen=True)
class InboxCount:
    """How many things wait for an answer of this clinic, and how many requests among them are past their day."""

    open: int
    overdue: int


@verb(Permission.CHILD_VIEW, reads=True)
def read_inbox(desk: Desk, actor: Actor) -> Outcome[InboxView]:
    """What waits; audited with how much it showed."""
    waiting = matters.open_matters(desk.store)
    asked = [_request(desk, one) for one in requests.open_requests(desk.store)]
    view = InboxView(
        tuple(_matter(desk, one) for one in waiting if one.code != REPLACED),
        tuple(sorted(asked, key=lambda line: (line.mine, line.request.due))),
        _notices(desk),
        tuple(_missing(desk, one) for one in waiting if one.code == REPLACED),
    )
    ledger.note(desk.store, desk.world, actor.code, "inbox.view", matters=len(waiting), requests=len(asked))
    return Outcome(view)


def inbox_count(desk: Desk) -> InboxCount:
    """On any thread."""
    asked = [one for one in requests.open_requests(desk.store) if one.asked_by != desk.clinic]
    overdue = sum(one.due < desk.today().isoformat() for one in asked)
    return InboxCount(matters.count(desk.store) + len(asked), overdue)


def clinic_names(desk: Desk) -> Mapping[str, str]:
    """The clinics of the region by code, this one among them; on any thread."""
    return {desk.clinic: desk.settings.clinic.name, **references.clinics(desk.store, desk.today())}


def missing_hours(desk: Desk) -> list[MissingHours]:
    """Desks whose old PC took some hours with it, until a person has settled the matter; on any thread."""
    return [_missing(desk, one) for one in matters.open_matters(desk.store, REPLACED)]


@verb(Permission.MATTER_SETTLE)
def settle_matter(desk: Desk, actor: Actor, key: str, reason: str) -> Outcome[str]:
    """A person has looked into it and says why no more is to be done; it is gone from this desk's list."""
    matter = matters.one(desk.store, key)
    if matter is None:
        return stop(block("matter.not_open"))
    if not reason.strip():
        return stop(block("reason.missing", "reason"))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        matters.settle(entry, key, reason.strip())
        entry.audit("matter.settle", matter.child_id, key=key, code=matter.code)
    return Outcome(key)


def _matter(desk: Desk, one: matters.Matter) -> MatterLine:
    named = [doses.one(desk.store, str(one.params[name])) for name in _DOSES if one.params.get(name)]
    head, name = _person(desk, one.child_id)
    return MatterLine(one.key, one.code, one.params, head, name, one.at, tuple(dose for dose in named if dose))


def _request(desk: Desk, one: requests.Request) -> RequestLine:
    head, name = _person(desk, one.child_id)
    left = workdays.left(desk.today(), date.fromisoformat(one.due))
    dose = doses.one(desk.store, one.dose_id)
    return RequestLine(one, head, name, dose, one.asked_by == desk.clinic, left)


def _person(desk: Desk, child_id: str) -> tuple[str, str]:
    """The record to open and the name on it; neither for a child unknown here."""
    card = children.card(desk.store, links.head_of(desk.store, child_id)) if child_id else None
    return (card.id, card.facts.name) if card else ("", "")


def _notices(desk: Desk) -> tuple[str, ...]:
    content = references.in_force(desk.store, "notices", desk.today())
    return (content.decode("utf-8", "replace"),) if content else ()


def _missing(desk: Desk, one: matters.Matter) -> MissingHours:
    said = {"terminal": "", "desk": "", "last_at": one.at, "last_receipt": "", **one.params}
    try:
        since = from_utc_text(said["last_at"]).astimezone(desk.world.zone).strftime("%Y-%m-%dT%H:%M")
    except (ValueError, TypeError, OverflowError):  # as the old PC wrote it down
        since = str(said["last_at"])
    return MissingHours(one.key, said["terminal"], said["desk"], since, said["last_receipt"])
