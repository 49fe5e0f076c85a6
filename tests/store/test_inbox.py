"""The terminal's inbox: as the model says, cut off anywhere, with facts that are strange."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import plans
from domain import events
from domain.wire import event
from domain.wire.feed import Advice, Reference
from domain.world import World
from sync.ports import Told
from terminal.store import children, doses, inbox, matters, recount, references, requests, stock, visits
from terminal.store.database import Store
from terminal.store.inbox import StoreInbox
from terminal.store.ledger import tell
from tests.fakes.desk import CLINIC, SETTINGS
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.fakes.ledgers import KEY, new_store, new_world
from tests.fakes.voices import ELSEWHERE, Voice


@pytest.fixture
def held(store: Store, world: World) -> StoreInbox:
    return StoreInbox(store, world, CLINIC)


@pytest.fixture
def desk2(world: World) -> Voice:
    """The other desk of the clinic."""
    return Voice(world)


@pytest.fixture
def clinic2(world: World) -> Voice:
    """A desk of another clinic."""
    return Voice(world, "E-1", ELSEWHERE)


def take(held: StoreInbox, *voices: Voice) -> None:
    held.apply_page([told for voice in voices for told in voice.told], "cursor")


# -- the model -------------------------------------------------------------------------------------------------------

_VOICES = {"T-1": CLINIC, "T-2": CLINIC, "E-1": ELSEWHERE, "E-2": "3301990102"}
_KINDS = {
    "child.registered": events.ChildRegistered("王", "1", "2026-01-01"),
    "dose.given": events.DoseGiven("", "1201", 1, "x"),
    "dose.voided": events.DoseVoided("d", "r"),
    "moon.landed": {"of": "tomorrow"},
}


_PEOPLE = ("one", "two", "three")


def _fact(number: int, terminal_id: str, also: bool) -> Told:
    """The same fact whoever brings it when."""
    kind = list(_KINDS)[number % 4]
    data = event.encode(
        event_id=f"event-{number}", kind=kind, subject=_PEOPLE[number % 3], actor="S", hlc=f"{number:016x}",
        stated="2026-02-01", recorded_at="2026-02-01T00:00:00.000Z", offset_ms=None, body=_KINDS[kind],
    )  # fmt: skip
    return Told(terminal_id, _VOICES[terminal_id], data, also)


FACTS = st.builds(_fact, st.integers(1, 24), st.sampled_from(list(_VOICES)), st.booleans())
ADVICE = st.builds(Advice, st.just("review.identity"), st.sampled_from("ab"), st.booleans())
LEFT = st.builds(lambda child: Advice("feed.left", f"left/{child}", child_id=child), st.sampled_from(_PEOPLE))
PAGES = st.lists(st.one_of(FACTS, FACTS, ADVICE, LEFT), max_size=20)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(PAGES, st.none()), max_size=6))
def test_the_store_holds_what_the_model_holds(pages: list[Any]) -> None:
    """None: starting over."""
    with tempfile.TemporaryDirectory() as folder:
        store, model = new_store(Path(folder) / "a.db"), MemoryFeedInbox(CLINIC)
        held = StoreInbox(store, new_world(), CLINIC)
        for number, page in enumerate(pages):
            for one in (held, model):
                if page is None:
                    one.start_over(f"{number}")
                else:
                    one.apply_page(page, f"cursor {number}")
            assert held.feed_standing() == model.feed_standing()
            assert held.buckets() == model.buckets()
            assert {matter.key for matter in matters.open_matters(store, "review.identity")} == set(model.advice)
            assert {bytes(data) for (data,) in store.sql("SELECT stored FROM told")} == model.stored()
        store.close()


# -- cut off ---------------------------------------------------------------------------------------------------------


class Killed(Exception):
    """The PC went off."""


def test_cut_off_between_slices_the_page_comes_again_and_nothing_is_doubled(
    tmp_path: Path, desk2: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "SLICE_S", 0)  # one fact a slice
    child = desk2.child()
    for vaccine in ("0202", "1201", "1801"):
        dose = desk2.dose(child, vaccine)
    desk2.tell("dose.voided", events.DoseVoided(dose, "未接种"), child)
    whole, cut = new_store(tmp_path / "whole.db"), new_store(tmp_path / "cut.db")
    StoreInbox(whole, new_world(), CLINIC).apply_page(desk2.told, "cursor")

    def off(_: object) -> None:
        raise Killed

    for _ in desk2.told:  # each time one slice gets to the disk
        held = StoreInbox(cut, new_world(), CLINIC)
        held.on_heard = off
        assert held.feed_standing().cursor == ""
        with pytest.raises(Killed):
            held.apply_page(desk2.told, "cursor")
        cut.close()
        cut = Store(tmp_path / "cut.db", KEY)
    StoreInbox(cut, new_world(), CLINIC).apply_page(desk2.told, "cursor")
    for table in ("told", "dose", "dose_change", "identifier"):
        assert cut.sql(f"SELECT * FROM {table}") == whole.sql(f"SELECT * FROM {table}")
    cut.close()
    whole.close()


def test_a_nurse_does_not_wait_for_a_page(
    held: StoreInbox, store: Store, desk2: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked of the store during a slice is done before the next one."""
    monkeypatch.setattr(inbox, "SLICE_S", 0)
    for _ in range(20):
        desk2.child()
    order: list[str] = []

    def heard(_: object) -> None:
        order.append("slice")
        store.submit(order.append, "nurse")

    held.on_heard = heard
    take(held, desk2)
    store.run(lambda: None)
    assert order == ["slice", "nurse"] * 20


