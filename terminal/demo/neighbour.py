"""Another clinic of the demonstration's region: a terminal of its own, children that may come to ours, a question."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from random import Random

import msgspec

from config import tables
from domain.events import ChildRegistered, Identifier
from domain.world import World
from sync.feed import Feed, Found
from sync.keys import identity, region_keys
from sync.messages import Purpose
from terminal import bootstrap
from terminal.demo import synthetic
from terminal.demo.scene import Where, done
from terminal.store import doses, ledger
from terminal.store.children import Card
from terminal.store.inbox import StoreInbox
from terminal.store.outbox import StoreOutbox
from terminal.usecases.corrections import request_correction
from terminal.usecases.lookup import keep_found
from terminal.usecases.register_child import register_child
from terminal.usecases.sign_in import first_staff, sign_in

CODE, NAME = "1100990102", "第二卫生服务中心"
CHILDREN = 6  # each with something due today
PURPOSE: Purpose = "vaccination"
_SETTINGS = """
[clinic]
code = "{code}"
name = "{name}"
[region]
url = "{url}"
ca_file = "region-ca.pem"
"""


class Neighbour:
    """Its records in a folder of their own; `children` were registered and vaccinated there, and the region knows."""

    def __init__(self, folder: Path, where: Where, world: World, rng: Random) -> None:
        folder.mkdir()
        (folder / "region-ca.pem").write_bytes(where.ca_file.read_bytes())
        text = _SETTINGS.format(code=CODE, name=NAME, url=where.url)
        (folder / "vaxdesk.toml").write_text(text, encoding="utf-8")
        self._home = bootstrap.find_home(folder / "vaxdesk.toml")
        bootstrap.found_records(self._home, rng.randbytes(16).hex(), world)
        self.desk = bootstrap.open_desk(self._home, world=world)
        boss = next(m for m in synthetic.staff() if "super" in m.grades)
        done(first_staff(self.desk, boss.code, boss.name, boss.grades, boss.pin))
        self._boss = done(sign_in(self.desk, boss.code, boss.pin))
        bootstrap.enrol_terminal(self._home, self.desk, where.code)
        self.children = self._register(rng)
        self.send()

    def close(self) -> None:
        self.desk.store.close()

    def send(self) -> None:
        """What was recorded goes to the region."""
        bootstrap.sync_alone(self._home, self.desk)

    def ask_about(self, child: Card, reason: str) -> None:
        """Look a child of another clinic up, and doubt its last dose: the booklet has it a day earlier."""
        found = self._look_up(child.id)
        done(keep_found(self.desk, self._boss, found, PURPOSE))
        last = doses.of_child(self.desk.store, child.id)[-1]
        before = (date.fromisoformat(last.given_on) - timedelta(1)).isoformat()
        done(request_correction(self.desk, self._boss, last.id, reason, "", {"given_on": before}))
        self.send()

    def _look_up(self, child_id: str) -> Found:
        store, world = self.desk.store, self.desk.world
        outbox = StoreOutbox(store, world)
        with closing(bootstrap.region_client(self._home, outbox, world)) as client:
            feed = Feed(StoreInbox(store, world, CODE), client, region_keys(outbox), identity(outbox), world)
            return feed.lookup("child", child_id, PURPOSE, self._boss.code)

    def _register(self, rng: Random) -> list[Card]:
        """Small children who came whenever called, but for the last time."""
        today, cards = self.desk.today(), list[Card]()
        for number, form in enumerate(synthetic.people(CHILDREN * 8, rng, today, years=2)):
            past = synthetic.history(form, today, rng, tables.products(), CODE)
            kept = [dose for dose in past if dose.given_at[:10] < past[-1].given_at[:10]]
            if form.name and len(kept) > 3 and len(cards) < CHILDREN:
                card = done(register_child(self.desk, self._boss, _of_here(form, number)))
                self.desk.store.run(self._give, card, kept)
                cards.append(card)
        return cards

    def _give(self, card: Card, past: Sequence[synthetic.PastDose]) -> None:
        with ledger.tell(self.desk.store, self.desk.world, self._boss.code) as entry:
            for dose in past:
                dose_id = entry.fact("dose.given", card.id, dose.body, dose.given_at)
                doses.add(entry, dose_id, card.id, dose.body, dose.given_at)


def _of_here(form: ChildRegistered, number: int) -> ChildRegistered:
    """With numbers and phones that are nobody's at the other clinic."""
    booklet = Identifier("booklet", f"{9_800_000_000 + number}", CODE)
    family = tuple(msgspec.structs.replace(g, phone=g.phone and "198" + g.phone[3:]) for g in form.guardians)
    return msgspec.structs.replace(form, identifiers=(booklet,), guardians=family)
