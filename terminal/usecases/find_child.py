"""Open a child by a scanned or typed number, or by search; every look is audited."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from domain.doses import Dose
from domain.identifiers import tidy_number
from domain.permissions import Permission
from domain.problems import block
from terminal.store import children, doses, ledger, visits
from terminal.store.doses import NotGiven
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb

NEAR = timedelta(days=366)  # children of one name born so close are mixed up


@dataclass(frozen=True)
class OpenChild:
    """A child on the screen: facts, doses as they stand, the open visit if any, and who looks alike."""

    card: children.Card
    doses: list[Dose]
    visit: visits.VisitRow | None
    siblings: list[children.Found]
    # Of another family, with a name that sounds the same or, as this one, without any.
    alike: list[children.Found] = field(default_factory=list)
    not_given: list[NotGiven] = field(default_factory=list)


@verb(Permission.CHILD_VIEW)
def find_child(desk: Desk, actor: Actor, number: str, kind: str = "") -> Outcome[list[str]]:
    """The ids of the children with this number: one as a rule, several when a booklet was copied wrongly."""
    found = children.by_identifier(desk.store, tidy_number(number), kind) if number.isprintable() else []
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        entry.audit("child.find", found[0] if len(found) == 1 else "", results=len(found))
    return Outcome(found) if found else stop(block("child.unknown_number"))


@verb(Permission.CHILD_VIEW)
def view_child(desk: Desk, actor: Actor, child_id: str) -> Outcome[OpenChild]:
    """All there is to show of one child, audited as a view."""
    opened = read_child(desk, child_id)
    if opened is None:
        return stop(block("child.not_found"))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        entry.audit("child.view", child_id)
    return Outcome(opened)


def read_child(desk: Desk, child_id: str) -> OpenChild | None:
    """The child without an audit row: for a screen that shows it already."""
    card = children.card(desk.store, child_id)
    if card is None:
        return None
    facts = card.facts
    phones = [g.phone for g in facts.guardians if g.phone]
    siblings = [f for f in children.sharing_phone(desk.store, phones) if f.id != child_id]
    born, family = date.fromisoformat(facts.birth_on), {f.id for f in siblings}
    days = [(born + side * NEAR).isoformat() for side in (-1, 1)]
    alike = children.sounding_like(desk.store, child_id, facts, *days)
    return OpenChild(
        card,
        doses.of_child(desk.store, child_id),
        visits.open_of(desk.store, child_id),
        siblings,
        [f for f in alike if f.id not in family],
        doses.not_given(desk.store, child_id),
    )


def search(desk: Desk, typed: str) -> list[children.Found]:
    """Lines for what is typed; on any thread. For a person: `look_up`."""
    return children.search(desk.store, typed)


@verb(Permission.CHILD_VIEW)
def look_up(desk: Desk, actor: Actor, typed: str) -> Outcome[list[children.Found]]:  # noqa: ARG001 (a verb's)
    """Lines for the search box while typing. The search is audited once, when it ends, by `note_search`."""
    return Outcome(search(desk, typed))


@verb(Permission.CHILD_VIEW)
def note_search(desk: Desk, actor: Actor, results: int) -> Outcome[int]:
    """Audit that a search was made (never what was typed)."""
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        entry.audit("child.search", results=results)
    return Outcome(results)
