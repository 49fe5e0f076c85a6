"""From Enter to the slip: one Enter one dose, what waits survives, what was recorded wrongly is told anew."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from domain.errors import StoreError
from domain.world import utc_text
from terminal.store import doses, papers, stock, visits
from terminal.store.database import Store
from terminal.usecases.amend_dose import correct_dose, dispute_dose, move_dose, void_dose
from terminal.usecases.defer_doses import defer_doses
from terminal.usecases.print_again import reprint_slip
from terminal.usecases.record_dose import dismiss_checked, record_dose, transcribe_dose
from terminal.usecases.visit import close_visit, open_visit
from tests.fakes.desk import HEPB_BOX, HEPB_BOX_2
from tests.fakes.stories import HEPB3, MMR, MPSV_A, OPV, Story, codes, made

WHY = "录到了另一名儿童"


def counted(clinic: Story) -> int:
    return clinic.desk.store.sql("SELECT count(*) FROM dose")[0][0]


def test_enter_twice_records_once(clinic: Story) -> None:
    child = clinic.child()
    clinic.visit(child)
    verdict = clinic.check(child, HEPB_BOX)
    first, second = clinic.enter(verdict.checked_id), clinic.enter(verdict.checked_id)
    assert first == second
    assert (counted(clinic), len(clinic.audit("dose.record"))) == (1, 1)
    assert [u.doses for u in clinic.read(stock.uses, HEPB_BOX)] == [1]


def test_enter_on_a_refusal_records_nothing_of_anybody(clinic: Story) -> None:
    """A refused verdict has no id; Enter on it must not find another child's waiting dose."""
    other, child = clinic.child(), clinic.child()
    clinic.visit(other)
    waiting = clinic.check(other, HEPB_BOX)
    assert waiting.checked_id
    clinic.visit(child)
    refused = clinic.check(child, "81234560000000000001")
    assert refused.checked_id == ""
    for verb in (record_dose, dismiss_checked):
        assert codes(verb(clinic.desk, clinic.nurse, refused.checked_id).problems) == ["dose.nothing_checked"]
    assert counted(clinic) == 0
    assert [c.child_id for c in clinic.read(doses.held)] == [other]


def test_enter_after_the_void_does_not_call_it_saved(clinic: Story) -> None:
    child = clinic.child()
    dose = clinic.give(child, HEPB_BOX)
    made(void_dose(clinic.desk, clinic.nurse, dose.id, WHY))
    assert codes(record_dose(clinic.desk, clinic.nurse, dose.id).problems) == ["dose.nothing_checked"]


def test_checked_but_not_confirmed_survives_a_power_cut(clinic: Story) -> None:
    child = clinic.child()
    visit = clinic.visit(child)
    verdict = clinic.check(child, HEPB_BOX)
    clinic.reopen()
    (waiting,) = clinic.read(doses.held)
    assert (waiting.id, waiting.child_id, waiting.actor) == (verdict.checked_id, child, "N200")
    assert codes(close_visit(clinic.desk, clinic.nurse, visit).problems) == ["visit.dose_unanswered"]
    clinic.later(hours=20)
    assert codes(record_dose(clinic.desk, clinic.nurse, waiting.id).problems) == ["dose.check_too_old"]
    dose = made(record_dose(clinic.desk, clinic.nurse, waiting.id, given_at="2026-11-23T09:02")).dose
    assert (dose.given_on, dose.facts["stated"]) == ("2026-11-23", "2026-11-23T09:02")
    assert dose.facts["recorded_at"].startswith("2026-11-23T21:")


def test_not_given_after_a_power_cut_leaves_no_dose(clinic: Story) -> None:
    child = clinic.child()
    visit = clinic.visit(child)
    checked = clinic.check(child, HEPB_BOX).checked_id
    clinic.reopen()
    made(dismiss_checked(clinic.desk, clinic.nurse, checked))
    assert made(close_visit(clinic.desk, clinic.nurse, visit)).receipt == ""
    assert counted(clinic) == 0
    assert clinic.audit("dose.not_given")[-1]["subject"] == child


