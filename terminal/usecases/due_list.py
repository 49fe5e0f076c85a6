"""The due and overdue list of the clinic: on the screen and on paper, both audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from config import tables
from domain.permissions import Permission
from terminal.store import forecasts, ledger
from terminal.store.forecasts import DueChild, DueFilter, DueItem
from terminal.usecases.desk import Actor, Desk, Outcome, verb

__all__ = ["DueChild", "DueFilter", "DueItem", "DueList", "list_due", "print_due"]


@dataclass(frozen=True)
class DueList:
    """The children of a filter on a day. `due` and `overdue` count children, one with both among the overdue."""

    on: date
    chosen: DueFilter
    children: tuple[DueChild, ...]
    edition: str
    demonstration: bool

    @property
    def overdue(self) -> int:
        return sum(any(item.standing == "overdue" for item in child.items) for child in self.children)

    @property
    def due(self) -> int:
        return len(self.children) - self.overdue


ALL = DueFilter()


@verb(Permission.CHILD_VIEW)
def list_due(desk: Desk, actor: Actor, chosen: DueFilter = ALL) -> Outcome[DueList]:
    """Who is due or overdue; the look is audited with how many it showed, never with whom."""
    found = _due(desk, chosen)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        entry.audit("due.list", children=len(found.children))
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
    children = forecasts.due_list(desk.store, chosen, day, groups_of)
    return DueList(day, chosen, children, programme.edition, not desk.approved)


@verb(Permission.PRINT)
def print_due(desk: Desk, actor: Actor, chosen: DueFilter = ALL) -> Outcome[int]:
    """Queue the list for the page printer, or the slip printer when that is all there is; gives how many children."""
    raise NotImplementedError