# -- what facts say --------------------------------------------------------------------------------------------------


def test_a_dose_before_its_child_and_a_void_before_its_dose_wait(held: StoreInbox, store: Store, desk2: Voice) -> None:
    child = desk2.child()
    dose = desk2.dose(child)
    desk2.tell("dose.voided", events.DoseVoided(dose, "未接种"), child)
    registered, given_, voided = desk2.told
    held.apply_page([voided], "1")
    held.apply_page([given_], "2")
    assert store.sql("SELECT count(*) FROM told WHERE done = 0") == [(2,)]
    assert children.card(store, child) is None
    held.apply_page([registered], "3")
    assert [one.state for one in doses.of_child(store, child)] == ["voided"]
    assert store.sql("SELECT count(*) FROM told WHERE done = 0") == [(0,)]


def test_what_is_said_here_next_is_later_than_what_was_heard(
    held: StoreInbox, store: Store, desk2: Voice, world: World
) -> None:
    desk2.hlc = f"{(2**45) << 16:016x}"
    desk2.child()
    take(held, desk2)

    def own() -> str:
        with tell(store, world, "nurse") as entry:
            entry.fact("stock.counted", "lot", events.StockCounted(7))
            return entry.hlc

    assert store.run(own) > desk2.hlc


def test_known_as_of_follows_what_was_heard(held: StoreInbox, store: Store, desk2: Voice) -> None:
    child = desk2.child()
    take(held, desk2)
    first = children.card(store, child)
    desk2.dose(child)
    take(held, desk2)
    later = children.card(store, child)
    assert first and later and first.known_from == "region" and later.known_at > first.known_at
    take(held, desk2)
    assert children.card(store, child) == later  # nothing new was heard


def test_a_touched_child_is_reckoned_anew(held: StoreInbox, store: Store, desk2: Voice) -> None:
    child = desk2.child()
    take(held, desk2)
    known = plans.load(SETTINGS.programme)
    day = date(2026, 11, 22)
    assert recount.recount(store, known, day) == 1 and recount.recount(store, known, day) == 0
    desk2.dose(child)
    take(held, desk2)
    assert recount.stale(store, known.stamp(day)) == [child]