@pytest.mark.parametrize(
    ("given_at", "code"),
    [
        ("2026-11-23", "dose.bad_time"),
        ("2026-11-31T09:00", "dose.bad_time"),
        ("2026-11-23T23:59", "dose.check_too_old"),
        ("2026-11-24T09:00", "dose.bad_time"),
        ("2026-11-22T09:00", "dose.check_too_old"),
        ("09:00", "dose.bad_time"),
    ],
)
def test_a_time_it_cannot_have_been_given(clinic: Story, given_at: str, code: str) -> None:
    child = clinic.child()
    clinic.visit(child)
    checked = clinic.check(child, HEPB_BOX).checked_id
    assert codes(record_dose(clinic.desk, clinic.nurse, checked, given_at=given_at).problems) == [code]
    assert counted(clinic) == 0


def test_a_closed_visit_takes_no_dose(clinic: Story) -> None:
    child = clinic.child()
    visit = clinic.visit(child)
    checked = clinic.check(child, HEPB_BOX).checked_id
    made(dismiss_checked(clinic.desk, clinic.nurse, checked))
    made(close_visit(clinic.desk, clinic.nurse, visit))
    assert codes(record_dose(clinic.desk, clinic.nurse, checked).problems) == ["dose.nothing_checked"]
    assert codes(clinic.scan(HEPB_BOX, child).problems) == ["visit.not_open"]
    assert codes(close_visit(clinic.desk, clinic.nurse, visit).problems) == ["visit.not_open"]


def test_a_record_that_failed_left_nothing_and_may_be_tried_again(clinic: Story, monkeypatch: pytest.MonkeyPatch):
    child = clinic.child()
    clinic.visit(child)
    checked = clinic.check(child, HEPB_BOX).checked_id

    def full(*_: object) -> None:
        raise StoreError("store.disk_full", "later")

    with monkeypatch.context() as patched:
        patched.setattr(doses, "release", full)
        with pytest.raises(StoreError):
            record_dose(clinic.desk, clinic.nurse, checked)
    assert counted(clinic) == 0
    assert clinic.read(stock.uses, HEPB_BOX) == []
    clinic.enter(checked)


def test_one_slip_for_all_doses_of_a_visit(clinic: Story) -> None:
    child = clinic.child_for_drops()
    visit = clinic.visit(child)
    _, (drops,) = clinic.receive(OPV, lot="X")
    for box in (HEPB_BOX, drops):
        clinic.enter(clinic.check(child, box).checked_id)
    last = clinic.doses(child)[-1]
    closed = made(close_visit(clinic.desk, clinic.nurse, visit, "hand"))
    assert closed.receipt == "R2000001"
    (job,) = clinic.read(papers.jobs_in, "queued")
    text = json.dumps([str(b) for b in job.document.blocks], ensure_ascii=False)
    assert text.count("20260318") == 1
    assert closed.observe_until == utc_text(clinic.now.fromisoformat(last.facts["recorded_at"]) + timedelta(minutes=30))
    made(reprint_slip(clinic.desk, clinic.nurse, child))
    assert [j.copy_no for j in clinic.read(papers.jobs_of, "R2000001")] == [0, 1]
    assert clinic.audit("print.reprint")[-1]["actor"] == "N200"


def test_without_leased_numbers_a_slip_still_has_a_number_of_its_own(clinic: Story) -> None:
    def none_left() -> None:
        with clinic.desk.store.transaction():
            clinic.desk.store.db.execute_sql("DELETE FROM lease_use")
            clinic.desk.store.db.execute_sql("DELETE FROM lease")

    clinic.desk.store.run(none_left)
    numbers = set()
    for box in (HEPB_BOX, HEPB_BOX_2):
        child = clinic.child()
        visit = clinic.visit(child)
        clinic.enter(clinic.check(child, box).checked_id)
        numbers.add(made(close_visit(clinic.desk, clinic.nurse, visit)).receipt)
    assert len(numbers) == 2
    assert all(n.startswith("TEEEEEEEE-") for n in numbers)


