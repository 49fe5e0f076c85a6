"""Two records of one child become one at the counter, and two again: links, told as facts; no record is rewritten."""

from __future__ import annotations

from domain.events import ChildMerged, ChildRegistered, ChildUnmerged
from domain.permissions import Permission
from domain.problems import Problem, block
from terminal.store import children, doubles, ledger, links, visits
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb
from terminal.usecases.schedule import renew_forecast

_IDENTITY = ("name", "sex", "birth_on", "resident_id")


def differences(desk: Desk, keep: str, other: str) -> tuple[str, ...]:
    """The fields of identity that both records have and that differ, to be shown before they are merged."""
    cards = [children.card(desk.store, child_id) for child_id in (keep, other)]
    one, two = (_identity(card) if card else {} for card in cards)
    return tuple(name for name in _IDENTITY if one.get(name) and two.get(name) and one[name] != two[name])


def _identity(card: children.Card) -> dict[str, str]:
    facts: ChildRegistered = card.facts
    own = {"name": facts.name, "sex": facts.sex, "birth_on": facts.birth_on}
    return own | {"resident_id": card.identifier("resident_id")}


def links_of(desk: Desk, child_id: str) -> list[links.Link]:
    """The merges the child's record stands on, each of which may be taken back."""
    return links.standing(desk.store, child_id)


@verb(Permission.CHILD_MERGE)
def merge_children(desk: Desk, actor: Actor, keep: str, other: str, reason: str) -> Outcome[str]:
    """The record `other` is of the same child as `keep`, which goes on. The id of the link."""
    problems = _cannot_merge(desk, keep, other, reason)
    if problems:
        return stop(*problems)
    body = ChildMerged(other, reason.strip())
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        link_id = entry.fact("child.merged", keep, body, desk.stated_now())
        links.add(entry, link_id, keep, other, body.reason)
        doubles.look(entry.store, [keep], entry.at)
        renew_forecast(entry, desk, links.head_of(desk.store, keep))
        entry.audit("child.merge", keep, other=other)
    return Outcome(link_id)


def _cannot_merge(desk: Desk, keep: str, other: str, reason: str) -> list[Problem]:
    if not reason.strip():
        return [block("reason.missing", "reason")]
    if any(children.card(desk.store, child_id) is None for child_id in (keep, other)):
        return [block("child.not_found")]
    if other in links.group(desk.store, keep):
        return [block("merge.already")]
    if visits.open_of(desk.store, other):
        return [block("merge.visit_open")]
    return []


@verb(Permission.CHILD_MERGE)
def unmerge_children(desk: Desk, actor: Actor, link_id: str, reason: str) -> Outcome[str]:
    """The link was wrong: these are two children. Doses recorded while it stood stay where they were recorded, and the
    region names them for a look."""
    link = links.one(desk.store, link_id)
    if link is None:
        return stop(block("merge.not_merged"))
    if not reason.strip():
        return stop(block("reason.missing", "reason"))
    body = ChildUnmerged(link_id, reason.strip())
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        fact_id = entry.fact("child.unmerged", link.child_id, body, desk.stated_now())
        links.end(entry, fact_id, link_id)
        doubles.look(entry.store, [link.child_id, link.other], entry.at)
        for child_id in dict.fromkeys(links.head_of(desk.store, each) for each in (link.child_id, link.other)):
            renew_forecast(entry, desk, child_id)
        entry.audit("child.unmerge", link.child_id, other=link.other)
    return Outcome(fact_id)
