"""Register a child, change what is known of one, name a newborn later."""

from __future__ import annotations

from typing import Any

import msgspec

from config import tables
from domain.events import ChildRegistered, ChildUpdated, Identifier
from domain.identifiers import tidy_number
from domain.people import Candidate, Likeness, check_child, check_update, likely
from domain.permissions import Permission
from domain.problems import Problem, block, override, stops, warn
from terminal.store import children, leases, ledger
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb
from terminal.usecases.schedule import renew_forecast

SURE = 60  # a likeness from which creating another record needs a reason


def doubles(desk: Desk, form: ChildRegistered) -> list[tuple[Candidate, Likeness]]:
    """Children already here who may be this one, likeliest first; offered before creating."""
    rows = desk.store.run(children.possible_doubles, desk.store, form)
    return likely(form, [Candidate(**row) for row in rows], 40)


@verb(Permission.CHILD_REGISTER)
def register_child(
    desk: Desk, actor: Actor, form: ChildRegistered, reasons: dict[str, str] | None = None
) -> Outcome[children.Card]:
    """Check, look for duplicates, take a child code from the lease, and record `child.registered`."""
    form = msgspec.structs.replace(form, clinic=desk.clinic, identifiers=_tidy(form.identifiers))
    problems = check_child(form, desk.today(), tables.known_area) + _doubtful(desk, form)
    if stops(problems, [code for code, why in (reasons or {}).items() if why.strip()]):
        return stop(*problems)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        coded = any(i.kind == "child_code" for i in form.identifiers)  # a child from elsewhere keeps its code
        code = None if coded else leases.take_number(entry, "child_code", form.birth_on[:4])
        if code:
            numbers = (*form.identifiers, Identifier("child_code", code, desk.clinic))
            form = msgspec.structs.replace(form, identifiers=numbers)
        elif not coded:
            problems.append(warn("child.no_code_left"))
        child_id = entry.fact("child.registered", "", form, desk.stated_now())
        children.add(entry, child_id, form, desk.today().isoformat())
        renew_forecast(entry, desk, child_id)
        entry.audit("child.register", child_id, overrides=sorted(reasons or {}))
    return Outcome(children.card(desk.store, child_id), tuple(problems))


def _tidy(identifiers: tuple[Identifier, ...]) -> tuple[Identifier, ...]:
    return tuple(msgspec.structs.replace(i, value=tidy_number(i.value)) for i in identifiers)


def _doubtful(desk: Desk, form: ChildRegistered) -> list[Problem]:
    found = [(c, like) for c, like in doubles(desk, form) if like.score >= SURE and not like.twin_or_sibling]
    return [override("child.possible_double", count=len(found), child=found[0][0].id)] if found else []


@verb(Permission.CHILD_EDIT)
def update_child(desk: Desk, actor: Actor, child_id: str, changes: dict[str, Any]) -> Outcome[children.Card]:
    """Record `child.updated` for the fields that really change. Lists are given whole."""
    card = children.card(desk.store, child_id)
    if card is None:
        return stop(block("child.not_found"))
    if "identifiers" in changes:
        changes = changes | {"identifiers": _tidy(changes["identifiers"])}
    problems = check_update(card.facts, changes, desk.today(), tables.known_area) + _taken(desk, child_id, changes)
    if stops(problems):
        return stop(*problems)
    after = msgspec.structs.replace(card.facts, **changes)
    fields = {
        name: (msgspec.to_builtins(getattr(card.facts, name)), msgspec.to_builtins(value))
        for name, value in changes.items()
        if getattr(card.facts, name) != value
    }
    if not fields:
        return Outcome(card, tuple(problems))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        fact_id = entry.fact("child.updated", child_id, ChildUpdated(fields), desk.stated_now())
        children.change(entry, child_id, after, fields, desk.today().isoformat(), fact_id)
        renew_forecast(entry, desk, child_id)
        entry.audit("child.edit", child_id, fields=sorted(fields))
    return Outcome(children.card(desk.store, child_id), tuple(problems))


def _taken(desk: Desk, child_id: str, changes: dict[str, Any]) -> list[Problem]:
    """Numbers that another child has as well: one of the two is wrong."""
    found = []
    for at, number in enumerate(changes.get("identifiers", ())):
        others = set(children.by_identifier(desk.store, number.value, number.kind)) - {child_id}
        if others:
            found.append(warn("child.number_taken", f"identifiers.{at}", count=len(others)))
    return found


@verb(Permission.CHILD_EDIT)
def give_code(desk: Desk, actor: Actor, child_id: str) -> Outcome[children.Card]:
    """Give a child registered without a code its number, once the lease holds some again."""
    card = children.card(desk.store, child_id)
    if card is None:
        return stop(block("child.not_found"))
    if card.identifier("child_code"):
        return Outcome(card)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        code = leases.take_number(entry, "child_code", card.facts.birth_on[:4])
        if code is None:
            return stop(warn("child.no_code_left"))
        before = card.facts.identifiers
        after = msgspec.structs.replace(card.facts, identifiers=(*before, Identifier("child_code", code, desk.clinic)))
        body = ChildUpdated({"identifiers": (msgspec.to_builtins(before), msgspec.to_builtins(after.identifiers))})
        fact_id = entry.fact("child.updated", child_id, body, desk.stated_now())
        children.change(entry, child_id, after, ["identifiers"], desk.today().isoformat(), fact_id)
        entry.audit("child.edit", child_id, fields=["identifiers"])
    return Outcome(children.card(desk.store, child_id))