def test_a_visit_is_opened_once_and_not_carried_into_another_day(clinic: Story) -> None:
    child = clinic.child()
    visit = clinic.visit(child, health={"unwell": False}, informed=True)
    assert made(open_visit(clinic.desk, clinic.nurse, child)).id == visit
    assert [v.health for v in clinic.read(visits.open_ones)] == [{"unwell": False}]
    clinic.later(days=1)
    assert codes(open_visit(clinic.desk, clinic.nurse, child).problems) == ["visit.from_another_day"]
    made(close_visit(clinic.desk, clinic.nurse, visit))
    assert made(open_visit(clinic.desk, clinic.nurse, child)).id != visit
    assert codes(open_visit(clinic.desk, clinic.nurse, "nobody").problems) == ["child.not_found"]


def test_a_void_needs_a_reason_and_frees_package_and_day(clinic: Story) -> None:
    child = clinic.child()
    dose = clinic.give(child, HEPB_BOX)
    assert codes(void_dose(clinic.desk, clinic.nurse, dose.id, " ").problems) == ["reason.missing"]
    assert made(void_dose(clinic.desk, clinic.nurse, dose.id, WHY)).state == "voided"
    assert codes(void_dose(clinic.desk, clinic.nurse, dose.id, WHY).problems) == ["dose.not_found"]
    verdict = clinic.check(child, HEPB_BOX)
    assert verdict.level == "ok"
    assert verdict.dose
    assert verdict.dose.dose_no == 1


def test_own_of_today_or_the_grade_for_any(clinic: Story) -> None:
    child = clinic.child()
    dose = clinic.give(child, HEPB_BOX)
    other = clinic.hire("N201", "general")
    assert codes(void_dose(clinic.desk, other, dose.id, WHY).problems) == ["denied.dose.void_any"]
    assert clinic.audit("permission.denied")[-1] == {"actor": "N201", "subject": "", "permission": "dose.void_any"}
    clinic.later(days=1)
    assert codes(void_dose(clinic.desk, clinic.nurse, dose.id, WHY).problems) == ["denied.dose.void_any"]
    assert made(void_dose(clinic.desk, clinic.doctor, dose.id, WHY)).state == "voided"


def test_a_dose_copied_wrongly_today_may_be_voided_by_who_copied_it(clinic: Story) -> None:
    child = clinic.child("2024-01-01")
    dose = made(transcribe_dose(clinic.desk, clinic.nurse, child, "2024-03-01", "0202", 1, "外地门诊"))
    assert made(void_dose(clinic.desk, clinic.nurse, dose.id, "抄错")).state == "voided"


def test_a_correction_names_old_and_new(clinic: Story) -> None:
    child = clinic.child()
    dose = clinic.give(child, HEPB_BOX)
    fixed = made(correct_dose(clinic.desk, clinic.nurse, dose.id, {"site": "5", "lot_no": "20260318"}, "部位选错"))
    assert (fixed.facts["site"], fixed.corrected) == ("5", ("site",))
    assert clinic.audit("dose.correct")[-1]["fields"] == ["site"]
    again = made(correct_dose(clinic.desk, clinic.nurse, dose.id, {"given_on": "2026-11-20"}, "日期补录"))
    assert (again.given_on, again.corrected) == ("2026-11-20", ("given_on", "site"))
    assert made(correct_dose(clinic.desk, clinic.nurse, dose.id, {"site": "5"}, "x")) == again, "no fact for nothing"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"vaccine": "0301"}, "dose.not_correctable"),
        ({"package": "x"}, "dose.not_correctable"),
        ({}, "dose.not_correctable"),
        ({"given_on": "2026-02-31"}, "dose.bad_value"),
        ({"given_on": "2026-11-24"}, "dose.date_impossible"),
        ({"given_on": "2026-03-18"}, "dose.date_impossible"),
        ({"dose_no": "2"}, "dose.bad_value"),
        ({"dose_no": 0}, "dose.bad_value"),
        ({"expiry_on": "soon"}, "dose.bad_value"),
        ({"site": "77"}, "dose.bad_value"),
        ({"volume_ml": -1}, "dose.bad_value"),
        ({"given_on": "2026-10-10"}, "dose.same_day"),
    ],
)
def test_what_cannot_be_corrected(clinic: Story, changes: dict[str, object], code: str) -> None:
    child = clinic.child()
    made(transcribe_dose(clinic.desk, clinic.nurse, child, "2026-10-10", "0201", 1, "外地门诊"))
    dose = clinic.give(child, HEPB_BOX)
    assert codes(correct_dose(clinic.desk, clinic.nurse, dose.id, changes, WHY).problems) == [code]
    assert clinic.doses(child)[-1] == dose


