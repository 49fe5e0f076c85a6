"""A slip tells what stands: voiding, correcting or moving a dose of a closed visit ends it and makes a new one."""

from __future__ import annotations

from domain.documents import Pair, Text
from terminal.store import children, papers
from terminal.usecases.amend_dose import correct_dose, move_dose, void_dose
from terminal.usecases.defer_doses import defer_doses
from terminal.usecases.desk import Outcome, stop
from terminal.usecases.print_again import reprint_slip
from terminal.usecases.record_dose import transcribe_dose
from terminal.usecases.register_child import update_child
from terminal.usecases.visit import close_visit
from tests.fakes.desk import HEPB_BOX
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


def test_voiding_the_first_dose_counts_the_later_ones_anew(clinic: Story) -> None:
    """Page, forecast and the slip of today follow; a recorded number stays until a person corrects it, and is told."""
    child = clinic.child()
    birth_dose = made(transcribe_dose(clinic.desk, clinic.nurse, child, "2026-03-19", "0201", 1, "产科"))
    visit = clinic.visit(child)
    second = clinic.enter(clinic.check(child, HEPB_BOX).checked_id)
    assert second.dose_no == 2
    made(close_visit(clinic.desk, clinic.nurse, visit))
    outcome = void_dose(clinic.desk, clinic.nurse, birth_dose.id, "抄错了孩子")
    assert [(p.code, p.params["typed"], p.params["counted"]) for p in outcome.problems] == [
        ("dose.counts_otherwise", 2, 1)
    ]
    assert hepatitis_b(clinic, child) == ([(second.id, 1)], 2)
    assert [bool(why) for _, why in clinic.desk.store.sql(RECEIPTS)] == [True, False]
    corrected = correct_dose(clinic.desk, clinic.nurse, second.id, {"dose_no": 1}, "第一剂作废")
    assert made(corrected).dose_no == 1 and corrected.problems == ()
    told = clinic.read(papers.jobs_in, "queued")[-1].document
    assert any("乙肝" in b.text and "第 1 剂" in b.text for b in told.blocks if isinstance(b, Text))


def test_a_corrected_day_that_changes_the_order_says_so_of_both(clinic: Story) -> None:
    child = clinic.child()
    first = made(transcribe_dose(clinic.desk, clinic.nurse, child, "2026-03-19", "0201", 1, "产科"))
    made(transcribe_dose(clinic.desk, clinic.nurse, child, "2026-04-20", "0201", 2, "产科"))
    outcome = correct_dose(clinic.desk, clinic.nurse, first.id, {"given_on": "2026-06-20"}, "抄错日期")
    assert [(p.code, p.params["typed"], p.params["counted"]) for p in outcome.problems] == [
        ("dose.other_number", 1, 2),
        ("dose.counts_otherwise", 2, 1),
    ]


def test_a_dose_that_no_longer_counts_after_a_correction_is_named(clinic: Story) -> None:
    """The injected live vaccine eight days after another does not count, whichever of the two was corrected."""
    child = clinic.child("2025-02-01")
    je = made(transcribe_dose(clinic.desk, clinic.nurse, child, "2025-10-10", "1801", 1, "外地门诊"))
    made(transcribe_dose(clinic.desk, clinic.nurse, child, "2025-12-20", "1201", 1, "外地门诊"))
    outcome = correct_dose(clinic.desk, clinic.nurse, je.id, {"given_on": "2025-12-12"}, "抄错日期")
    assert [(p.code, p.params["day"]) for p in outcome.problems] == [("dose.counts_no_more", "2025-12-20")]


def test_a_moved_dose_is_of_the_other_childs_page_and_both_slips_are_new(clinic: Story) -> None:
    child, (dose, _), _ = closed_visit(clinic, HEPB, MMR)
    other, _, _ = closed_visit(clinic, MMR)
    moved = made(move_dose(clinic.desk, clinic.nurse, dose, other, "记在了别的孩子名下"))
    assert hepatitis_b(clinic, child) == ([], 1)
    assert hepatitis_b(clinic, other) == ([(moved.id, 1)], 2)
    assert [bool(why) for _, why in clinic.desk.store.sql(RECEIPTS)] == [True, True, False, False]
    for one in (child, other):
        assert reprint_slip(clinic.desk, clinic.nurse, one).ok
    clinic.whole()


def hepatitis_b(clinic: Story, child: str) -> tuple[list[tuple[str, int]], int]:
    """(dose, number) of the page's row, and the number of the next one."""
    page = clinic.page(child)
    row = next(row for row in page.rows if row.next.group == "HepB")
    return [(mark.dose_id, mark.number) for cell in row.cells for mark in cell.marks], row.next.number


def test_the_slip_names_the_day_to_which_a_dose_was_put_off(clinic: Story) -> None:
    """All that is due and was not given is put off: the family comes on that day, not tomorrow."""
    child = clinic.child()
    visit = clinic.visit(child)
    clinic.enter(clinic.check(child, HEPB_BOX).checked_id)
    page = clinic.page(child)
    programme = clinic.desk.plan.programme(clinic.desk.today())
    for one in page.due:
        vaccine = programme.vaccines[one.vaccines[0]].codes[0]
        made(defer_doses(clinic.desk, clinic.nurse, visit, (vaccine,), "deferred", "发热", "2026-12-03"))
    made(close_visit(clinic.desk, clinic.nurse, visit))
    told = clinic.read(papers.jobs_in, "queued")[-1].document
    assert "2026-12-03" in [b.value for b in told.blocks if isinstance(b, Pair)]
    named = [b.text for b in told.blocks if isinstance(b, Text) and b.align == "right"]
    assert len(named) == len(page.due) and not any("乙肝" in text for text in named)
