"""Facts that come under two names of one PC are there once."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from regional import queries
from regional.serve import EmbeddedRegion
from tests.region_fixtures import Terminal

New = Callable[..., Terminal]
Apply = Callable[[], int]


def becomes(region: EmbeddedRegion, one: Terminal, other: Terminal, desk: str = "9") -> None:
    """`other` is the place that the PC of `one` took later."""
    with psycopg.connect(region.dsn) as connection:
        places = (one.me.terminal_id, desk, other.me.terminal_id)
        connection.execute("UPDATE terminal SET continues = %s, desk = %s WHERE terminal_id = %s", places)


def tells_again(one: Terminal, other: Terminal) -> list[str]:
    """Three doses told by both; their ids."""
    doses = [one.outbox.give("child-twin") for _ in range(3)]
    for stored in one.outbox.events:
        other.outbox.tell_raw(stored)
    return doses


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_what_came_under_another_name_is_there_once(
    region: EmbeddedRegion, terminal: New, apply: Apply, at_once: bool, turned: bool
):
    one, other = terminal(), terminal()
    becomes(region, one, other)
    doses = tells_again(one, other)
    fresh = other.outbox.give("child-twin")
    for each in (other, one) if turned else (one, other):
        each.sync()
        if not at_once:
            apply()
    apply()
    with queries.connect(region.dsn) as connection:
        both = ([one.me.terminal_id, other.me.terminal_id],)
        told = connection.execute("SELECT event_id FROM event WHERE terminal_id = ANY (%s)", both).fetchall()
    assert sorted(row[0] for row in told) == sorted([*doses, fresh])
    assert queries.doubled(region.dsn) == queries.unapplied(region.dsn) == 0


def test_two_copies_of_one_pc_bring_what_both_had_once(region: EmbeddedRegion, terminal: New, apply: Apply):
    first, one, other = terminal(), terminal(), terminal()
    becomes(region, first, one, "7")
    becomes(region, first, other, "8")
    tells_again(one, other)
    one.sync()
    other.sync()
    apply()
    assert queries.doubled(region.dsn) == 0


def test_records_put_back_at_the_same_desk_that_knew_of_no_place(region: EmbeddedRegion, terminal: New, apply: Apply):
    one, other = terminal(desk="11"), terminal(desk="11")
    tells_again(one, other)
    one.sync()
    apply()
    other.sync()
    apply()
    assert queries.doubled(region.dsn) == 0


def test_copies_of_a_pc_that_had_no_place_yet(region: EmbeddedRegion, terminal: New, apply: Apply):
    one, other = terminal(), terminal()
    tells_again(one, other)
    one.sync()
    apply()
    other.outbox.give("child-twin")
    other.sync()
    apply()
    assert queries.doubled(region.dsn) == 0


def test_an_id_with_other_contents_is_no_second_telling(region: EmbeddedRegion, terminal: New, apply: Apply):
    one, other = terminal(), terminal()
    becomes(region, one, other)
    dose = one.outbox.give("child-other")
    other.outbox.tell_raw(one.outbox.events[0].replace(b'"02"', b'"03"'))
    assert other.outbox.events[0] != one.outbox.events[0]
    one.sync()
    other.sync()
    apply()
    with queries.connect(region.dsn) as connection:
        told = connection.execute("SELECT count(*) FROM event WHERE event_id = %s", (dose,)).fetchone()
    assert told == (2,)
