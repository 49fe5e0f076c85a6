"""A child's record kept elsewhere: asked for with a purpose, kept here, opened. The number typed is noted nowhere."""

from __future__ import annotations

from typing import get_args

from domain.permissions import Permission
from domain.problems import block
from sync.feed import Found
from sync.messages import Purpose
from terminal.store import children, ledger, links
from terminal.store.inbox import StoreInbox
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb
from terminal.usecases.schedule import renew_forecast

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)  # the text of each: purpose.<code>


@verb(Permission.CHILD_LOOKUP)
def begin_lookup(desk: Desk, actor: Actor, purpose: str) -> Outcome[str]:  # noqa: ARG001 (a verb's)
    """The staff code that goes to the region with the question; without a purpose nothing is asked."""
    return Outcome(actor.code) if purpose in PURPOSES else stop(block("lookup.no_purpose", "purpose"))


@verb(Permission.CHILD_LOOKUP)
def keep_found(desk: Desk, actor: Actor, found: Found, purpose: str) -> Outcome[str]:
    """Keep the facts the region knew and reckon the child anew; the id of the record to open."""
    StoreInbox(desk.store, desk.world, desk.clinic).apply_found(found.facts, found.as_of)
    head = links.head_of(desk.store, found.children[0])
    known = children.card(desk.store, head) is not None
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        if known:
            renew_forecast(entry, desk, head)
        entry.audit("child.lookup", head, purpose=purpose, outcome="found" if known else "lookup.no_person")
    return Outcome(head) if known else stop(block("lookup.no_person"))


@verb(Permission.CHILD_LOOKUP)
def note_lookup(desk: Desk, actor: Actor, purpose: str, code: str, child_id: str = "") -> Outcome[str]:
    """Audit a question whose answer was shown, came too late to be shown ("shown", "not_shown"), or was a fault:
    its code. `child_id` is that of a record found, or of a child known here."""
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        entry.audit("child.lookup", child_id, purpose=purpose, outcome=code)
    return Outcome(code)
