from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.world import World
from terminal.store.database import Store
from tests.fakes.ledgers import new_store, new_world, tell_facts


@pytest.fixture
def world() -> World:
    return new_world()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path / "vaxdesk.db")
    yield store
    store.close()


@pytest.fixture
def facts(store: Store, world: World) -> Callable[[int], list[str]]:
    return lambda n: tell_facts(store, world, n)
