"""A worker whose fault cannot even be told goes on trying."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from domain.errors import StoreError, SyncError
from domain.world import World
from sync.worker import Agenda, Paced, Rhythm


class _Worker(Paced):
    """Fails, cannot say why, and fails again."""

    def __init__(self, fault: Exception) -> None:
        super().__init__("worker", World(), Agenda(Rhythm(debounce_s=0, base_s=0.001, cap_s=0.002), "t"))
        self.fault, self.tries, self.enough = fault, 0, threading.Event()
        self.wake(at_once=True)

    def errand(self) -> None:
        self.tries += 1
        if self.tries == 3:
            self.enough.set()
        raise self.fault

    def tell(self, code: str, params: dict[str, Any]) -> None:
        raise StoreError("store.disk_full", "later")


@pytest.mark.parametrize("fault", [SyncError("sync.timeout", "later"), KeyError("ours")])
def test_a_fault_that_cannot_be_told_does_not_end_the_worker(fault: Exception) -> None:
    worker = _Worker(fault)
    worker.start()
    assert worker.enough.wait(10)
    assert worker.stop(10)
