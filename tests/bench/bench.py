"""What the rows share: sizes, a folder that goes away, a desk on a copy of the records, databases for a region."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from types import TracebackType

from config import plans
from config.settings import Clinic, Printer, Settings
from domain.world import World
from regional import database
from regional.postgres import Cluster
from terminal.demo import synthetic
from terminal.store.database import Store
from terminal.usecases.desk import Actor, Desk
from tests.bench import load
from tests.bench.figures import Figure

Row = Callable[["Bench"], Iterator[Figure]]
NURSE = Actor("N001", "林静", ("general",))
KEEPER = Actor("S001", "曾明", ("super",))
SETTINGS = Settings(
    clinic=Clinic(code=synthetic.CLINIC, name="示范社区卫生服务中心"),
    printers=(Printer(name="slip", kind="file", address="slip.bin"),),
)


class Bench:
    """A context manager. `few` makes every row as short as it can be: the table then says nothing, but runs."""

    def __init__(self, sizes: tuple[str, ...], few: bool = False, new_dsn: Callable[[], str] | None = None) -> None:
        self.sizes = sizes
        self.few = few
        self._new_dsn = new_dsn
        self._stack = ExitStack()
        self._desks: dict[str, Desk] = {}

    def __enter__(self) -> Bench:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="vaxdesk-bench-")))
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def rounds(self, n: int) -> int:
        return min(n, 2) if self.few else n

    def desk(self, size: str) -> Desk:
        """A desk on its own copy of the records, shared by the rows; closed at the end."""
        if size not in self._desks:
            store = Store(load.copy_of(size, self.folder / f"desk-{size}.db"), load.KEY)
            self._stack.callback(store.close)
            self._desks[size] = Desk(store, new_world(size), SETTINGS, plans.load(SETTINGS.programme))
        return self._desks[size]

    def new_dsn(self) -> str:
        """A fresh, empty PostgreSQL database."""
        if self._new_dsn is None:
            cluster = self._stack.enter_context(Cluster(self.folder / "postgres", temporary=True))
            numbers = count(1)

            def make() -> str:
                name = f"bench_{next(numbers)}"
                database.create(cluster.dsn("postgres"), name)
                return cluster.dsn(name)

            self._new_dsn = make
        return self._new_dsn()


def new_world(seed: str) -> World:
    """From load.NOW on at the pace of the real clock; chance from `seed`."""
    began = time.monotonic()
    return World(lambda: load.NOW + timedelta(seconds=time.monotonic() - began), Random(seed).randbytes)