def test_move_to_the_other_child_and_void_there(clinic: Story) -> None:
    wrong, right = clinic.child(), clinic.child()
    lot, (box,) = clinic.receive(HEPB3)
    visit = clinic.visit(wrong)
    dose = clinic.enter(clinic.check(wrong, box).checked_id)
    left = clinic.desk.store.sql("SELECT sum(doses) FROM movement WHERE lot_id = ?", lot.id)
    moved = made(move_dose(clinic.desk, clinic.nurse, dose.id, right, WHY))
    assert (moved.child_id, moved.facts["moved_from"], moved.state) == (right, dose.id, "given")
    assert [d.state for d in clinic.doses(wrong)] == ["moved"]
    assert clinic.desk.store.sql("SELECT sum(doses) FROM movement WHERE lot_id = ?", lot.id) == left
    assert made(close_visit(clinic.desk, clinic.nurse, visit)).receipt == "", "the other's dose is on no slip here"
    assert codes(void_dose(clinic.desk, clinic.nurse, dose.id, WHY).problems) == ["dose.not_found"]
    back = made(move_dose(clinic.desk, clinic.nurse, moved.id, wrong, WHY))
    made(void_dose(clinic.desk, clinic.nurse, back.id, WHY))
    assert [d.state for d in clinic.doses(wrong)] == ["moved", "voided"]
    assert [u.doses for u in clinic.read(stock.uses, box)] == [1, -1]
    assert {u.dose_id for u in clinic.read(stock.uses, box)} == {dose.id}
    assert clinic.desk.store.sql("SELECT sum(doses) FROM movement WHERE lot_id = ?", lot.id) == [(3,)]


def test_a_move_that_cannot_be(clinic: Story) -> None:
    child, young, had = clinic.child(), clinic.child(), clinic.child()
    dose = clinic.give(child, HEPB_BOX)
    clinic.give(had, HEPB_BOX_2)
    for to, code in ((child, "child.not_found"), ("nobody", "child.not_found"), (had, "dose.same_day")):
        assert codes(move_dose(clinic.desk, clinic.nurse, dose.id, to, WHY).problems) == [code]
    assert codes(move_dose(clinic.desk, clinic.nurse, dose.id, young, "").problems) == ["reason.missing"]
    clinic.later(days=1)
    unborn = clinic.child("2026-11-24")
    assert codes(move_dose(clinic.desk, clinic.doctor, dose.id, unborn, WHY).problems) == ["dose.before_birth"]
    assert clinic.doses(child) == [dose]


def test_a_moved_dose_with_another_number_is_said(clinic: Story) -> None:
    child, other = clinic.child(), clinic.child()
    for day, number in (("2026-05-20", 1), ("2026-06-20", 2)):
        made(transcribe_dose(clinic.desk, clinic.nurse, child, day, "0202", number, "产科"))
    dose = clinic.give(child, HEPB_BOX)
    assert dose.dose_no == 3
    outcome = move_dose(clinic.desk, clinic.nurse, dose.id, other, WHY)
    assert [(p.code, p.params) for p in outcome.problems] == [("dose.other_number", {"typed": 3, "counted": 1})]
    fixed = made(correct_dose(clinic.desk, clinic.nurse, made(outcome).id, {"dose_no": 1}, "移动后更正"))
    assert fixed.dose_no == 1


