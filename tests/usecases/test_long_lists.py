"""A long list is read beside the work: it holds back no scan, shows one moment of the records, and is audited."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from domain.errors import StoreError
from terminal.store.database import Store
from terminal.usecases.audit_view import AuditFilter, read_audit
from terminal.usecases.children_list import list_children
from terminal.usecases.due_list import DueFilter, list_due
from tests.fakes.desk import HEPB_BOX
from tests.fakes.stories import Story, made

ENOUGH_S = 20
MANY = 7040


@contextmanager
def held(store: Store) -> Iterator[threading.Event]:
    """The next statement of the reading thread stands in its midst until the event is set or the block is left."""
    midst, go = threading.Event(), threading.Event()

    def stand() -> int:
        midst.set()
        go.wait(ENOUGH_S)
        return 0

    store.read(lambda: store.db.connection().set_progress_handler(stand, 100))
    try:
        yield midst
    finally:
        go.set()


def fill(store: Store, child: str) -> None:
    """As many children as the largest clinic has, each a copy of this one and due for what it is due for."""
    columns = [name for _, name, *_ in store.sql("PRAGMA table_info(child)") if name not in ("no", "id")]
    with store.transaction():
        run = store.db.execute_sql
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})"
        kept = ", ".join(columns)
        run(f"{numbers} INSERT INTO child (id, {kept}) SELECT 'c' || i, {kept} FROM child, n WHERE id = ?", (child,))
        run(
            f"{numbers} INSERT INTO forecast SELECT 'c' || i, vaccine_group, pos, name_zh, name_en, self_paid, dose_no,"
            " doses, vaccines, earliest_on, recommended_on, past_due_on, latest_on FROM forecast, n WHERE child_id = ?",
            (child,),
        )


LISTS: dict[str, Callable[[Story], tuple[Any, ...]]] = {
    "due.list": lambda clinic: (list_due, clinic.desk, clinic.nurse, DueFilter()),
    "child.list": lambda clinic: (list_children, clinic.desk, clinic.nurse),
    "audit.read": lambda clinic: (
        read_audit, clinic.desk, clinic.auditor, AuditFilter(clinic.desk.today(), clinic.desk.today()),
    ),
}  # fmt: skip


@pytest.mark.parametrize("action", LISTS)
def test_a_dose_is_given_while_a_list_of_thousands_is_read(clinic: Story, action: str) -> None:
    child = clinic.child()
    clinic.read(fill, child)
    store = clinic.desk.store
    with held(store) as midst:
        under_way = store.submit(*LISTS[action](clinic))
        assert midst.wait(ENOUGH_S), "the list is in its midst"
        dose = clinic.give(child, HEPB_BOX)
        assert not under_way.done()
    found = made(under_way.result(ENOUGH_S))
    assert len(clinic.audit(action)) == 1, "the look is in the audit, behind the dose"
    assert clinic.audit("dose.record")[0]["dose"] == dose.id
    if action != "audit.read":
        lines = getattr(found, "children", None) or found.lines
        assert len(lines) > MANY


def test_a_list_shows_one_moment_and_what_was_recorded_before_it_was_asked_for(clinic: Story) -> None:
    child = clinic.child()
    store = clinic.desk.store
    with held(store) as midst:
        old = store.submit(list_due, clinic.desk, clinic.nurse, DueFilter())
        assert midst.wait(ENOUGH_S)
        clinic.give(child, HEPB_BOX)
    new = store.submit(list_due, clinic.desk, clinic.nurse, DueFilter())

    def groups(found: Any) -> set[str]:
        return {i.group for c in made(found.result(ENOUGH_S)).children if c.child_id == child for i in c.items}

    assert groups(old) - groups(new) == {"HepB"}


def test_the_reading_thread_cannot_write(clinic: Story) -> None:
    store = clinic.desk.store
    for text in ("DELETE FROM forecast", "INSERT INTO note VALUES ('a', x'')"):
        with pytest.raises(StoreError) as caught:
            store.read(store.sql, text)
        assert caught.value.code == "store.read_only"
    with pytest.raises(RuntimeError, match="only the store thread writes"):
        store.read(lambda: store.transaction().__enter__())


def test_on_the_store_thread_a_list_is_just_read(clinic: Story) -> None:
    """The store thread waits for no other: two that wait for each other would stand for ever."""
    clinic.child()
    assert made(clinic.desk.store.run(list_due, clinic.desk, clinic.nurse)).children


def test_closing_waits_for_the_list_under_way(clinic: Story) -> None:
    clinic.child()
    store = clinic.desk.store
    with held(store) as midst:
        under_way = store.submit(list_children, clinic.desk, clinic.nurse)
        assert midst.wait(ENOUGH_S)
        closing = threading.Thread(target=store.close)
        closing.start()
    closing.join(ENOUGH_S)
    assert not closing.is_alive() and made(under_way.result(0)).lines
    assert not store.path.with_name(store.path.name + "-wal").exists(), "no connection is left"
    clinic.reopen()
    assert len(clinic.audit("child.list")) == 1