def test_only_the_clinic_of_a_dose_changes_it_and_anybody_doubts_it(
    held: StoreInbox, store: Store, desk2: Voice, clinic2: Voice
) -> None:
    child = desk2.child()
    dose = desk2.dose(child)
    theirs = clinic2.dose(child, "1801")
    clinic2.tell("dose.voided", events.DoseVoided(dose, "?"), child)
    clinic2.tell("dose.disputed", events.DoseDisputed(dose, "?"), child)
    clinic2.tell("dose.corrected", events.DoseCorrected(theirs, {"site": ("1", "2")}, "?"), child)
    desk2.tell("dose.voided", events.DoseVoided(theirs, "?"), child)
    take(held, desk2, clinic2)
    found = {one.id: one for one in doses.of_child(store, child)}
    assert (found[dose].state, found[dose].facts["told_by"]) == ("disputed", "")
    assert (found[theirs].state, found[theirs].facts["site"], found[theirs].facts["told_by"]) == (
        "given",
        "2",
        ELSEWHERE,
    )


def test_another_desks_open_visit_is_seen_and_not_taken_up(held: StoreInbox, store: Store, desk2: Voice) -> None:
    child = desk2.child()
    visit = desk2.tell("visit.opened", events.VisitOpened(CLINIC, "7"), child)
    take(held, desk2)
    assert visits.open_ones(store) == [] and visits.open_of(store, child) is None
    seen = visits.open_elsewhere(store, child)
    assert seen and (seen.id, seen.terminal, seen.desk) == (visit, "T-2", "7")
    desk2.tell("visit.closed", events.VisitClosed(visit), child)
    take(held, desk2)
    assert visits.open_elsewhere(store, child) is None


def test_a_lot_that_two_desks_received_is_one_lot(held: StoreInbox, store: Store, desk2: Voice, world: World) -> None:
    ours = events.StockReceived("0202", "L1", "2028-01-01", "示例", ("p1", "p2"), 10)

    def receive() -> str:
        with tell(store, world, "nurse") as entry:
            lot = entry.fact("stock.received", "", ours)
            stock.receive(entry, lot, lot, ours, False)
        return lot

    here = store.run(receive)
    child = desk2.child()
    theirs = desk2.tell("stock.received", events.StockReceived("0202", "L1", "2028-01-01", "示例", ("p2", "p3"), 10))
    dose = desk2.dose(child, "0202", lot=theirs, lot_no="L1", package="p3", vial_no=1)
    desk2.tell("stock.used", events.StockUsed(dose), theirs)
    held.apply_page(desk2.told[::-1], "cursor")
    assert [(lot.id, left) for lot, left in stock.on_hand(store)] == [(here, 29)]
    assert [use.dose_id for use in stock.uses(store, "p3")] == [dose]
    assert stock.lot_of_package(store, "p3") == stock.lot(store, theirs) == stock.lot(store, here)
    desk2.tell("stock.counted", events.StockCounted(20), theirs)
    desk2.tell("stock.wasted", events.StockWasted(2, "破损"), theirs)
    take(held, desk2)
    assert [left for _, left in stock.on_hand(store)] == [18]


# -- strange facts ---------------------------------------------------------------------------------------------------


