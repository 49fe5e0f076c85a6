"""A whole enrolled terminal at work: its own records on disk, its own outbox, the real region."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import pytest

from domain.errors import StoreError, SyncError, VaxdeskError, WireError
from regional import queries
from regional.serve import EmbeddedRegion
from sync.client import RegionClient
from sync.keys import identity
from sync.visit import SyncResult, sync_once
from terminal import bootstrap
from terminal.store.outbox import StoreOutbox
from terminal.usecases.desk import Desk
from terminal.usecases.record_dose import transcribe_dose
from terminal.usecases.register_child import register_child
from tests.fakes.desk import made
from tests.fakes.homes import NURSE
from tests.fakes.stories import Story


@dataclass
class Counter:
    """An enrolled terminal at work; `ahead` is added to its clock."""

    home: bootstrap.Home
    desk: Desk
    region: EmbeddedRegion
    ahead: timedelta = timedelta()

    @property
    def outbox(self) -> StoreOutbox:
        return StoreOutbox(self.desk.store, self.desk.world)

    def work(self, children: int) -> list[str]:
        """Doses of that many new children; their ids."""
        given = []
        for n in range(children):
            form = Story.form(_FORMS, "2024-01-05")
            child = made(register_child(self.desk, NURSE, form, {"child.possible_double": "已核对"})).id
            day = f"2024-02-{n % 28 + 1:02d}"
            given.append(made(transcribe_dose(self.desk, NURSE, child, day, "0202", 1, "产科")).id)
        return given

    def sync(self, url: str = "", read_s: float = 20.0) -> SyncResult:
        outbox = self.outbox
        pem = self.region.ca_file.read_text()
        key = identity(outbox).key
        client = RegionClient(url or self.region.url, pem, key, self.desk.world, client="vaxdesk/0.1.0", read_s=read_s)
        try:
            return sync_once(outbox, client, identity(outbox), self.desk.world)
        finally:
            client.close()

    def fails(self, url: str = "", read_s: float = 20.0) -> VaxdeskError:
        with pytest.raises((SyncError, WireError, StoreError)) as caught:
            self.sync(url, read_s)
        return caught.value

    def doses_there(self) -> list[str]:
        me = identity(self.outbox).terminal_id
        return [row.dose_id for row in queries.doses(self.region.dsn) if row.terminal_id == me]


class _Forms:
    """Names and numbers for children of these tests."""

    def __init__(self) -> None:
        self._booklets, self._people = count(3400000001), count()


_FORMS: Story = _Forms()