def test_a_dose_moved_in_stops_the_one_that_waits(clinic: Story) -> None:
    child, other = clinic.child(), clinic.child()
    dose = clinic.give(child, HEPB_BOX)
    clinic.visit(other)
    waiting = clinic.check(other, HEPB_BOX_2)
    made(move_dose(clinic.desk, clinic.nurse, dose.id, other, WHY))
    assert codes(record_dose(clinic.desk, clinic.nurse, waiting.checked_id).problems) == ["dose.same_day"]


def test_another_clinics_dose_can_only_be_disputed(clinic: Story) -> None:
    child, own = clinic.child("2024-01-01"), clinic.child()
    dose = clinic.given_elsewhere(child, "0202", "2024-02-01")
    for verb in (void_dose, dispute_dose):
        assert codes(verb(clinic.desk, clinic.doctor, dose, "").problems) == ["reason.missing"]
    assert codes(void_dose(clinic.desk, clinic.doctor, dose, WHY).problems) == ["dose.other_clinic"]
    assert codes(correct_dose(clinic.desk, clinic.doctor, dose, {"dose_no": 2}, WHY).problems) == ["dose.other_clinic"]
    assert codes(move_dose(clinic.desk, clinic.doctor, dose, own, WHY).problems) == ["dose.other_clinic"]
    disputed = made(dispute_dose(clinic.desk, clinic.nurse, dose, "家长说没有接种"))
    assert (disputed.state, disputed.counts) == ("disputed", True)
    mine = clinic.give(own, HEPB_BOX)
    assert codes(dispute_dose(clinic.desk, clinic.nurse, mine.id, "x").problems) == ["dose.own_clinic"]


def test_not_given_has_three_words(clinic: Story) -> None:
    child = clinic.child()
    visit = clinic.visit(child)

    def defer(vaccine: str, word: str, why: str = "发热", until: str = "") -> list[str]:
        return codes(defer_doses(clinic.desk, clinic.nurse, visit, (vaccine,), word, why, until).problems)

    assert [defer("0202", w) for w in ("deferred", "contraindicated", "refused")] == [[], [], []]
    assert defer("0202", "deferred", until="2026-12-01") == []
    assert (defer("0202", "later"), defer("0000", "refused")) == (["dose.bad_deferral"], ["dose.bad_deferral"])
    assert (defer("0202", "refused", " "), defer("0202", "deferred", "x", "soon")) == (
        ["reason.missing"],
        ["dose.bad_value"],
    )
    words = clinic.desk.store.sql("SELECT outcome FROM deferral ORDER BY rowid")
    assert [w for (w,) in words] == ["deferred", "contraindicated", "refused", "deferred"]
    made(close_visit(clinic.desk, clinic.nurse, visit))
    assert defer("0202", "refused") == ["visit.not_open"]


@pytest.mark.parametrize(
    ("day", "vaccine", "number", "code"),
    [
        ("2023-12-31", "0202", 1, "dose.date_impossible"),
        ("2026-11-24", "0202", 1, "dose.date_impossible"),
        ("2024-06-31", "0202", 1, "dose.date_impossible"),
        ("2024-6-1", "0202", 1, "dose.date_impossible"),
        ("2024-02-01", "0000", 1, "vaccine.unknown"),
        ("2024-02-01", "0202", 0, "dose.bad_value"),
        ("2024-03-01", "0201", 2, "dose.same_day"),
    ],
)
def test_a_dose_given_elsewhere_is_copied_with_care(clinic: Story, day: str, vaccine: str, number: int, code: str):
    child = clinic.child("2024-01-01")
    first = made(transcribe_dose(clinic.desk, clinic.nurse, child, "2024-03-01", "0202", 1, ""))
    assert (first.clinic, first.facts["elsewhere"], first.given_on) == ("", "?", "2024-03-01")
    outcome = transcribe_dose(clinic.desk, clinic.nurse, child, day, vaccine, number, "外地门诊")
    assert codes(outcome.problems) == [code]
    assert clinic.doses(child) == [first]


