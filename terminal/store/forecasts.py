"""Forecasts kept as dates beside the record: reckoned anew with each fact, read by the due list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Literal

import msgspec

from domain.schedule.page import Next, Page
from terminal.store import links
from terminal.store.database import Store

_ROW = "INSERT OR REPLACE INTO forecast VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_LAST = """SELECT (SELECT coalesce(max(no), 0) FROM event)
    + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'told'), 0)"""
_TOUCHED = """INSERT INTO reckoning VALUES (?, '', '', '', ?)
    ON CONFLICT (child_id) DO UPDATE SET plan = '', event_no = max(excluded.event_no, event_no + 1)"""
_RECKONED = "INSERT OR REPLACE INTO reckoning VALUES (?, ?, ?, ?, ?)"


class DueFilter(msgspec.Struct, frozen=True):
    """Which children of the due list.

    `standing` "" both; `group` a vaccine group's code, "" all; `on` the day looked at, None today. Birth dates are
    included; `residences` and `statuses` are codes of their tables, none for any; `area` the first digits of a
    GB/T 2260 code; `phone` whether the family can be called.
    """

    standing: Literal["", "due", "overdue"] = ""
    group: str = ""
    on: date | None = None
    born_from: date | None = None
    born_to: date | None = None
    residences: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ("", "1")
    area: str = ""
    phone: Literal["", "known", "missing"] = ""
    order: Literal["urgency", "name", "birth"] = "urgency"


class DueItem(msgspec.Struct, frozen=True, gc=False):
    """One vaccine group of a child: the dose to give, due from `due_on`, overdue after `overdue_on` ("" not yet).

    `outcome` and `until`: it was put off (deferred, contraindicated, refused), until that day or "" without one.
    """

    group: str
    name_zh: str
    name_en: str
    number: int
    doses: int
    standing: Literal["due", "overdue"]
    due_on: str
    overdue_on: str
    self_paid: int
    outcome: str = ""
    until: str = ""


class DueChild(msgspec.Struct, frozen=True, gc=False):
    """A child for whom something is due, with what, in the order to give."""

    child_id: str
    name: str
    pinyin: str
    sex: str
    birth_on: str
    child_code: str
    phone: str
    guardian: str
    address: str
    residence: str
    register_status: str
    items: tuple[DueItem, ...]


class Reckoned(msgspec.Struct, frozen=True):
    """A child's forecast as rows to be kept; crosses from a process that reckons to the one that writes."""

    child_id: str
    edition: str
    rows: tuple[tuple[Any, ...], ...]


def last_fact(store: Store) -> int:
    """How many facts there were, ours and those of others: it never falls."""
    return int(store.sql(_LAST)[0][0])


def looked_at(store: Store, child_id: str) -> int | None:
    """The last fact that the child's forecast knows of; None when it was never reckoned."""
    rows = store.sql("SELECT event_no FROM reckoning WHERE child_id = ?", links.head_of(store, child_id))
    return int(rows[0][0]) if rows else None


def outdate(store: Store, child_ids: Iterable[str]) -> None:
    """Others told of these children: they are to be reckoned anew. In the transaction of what was told."""
    upto = last_fact(store)
    store.db.connection().executemany(_TOUCHED, [(child_id, upto) for child_id in child_ids])


def renew(store: Store, reckoned: Reckoned, stamp: str, day: date, upto: int) -> None:
    """Replace the rows of one child, in the transaction of the fact that changed them.

    `stamp`: the plan gone by; `upto`: the last fact that was looked at.
    """
    run, child = store.db.execute_sql, links.head_of(store, reckoned.child_id)
    known = {row[1]: row for row in store.sql("SELECT * FROM forecast WHERE child_id = ?", child)}
    for row in ((child, *row) for row in reckoned.rows):
        if known.pop(row[1], None) != row:
            run(_ROW, row)
    for group in known:
        run("DELETE FROM forecast WHERE child_id = ? AND vaccine_group = ?", (child, group))
    run(_RECKONED, (child, stamp, reckoned.edition, day.isoformat(), upto))


def reckon(child_id: str, page: Page) -> Reckoned:
    """What of a page is kept: the vaccine groups that ask for a dose; a self-paid one not begun is only offered."""
    asked = [(pos, one) for pos, one in enumerate(page.nexts) if one.standing in ("overdue", "due", "later")]
    return Reckoned(child_id, page.edition, tuple(_row(pos, one) for pos, one in asked))


def _row(pos: int, one: Next) -> tuple[Any, ...]:
    days = (one.earliest_on, one.recommended_on, one.past_due_on, one.latest_on)
    return (
        *(one.group, pos, one.name_zh, one.name_en, int(one.self_paid)),
        *(one.number, one.doses, " ".join(one.vaccines)),
        *(day.isoformat() if day else "" for day in days),
    )


