"""From sealed batches to children and doses: any order, any number of workers, and a bad event alone in quarantine."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import psycopg
import pytest

from config.texts import LANGUAGES, say
from domain import events
from domain.wire import chain, event
from domain.world import World
from regional import queries, worker
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from regional.worker import Applier
from tests.region_fixtures import Terminal

New = Callable[..., Terminal]
Apply = Callable[[], int]


def quarantine(region: EmbeddedRegion, one: Terminal) -> dict[int, str]:
    with queries.connect(region.dsn) as connection:
        found = connection.execute(
            "SELECT seq, reason FROM quarantine WHERE terminal_id = %s ORDER BY seq", (one.me.terminal_id,)
        )
        return dict(found.fetchall())


def dose(region: EmbeddedRegion, dose_id: str) -> queries.DoseRow:
    (found,) = [row for row in queries.doses(region.dsn) if row.dose_id == dose_id]
    return found


def test_void_correct_move_and_dispute(region: EmbeddedRegion, terminal: New, apply: Apply):
    one = terminal()
    void, right, moved, doubted = (one.outbox.give("child-a", vaccine="02", site="1") for _ in range(4))
    one.outbox.tell("dose.voided", events.DoseVoided(void, "typed twice"), "child-a")
    one.outbox.tell("dose.corrected", events.DoseCorrected(right, {"site": ("1", "2")}, "side"), "child-a")
    arrived = one.outbox.tell("dose.moved", events.DoseMoved(moved, "child-b", "other twin"), "child-a")
    again = one.outbox.tell("dose.moved", events.DoseMoved(arrived, "child-c", "the third"), "child-b")
    one.outbox.tell("dose.corrected", events.DoseCorrected(again, {"site": ("1", "9")}, "side"), "child-c")
    one.outbox.tell("dose.disputed", events.DoseDisputed(doubted, "not here"), "child-a")
    one.sync()
    apply()
    assert [dose(region, one_).state for one_ in (void, right, moved, arrived, again)] == [
        "voided", "given", "moved", "moved", "given",
    ]  # fmt: skip
    assert dose(region, right).body["site"] == "2"
    last = dose(region, again)
    assert (last.child_id, last.body["vaccine"], last.body["site"]) == ("child-c", "02", "9")
    assert dose(region, doubted).disputed
    assert quarantine(region, one) == {}
    assert queries.doubled(region.dsn) == 0


def test_the_later_clock_wins_field_by_field(region: EmbeddedRegion, terminal: New, apply: Apply):
    one, other = terminal(), terminal()
    one.outbox.tell("child.registered", events.ChildRegistered("", "1", "2026-11-01", area="A"), "child-lww")
    other.outbox.hlc = one.outbox.hlc
    other.outbox.tell("child.updated", events.ChildUpdated({"name": ("", "王𠮷"), "area": ("A", "B")}), "child-lww")
    one.outbox.hlc = other.outbox.hlc
    one.outbox.tell("child.updated", events.ChildUpdated({"area": ("A", "C")}), "child-lww")
    one.sync()
    apply()
    other.sync()
    apply()
    found = queries.child(region.dsn, "child-lww")
    assert (found["name"], found["area"], found["birth_on"]) == ("王𠮷", "C", "2026-11-01")


def test_identifiers_are_found_whenever_they_were_told(region: EmbeddedRegion, terminal: New, apply: Apply):
    one = terminal()
    told = events.ChildRegistered("x", "1", "2026-11-01", identifiers=(events.Identifier("booklet", "0001000001"),))
    one.outbox.tell("child.registered", told, "child-id")
    new = [{"kind": "booklet", "value": "0001000001"}, {"kind": "child_code", "value": "310115010120260001"}]
    one.outbox.tell("child.updated", events.ChildUpdated({"identifiers": ([], new)}), "child-id")
    one.sync()
    apply()
    with queries.connect(region.dsn) as connection:
        found = connection.execute("SELECT value FROM child_identifier WHERE child_id = 'child-id' ORDER BY 1")
        assert [row[0] for row in found] == ["0001000001", "310115010120260001"]


@pytest.mark.parametrize("seed", range(4))
def test_any_order_gives_the_same_rows(
    region: EmbeddedRegion, terminal: New, apply: Apply, new_dsn: Callable[[], str], seed: int
):
    """The same events through one terminal in order, and through another in any order and cut into many batches."""
    chance = random.Random(seed)
    first, second = terminal(), terminal()
    child = f"child-order-{seed}"
    first.outbox.tell("child.registered", events.ChildRegistered("a", "1", "2026-11-01"), child)
    doses = [first.outbox.give(child, site="1") for _ in range(3)]
    first.outbox.tell("child.updated", events.ChildUpdated({"name": ("a", "b")}), child)
    first.outbox.tell("child.updated", events.ChildUpdated({"name": ("b", "c"), "area": ("", "x")}), child)
    first.outbox.tell("dose.corrected", events.DoseCorrected(doses[0], {"site": ("1", "2")}, ""), child)
    first.outbox.tell("dose.corrected", events.DoseCorrected(doses[0], {"site": ("2", "3")}, ""), child)
    first.outbox.tell("dose.voided", events.DoseVoided(doses[1], ""), child)
    first.outbox.tell("dose.moved", events.DoseMoved(doses[2], child + "-twin", ""), child)
    first.sync()
    apply()
    in_order = rows_of(region, child)
    with psycopg.connect(region.dsn) as connection:
        for table in ("child", "dose", "event", "quarantine"):
            connection.execute(f"DELETE FROM {table}".encode())
    for stored in chance.sample(first.outbox.events, len(first.outbox.events)):
        second.outbox.tell_raw(stored)
        if chance.random() < 0.5:
            second.sync()
            apply()
    second.sync()
    apply()
    assert rows_of(region, child) == in_order
    assert quarantine(region, second) == {}


def rows_of(region: EmbeddedRegion, child: str) -> list[object]:
    with queries.connect(region.dsn) as connection:
        children = connection.execute("SELECT registered, body FROM child WHERE child_id LIKE %s", (child + "%",))
        return [
            children.fetchall(),
            [
                (d.dose_id, d.child_id, d.state, d.stated, d.body)
                for d in queries.doses(region.dsn)
                if child in d.child_id
            ],
        ]


def test_bad_events_are_set_aside_alone(region: EmbeddedRegion, terminal: New, apply: Apply):
    one = terminal()
    world = one.world

    def raw(kind: str, body: object, subject: str = "child-bad") -> None:
        one.outbox.tell_raw(
            event.encode(
                event_id=world.new_id(), kind=kind, subject=subject, actor="nurse", hlc="0" * 15 + "1",
                stated="2026-11-22", recorded_at="2026-11-22T01:00:00.000Z", offset_ms=0, body=body,
            )
        )  # fmt: skip

    good = [one.outbox.give("child-bad")]
    one.outbox.tell_raw(b"{}")  # 2
    one.outbox.tell_raw(b"not JSON at all")  # 3
    raw("dose.given", {"vaccine": 7})  # 4
    good.append(one.outbox.give("child-bad"))
    raw("child.updated", {"fields": {"name": ["", "\0"]}})  # 6: PostgreSQL keeps no NUL in text
    raw("child.updated", {"fields": {"identifiers": ["", [{"kind": 1}]]}})  # 7
    raw("dose.voided", {"of": "a dose nobody told", "reason": ""})  # 8
    long = {"kind": "other", "value": world.random(4000).hex()}  # 9: no index takes it
    raw("child.registered", {"name": "x", "sex": "1", "birth_on": "2026-01-01", "identifiers": [long]})
    raw("moon.landed", {"anything": ["at", {"all": 1}]})  # 10: a kind of tomorrow
    good.append(one.outbox.give("child-bad"))
    one.sync()
    assert apply() == 1
    assert quarantine(region, one) == {
        2: "unreadable", 3: "unreadable", 4: "bad_body", 6: "unstorable", 7: "bad_body", 8: "unknown_dose",
        9: "unstorable",
    }  # fmt: skip
    assert all(
        say(language, f"quarantine.{reason}") for language in LANGUAGES for reason in quarantine(region, one).values()
    )
    assert {
        row.dose_id for row in queries.doses(region.dsn) if row.state == "given" and row.child_id == "child-bad"
    } == set(good)
    with queries.connect(region.dsn) as connection:
        kept = connection.execute("SELECT data FROM event WHERE kind = 'moon.landed'").fetchall()
    assert [bytes(row[0]) for row in kept] == [one.outbox.events[9]]


def told(kind: str, body: object, event_id: str, subject: str = "child-poison") -> bytes:
    return event.encode(
        event_id=event_id, kind=kind, subject=subject, actor="nurse", hlc="0" * 15 + "1", stated="2026-11-22",
        recorded_at="2026-11-22T01:00:00.000Z", offset_ms=0, body=body,
    )  # fmt: skip


def test_an_id_that_no_column_takes_does_not_stop_the_queue(region: EmbeddedRegion, terminal: New, apply: Apply):
    one = terminal()
    one.outbox.tell_raw(told("dose.given", {"vaccine": "02"}, "an id\0"))
    good = one.outbox.give("child-poison")
    one.sync()
    assert apply() == 1
    assert quarantine(region, one) == {1: "unstorable"}
    assert dose(region, good).state == "given"


def test_values_nested_as_deep_as_can_be_read_do_not_stop_the_worker(
    region: EmbeddedRegion, terminal: New, apply: Apply
):
    one = terminal()
    for depth in range(700, 1000):  # a neighbour that is refused makes the worker halve, and go deeper itself
        for value in (msgspec.Raw(b"[" * depth + b"]" * depth), "\0"):
            body = {"fields": {"name": ["", value]}}
            one.outbox.tell_raw(told("child.updated", body, one.world.new_id(), f"child-deep-{depth}"))
    good = one.outbox.give("child-deep")
    one.sync()
    assert apply() == 1
    assert set(quarantine(region, one).values()) == {"unreadable", "unstorable"}
    assert dose(region, good).state == "given"


def test_a_terminal_that_borrows_anothers_epoch_spoils_only_its_own(
    region: EmbeddedRegion, terminal: New, apply: Apply
):
    one, thief = terminal(), terminal()
    thief.outbox.give("child-thief", site="1")
    thief.sync()
    apply()
    changed = thief.outbox.events[0].replace(b'"site":"1"', b'"site":"2"')
    thief.outbox.epoch = one.outbox.epoch
    thief.outbox.events, thief.outbox.sealed, thief.outbox.sealed_upto, thief.outbox.acked_seq = [], [], 0, 0
    thief.outbox.hashes = [chain.start(thief.me.terminal_id, one.outbox.epoch).hex()]
    thief.outbox.tell_raw(changed)
    honest = one.outbox.give("child-honest")
    one.sync()
    thief.outbox.generation = ""  # it looks like one that comes for the first time
    thief.sync()
    assert apply() == 2
    assert quarantine(region, thief) == {1: "differs"}
    assert quarantine(region, one) == {}
    assert dose(region, honest).state == "given"


def test_a_void_waits_for_its_dose(region: EmbeddedRegion, terminal: New, apply: Apply):
    one, other = terminal(), terminal()
    later = one.outbox.give("child-wait")
    other.outbox.tell("dose.voided", events.DoseVoided(later, "twice"), "child-wait")
    other.sync()
    apply()
    assert quarantine(region, other) == {1: "unknown_dose"}
    assert dose(region, later).state == "unknown"
    one.sync()
    apply()
    assert quarantine(region, other) == {}
    assert dose(region, later).state == "voided"


@pytest.mark.parametrize("dose_first", [True, False])
def test_only_its_own_clinic_changes_a_dose(region: EmbeddedRegion, terminal: New, apply: Apply, dose_first: bool):
    own, colleague, other = terminal(), terminal(), terminal()
    with psycopg.connect(region.dsn) as connection:
        connection.execute("INSERT INTO clinic (code, name) VALUES ('3101150777', 'x') ON CONFLICT DO NOTHING")
        connection.execute(
            "UPDATE terminal SET clinic_code = '3101150777' WHERE terminal_id = %s", (other.me.terminal_id,)
        )
    child = f"child-theirs-{dose_first}"
    void, right, move, doubted, lent = (own.outbox.give(child, site="1") for _ in range(5))
    other.outbox.hlc = own.outbox.hlc
    other.outbox.tell("dose.voided", events.DoseVoided(void, "not ours"), child)
    other.outbox.tell("dose.corrected", events.DoseCorrected(right, {"site": ("1", "2")}, "not ours"), child)
    taken = other.outbox.tell("dose.moved", events.DoseMoved(move, child + "-b", "not ours"), child)
    other.outbox.tell("dose.disputed", events.DoseDisputed(doubted, "not here"), child)
    other.outbox.tell_raw(told("dose.given", {"visit": "v", "vaccine": "99", "dose_no": 1, "clinic": "x"}, lent, child))
    for one in (own, other) if dose_first else (other, own):
        one.sync()
        apply()
    assert quarantine(region, other) == dict.fromkeys((1, 2, 3), "other_clinic")
    assert all(say(language, "quarantine.other_clinic") for language in LANGUAGES)
    mine = [row for row in queries.doses(region.dsn) if row.terminal_id == own.me.terminal_id]
    assert {row.dose_id: row.state for row in mine} == dict.fromkeys((void, right, move, doubted, lent), "given")
    assert {row.body["site"] for row in mine} == {"1"} and {row.body["vaccine"] for row in mine} == {"02"}
    assert [row.dose_id for row in mine if row.disputed] == [doubted]
    assert dose(region, taken).state == "unknown"
    assert queries.doubled(region.dsn) == 1, "an id borrowed from another clinic is counted"
    colleague.outbox.tell("dose.voided", events.DoseVoided(void, "typed twice"), child)
    colleague.sync()
    apply()
    assert quarantine(region, colleague) == {}
    assert dose(region, void).state == "voided"
    with psycopg.connect(region.dsn) as connection:
        connection.execute("DELETE FROM dose")
        connection.execute("DELETE FROM event")


def test_one_id_with_two_contents_is_shown(region: EmbeddedRegion, terminal: New, apply: Apply):
    one = terminal()
    one.outbox.give("child-two", site="1")
    one.sync()
    apply()
    changed = one.outbox.events[0].replace(b'"site":"1"', b'"site":"2"')
    one.outbox.tell_raw(changed)
    one.outbox.tell_raw(one.outbox.events[0])
    one.sync()
    apply()
    assert quarantine(region, one) == {2: "differs"}
    (kept,) = [row for row in queries.doses(region.dsn) if row.child_id == "child-two"]
    assert kept.body["site"] == "1"


def test_several_workers_apply_each_batch_once(region: EmbeddedRegion, terminal: New):
    desks = [terminal() for _ in range(4)]
    for desk in desks:
        for number in range(300):
            desk.outbox.give(f"child-many-{number % 7}")
            if number % 50 == 49:
                desk.sync()
    taken: list[int] = []

    def work() -> None:
        applier = Applier(region.dsn, KeyRing(region.folder / "keys", World().now()), World())
        try:
            while one := applier.apply():
                taken.append(one)
        finally:
            applier.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(taken) == 24
    assert len([row for row in queries.doses(region.dsn) if row.child_id.startswith("child-many")]) == 1200
    assert queries.doubled(region.dsn) == queries.unapplied(region.dsn) == 0


def test_a_worker_thread_is_woken_by_a_batch_and_stops(region: EmbeddedRegion, terminal: New):
    one, stop = terminal(), threading.Event()
    keys = KeyRing(region.folder / "keys", World().now())
    thread = threading.Thread(target=worker.run, args=(region.dsn, keys, World(), stop))
    thread.start()
    try:
        one.outbox.give("child-woken")
        one.sync()
        assert region.wait_applied(10)
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def test_the_database_log_names_nobody(region: EmbeddedRegion, terminal: New, apply: Apply):
    one = terminal()
    name = "秘密某某"
    one.outbox.tell("child.updated", events.ChildUpdated({"name": ("", name + "\0")}), "child-secret")
    one.sync()
    apply()
    assert list(quarantine(region, one).values()) == ["unstorable"]
    with queries.connect(region.dsn) as connection:
        folder = Path(connection.execute("SHOW data_directory").fetchone()[0])
    assert name not in (folder / "server.log").read_text("utf-8", "replace")


def test_old_protections_are_tidied_away(region: EmbeddedRegion, terminal: New):
    terminal()
    with psycopg.connect(region.dsn) as connection:
        connection.execute("UPDATE nonce SET at = at - interval '1 hour'")
    applier = Applier(region.dsn, KeyRing(region.folder / "keys", World().now()), World())
    applier.tidy()
    applier.close()
    with queries.connect(region.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM nonce").fetchone() == (0,)
