"""The due and overdue list of the clinic: on the screen and on paper, both audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from config import tables
from config.texts import say
from domain.documents import Document
from domain.permissions import Permission
from domain.problems import block, warn
from domain.slips import DueLine, due_paper
from domain.world import utc_text
from terminal.store import forecasts, ledger, papers
from terminal.store.forecasts import DueChild, DueFilter, DueItem
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb

__all__ = ["DueChild", "DueFilter", "DueItem", "DueList", "list_due", "print_due"]


@dataclass(frozen=True)
class DueList:
    """The children of a filter on a day. `due` and `overdue` count children, one with both among the overdue."""

    on: date
    chosen: DueFilter
    children: tuple[DueChild, ...]
    edition: str
    demonstration: bool
    overdue: int

    @property
    def due(self) -> int:
        return len(self.children) - self.overdue


ALL = DueFilter()
MOST = {"slip": 60, "page": 2000}  # children on one paper


@verb(Permission.CHILD_VIEW, reads=True)
def list_due(desk: Desk, actor: Actor, chosen: DueFilter = ALL) -> Outcome[DueList]:
    """Who is due or overdue; the look is audited with how many it showed, never with whom."""
    found = _due(desk, chosen)
    ledger.note(desk.store, desk.world, actor.code, "due.list", children=len(found.children))
    return Outcome(found)


def _due(desk: Desk, chosen: DueFilter) -> DueList:
    day = chosen.on or desk.today()
    programme = desk.plan.programme(day)
    carried = {name: group.code for group in programme.vaccine_groups.values() for name in group.antigens}
    groups_of = {
        code: tuple(dict.fromkeys(carried[part.antigen] for part in programme.vaccines[key].antigens))
        for code in tables.vaccines()
        if (key := desk.plan.vaccine(code, day))
    }
    children = forecasts.due_list(desk.store, chosen, day, groups_of, desk.clinic)
    overdue = sum(any(item.standing == "overdue" for item in child.items) for child in children)
    return DueList(day, chosen, children, programme.edition, not desk.approved, overdue)


@verb(Permission.PRINT)
def print_due(desk: Desk, actor: Actor, chosen: DueFilter = ALL) -> Outcome[int]:
    """Queue the list for the page printer, or the slip printer when that is all there is; gives how many children."""
    printers = {printer.role: printer for printer in desk.settings.printers}
    printer = printers.get("page") or printers.get("slip")
    if printer is None:
        return stop(warn("print.no_printer"))
    found = _due(desk, chosen)
    if len(found.children) > MOST[printer.role]:
        return stop(block("due.too_many", count=len(found.children), most=MOST[printer.role]))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        expires = utc_text(entry.now + timedelta(seconds=printer.receipt_ttl_s))
        papers.queue_document(entry, _paper(desk, found), printer.name, "", expires)
        entry.audit("due.print", children=len(found.children), printer=printer.name)
    return Outcome(len(found.children))


def _paper(desk: Desk, found: DueList) -> Document:
    zh = desk.settings.language == "zh_CN"
    speak = partial(say, desk.settings.language)

    def line(child: DueChild) -> DueLine:
        doses = []
        for item in child.items:
            name = speak("slip.dose", vaccine=item.name_zh if zh else item.name_en, dose_no=item.number)
            since = item.overdue_on or item.due_on
            doses.append(speak(f"due.{item.standing}", dose=name, day=since))
            if item.outcome:
                doses[-1] += speak(f"due.{item.outcome}", until=item.until)
        called = " ".join(part for part in (child.guardian, child.phone) if part)
        return DueLine(child.name, child.sex, child.birth_on, child.child_code, called, tuple(doses))

    lines = tuple(line(child) for child in found.children)
    notice = speak("slip.demonstration") if found.demonstration else ""
    return due_paper(desk.settings.clinic.name, found.on.isoformat(), (found.due, found.overdue), lines, notice, speak)
