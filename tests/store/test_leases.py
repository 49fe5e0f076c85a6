from __future__ import annotations

import pytest

from domain.errors import StoreError
from domain.wire.signed import Lease
from domain.world import World
from terminal.store import leases
from terminal.store.database import Store
from terminal.store.leases import numbers_left, take_number
from terminal.store.ledger import tell
from terminal.store.outbox import open_epoch
from tests.fakes.ledgers import TERMINAL

CODES = Lease("L1", TERMINAL, "child_code", "3301060201", 11, 13, 4)


def add(store: Store, *leased: Lease) -> None:
    def work() -> None:
        with store.transaction():
            leases.add(store, leased)

    store.run(work)


def take(store: Store, world: World, kind: str, year: str = "", spoil: bool = False) -> str | None:
    def work() -> str | None:
        with tell(store, world, "nurse") as entry:
            number = take_number(entry, kind, year)
            if spoil:
                raise LookupError
            return number

    return store.run(work)


def test_child_codes_count_anew_in_each_birth_year(store: Store, world: World) -> None:
    add(store, CODES)
    assert [take(store, world, "child_code", "2026") for _ in range(4)] == [
        "330106020120260011", "330106020120260012", "330106020120260013", None,
    ]  # fmt: skip
    assert take(store, world, "child_code", "2025") == "330106020120250011"
    assert [numbers_left(store, "child_code", year) for year in ("2024", "2025", "2026")] == [3, 2, 0]


def test_ranges_are_used_in_the_order_they_came(store: Store, world: World) -> None:
    add(store, Lease("Z", TERMINAL, "booklet", "33", 98, 99, 4), Lease("A", TERMINAL, "booklet", "33", 5, 5, 4))
    assert [take(store, world, "booklet") for _ in range(4)] == ["330098", "330099", "330005", None]
    assert numbers_left(store, "booklet") == numbers_left(store, "receipt") == 0


def test_a_rollback_gives_the_number_back(store: Store, world: World) -> None:
    add(store, CODES)
    with pytest.raises(LookupError):
        take(store, world, "child_code", "2026", spoil=True)
    assert take(store, world, "child_code", "2026") == "330106020120260011"


def test_an_exhausted_birth_year_asks_for_more(store: Store, world: World) -> None:
    add(store, Lease("L", TERMINAL, "child_code", "33", 1, 120, 4))
    assert "child_code" not in leases.wanted(store, "2026")
    for _ in range(30):
        take(store, world, "child_code", "2019")
    assert leases.wanted(store, "2026")["child_code"] == 300


def test_leased_again_is_no_more(store: Store, world: World) -> None:
    add(store, CODES)
    take(store, world, "child_code", "2026")
    add(store, CODES)
    assert numbers_left(store, "child_code", "2026") == 2


def test_a_restored_terminal_gives_out_new_numbers_only(store: Store, world: World) -> None:
    """The backup has forgotten which numbers were given out after it was made."""
    add(store, CODES, Lease("L2", TERMINAL, "receipt", "R", 1, 9, 4))
    assert take(store, world, "receipt") == "R0001"
    open_epoch(store, world, "restore")
    assert take(store, world, "receipt") is take(store, world, "child_code", "2026") is None
    assert set(leases.wanted(store, "2026")) == {"child_code", "booklet", "receipt"}
    add(store, CODES, Lease("L3", TERMINAL, "receipt", "R", 10, 19, 4))
    assert take(store, world, "receipt") == "R0010"
    assert numbers_left(store, "child_code", "2026") == 0, "the same range again stays retired"


@pytest.mark.parametrize(
    "bad",
    [
        Lease("L2", TERMINAL, "child_code", "3301060201", 13, 20, 4),  # 13 is ours already
        Lease("L2", "T-2", "child_code", "3301060201", 20, 30, 4),
        Lease("L2", TERMINAL, "child_code", "3301060201", 30, 20, 4),
    ],
)
def test_a_wrong_range_is_refused_whole(store: Store, bad: Lease) -> None:
    add(store, CODES)
    with pytest.raises(StoreError, match=r"store\.lease_refused"):
        add(store, Lease("L3", TERMINAL, "booklet", "33", 1, 9, 4), bad)
    assert numbers_left(store, "booklet") == 0
    assert numbers_left(store, "child_code", "2026") == 3
