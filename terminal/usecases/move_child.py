"""A child comes to the clinic for good, or leaves it: one fact, nothing of its record is rewritten."""

from __future__ import annotations

import msgspec

from domain.events import ChildMoved
from domain.identifiers import is_clinic_code
from domain.permissions import Permission
from domain.problems import block
from terminal.store import children, ledger, links
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb


@verb(Permission.CHILD_EDIT)
def move_in(desk: Desk, actor: Actor, child_id: str, left: str = "", reason: str = "") -> Outcome[children.Card]:
    """This clinic is the child's home now. `left`: the clinic it comes from, "" for the one its record names."""
    card = children.card(desk.store, links.head_of(desk.store, child_id))
    if card is None:
        return stop(block("child.not_found"))
    left = left or card.facts.clinic
    if card.facts.clinic == desk.clinic or left == desk.clinic:
        return stop(block("child.already_here"))
    if left and not is_clinic_code(left):
        return stop(block("child.bad_clinic", "left", clinic=left))
    return _move(desk, actor, card, ChildMoved(desk.clinic, left, reason.strip()))


@verb(Permission.CHILD_EDIT)
def move_out(desk: Desk, actor: Actor, child_id: str, to: str, reason: str = "") -> Outcome[children.Card]:
    """The child's home is the clinic `to` now: this one calls it no more and hears no more of it."""
    card = children.card(desk.store, links.head_of(desk.store, child_id))
    if card is None:
        return stop(block("child.not_found"))
    if card.facts.clinic != desk.clinic:
        return stop(block("child.not_ours"))
    if not is_clinic_code(to) or to == desk.clinic:
        return stop(block("child.bad_clinic", "to", clinic=to))
    return _move(desk, actor, card, ChildMoved(to, desk.clinic, reason.strip()))


def _move(desk: Desk, actor: Actor, card: children.Card, body: ChildMoved) -> Outcome[children.Card]:
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        fact_id = entry.fact("child.moved", card.id, body, desk.stated_now())
        after = msgspec.structs.replace(card.facts, clinic=body.to)
        children.change(entry, card.id, after, ["clinic"], desk.today().isoformat(), fact_id)
        entry.audit("child.move", card.id, to=body.to, left=body.left)
    return Outcome(children.card(desk.store, card.id))