def test_strange_facts_are_kept_and_stop_nothing(held: StoreInbox, store: Store, desk2: Voice) -> None:
    child = desk2.child()
    huge = 10**30
    for kind, body in (
        ("moon.landed", {"of": "tomorrow"}),
        ("dose.given", "no object"),
        ("dose.given", {"visit": "", "vaccine": "1201", "dose_no": huge, "clinic": "x"}),
        ("dose.given", {"visit": "", "vaccine": "??", "dose_no": 1, "clinic": "x", "expiry_on": "soon"}),
        ("dose.given", {"visit": "", "vaccine": "moon", "dose_no": 1, "clinic": "x"}),
        (
            "child.updated",
            {"fields": {"name": [1, 2], "birth_on": ["", "31.12.2025"], "alerts": ["", "x"], "moon": [1, 2]}},
        ),
        ("child.updated", {"fields": {"birth_weight_g": [0, huge], "ethnic": ["", "汉"]}}),
        (
            "child.updated",
            {"fields": {"alerts": [[], [{"kind": "condition", "text": "x", "component": "X", "on": "?"}]]}},
        ),
        ("dose.corrected", {"of": child, "fields": {"given_on": ["", "never"]}, "reason": ""}),
        ("dose.corrected", {"of": child, "fields": {"site": [huge, "1"]}, "reason": ""}),
        ("dose.moved", {"of": child, "to_child": child, "reason": ""}),
        ("child.merged", {"of": child, "reason": "with itself"}),
        (
            "stock.received",
            {"vaccine": "", "lot_no": "", "expiry_on": "", "maker": "", "packages": ["\0"], "doses_per_package": -5},
        ),
        ("stock.used", {"dose": "", "doses": huge}),
        ("correction.requested", {"of": "", "reason": "", "due": "", "fields": {"x": huge}}),
        ("visit.opened", {"clinic": CLINIC, "desk": "", "health": {"x": huge}}),
    ):
        desk2.tell(kind, body, child)
    desk2.tell("child.registered", {"name": "", "sex": "", "birth_on": "2026-13-45"})
    held.apply_page([Told("T-2", CLINIC, b"no JSON"), *desk2.told], "cursor")
    assert held.feed_standing().cursor == "cursor"
    assert store.sql("SELECT count(*) FROM told") == [(len(desk2.told),)]
    card = children.card(store, child)
    assert card and (card.facts.name, card.facts.birth_on, card.facts.ethnic) == ("王子涵", "2025-11-20", "汉")
    assert recount.recount(store, plans.load(SETTINGS.programme), date(2026, 11, 22)) == 1


def test_a_body_of_another_schema_is_kept_and_not_guessed(held: StoreInbox, store: Store, desk2: Voice) -> None:
    child = desk2.child()
    desk2.dose(child)
    data = desk2.told[-1].data.replace(b'"schema":1', b'"schema":2')
    held.apply_page([desk2.told[0], Told("T-2", CLINIC, data)], "cursor")
    assert doses.of_child(store, child) == [] and store.sql("SELECT count(*) FROM told") == [(2,)]


# -- beside the scope, and out of it -----------------------------------------------------------------------------------


def test_a_dose_moved_here_from_a_child_of_elsewhere(
    held: StoreInbox, store: Store, desk2: Voice, clinic2: Voice
) -> None:
    child, twin = desk2.child(), clinic2.child()
    dose = clinic2.dose(twin)
    moved = clinic2.tell("dose.moved", events.DoseMoved(dose, child, "双胞胎"), twin)
    _, given_, move = clinic2.beside()
    for rows in ([move], desk2.told, [given_]):
        held.apply_page(rows, "cursor")
    (found,) = doses.of_child(store, child)
    assert (found.id, found.vaccine, found.facts["moved_from"], found.state) == (moved, "1201", dose, "given")
    assert sum(bucket.n for bucket in held.buckets()) == 1  # what is beside the scope is not compared
    clinic2.tell("dose.voided", events.DoseVoided(moved, "?"), child)
    take(held, clinic2)
    assert [one.state for one in doses.of_child(store, child)] == ["voided"]


def test_a_child_that_left_leaves_what_this_clinic_told(
    held: StoreInbox, store: Store, desk2: Voice, clinic2: Voice
) -> None:
    theirs, ours = clinic2.child("赵一"), desk2.child("钱二")
    for child in (theirs, ours):
        clinic2.dose(child)
        own = desk2.dose(child, "1801")
    stranger = clinic2.child("孙三")
    clinic2.dose(stranger)
    doubted = clinic2.dose(ours, "0202")
    desk2.tell("dose.disputed", events.DoseDisputed(doubted, "?"), ours)
    take(held, desk2, clinic2)
    left = [Advice("feed.left", f"left/{child}", child_id=child) for child in (theirs, ours, stranger)]
    before = children.card(store, ours)
    held.apply_page(left, "next")
    after = children.card(store, ours)
    assert before and after and (after.known_at, after.known_from) == (before.known_at, "here")  # not whole as of now
    assert children.card(store, stranger) is None and children.search(store, "孙三") == []
    assert children.card(store, theirs) and [one.vaccine for one in doses.of_child(store, theirs)] == ["1801"]
    assert {one.id for one in doses.of_child(store, ours)} == {own, doubted}
    take(held, desk2, clinic2)  # and it comes back whole
    again = children.card(store, ours)
    assert again and again.known_at > before.known_at and again.known_from == "region"
    assert len(doses.of_child(store, theirs)) == 2 and len(doses.of_child(store, ours)) == 3
    assert children.card(store, stranger) and len(doses.of_child(store, stranger)) == 1


