"""A slip tells what stands: voiding, correcting or moving a dose of a closed visit ends it and makes a new one."""

from __future__ import annotations

from terminal.store import children
from terminal.usecases.amend_dose import correct_dose, move_dose, void_dose
from terminal.usecases.desk import Outcome, stop
from terminal.usecases.print_again import reprint_slip
from terminal.usecases.register_child import update_child
from terminal.usecases.visit import close_visit
from tests.fakes.stories import HEPB, MMR, Story, made

RECEIPTS = "SELECT number, voided FROM receipt ORDER BY rowid"


def closed_visit(clinic: Story, *prefixes: str) -> tuple[str, list[str], str]:
    """A child, the doses of its closed visit, and the receipt's number."""
    child = clinic.child()
    doses = []
    for prefix in prefixes:
        _, (box,) = clinic.receive(prefix, lot=f"L{prefix}")
        doses.append(clinic.give(child, box).id)
    visit = clinic.desk.store.sql("SELECT id FROM visit WHERE closed_at IS NULL")[0][0]
    return child, doses, made(close_visit(clinic.desk, clinic.nurse, visit)).receipt


def test_a_voided_dose_leaves_the_slip(clinic: Story) -> None:
    child, (first, _), number = closed_visit(clinic, HEPB, MMR)
    made(void_dose(clinic.desk, clinic.nurse, first, "误录"))
    (old, new) = clinic.read(type(clinic.desk.store).sql, RECEIPTS)
    assert old == (number, "dose.amended") and new[1] == "" and new[0] != number
    kinds = [k for (k,) in clinic.desk.store.sql("SELECT kind FROM event WHERE kind LIKE 'receipt.%' ORDER BY no")]
    assert kinds == ["receipt.issued", "receipt.voided", "receipt.issued"]
    states = clinic.desk.store.sql("SELECT state FROM print_job WHERE receipt = ?", number)
    assert states == [("cancelled",)], "the old slip that still waited is not printed"
    assert made(reprint_slip(clinic.desk, clinic.nurse, child)) == new[0]
    clinic.whole()


def test_when_nothing_stands_there_is_no_slip(clinic: Story) -> None:
    child, (only,), number = closed_visit(clinic, HEPB)
    made(void_dose(clinic.desk, clinic.nurse, only, "误录"))
    assert clinic.desk.store.sql(RECEIPTS) == [(number, "dose.amended")]
    assert not reprint_slip(clinic.desk, clinic.nurse, child).ok


def test_a_correction_and_a_move_renew_the_slip_too(clinic: Story) -> None:
    _, (first, second), _ = closed_visit(clinic, HEPB, MMR)
    made(correct_dose(clinic.desk, clinic.nurse, first, {"site": "1"}, "记错部位"))
    made(move_dose(clinic.desk, clinic.nurse, second, clinic.child(), "记在了别的孩子名下"))
    voided = [bool(why) for _, why in clinic.desk.store.sql(RECEIPTS)]
    assert voided == [True, True, False]


def test_on_damaged_records_no_verb_works(clinic: Story) -> None:
    child = clinic.child()
    clinic.desk.ill = "store.damaged"
    refused: Outcome[children.Card] = update_child(clinic.desk, clinic.nurse, child, {"address": "新地址"})
    assert [p.code for p in refused.problems] == ["store.damaged"] and refused == stop(*refused.problems)


def test_known_as_of_moves_with_every_fact(clinic: Story) -> None:
    child = clinic.child()
    before = clinic.read(children.card, child).known_at
    clinic.later(hours=2)
    clinic.visit(child)
    assert clinic.read(children.card, child).known_at > before
