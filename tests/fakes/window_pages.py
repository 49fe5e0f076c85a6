"""What stories of the window's pages share: turn to one, read its table, press its keys."""

from __future__ import annotations

from typing import Any, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from terminal.ui.pages import Page
from terminal.ui.table_view import Table
from tests.fakes.screen import Screen

P = TypeVar("P", bound=Page)


def turn(screen: Screen, name: str, kind: type[P]) -> P:
    """Turn to a page by the rail."""
    screen.shell.turn_to(name)
    screen.settle()
    found = screen.shell.findChildren(kind)
    assert len(found) == 1 and screen.shell.current == name
    return found[0]


def lines(table: Table[Any]) -> list[list[str]]:
    """What a table shows, line by line."""
    model = table.lines
    return [[str(model.data(model.index(r, c))) for c in range(model.columnCount())] for r in range(model.rowCount())]


def keyed(screen: Screen, widget: Any, *keys: Qt.Key) -> None:
    for key in keys:
        QTest.keyClick(widget, key)
    screen.settle()