def test_nothing_goes_of_a_child_in_the_chair(held: StoreInbox, store: Store, desk2: Voice, clinic2: Voice) -> None:
    """The next dose is judged by all that is known; once the visit is over the child leaves when it is told again."""
    child = clinic2.child()
    clinic2.dose(child)
    visit = desk2.tell("visit.opened", events.VisitOpened(CLINIC, "1", {}, informed=True), child)
    take(held, desk2, clinic2)
    left = Advice("feed.left", f"left/{child}", child_id=child, params={"to": ELSEWHERE})
    held.apply_page([left], "next")
    assert len(doses.of_child(store, child)) == 1
    desk2.tell("visit.closed", events.VisitClosed(visit), child)
    held.apply_page([desk2.told[-1], left], "last")
    assert doses.of_child(store, child) == []


def test_a_child_looked_up_is_kept_and_not_compared_until_the_feed_brings_it(
    held: StoreInbox, store: Store, clinic2: Voice
) -> None:
    child = clinic2.child()
    clinic2.dose(child)
    assert held.apply_found(clinic2.told, "2026-11-21T08:00:00.000Z") == [child]
    card = children.card(store, child)
    assert card and (card.known_at, card.known_from) == ("2026-11-21T08:00:00.000Z", "region")
    assert sum(bucket.n for bucket in held.buckets()) == 0 and held.feed_standing().cursor == ""
    take(held, clinic2)
    assert sum(bucket.n for bucket in held.buckets()) == 2 and len(doses.of_child(store, child)) == 1


def test_what_the_hub_told_first_is_known_when_the_region_tells_it(store: Store, world: World, desk2: Voice) -> None:
    hub, region = StoreInbox(store, world, CLINIC, "hub"), StoreInbox(store, world, CLINIC)
    child = desk2.child()
    take(hub, desk2)
    card = children.card(store, child)
    assert card and card.known_from == "hub" and sum(bucket.n for bucket in region.buckets()) == 0
    hub.start_over("2026-11-22T00:00:00.000Z")
    assert region.feed_standing().started_over == ()
    take(region, desk2)
    assert sum(bucket.n for bucket in region.buckets()) == 1 and store.sql("SELECT count(*) FROM told") == [(1,)]


def test_what_this_terminal_told_comes_back_after_a_restore(held: StoreInbox, store: Store, world: World) -> None:
    """The terminal went back to an older copy: its lost morning is told by the region, as its own."""
    lost = Voice(world, "T-1")
    child = lost.child()
    visit = lost.tell("visit.opened", events.VisitOpened(CLINIC, "2"), child)
    dose = lost.dose(child)
    take(held, lost)
    assert [one.id for one in visits.open_ones(store)] == [visit]
    (found,) = doses.of_child(store, child)
    assert (found.id, found.facts["told_by"]) == (dose, "")


def test_our_own_facts_that_come_back_are_counted_and_not_kept_twice(
    held: StoreInbox, store: Store, world: World, facts: Any
) -> None:
    facts(3)
    own = [Told("T-1", CLINIC, bytes(data)) for (data,) in store.sql("SELECT stored FROM event")]
    before = store.sql("SELECT hlc FROM head")
    held.apply_page(own, "cursor")
    assert sum(bucket.n for bucket in held.buckets()) == 3
    assert store.sql("SELECT count(*) FROM told WHERE stored IS NULL") == [(3,)]
    assert before == store.sql("SELECT hlc FROM head")


