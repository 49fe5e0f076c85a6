"""Two desks of one clinic and one of another, with real records and a real region: what one tells, all have, and the
nightly comparison agrees at every step."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from domain import events
from domain.world import World
from regional.serve import EmbeddedRegion
from sync import crypto
from sync.client import RegionClient
from sync.enrol import enrol
from sync.feed import Feed
from sync.keys import identity, region_keys
from sync.visit import sync_once
from terminal.store import children, doses, links, matters, requests, stock, visits
from terminal.store.inbox import StoreInbox
from terminal.store.ledger import tell
from terminal.store.outbox import StoreOutbox, open_epoch
from terminal.usecases.amend_dose import correct_dose, dispute_dose, void_dose
from terminal.usecases.merge_children import merge_children, unmerge_children
from terminal.usecases.move_child import move_in
from terminal.usecases.record_dose import record_dose, transcribe_dose
from terminal.usecases.register_child import update_child
from terminal.usecases.scan_routing import route_scan
from terminal.usecases.visit import open_visit
from tests.fakes.desk import CLINIC, HEPB_BOX, HEPB_BOX_2, SETTINGS, TestDesk, made, make_desk

Apply = Callable[[], int]
OTHER = "3301060999"
RECORDS = {
    "child": "id, name, birth_on, residence, address, clinic, registered_at, head",
    "identifier": "*",
    "guardian": "*",
    "dose": "id, child_id, given_on, recorded_at, recorded_by, vaccine, dose_no, clinic, lot_id, package, verdict",
    "dose_change": "event_id, dose_id, kind, at, actor, body, hlc",
    "link": "*",
}


def new_world() -> World:
    """The clinics' clock, a second a look; ids like no others."""
    ticks, start = count(), datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    return World(now=lambda: start + timedelta(seconds=next(ticks)), random=os.urandom)


@dataclass
class Place:
    """A desk with its line to the region and back."""

    on: TestDesk
    outbox: StoreOutbox
    inbox: StoreInbox
    client: RegionClient
    way: Feed

    @property
    def store(self) -> Any:
        return self.on.desk.store

    def rows(self, table: str, of: set[str]) -> list[Any]:
        """The rows of a table about these children."""
        key = {"child": "id", "dose_change": "dose_id"}.get(table, "child_id")
        of = of | {d for c in of for (d,) in self.store.sql("SELECT id FROM dose WHERE child_id = ?", c)}
        marks = ", ".join("?" * len(of))
        found = self.store.sql(f"SELECT {RECORDS[table]} FROM {table} WHERE {key} IN ({marks})", *of)
        return sorted(found, key=repr)


@pytest.fixture
def place(region: EmbeddedRegion, tmp_path: Path) -> Iterator[Callable[..., Place]]:
    made_: list[Place] = []

    def make(clinic: str = CLINIC) -> Place:
        at_desk = replace(SETTINGS.clinic, code=clinic)
        settings = replace(SETTINGS, clinic=at_desk, desk=str(len(made_) + 1))
        folder = tmp_path / str(len(made_))
        folder.mkdir()
        on, world = make_desk(folder, new_world(), settings), World()
        outbox = StoreOutbox(on.desk.store, world)
        code, ca_pem = region.new_code(clinic=clinic, name="示例门诊", desk=settings.desk), region.ca_file.read_text()
        gained = enrol(region.url, ca_pem, code, crypto.new_key(), client="vaxdesk/0.1.0", world=world)
        for name, document in gained.documents.items():
            outbox.remember(name, document)
        open_epoch(on.desk.store, world, "enrol", terminal_id=gained.registration.terminal_id)
        outbox.region_says(gained.generation, gained.offset_ms)
        me, inbox = identity(outbox), StoreInbox(on.desk.store, world, clinic)
        client = RegionClient(region.url, ca_pem, me.key, world, client="vaxdesk/0.1.0", offset_ms=gained.offset_ms)
        made_.append(Place(on, outbox, inbox, client, Feed(inbox, client, region_keys(outbox), me, world)))
        return made_[-1]

    yield make
    for one in made_:
        one.client.close()
        one.store.close()


def exchange(apply: Apply, *places: Place) -> None:
    """Everything up, everything down, and the night's comparison."""
    for one in places:
        sync_once(one.outbox, one.client, identity(one.outbox), World())
    apply()
    for one in places:
        one.way.pull()
        assert one.way.check() == []
        assert one.store.sql("SELECT kind FROM told WHERE done = 0") == []


def agree(of: set[str], *places: Place) -> None:
    """The same children, doses and changes on every desk."""
    first, *others = places
    for table in RECORDS:
        for one in others:
            assert one.rows(table, of) == first.rows(table, of), table


def give(one: Place, child: str, box: str) -> str:
    desk, nurse = one.on.desk, one.on.nurse
    made(open_visit(desk, nurse, child, {}, True, "seen"))
    verdict = route_scan(desk, nurse, box, child).verdict
    assert verdict is not None and verdict.checked_id, verdict
    return made(record_dose(desk, nurse, verdict.checked_id)).dose.id


def book(one: Place) -> dict[tuple[str, str], int]:
    return {(lot.vaccine, lot.lot_no): left for lot, left in stock.on_hand(one.store)}