def test_the_number_is_that_of_the_dose_it_satisfies_and_each_injection_has_its_own_site(clinic: Story) -> None:
    child = clinic.child("2026-01-15")
    made(transcribe_dose(clinic.desk, clinic.nurse, child, "2026-01-15", "0201", 1, "产科"))
    dose = clinic.give(child, HEPB_BOX)
    assert (dose.dose_no, dose.facts["site"]) == (2, "2")
    for prefix, site in ((MPSV_A, "1"), (MMR, "4")):
        _, (box,) = clinic.receive(prefix)
        dose = clinic.enter(clinic.check(child, box).checked_id)
        assert (dose.dose_no, dose.facts["site"]) == (1, site)


def test_what_is_deferred_waits_for_no_enter(clinic: Story) -> None:
    """The package in hand has its answer; one of another class keeps waiting."""
    child = clinic.child()
    visit = clinic.visit(child)
    checked = clinic.check(child, HEPB_BOX).checked_id

    def waiting() -> list[str]:
        return [c.id for c in clinic.read(doses.held, "", visit)]

    made(defer_doses(clinic.desk, clinic.nurse, visit, ("0301",), "deferred", "发热"))
    assert waiting() == [checked]
    today = clinic.desk.today().isoformat()
    over = defer_doses(clinic.desk, clinic.nurse, visit, ("0202",), "deferred", "发热", today)
    assert codes(over.problems) == ["dose.until_over"] and waiting() == [checked]
    made(defer_doses(clinic.desk, clinic.nurse, visit, ("0202",), "refused", "家长拒绝"))
    assert waiting() == []
    assert clinic.audit("dose.not_given")[-1]["why"] == "refused"


def test_a_fault_while_deferring_several_leaves_none(clinic: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    visit, add = clinic.visit(clinic.child()), doses.add_deferral

    def full_at_the_second(entry, fact_id, child_id, row):
        if row["vaccine"] == "0402":
            raise StoreError("store.disk_full", "operator")
        add(entry, fact_id, child_id, row)

    monkeypatch.setattr(doses, "add_deferral", full_at_the_second)
    with pytest.raises(StoreError):
        defer_doses(clinic.desk, clinic.nurse, visit, ("0202", "0402"), "deferred", "发热")
    assert clinic.read(Store.sql, "SELECT 1 FROM deferral") == []
    assert clinic.read(Store.sql, "SELECT 1 FROM event WHERE kind = 'dose.deferred'") == []


def test_what_was_corrected_stays_so_when_the_dose_moves_and_moves_on(clinic: Story) -> None:
    wrong, also_wrong, right = clinic.child(), clinic.child(), clinic.child()
    dose = clinic.give(wrong, HEPB_BOX)
    said = {"given_on": "2026-11-20", "lot_no": "B2"}
    made(correct_dose(clinic.desk, clinic.doctor, dose.id, said, WHY))
    for child in (also_wrong, right):
        dose = made(move_dose(clinic.desk, clinic.doctor, dose.id, child, WHY))
        assert (dose.given_on, dose.facts["lot_no"], dose.counts) == ("2026-11-20", "B2", True)
    (kept,) = clinic.doses(right)
    assert kept == dose
    made(correct_dose(clinic.desk, clinic.doctor, dose.id, {"lot_no": "B3"}, WHY))
    assert clinic.doses(right)[0].facts["lot_no"] == "B3"
    assert all(not one.counts for child in (wrong, also_wrong) for one in clinic.doses(child))
