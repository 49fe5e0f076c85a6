"""Who looked at what and who did what, for the one who checks; reading the audit is itself audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from domain.permissions import Permission
from domain.world import utc_text
from terminal.store import audit_view, ledger
from terminal.usecases.desk import Actor, Desk, Outcome, verb


@dataclass(frozen=True)
class AuditFilter:
    """The clinic's days `begin` to `end`, both included; `actor` and `action` "" for all."""

    begin: date
    end: date
    actor: str = ""
    action: str = ""


@dataclass(frozen=True)
class AuditPage:
    """What was found, newest first; `more`: older rows of these days were left off."""

    rows: tuple[audit_view.AuditRow, ...]
    people: tuple[tuple[str, str], ...]
    actions: tuple[str, ...]
    more: bool


@verb(Permission.AUDIT_READ, reads=True)
def read_audit(desk: Desk, actor: Actor, wanted: AuditFilter) -> Outcome[AuditPage]:
    """The rows asked for, and what can be asked for. Whoever reads is in the audit, with what was asked."""
    begin, end = _midnight(desk, wanted.begin), _midnight(desk, wanted.end + timedelta(days=1))
    found = audit_view.rows(desk.store, begin, end, wanted.actor, wanted.action)
    people, actions = audit_view.people(desk.store), audit_view.actions(desk.store)
    asked = {
        "begin": wanted.begin.isoformat(),
        "end": wanted.end.isoformat(),
        "who": wanted.actor,
        "what": wanted.action,
    }
    ledger.note(desk.store, desk.world, actor.code, "audit.read", **asked, results=len(found))
    more = len(found) == audit_view.MOST_ROWS
    return Outcome(AuditPage(tuple(found), tuple(people), tuple(actions), more))


def _midnight(desk: Desk, day: date) -> str:
    return utc_text(datetime.combine(day, time(), desk.world.zone))