# -- matters, requests, documents --------------------------------------------------------------------------------------


def test_a_matter_settled_here_stays_settled_while_it_says_the_same(
    held: StoreInbox, store: Store, world: World
) -> None:
    advice = Advice("review.identity", "identity/a/b/name", True, "child", {"one": "a", "other": "b"})
    held.apply_page([advice], "1")
    (matter,) = matters.open_matters(store)
    assert (matter.code, matter.child_id, matter.params) == ("review.identity", "child", {"one": "a", "other": "b"})

    def settle() -> None:
        with tell(store, world, "N200") as entry:
            matters.settle(entry, matter.key, "seen")

    store.run(settle)
    held.apply_page([advice], "2")
    assert matters.open_matters(store) == []
    held.apply_page([msgspec.structs.replace(advice, params={"one": "a", "other": "c"})], "3")
    assert len(matters.open_matters(store)) == 1
    held.apply_page([msgspec.structs.replace(advice, open=False)], "4")
    assert matters.open_matters(store) == []


def test_a_request_is_answered_by_the_clinic_of_the_dose_only(
    held: StoreInbox, store: Store, desk2: Voice, clinic2: Voice
) -> None:
    child = desk2.child()
    dose = desk2.dose(child)
    asked = clinic2.tell("correction.requested", events.CorrectionRequested(dose, "批号?", "2026-11-29"), child)
    clinic2.tell("correction.answered", events.CorrectionAnswered(asked, "done"), child)
    take(held, desk2, clinic2)
    (request,) = requests.open_requests(store)
    assert (request.id, request.dose_id, request.asked_by, request.due) == (asked, dose, ELSEWHERE, "2026-11-29")
    desk2.tell("correction.answered", events.CorrectionAnswered(asked, "declined", "无误"), child)
    take(held, desk2)
    answered = requests.one(store, asked)
    assert (
        requests.open_requests(store) == [] and answered and (answered.outcome, answered.answer) == ("declined", "无误")
    )


def test_lots_of_the_list_in_force_are_recalled_and_no_others(
    held: StoreInbox, store: Store, desk2: Voice, world: World
) -> None:
    def received(lot_no: str) -> str:
        return desk2.tell("stock.received", events.StockReceived("0202", lot_no, "2028-01-01", "示例", (), 1))

    first, second = received("B77"), received("B78")
    take(held, desk2)
    for number, day, lot in ((1, "2026-11-01", "B77"), (2, "2026-11-20", "B78"), (3, "2030-01-01", "B79")):
        content = msgspec.json.encode({"lots": [{"lot_no": lot, "reason": "温度"}]})
        held.keep_reference(Reference(number, "recalled-lots", f"v{number}", day, "2026-11-01T00:00:00.000Z"), content)
    assert {row.id: row.recalled for row, _ in stock.on_hand(store)} == {first: "", second: "温度"}
    assert set(held.references()) == {1, 2, 3}
    assert references.in_force(store, "recalled-lots", date(2030, 1, 2)) is not None
    third = desk2.tell("stock.received", events.StockReceived("0201", "B78", "2028-01-01", "示例", (), 1))
    take(held, desk2)
    late = stock.lot(store, third)
    assert late and late.recalled == "温度"
    StoreInbox(store, world, CLINIC).keep_reference(
        Reference(4, "recalled-lots", "v4", "2026-11-21", "2026-11-21T00:00:00.000Z"), b'{"lots": []}'
    )
    assert {row.recalled for row, _ in stock.on_hand(store)} == {""}  # taken off the list
    held.keep_reference(Reference(5, "recalled-lots", "v5", "2026-11-22", "2026-11-22T00:00:00.000Z"), b"no list")
    assert {row.recalled for row, _ in stock.on_hand(store)} == {""}
