"""What runs by itself goes on after a fault, and says so."""

from __future__ import annotations

import threading

from domain.errors import StoreError
from terminal.housekeeping import Housekeeping


def test_a_fault_or_a_mistake_stops_no_other_task() -> None:
    told: list[tuple[str, str]] = []
    done = threading.Event()

    def full() -> None:
        raise StoreError("backup.disk_full", "later", path="x")

    def mistake() -> None:
        raise ZeroDivisionError

    keeper = Housekeeping({"a": full, "b": mistake, "c": done.set}, lambda name, code, _: told.append((name, code)))
    keeper.start()
    assert done.wait(10)
    assert keeper.stop(10)
    assert told[:3] == [("a", "backup.disk_full"), ("b", "house.mistake"), ("c", "")]


def test_one_never_started_stops_at_once() -> None:
    assert Housekeeping({}, lambda *_: None).stop(1)
