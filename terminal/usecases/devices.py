"""Test pages, and prints nobody can tell the end of."""

from __future__ import annotations

from datetime import timedelta

from config.texts import say
from domain.documents import Document
from domain.permissions import Permission
from domain.problems import warn
from domain.slips import test_page
from domain.world import utc_text
from terminal.store import ledger, papers
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb

TEST_KEEPS = timedelta(minutes=10)  # a test page that waits must not come out tomorrow morning


def uncertain(desk: Desk) -> tuple[papers.Job, ...]:
    """Prints that may be on paper, oldest first. On the store thread."""
    return tuple(papers.jobs_in(desk.store, "uncertain"))


@verb(Permission.PRINT)
def print_test(desk: Desk, actor: Actor, printer: str) -> Outcome[str]:
    """Queue a test page for a printer; gives its name."""
    page = test_page(lambda code, **params: say(desk.settings.language, code, **params), printer)
    return queue_test(desk, actor, page, printer)


def queue_test(desk: Desk, actor: Actor, page: Document, printer: str) -> Outcome[str]:
    """To the printer of this name, or the first of this role."""
    found = next((p.name for p in desk.settings.printers if printer in (p.name, p.role)), "")
    if not found:
        return stop(warn("print.no_printer"))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        expires = utc_text(entry.now + TEST_KEEPS)
        papers.queue_document(entry, page, found, "", expires)
        entry.audit("print.test", printer=found)
    return Outcome(found)
