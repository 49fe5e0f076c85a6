"""All children of the records, by pinyin, for who looks through them; a look is audited with how many it showed."""

from __future__ import annotations

from dataclasses import dataclass

from domain.permissions import Permission
from terminal.store import children_view, ledger
from terminal.store.children_view import ChildLine
from terminal.usecases.desk import Actor, Desk, Outcome, verb


@dataclass(frozen=True)
class ChildFilter:
    """Codes of their tables and a birth year; "" for any."""

    year: str = ""
    residence: str = ""
    status: str = ""


@dataclass(frozen=True)
class ChildList:
    """`years` there are children of; `more`: lines were left off, a birth year shows them."""

    chosen: ChildFilter
    lines: tuple[ChildLine, ...]
    years: tuple[str, ...]
    more: bool


ALL = ChildFilter()


@verb(Permission.CHILD_VIEW, reads=True)
def list_children(desk: Desk, actor: Actor, chosen: ChildFilter = ALL) -> Outcome[ChildList]:
    """The children of a filter."""
    lines = children_view.lines(desk.store, chosen.year, chosen.residence, chosen.status)
    years = children_view.birth_years(desk.store)
    ledger.note(desk.store, desk.world, actor.code, "child.list", results=len(lines))
    return Outcome(ChildList(chosen, tuple(lines), tuple(years), len(lines) == children_view.MOST_LINES))