def test_three_desks_have_the_same_records(place: Callable[..., Place], apply: Apply) -> None:
    one, two, other = place(), place(), place(OTHER)
    boy, twin = one.on.boy.id, two.on.boy.id
    dose = give(one, boy, HEPB_BOX)
    made(correct_dose(one.on.desk, one.on.nurse, dose, {"site": "4"}, "左右写反"))
    exchange(apply, one, two, other)
    exchange(apply, one, two, other)
    here = {p.on.boy.id for p in (one, two)} | {p.on.girl.id for p in (one, two)}
    agree(here, one, two)
    assert book(one) == book(two)
    assert visits.open_elsewhere(two.store, boy) and not visits.open_of(two.store, boy)
    assert other.store.sql("SELECT id FROM child WHERE id = ?", boy) == []

    # another clinic looks the child up, gives it a dose, doubts one
    found = other.way.lookup("child", boy, "vaccination", "N200")
    assert other.inbox.apply_found(found.facts, found.as_of) == [boy]
    assert other.way.check() == []
    elsewhere = made(transcribe_dose(other.on.desk, other.on.nurse, boy, "2026-08-01", "0303", 1, "外地门诊")).id
    made(dispute_dose(other.on.desk, other.on.admin, dose, "日期不对"))
    exchange(apply, other, one, two)
    exchange(apply, other, one, two)
    agree({boy}, one, two, other)
    assert {d.id: d.state for d in doses.of_child(one.store, boy)} == {dose: "disputed", elsewhere: "given"}

    # both desks had registered the same boy: one child, with a double to look at; then two again
    again = give(two, twin, HEPB_BOX_2)
    exchange(apply, two, one, other)
    link = made(merge_children(one.on.desk, one.on.admin, boy, twin, "同一本证"))
    exchange(apply, one, two, other)
    exchange(apply, one, two, other)
    agree({boy, twin}, one, two, other)
    for desk in (one, two, other):
        assert links.group(desk.store, twin) == (boy, twin)
        assert {d.id for d in doses.of_child(desk.store, twin)} == {dose, elsewhere, again}
    for desk in (one, two):
        assert [matter.code for matter in matters.open_matters(desk.store)] == ["review.possible_double"]
    made(void_dose(two.on.desk, two.on.admin, again, "未接种"))
    exchange(apply, two, one, other)
    exchange(apply, two, one, other)
    assert matters.open_matters(one.store) == matters.open_matters(two.store) == []
    assert book(one) == book(two)
    made(unmerge_children(other.on.desk, other.on.admin, link, "不是同一人"))
    exchange(apply, other, one, two)
    exchange(apply, other, one, two)
    agree({boy, twin}, one, two)
    assert links.group(two.store, twin) == (twin,)


def test_a_child_that_moves_away_leaves_what_was_told_here(place: Callable[..., Place], apply: Apply) -> None:
    one, two, other = place(), place(), place(OTHER)
    boy = one.on.boy.id
    dose = give(one, boy, HEPB_BOX)
    exchange(apply, one, two, other)
    found = other.way.lookup("child", boy, "moved_in", "N200")
    other.inbox.apply_found(found.facts, found.as_of)
    elsewhere = made(transcribe_dose(other.on.desk, other.on.nurse, boy, "2026-08-01", "0303", 1, "外地门诊")).id
    exchange(apply, other, one, two)
    exchange(apply, other, one, two)
    agree({boy}, one, two, other)
    made(move_in(other.on.desk, other.on.nurse, boy, CLINIC, "搬家"))
    exchange(apply, other, one, two)
    exchange(apply, other, one, two)
    assert {d.id for d in doses.of_child(other.store, boy)} == {dose, elsewhere}

    def home(desk: Place) -> str:
        card = children.card(desk.store, boy)
        return card.facts.clinic if card else ""

    for desk in (one, two):
        assert [d.id for d in doses.of_child(desk.store, boy)] == [dose]
        assert desk.store.sql("SELECT kind FROM told WHERE clinic = ? AND subject = ?", OTHER, boy) == []
    assert home(one) == home(two) == OTHER
    made(update_child(two.on.desk, two.on.nurse, boy, {"address": "新地址 9 号"}))  # it came back for one thing
    assert home(two) == OTHER
    exchange(apply, two, one, other)
    exchange(apply, two, one, other)
    agree({boy}, one, two, other)
    assert home(one) == home(two) == OTHER


def test_a_request_goes_to_the_clinic_of_the_dose_and_its_answer_back(
    place: Callable[..., Place], apply: Apply
) -> None:
    one, other = place(), place(OTHER)
    boy = one.on.boy.id
    dose = give(one, boy, HEPB_BOX)
    exchange(apply, one, other)
    found = other.way.lookup("child", boy, "vaccination", "N200")
    other.inbox.apply_found(found.facts, found.as_of)

    def ask() -> str:
        body = events.CorrectionRequested(dose, "批号?", "2026-11-30")
        with tell(other.store, other.on.desk.world, "N200") as entry:
            id_ = entry.fact("correction.requested", boy, body)
            requests.add(entry, id_, boy, body, OTHER)
        return id_

    asked = other.store.run(ask)
    exchange(apply, other, one)
    exchange(apply, other, one)
    assert [request.id for request in requests.open_requests(one.store)] == [asked]

    def answer() -> None:
        body = events.CorrectionAnswered(asked, "declined", "无误")
        with tell(one.store, one.on.desk.world, "N200") as entry:
            entry.fact("correction.answered", boy, body)
            requests.answer(entry, body)

    one.store.run(answer)
    exchange(apply, one, other)
    exchange(apply, one, other)
    said = requests.one(other.store, asked)
    assert said and (said.outcome, said.answer) == ("declined", "无误")
