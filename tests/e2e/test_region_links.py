"""Children who move, are merged and unmerged, are told differently, or get a dose twice: in any order the same rows,
nothing rewritten, and what only a person can decide is put before one."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise, permutations

import psycopg
import pytest

from domain import events
from regional import queries
from regional.serve import EmbeddedRegion
from tests.region_fixtures import Terminal

New = Callable[..., Terminal]
Apply = Callable[[], int]
OTHER = "3101150202"
TABLES = ("child", "dose", "event", "child_link", "child_change", "review", "correction", "correction_answer", "aefi")


def ask(region: EmbeddedRegion, statement: str, *params: object) -> list[tuple]:
    with queries.connect(region.dsn) as connection:
        return connection.execute(statement.encode(), params).fetchall()


def reviews(region: EmbeddedRegion, child: str) -> list[tuple]:
    return ask(
        region,
        "SELECT child_id, kind, one, other, field, clinics, open FROM review WHERE child_id LIKE %s"
        " ORDER BY 1, 2, 3, 4",
        child + "%",
    )


def registered(name: str = "赵一", **more: object) -> events.ChildRegistered:
    return events.ChildRegistered(name, "1", "2026-11-01", clinic="3101150101", **more)


def later_than(one: Terminal, *others: Terminal) -> None:
    """The next fact of `one` is later than all of the others."""
    one.outbox.hlc = max(one.outbox.hlc, *(other.outbox.hlc for other in others))


def test_a_move_changes_the_home_whatever_comes_first(region: EmbeddedRegion, terminal: New, apply: Apply):
    one, other = terminal(), terminal(clinic=OTHER)
    one.outbox.tell("child.registered", registered(), "child-move")
    later_than(other, one)
    other.outbox.tell("child.moved", events.ChildMoved(OTHER, "3101150101"), "child-move")
    for sender in (other, one):
        sender.sync()
        apply()
    assert ask(region, "SELECT clinic, body ->> 'name' FROM child WHERE child_id = 'child-move'") == [(OTHER, "赵一")]


@pytest.mark.parametrize("seed", range(4))
def test_merge_and_unmerge_in_any_order(region: EmbeddedRegion, terminal: New, apply: Apply, seed: int):
    """A dose before the merge, one between, one after the unmerge: only the one between is to be looked at, and every
    dose stays with the child it was told for."""
    chance, child = random.Random(seed), f"child-merge-{seed}-"
    tellers = [terminal(), terminal(clinic=OTHER)]
    first, second = tellers
    told: list[tuple[Terminal, bytes]] = []

    def tell(teller: Terminal, *args: object) -> str:
        later_than(teller, *tellers)
        event_id = teller.outbox.tell(*args)
        told.append((teller, teller.outbox.events[-1]))
        return event_id

    def give(teller: Terminal, who: str, vaccine: str) -> str:
        return tell(teller, "dose.given", events.DoseGiven("visit", vaccine, 1, ""), child + who)

    tell(first, "child.registered", registered(), child + "a")
    tell(second, "child.registered", registered("赵乙"), child + "b")
    before = give(first, "a", "0201")
    link = tell(first, "child.merged", events.ChildMerged(child + "b", "same booklet"), child + "a")
    between = give(second, "b", "0301")
    tell(second, "child.unmerged", events.ChildUnmerged(link, "twins"), child + "a")
    after = give(first, "a", "0401")

    rows = []
    for order in (told, chance.sample(told, len(told)), told[::-1]):
        with psycopg.connect(region.dsn) as connection:
            for table in TABLES:
                connection.execute(f"DELETE FROM {table}".encode())
        senders = {
            id(teller): terminal(clinic=clinic) for teller, clinic in zip(tellers, ("3101150101", OTHER), strict=True)
        }
        for teller, stored in order:
            sender = senders[id(teller)]
            sender.outbox.tell_raw(stored)
            sender.sync()
            apply()
        doses = [(d.dose_id, d.child_id, d.state) for d in queries.doses(region.dsn)]
        links = ask(region, "SELECT child_id, link_id, other, ended_at IS NOT NULL FROM child_link")
        rows.append((doses, links, [row[:4] for row in reviews(region, child)]))
        assert sorted(doses) == sorted(
            [(before, child + "a", "given"), (between, child + "b", "given"), (after, child + "a", "given")]
        )
        assert rows[-1][2] == [(child + "b", "unmerged_dose", link, between)]
        assert ask(region, "SELECT * FROM child_group(%s)", child + "a") == [(child + "a",)]
    assert rows[0] == rows[1] == rows[2]


def test_linked_records_are_one_group_through_others(region: EmbeddedRegion, terminal: New, apply: Apply):
    one = terminal()
    one.outbox.tell("child.merged", events.ChildMerged("group-b", ""), "group-a")
    link = one.outbox.tell("child.merged", events.ChildMerged("group-c", ""), "group-b")
    one.sync()
    apply()
    assert sorted(ask(region, "SELECT * FROM child_group('group-c')")) == [("group-a",), ("group-b",), ("group-c",)]
    one.outbox.tell("child.unmerged", events.ChildUnmerged(link, ""), "group-b")
    one.sync()
    apply()
    assert ask(region, "SELECT * FROM child_group('group-c')") == [("group-c",)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_name_told_differently_at_two_clinics_is_looked_at_and_both_values_are_kept(
    region: EmbeddedRegion, terminal: New, apply: Apply, order: tuple[int, int]
):
    child = f"child-name-{order[0]}"
    one, other = terminal(), terminal(clinic=OTHER)
    one.outbox.tell("child.registered", registered(""), child)
    one.sync()
    apply()
    later_than(other, one)
    mine = one.outbox.tell("child.updated", events.ChildUpdated({"name": ("", "赵一"), "area": ("", "310115")}), child)
    later_than(other, one)
    theirs = other.outbox.tell("child.updated", events.ChildUpdated({"name": ("", "赵二")}), child)
    for place in order:
        (one, other)[place].sync()
        apply()
    assert queries.child(region.dsn, child)["name"] == "赵二"
    values = ask(region, "SELECT new FROM child_change WHERE child_id = %s AND field = 'name' ORDER BY clock", child)
    assert values == [("",), ("赵一",), ("赵二",)]
    assert reviews(region, child) == [(child, "identity", mine, theirs, "name", ["3101150101", OTHER], True)]
    later_than(one, other)
    one.outbox.tell("child.updated", events.ChildUpdated({"name": ("赵二", "赵一")}), child)
    one.sync()
    apply()
    assert reviews(region, child) == []  # somebody who saw it has decided


def test_a_change_seen_by_the_next_is_no_conflict_even_when_it_arrives_last(
    region: EmbeddedRegion, terminal: New, apply: Apply
):
    one, other = terminal(), terminal(clinic=OTHER)
    one.outbox.tell("child.registered", registered("a"), "child-seen")
    one.sync()
    one.outbox.tell("child.updated", events.ChildUpdated({"name": ("a", "b")}), "child-seen")
    later_than(other, one)
    other.outbox.tell("child.updated", events.ChildUpdated({"name": ("b", "c")}), "child-seen")
    other.sync()
    apply()
    assert [row[1] for row in reviews(region, "child-seen")] == ["identity"]
    one.sync()
    apply()
    assert reviews(region, "child-seen") == []


def test_the_resident_number_is_identity_wherever_it_stands_in_the_list(
    region: EmbeddedRegion, terminal: New, apply: Apply
):
    def numbers(resident: str) -> list[dict[str, str]]:
        return [{"kind": "booklet", "value": "0001000009"}, {"kind": "resident_id", "value": resident}]

    one, other = terminal(), terminal(clinic=OTHER)
    one.outbox.tell("child.registered", registered(), "child-rid")
    one.sync()
    apply()
    one.outbox.tell(
        "child.updated", events.ChildUpdated({"identifiers": ([], numbers("110101202611010019"))}), "child-rid"
    )
    later_than(other, one)
    changed = events.ChildUpdated({"identifiers": ([], numbers("110101202611010027"))})
    other.outbox.tell("child.updated", changed, "child-rid")
    for sender in (one, other):
        sender.sync()
        apply()
    assert [row[4] for row in reviews(region, "child-rid")] == ["resident_id"]


def test_the_same_class_on_one_day_from_two_terminals_is_a_possible_double(
    region: EmbeddedRegion, terminal: New, apply: Apply
):
    one, other = terminal(), terminal(clinic=OTHER)
    mine = one.outbox.give("child-twice", vaccine="0201")
    one.outbox.give("child-twice", vaccine="0301")
    theirs = other.outbox.give("child-twice", vaccine="0202")
    for sender in (one, other):
        sender.sync()
        apply()
    assert {row.state for row in queries.doses(region.dsn) if row.child_id == "child-twice"} == {"given"}
    (found,) = reviews(region, "child-twice")
    assert (found[1], {found[2], found[3]}, found[5], found[6]) == (
        "possible_double", {mine, theirs}, ["3101150101", OTHER], True,
    )  # fmt: skip
    other.outbox.tell("dose.voided", events.DoseVoided(theirs, "already given"), "child-twice")
    other.sync()
    apply()
    assert [row[6] for row in reviews(region, "child-twice")] == [False]


def test_two_records_of_one_child_show_a_double_when_they_are_merged(
    region: EmbeddedRegion, terminal: New, apply: Apply
):
    one, other = terminal(), terminal(clinic=OTHER)
    one.outbox.give("child-two-a", vaccine="0201")
    theirs = other.outbox.give("child-two-b", vaccine="0201")
    for sender in (one, other):
        sender.sync()
        apply()
    assert reviews(region, "child-two") == []
    one.outbox.tell("child.merged", events.ChildMerged("child-two-b", ""), "child-two-a")
    one.sync()
    apply()
    assert [row[1] for row in reviews(region, "child-two")] == ["possible_double"]
    other.outbox.tell("dose.voided", events.DoseVoided(theirs, ""), "child-two-b")
    other.sync()
    apply()
    assert [row[6] for row in reviews(region, "child-two")] == [False]


def test_a_double_of_two_records_ends_when_they_are_two_children_again(
    region: EmbeddedRegion, terminal: New, apply: Apply
):
    """The last of the four facts that arrives may be any: no finding stays open."""
    tellers = [one, other, merging, parting] = [terminal(), terminal(clinic=OTHER), terminal(), terminal(clinic=OTHER)]
    for number, order in enumerate(permutations(tellers)):
        a, b = f"child-parted-{number:02}-a", f"child-parted-{number:02}-b"
        one.outbox.give(a, vaccine="0201")
        other.outbox.give(b, vaccine="0201")
        link = merging.outbox.tell("child.merged", events.ChildMerged(b, ""), a)
        later_than(parting, *tellers)
        parting.outbox.tell("child.unmerged", events.ChildUnmerged(link, "twins"), a)
        for sender in order:
            sender.sync()
            apply()
    found = [row for row in reviews(region, "child-parted") if row[1] == "possible_double"]
    assert found and not any(row[6] for row in found)


def test_a_corrected_date_parts_a_double_and_another_brings_it_back(
    region: EmbeddedRegion, terminal: New, apply: Apply
):
    one, other = terminal(), terminal(clinic=OTHER)
    one.outbox.give("child-day", vaccine="0201")
    theirs = other.outbox.give("child-day", vaccine="0201")
    for sender in (one, other):
        sender.sync()
    days = ["2026-11-22", "2026-11-20", "2026-11-22"]
    standing = []
    for before, after in [("", days[0]), *pairwise(days)]:
        if before:
            corrected = events.DoseCorrected(theirs, {"given_on": (before, after)}, "the booklet says so")
            other.outbox.tell("dose.corrected", corrected, "child-day")
            other.sync()
        apply()
        standing.append([row[6] for row in reviews(region, "child-day")])
    assert standing == [[True], [False], [True]]


@pytest.mark.parametrize("seed", range(3))
def test_however_many_doses_of_one_day_there_is_one_finding_for_each_at_most(
    region: EmbeddedRegion, terminal: New, apply: Apply, seed: int
):
    chance, child = random.Random(seed), f"child-flood-{seed}"
    tellers, whose = [terminal() for _ in range(4)], {}
    for _ in range(80):
        teller = chance.choice(tellers)
        whose[teller.outbox.give(child, vaccine="0201")] = teller.me.terminal_id
    for teller in chance.sample(tellers, len(tellers)):
        teller.sync()
        apply()
    expected = {pair for pair in pairwise(sorted(whose)) if whose[pair[0]] != whose[pair[1]]}
    assert {(row[2], row[3]) for row in reviews(region, child) if row[6]} == expected
    ((told,),) = ask(region, "SELECT count(*) FROM feed WHERE what = 'advice' AND note LIKE %s", f"%{child}%".encode())
    assert len(expected) <= told <= 4 * len(whose)


def test_requests_answers_and_reactions_have_their_rows(region: EmbeddedRegion, terminal: New, apply: Apply):
    one, other = terminal(), terminal(clinic=OTHER)
    dose = one.outbox.give("child-ask")
    asked = events.CorrectionRequested(dose, "the lot is wrong", "2026-11-29", {"lot_no": "B2"})
    request = other.outbox.tell("correction.requested", asked, "child-ask")
    other.outbox.tell("aefi.reported", events.AefiReported((dose,), "2026-11-23", ("fever",)), "child-ask")
    one.outbox.tell("correction.answered", events.CorrectionAnswered(request, "declined", "checked"), "child-ask")
    one.sync()
    apply()
    other.sync()
    apply()
    assert ask(region, "SELECT request_id, clinic, of, due FROM correction WHERE child_id = 'child-ask'") == [
        (request, OTHER, dose, "2026-11-29")
    ]
    assert ask(region, "SELECT clinic, outcome FROM correction_answer WHERE request_id = %s", request) == [
        ("3101150101", "declined")
    ]
    assert ask(region, "SELECT body -> 'signs' FROM aefi WHERE child_id = 'child-ask'") == [(["fever"],)]
