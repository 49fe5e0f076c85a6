"""docs/scan-order.md is what the window does: every cell of its table, walked through the real window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from domain.codes.own import badge_text
from terminal.store import doses, papers, visits
from terminal.ui.start_sheets import PinSheet
from tests.fakes.desk import ADMIN, HEPB_BOX, HEPB_BOX_2, TestDesk
from tests.fakes.screen import Screen, booklet, with_visit

KEY = Qt.Key
DOCS = Path(__file__).parents[2] / "docs"
NO_PRODUCT = "89999990000000000011"
IN_CHINESE = {
    "opens": "打开",
    "answers": "只回答",
    "shown": "显示",
    "asks": "询问",
    "nothing": "无",
    "stays": "不变",
    "holds": "待确认",
    "closes": "结束",
    "stops": "停",
    "records": "记录",
    "closes and opens": "结束并打开",
}


def table(page: str) -> list[list[str]]:
    """The cells of the page's one table, headings first."""
    lines = [x for x in (DOCS / page).read_text(encoding="utf-8").splitlines() if x.startswith("|")]
    rows = [[cell.strip() for cell in x.strip("|").split("|")] for x in lines]
    return [rows[0], *rows[2:]]


def cells() -> list[tuple[str, str, str]]:
    head, *rows = table("scan-order.md")
    return [(row[0], what, does) for row in rows for what, does in zip(head[1:], row[1:], strict=True)]


@dataclass(frozen=True)
class Stand:
    """What can be told of the house."""

    child: str
    held: tuple[str, ...]
    given: int
    slips: int
    open_visits: tuple[str, ...]


def stand(screen: Screen, on: TestDesk) -> Stand:
    store = on.desk.store
    both = (on.boy.id, on.girl.id)
    return Stand(
        screen.counter.work.look.child_id,
        tuple(c.child_id for c in doses.held(store)),
        sum(len(doses.of_child(store, i)) for i in both),
        len(papers.jobs_in(store, "queued")),
        tuple(i for i in both if visits.open_of(store, i)),
    )


def refused(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(NO_PRODUCT)


def in_hand(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)


def saved(screen: Screen, on: TestDesk) -> None:
    in_hand(screen, on)
    screen.press(KEY.Key_Return)


STATES: dict[str, Callable[[Screen, TestDesk], None]] = {
    "nobody": lambda screen, on: None,
    "a child": lambda screen, on: screen.scan(booklet(on.boy)),
    "a child, its visit open": lambda screen, on: with_visit(screen, on.boy),
    "a package in hand": in_hand,
    "a package refused": refused,
    "a dose saved": saved,
}


def act(screen: Screen, on: TestDesk, state: str, what: str) -> None:
    """What the head of the column names."""
    codes = {
        "this child": booklet(on.boy),
        "another child": booklet(on.girl),
        # the next package of the visit is another vaccine's: the same one again on a day is a stop of its own
        "a package": {"a package refused": NO_PRODUCT, "a dose saved": other_box(on)}.get(state, HEPB_BOX_2),
        "an unknown code": "what is this",
        "a badge": badge_text(ADMIN),
    }
    if what in codes:
        screen.scan(codes[what])
    else:
        screen.press({"Enter": KEY.Key_Return, "F12": KEY.Key_F12}[what])


def other_box(on: TestDesk) -> str:
    return "89000050000000000033"


def check(does: str, screen: Screen, on: TestDesk, before: Stand, what: str) -> None:
    after, boy, girl = stand(screen, on), on.boy.id, on.girl.id
    if does in ("nothing", "stays", "shown", "stops", "asks", "answers"):
        assert after == before
    match does:
        case "stops":
            assert screen.tone == "stop"
        case "answers":
            assert screen.tone == "stop" and "乙肝" in screen.said
        case "shown":
            assert "不认识" in screen.said or "没有" in screen.said
        case "asks":
            assert isinstance(screen.counter.sheet, PinSheet)
        case "opens":
            assert after.child == (girl if what == "another child" else boy)
            assert (after.held, after.given, after.slips) == ((), before.given, 0)
            assert set(before.open_visits) <= set(after.open_visits)
        case "holds":
            assert (after.child, after.held, after.given) == (boy, (boy,), before.given)
            assert screen.counter.work.verdict and screen.counter.work.verdict.checked_id
        case "records":
            assert (after.held, after.given) == ((), before.given + 1)
        case "closes":
            assert (after.child, after.open_visits) == (boy, ()) and after.slips == bool(before.given)
        case "closes and opens":
            assert (after.child, after.open_visits, after.slips) == (girl, (), 1)


@pytest.mark.parametrize(("state", "what", "does"), cells(), ids=lambda cell: cell.replace(" ", "-"))
def test_the_window_does_what_the_table_says(screen: Screen, on: TestDesk, state: str, what: str, does: str) -> None:
    STATES[state](screen, on)
    before = stand(screen, on)
    act(screen, on, state, what)
    check(does, screen, on, before, what)


def test_both_pages_have_the_same_table() -> None:
    english, chinese = table("scan-order.md"), table("scan-order.zh-CN.md")
    assert [row[1:] for row in chinese[1:]] == [[IN_CHINESE[cell] for cell in row[1:]] for row in english[1:]]
    assert set(STATES) == {row[0] for row in english[1:]}
