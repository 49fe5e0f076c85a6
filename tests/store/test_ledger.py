from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import events
from domain.errors import WireError
from domain.wire import chain, event
from domain.world import World
from terminal.store.database import Store
from terminal.store.ledger import check_audit, last_known, tell
from terminal.store.outbox import check_chain
from tests.fakes.ledgers import EPOCH, TERMINAL, tell_facts


def test_a_fact_is_kept_with_its_place(store: Store, world: World) -> None:
    def work() -> tuple[str, str]:
        with tell(store, world, "nurse") as entry:
            lot = entry.fact("stock.received", "", events.StockReceived("0101", "A1", "2027-01-01", "厂", ("8",), 1))
            return lot, entry.fact("stock.counted", lot, events.StockCounted(1), "2026-11-22", "given-id")

    lot, second = store.run(work)
    assert second == "given-id"
    rows = store.sql("SELECT e.stored, o.seq, o.chain FROM outbox o JOIN event e ON e.no = o.event_no ORDER BY o.seq")
    first, last = (event.decode(bytes(row[0])) for row in rows)
    assert (first.event_id, first.subject, last.subject, last.stated) == (lot, lot, lot, "2026-11-22")
    assert first.hlc < last.hlc and first.actor == "nurse"
    link = chain.run(chain.start(TERMINAL, EPOCH), 1, [bytes(row[0]) for row in rows])
    assert [row[1] for row in rows] == [1, 2]
    assert bytes(rows[1][2]) == link == bytes(store.sql("SELECT chain FROM head")[0][0])


def test_all_or_nothing(store: Store, world: World) -> None:
    tell_facts(store, world, 2)
    before = store.sql("SELECT * FROM head")

    def work() -> None:
        with tell(store, world, "nurse") as entry:
            entry.fact("stock.counted", "lot", events.StockCounted(1))
            entry.audit("stock.count", "lot")
            entry.fact("stock.counted", "lot", events.StockWasted(1, "x" * 70_000))

    with pytest.raises(WireError, match=r"wire\.event_too_long"):
        store.run(work)
    assert store.sql("SELECT * FROM head") == before
    assert store.sql("SELECT count(*) FROM event") == [(2,)]
    tell_facts(store, world, 1)
    assert check_chain(store) is None and check_audit(store) is None


def test_the_clock_goes_back_but_order_does_not(store: Store, world: World) -> None:
    tell_facts(store, world, 1)
    back = World(now=lambda: datetime(2025, 1, 1, tzinfo=UTC), random=world.random)
    latest = last_known(store)
    tell_facts(store, back, 2)
    clocks = [event.decode(bytes(stored)).hlc for (stored,) in store.sql("SELECT stored FROM event ORDER BY no")]
    assert clocks == sorted(set(clocks)) and len(clocks) == 3
    assert last_known(store) == latest is not None and latest > back.now() + timedelta(days=300)


def corrupt(store: Store, *changes: str) -> None:
    def work() -> None:
        for change in changes:
            store.db.execute_sql(change)

    store.run(work)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE audit SET actor = 'other' WHERE seq = 3", 3),
        ("UPDATE audit SET at = '' WHERE seq = 5", 5),
        ("DELETE FROM audit WHERE seq = 2", 3),
        ("DELETE FROM audit WHERE seq = 5", 5),
        ("UPDATE head SET audit_seq = 4", 6),
        ("UPDATE audit SET seq = 9 WHERE seq = 5", 9),
        ("INSERT INTO audit VALUES (0, '', '', '', '', '', x'')", 0),
    ],
)
def test_a_changed_audit_is_found(store: Store, world: World, change: str, found: int) -> None:
    tell_facts(store, world, 5)
    assert check_audit(store) is None
    corrupt(store, "DROP TRIGGER audit_kept", "DROP TRIGGER audit_held", change)
    assert check_audit(store) == found


def test_a_long_audit_is_never_in_memory_whole(store: Store, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def many() -> None:
        with tell(store, world, "nurse") as entry:
            for _ in range(2500):
                entry.audit("child.view", "child")

    store.run(many)
    read, most = store.sql, [0]

    def watched(text: str, *params: Any) -> list[tuple[Any, ...]]:
        rows = read(text, *params)
        most[0] = max(most[0], len(rows))
        return rows

    monkeypatch.setattr(store, "sql", watched)
    assert check_audit(store) is None
    assert most == [1000]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE event SET stored = x'7b7d' WHERE no = 3", 3),
        ("UPDATE outbox SET chain = zeroblob(32) WHERE seq = 4", 4),
        ("DELETE FROM outbox WHERE seq = 2", 2),
        ("DELETE FROM outbox WHERE seq = 5", 5),
        ("UPDATE head SET chain = zeroblob(32)", 6),
    ],
)
def test_a_changed_fact_is_found(store: Store, world: World, change: str, found: int) -> None:
    tell_facts(store, world, 5)
    assert check_chain(store) is None
    corrupt(store, "DROP TRIGGER event_kept", change)
    assert check_chain(store) == found


def test_an_entry_inside_another_is_our_mistake(store: Store, world: World) -> None:
    def work() -> None:
        with tell(store, world, "a"), tell(store, world, "b"):
            raise AssertionError("never reached")

    with pytest.raises(RuntimeError, match="inside another"):
        store.run(work)
    with pytest.raises(ZeroDivisionError):
        store.run(_fails, store, world)
    store.run(_tells, store, world)
    assert check_audit(store) is None


def _fails(store: Store, world: World) -> None:
    with tell(store, world, "a") as entry:
        entry.audit("x")
        raise ZeroDivisionError


def _tells(store: Store, world: World) -> None:
    with tell(store, world, "a") as entry:
        entry.audit("x")
