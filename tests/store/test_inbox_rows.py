"""What another desk told makes the same rows as the desk that told it wrote, in any order, however often."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.world import World
from sync.ports import Told
from terminal.store import stock
from terminal.store.database import Store
from terminal.store.inbox import StoreInbox
from terminal.store.ledger import found
from terminal.usecases.amend_dose import correct_dose, move_dose, void_dose
from terminal.usecases.defer_doses import defer_doses
from terminal.usecases.receive_stock import recall_lot
from terminal.usecases.record_dose import transcribe_dose
from terminal.usecases.register_child import update_child
from terminal.usecases.visit import close_visit
from tests.fakes.desk import CLINIC, HEPB_BOX, HEPB_BOX_2, OPV_BOX, made
from tests.fakes.ledgers import KEY
from tests.fakes.stories import HEPB3, MMR, Story, gs1

OTHER = "T-2"
# What is a terminal's own of a row: its number, and how far and from whom it is known.
OWN = {
    "child": {"no", "known_at", "known_from"},
    "visit": {"terminal"},
    "movement": {"no"},
}
TABLES = ("child", "identifier", "guardian", "alert", "standing", "visit", "dose", "dose_change", "deferral", "lot")
TABLES += ("package", "movement")


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A morning in which everything happens that a desk can tell."""
    clinic = Story(tmp_path_factory.mktemp("morning"))
    desk, nurse, doctor = clinic.desk, clinic.nurse, clinic.doctor
    one, other, third = clinic.child(), clinic.child(), clinic.child_for_drops()
    given = clinic.give(one, HEPB_BOX)
    made(correct_dose(desk, nurse, given.id, {"site": "2"}, "左右写反"))
    made(void_dose(desk, nurse, clinic.give(third, OPV_BOX).id, "未接种"))
    again = clinic.give(other, HEPB_BOX_2)
    moved = made(move_dose(desk, nurse, again.id, clinic.child(), "录到了另一名儿童"))
    made(void_dose(desk, nurse, moved.id, "未接种"))
    never_received = clinic.give(other, gs1(MMR, "X1", "281231", "7"))
    made(void_dose(desk, nurse, never_received.id, "未接种"))
    made(transcribe_dose(desk, nurse, other, "2026-10-01", "1801", 1, "外地门诊", "L7"))
    made(update_child(desk, doctor, one, {"residence": "2", "address": "新地址 2 号"}))
    visit = clinic.visit(other)
    made(defer_doses(desk, nurse, visit, ["0201"], "deferred", "发热", "2026-12-01"))
    made(close_visit(desk, nurse, visit, "hand"))
    made(recall_lot(desk, clinic.admin, clinic.made.opv.id, "召回通知 7 号"))
    clinic.receive(HEPB3, 2)
    clinic.receive(HEPB3, 1)
    yield clinic
    clinic.desk.store.close()


def facts_of(store: Store) -> list[Told]:
    return [Told("T-1", CLINIC, bytes(stored)) for (stored,) in store.sql("SELECT stored FROM event ORDER BY no")]


def empty(folder: Path, terminal_id: str = OTHER) -> Store:
    store = Store(folder / f"{terminal_id}.db", KEY)
    store.run(found, store, terminal_id, "f" * 32)
    return store


def rows(store: Store, table: str) -> list[Any]:
    names = [name for _, name, *_ in store.sql(f"PRAGMA table_info({table})") if name not in OWN.get(table, ())]
    return sorted(store.sql(f"SELECT {', '.join(names)} FROM {table}"), key=repr)


@pytest.mark.parametrize("seed", range(6))
def test_told_in_any_order_and_again_they_make_the_rows_the_counter_wrote(
    morning: Story, tmp_path: Path, seed: int
) -> None:
    chance, store = random.Random(seed), empty(tmp_path)
    inbox, facts = StoreInbox(store, World(), CLINIC), facts_of(morning.desk.store)
    told = facts if seed == 0 else chance.sample(facts, len(facts)) + chance.choices(facts, k=30)
    while told:
        page, told = told[:17], told[17:]
        inbox.apply_page(page, "cursor")
    for table in TABLES:
        assert rows(store, table) == rows(morning.desk.store, table), table
    assert store.sql("SELECT count(*) FROM told WHERE done = 0") == [(0,)]
    assert [row for _, row in store.run(stock.on_hand, store)] == [row for _, row in morning.read(stock.on_hand)]
    store.close()