_LATE = "past_due_on <> '' AND past_due_on < ?"
_DUE = "recommended_on <= ? AND (latest_on = '' OR latest_on >= ?)"
_ITEMS = f"""SELECT child_id, vaccine_group, name_zh, name_en, dose_no, doses,
    CASE WHEN {_LATE} THEN 'overdue' ELSE 'due' END, recommended_on, CASE WHEN {_LATE} THEN past_due_on ELSE '' END,
    self_paid FROM forecast WHERE {_DUE}"""
_CHILDREN = f"""SELECT c.id, c.name, c.pinyin, c.sex, c.birth_on,
    coalesce((SELECT value FROM identifier i WHERE i.child_id = c.id AND i.kind = 'child_code'), ''),
    coalesce(g.phone, ''), coalesce(g.name, ''), c.address, c.residence, c.register_status FROM child c
    LEFT JOIN guardian g ON g.child_id = c.id
        AND g.pos = (SELECT pos FROM guardian WHERE child_id = c.id ORDER BY phone = '', pos LIMIT 1)
    WHERE c.id IN (SELECT child_id FROM forecast WHERE {_DUE})"""
_PUT_OFF = """SELECT coalesce(nullif(c.head, ''), c.id), vaccine, outcome, until
    FROM deferral d JOIN child c ON c.id = d.child_id
    WHERE until >= ? OR (until = '' AND outcome <> 'deferred') ORDER BY at"""


def due_list(
    store: Store, chosen: DueFilter, day: date, groups_of: Mapping[str, Sequence[str]], clinic: str
) -> tuple[DueChild, ...]:
    """The children of this clinic and the filter for whom something is due on that day, in its order; any thread.

    Whose home is another clinic is called by that one. `groups_of`: vaccine groups of a four-digit vaccine code, to
    tell what was put off.
    """
    today = day.isoformat()
    put_off = {
        (child, group): (outcome, until)
        for child, vaccine, outcome, until in store.sql(_PUT_OFF, today)
        for group in groups_of.get(vaccine, ())
    }
    where, values = _of_items(chosen, today)
    rows = store.sql(f"{_ITEMS}{where} ORDER BY child_id, pos", *[today] * 4, *values)
    due: dict[str, list[DueItem]] = {}
    for row in rows:
        due.setdefault(row[0], []).append(DueItem(*row[1:], *(put_off.get(row[:2], ()) if put_off else ())))
    where, values = _of_children(chosen, clinic)
    people = store.sql(_CHILDREN + where, today, today, *values)
    found = [DueChild(*(*row, tuple(due[row[0]]))) for row in people if row[0] in due]
    found.sort(key=_ORDERS[chosen.order])
    return tuple(found)


def _of_items(chosen: DueFilter, day: str) -> tuple[str, list[str]]:
    parts: list[tuple[str, Sequence[str]]] = []
    if chosen.standing:
        parts.append((_LATE if chosen.standing == "overdue" else f"NOT ({_LATE})", (day,)))
    if chosen.group:
        parts.append(("vaccine_group = ?", (chosen.group,)))
    return _joined(parts)


def _of_children(chosen: DueFilter, clinic: str) -> tuple[str, list[str]]:
    parts: list[tuple[str, Sequence[str]]] = [("c.clinic IN ('', ?)", (clinic,))]
    for column, wanted in (("residence", chosen.residences), ("register_status", chosen.statuses)):
        if wanted:
            parts.append((f"c.{column} IN ({', '.join('?' * len(wanted))})", wanted))
    if chosen.born_from:
        parts.append(("c.birth_on >= ?", (chosen.born_from.isoformat(),)))
    if chosen.born_to:
        parts.append(("c.birth_on <= ?", (chosen.born_to.isoformat(),)))
    if chosen.area:
        parts.append(("substr(c.area, 1, length(?)) = ?", (chosen.area, chosen.area)))
    if chosen.phone:
        parts.append(("coalesce(g.phone, '') " + ("<> ''" if chosen.phone == "known" else "= ''"), ()))
    return _joined(parts)


def _joined(parts: Sequence[tuple[str, Sequence[str]]]) -> tuple[str, list[str]]:
    return "".join(f" AND {text}" for text, _ in parts), [value for _, values in parts for value in values]


def _urgency(child: DueChild) -> tuple[str, str, str, str]:
    """The longest overdue first, then the longest due."""
    overdue, due = "9", "9"
    for item in child.items:
        if item.overdue_on and item.overdue_on < overdue:
            overdue = item.overdue_on
        if item.due_on < due:
            due = item.due_on
    return overdue, due, child.pinyin, child.child_id


_ORDERS: dict[str, Callable[[DueChild], tuple[str, ...]]] = {
    "urgency": _urgency,
    "name": lambda child: (child.pinyin, child.birth_on, child.child_id),
    "birth": lambda child: (child.birth_on, child.pinyin, child.child_id),
}
