"""Print a slip again, marked as a copy; answer what became of a print that was cut off."""

from __future__ import annotations

from datetime import timedelta

from config.settings import Printer
from config.texts import say
from domain.permissions import Permission
from domain.problems import block, warn
from domain.world import utc_text
from terminal.store import ledger, papers
from terminal.store.ledger import Entry
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb


@verb(Permission.PRINT)
def reprint_slip(desk: Desk, actor: Actor, child_id: str) -> Outcome[str]:
    """Queue the child's last slip once more, marked as a copy; gives its receipt number."""
    number, printer = papers.last_receipt(desk.store, child_id), _slip_printer(desk)
    if not number:
        return stop(block("print.no_slip"))
    if printer is None:
        return stop(warn("print.no_printer"))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        papers.reprint(entry, number, printer.name, _expires(entry, printer), _label(desk))
    return Outcome(number)


@verb(Permission.PRINT)
def answer_print(desk: Desk, actor: Actor, job_id: str, printed: bool) -> Outcome[bool]:
    """A person looked at the printer: the slip is there, or it is printed again as a marked copy."""
    printer = _slip_printer(desk)
    if printer is None:
        return stop(warn("print.no_printer"))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        papers.answer_uncertain(entry, job_id, printed, _expires(entry, printer), _label(desk))
    return Outcome(printed)


def _slip_printer(desk: Desk) -> Printer | None:
    return next((p for p in desk.settings.printers if p.role == "slip"), None)


def _expires(entry: Entry, printer: Printer) -> str:
    return utc_text(entry.now + timedelta(seconds=printer.receipt_ttl_s))


def _label(desk: Desk) -> str:
    return say(desk.settings.language, "slip.reprint", copy_no="{copy}")
