"""A physician answers for the data of a programme: only then is it no longer a demonstration edition."""

from __future__ import annotations

from domain.permissions import Permission
from domain.problems import block
from terminal.store import approvals, ledger
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb


@verb(Permission.PROGRAMME_APPROVE)
def approve_programme(desk: Desk, actor: Actor, name: str, physician: str) -> Outcome[str]:
    """Approve the data of an edition or of the supplement as they are now, under a physician's full name; gives their
    digest. Changed data need another approval."""
    parts = [*desk.plan.editions, *([desk.plan.supplement] if desk.plan.supplement else [])]
    programme = next((one for one in parts if one.name == name), None)
    physician = " ".join(physician.split())
    if programme is None:
        return stop(block("programme.not_here", "name", name=name, known=", ".join(one.name for one in parts)))
    if not physician:
        return stop(block("programme.no_physician", "physician"))
    digest = desk.plans.digests[name]
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        approvals.add(entry, name, programme.edition, digest, physician)
        entry.audit("programme.approve", name, edition=programme.edition, digest=digest)
    desk.approvals = approvals.given(desk.store)
    return Outcome(digest)
