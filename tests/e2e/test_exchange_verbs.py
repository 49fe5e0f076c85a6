"""What two clinics do about one child, by the counter's own verbs through a real region: look up, ask, answer, move."""

from __future__ import annotations

from collections.abc import Callable

from regional import queries
from regional.serve import EmbeddedRegion
from terminal.store import children, doses, requests
from terminal.usecases.amend_dose import correct_dose
from terminal.usecases.corrections import answer_request, request_correction
from terminal.usecases.due_list import list_due
from terminal.usecases.exchange_view import InboxCount, inbox_count, read_inbox
from terminal.usecases.lookup import begin_lookup, keep_found
from terminal.usecases.move_child import move_in, move_out
from tests.e2e.test_exchange_records import OTHER, Place, exchange, give, place  # noqa: F401 (a fixture)
from tests.fakes.desk import BOY, CLINIC, HEPB_BOX, HEPB_BOX_2, made

Apply = Callable[[], int]
New = Callable[..., Place]


def look_up(one: Place, child: str) -> None:
    """By its id: both clinics of this story registered the same test child."""
    desk, nurse = one.on.desk, one.on.nurse
    found = one.way.lookup("child", child, "correction", made(begin_lookup(desk, nurse, "correction")))
    assert made(keep_found(desk, nurse, found, "correction")) == child


def called(one: Place, child: str) -> bool:
    return child in {line.child_id for line in made(list_due(one.on.desk, one.on.nurse)).children}


def test_a_correction_is_asked_done_and_seen_by_both(place: New, apply: Apply, region: EmbeddedRegion) -> None:  # noqa: F811 (the fixture)
    home, _, other = place(), place(), place(OTHER)
    boy = home.on.boy.id
    dose = give(home, boy, HEPB_BOX)
    exchange(apply, home, other)
    look_up(other, boy)
    with queries.connect(region.dsn) as connection:
        row = connection.execute("SELECT actor, purpose FROM lookup WHERE child_id = %s", (boy,)).fetchone()
    assert row == (other.on.nurse.code, "correction")
    asked = made(request_correction(other.on.desk, other.on.nurse, dose, "看不清", fields={"site": "4"}))
    exchange(apply, other, home)
    exchange(apply, other, home)
    (line,) = made(read_inbox(home.on.desk, home.on.nurse)).requests
    assert (line.request.id, line.name, line.mine, line.days_left) == (asked, BOY.name, False, 10)
    assert (line.dose and line.dose.id, line.request.fields) == (dose, {"site": "4"})
    assert (inbox_count(home.on.desk), inbox_count(other.on.desk)) == (InboxCount(1, 0), InboxCount(0, 0))
    made(correct_dose(home.on.desk, home.on.admin, dose, line.request.fields, "左右写反"))
    made(answer_request(home.on.desk, home.on.admin, asked, "done"))
    exchange(apply, home, other)
    exchange(apply, home, other)
    for one in (home, other):
        said = requests.one(one.store, asked)
        assert said and (said.outcome, inbox_count(one.on.desk)) == ("done", InboxCount(0, 0))
        ((site, corrected),) = [(d.facts["site"], d.corrected) for d in doses.of_child(one.store, boy) if d.id == dose]
        assert (site, corrected) == ("4", ("site",))


def test_a_child_moves_and_comes_back_and_each_clinic_calls_its_own(place: New, apply: Apply) -> None:  # noqa: F811 (the fixture)
    home, _, other = place(), place(), place(OTHER)
    boy = home.on.boy.id
    first = give(home, boy, HEPB_BOX)
    exchange(apply, home, other)
    look_up(other, boy)
    assert (called(home, boy), called(other, boy)) == (True, False)
    made(move_in(other.on.desk, other.on.nurse, boy, reason="搬家"))
    exchange(apply, other, home)
    exchange(apply, other, home)
    assert (called(home, boy), called(other, boy)) == (False, True)
    card = children.card(home.store, boy)
    assert card and card.facts.clinic == OTHER
    assert [d.id for d in doses.of_child(home.store, boy)] == [first]  # what this clinic told stays
    made(move_out(other.on.desk, other.on.nurse, boy, CLINIC, "搬回"))
    exchange(apply, other, home)
    exchange(apply, other, home)
    assert (called(home, boy), called(other, boy)) == (True, False)
    again = give(home, home.on.girl.id, HEPB_BOX_2)
    exchange(apply, home, other)
    assert again not in {d.id for d in doses.of_child(other.store, home.on.girl.id)}
