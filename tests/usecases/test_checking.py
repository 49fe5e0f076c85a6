"""Every check before a dose that needs no schedule: what stops, what asks for a reason, what is only shown."""

from __future__ import annotations

from datetime import date

import pytest

from domain.codes import Package, TracePackage
from domain.events import Alert
from domain.problems import Severity
from terminal.store import doses, visits
from terminal.usecases.amend_dose import void_dose
from terminal.usecases.check_dose import Choice
from terminal.usecases.clock_check import confirm_date
from terminal.usecases.receive_stock import recall_lot, receive_stock
from terminal.usecases.record_dose import record_dose
from terminal.usecases.register_child import update_child
from tests.fakes.desk import HEPB_BOX
from tests.fakes.stories import BCG, HEPB, HEPB3, MMR, NEWBORN, OPV, Story, codes, gs1, made


@pytest.fixture
def child(clinic: Story) -> str:
    one = clinic.child()
    clinic.visit(one)
    return one


def test_a_right_package_is_checked_and_waits_for_enter(clinic: Story, child: str) -> None:
    verdict = clinic.check(child, HEPB_BOX)
    assert (verdict.level, verdict.problems) == ("ok", ())
    assert verdict.dose
    assert (verdict.dose.vaccine, verdict.dose.dose_no, verdict.dose.lot_no) == ("0202", 1, "20260318")
    dose = clinic.enter(verdict.checked_id)
    assert (dose.id, dose.facts["giver"], dose.given_on) == (verdict.checked_id, "N200", "2026-11-23")
    assert clinic.desk.store.run(doses.held, clinic.desk.store) == []


def test_an_expired_lot_stops_and_its_last_day_does_not(clinic: Story, child: str) -> None:
    _, (today,) = clinic.receive(HEPB, lot="TODAY", expiry="2026-11-23")
    _, (gone,) = clinic.receive(MMR, lot="GONE", expiry="2026-11-22")
    assert clinic.check(child, today).level == "ok"
    verdict = clinic.check(child, gone)
    assert (verdict.level, verdict.checked_id, codes(verdict.problems)) == ("stop", "", ["lot.expired"])


def test_expired_by_what_the_box_says_whatever_was_typed(clinic: Story, child: str) -> None:
    clinic.receive(HEPB3, lot="BOX1", expiry="2028-01-31")
    verdict = clinic.check(child, gs1(HEPB3, "BOX1", "251031", "S1"))
    assert codes(verdict.problems) == ["lot.expired", "lot.other_expiry"]
    assert verdict.level == "stop"


def test_a_recalled_lot_stops_before_and_after_the_check(clinic: Story, child: str) -> None:
    lot, (first, second) = clinic.receive(MMR, 2)
    waiting = clinic.check(child, first).checked_id
    made(recall_lot(clinic.desk, clinic.doctor, lot.id, "质量公告"))
    assert codes(record_dose(clinic.desk, clinic.nurse, waiting).problems) == ["lot.recalled"]
    assert codes(clinic.check(child, second).problems) == ["lot.recalled"]
    assert clinic.doses(child) == []


def test_an_unknown_product_stops(clinic: Story, child: str) -> None:
    verdict = clinic.check(child, "81234560000000000001")
    assert (verdict.level, codes(verdict.problems)) == ("stop", ["package.unknown_product"])
    assert clinic.audit("dose.refuse")[-1]["codes"] == ["package.unknown_product"]


def test_one_package_one_dose(clinic: Story, child: str) -> None:
    clinic.give(child, HEPB_BOX)
    other = clinic.child()
    clinic.visit(other)
    verdict = clinic.check(other, HEPB_BOX)
    assert (verdict.level, codes(verdict.problems)) == ("stop", ["package.used_up"])
    assert codes(record_dose(clinic.desk, clinic.nurse, verdict.checked_id).problems) == ["package.used_up"]
    assert not record_dose(clinic.desk, clinic.nurse, verdict.checked_id, {"package.used_up": "  "}).ok
    dose = clinic.enter(verdict.checked_id, {"package.used_up": "盒内确有余药"})
    assert dose.facts["overrides"] == '{"package.used_up": "盒内确有余药"}'


def test_a_package_never_received_is_counted_too(clinic: Story, child: str) -> None:
    code = gs1(HEPB, "UNKNOWN", "280301", "S77")
    verdict = clinic.check(child, code)
    assert (verdict.level, codes(verdict.problems)) == ("look", ["package.not_received"])
    clinic.enter(verdict.checked_id)
    other = clinic.child()
    clinic.visit(other)
    assert "package.used_up" in codes(clinic.check(other, code).problems)
    made(void_dose(clinic.desk, clinic.nurse, verdict.checked_id, "误录"))
    assert "package.used_up" not in codes(clinic.check(other, code).problems)


def test_a_vial_open_too_long_stops_and_a_fresh_one_goes(clinic: Story) -> None:
    _, (box,) = clinic.receive(BCG)
    clinic.give(clinic.child(NEWBORN), box)
    late = clinic.child(NEWBORN)
    clinic.later(minutes=29)
    clinic.visit(late)
    verdict = clinic.check(late, box)
    assert verdict.level == "ok"
    assert verdict.dose
    assert verdict.dose.vial_no == 1
    clinic.later(minutes=2)
    verdict = clinic.check(late, box)
    assert codes(verdict.problems) == ["vial.open_too_long"]
    fresh = clinic.check(late, box, Choice(fresh_vial=True))
    assert fresh.dose
    assert (fresh.level, fresh.dose.vial_no) == ("ok", 2)
    clinic.enter(fresh.checked_id)
    third = clinic.child(NEWBORN)
    clinic.visit(third)
    following = clinic.check(third, box)
    assert following.dose
    assert following.dose.vial_no == 2


def test_a_vial_without_a_limit_ends_with_its_day(clinic: Story) -> None:
    _, (box,) = clinic.receive(OPV, lot="DROPS")
    clinic.give(clinic.child_for_drops(), box)
    clinic.later(hours=8)
    same_day, next_day = clinic.child_for_drops(), clinic.child_for_drops()
    clinic.visit(same_day)
    assert clinic.check(same_day, box).level == "ok"
    clinic.later(hours=16)
    clinic.visit(next_day)
    assert codes(clinic.check(next_day, box).problems) == ["vial.opened_another_day"]


def test_the_same_vaccine_twice_a_day_stops(clinic: Story, child: str) -> None:
    _lot, boxes = clinic.receive(HEPB3)
    clinic.give(child, HEPB_BOX)
    verdict = clinic.check(child, boxes[0])
    assert (verdict.checked_id, codes(verdict.problems)) == ("", ["dose.same_day"]), "another maker is the same vaccine"
    clinic.later(days=1)
    later = clinic.child()
    clinic.given_elsewhere(later, "0201", "2026-11-24")
    clinic.visit(later)
    assert codes(clinic.check(later, boxes[0]).problems) == ["dose.same_day"], "another clinic's dose counts"


def test_a_dose_before_birth_stops(clinic: Story) -> None:
    newborn = clinic.child("2026-11-23")
    made(confirm_date(clinic.desk, clinic.nurse, date(2026, 11, 22)))
    clinic.visit(newborn)
    assert codes(clinic.check(newborn, HEPB_BOX).problems) == ["dose.before_birth"]


@pytest.mark.parametrize(
    ("alert", "box", "code", "severity"),
    [
        (Alert("contraindication", "免疫缺陷"), HEPB, "dose.contraindicated", Severity.OVERRIDE),
        (Alert("contraindication", "惊厥", ("12",)), MMR, "dose.contraindicated", Severity.OVERRIDE),
        (Alert("contraindication", "惊厥", ("12",)), HEPB, None, None),
        (Alert("condition", "化疗中", ("12",)), MMR, "dose.contraindicated", Severity.OVERRIDE),
        (Alert("condition", "早产"), MMR, None, None),
        (Alert("contraindication", "明胶", (), "gelatin"), MMR, "dose.contraindicated", Severity.OVERRIDE),
        (Alert("contraindication", "明胶", (), "gelatin"), HEPB, None, None),
        (Alert("allergy", "酵母", (), "yeast"), HEPB, "dose.allergy", Severity.OVERRIDE),
        (Alert("allergy", "酵母", (), "yeast"), MMR, None, None),
        (Alert("allergy", "上次皮疹", ("02",)), HEPB, "dose.allergy", Severity.OVERRIDE),
        (Alert("allergy", "青霉素"), HEPB, "dose.allergy_uncoded", Severity.WARN),
    ],
)
def test_what_is_noted_of_the_child_meets_what_is_in_the_vaccine(
    clinic: Story, alert: Alert, box: str, code: str | None, severity: Severity | None
) -> None:
    child = clinic.child(alerts=(alert,))
    clinic.visit(child)
    _, (package,) = clinic.receive(box)
    found = {p.code: p.severity for p in clinic.check(child, package).problems}
    assert found == ({} if code is None else {code: severity})


def test_an_override_needs_a_reason_and_the_grade(clinic: Story) -> None:
    child = clinic.child(alerts=(Alert("allergy", "酵母", (), "yeast"),))
    clinic.visit(child)
    verdict = clinic.check(child, HEPB_BOX)
    why = {"dose.allergy": "医生会诊同意", "unasked": "x"}
    assert codes(record_dose(clinic.desk, clinic.nurse, verdict.checked_id).problems) == ["dose.allergy"]
    assert codes(record_dose(clinic.desk, clinic.nurse, verdict.checked_id, why).problems) == ["denied.dose.override"]
    assert clinic.audit("permission.denied")[-1] == {"actor": "N200", "subject": "", "permission": "dose.override"}
    assert not record_dose(clinic.desk, clinic.doctor, verdict.checked_id, {"dose.allergy": " "}).ok
    dose = clinic.enter(verdict.checked_id, why, clinic.doctor)
    assert dose.facts["giver"] == "D300"
    assert dose.facts["overrides"] == '{"dose.allergy": "医生会诊同意"}'
    assert dose.facts["verdict"] == '["dose.allergy"]'
    assert clinic.audit("dose.record")[-1]["overrides"] == ["dose.allergy"]


def test_an_allergy_noted_between_scan_and_enter_stops(clinic: Story, child: str) -> None:
    """The mother mentions it while the syringe is drawn up."""
    verdict = clinic.check(child, HEPB_BOX)
    made(update_child(clinic.desk, clinic.nurse, child, {"alerts": (Alert("allergy", "酵母", (), "yeast"),)}))
    reasons = {"dose.allergy": "医生会诊同意"}
    assert codes(record_dose(clinic.desk, clinic.doctor, verdict.checked_id, reasons).problems) == ["dose.allergy"]
    dose = clinic.enter(verdict.checked_id, reasons, clinic.doctor)
    assert dose.facts["verdict"] == '["dose.allergy"]'


@pytest.mark.parametrize(
    "cut", ["8900002000000000001", "890000200000000000", "(01)0952990000002", "(01)09529900000023"]
)
def test_an_incomplete_code_is_refused_in_words(clinic: Story, child: str, cut: str) -> None:
    answer = clinic.scan(cut, child)
    assert answer.verdict is None
    assert answer.problems
    assert clinic.read(doses.held) == []


def test_a_package_not_received_waits_for_the_lot_to_be_chosen(clinic: Story, child: str) -> None:
    box = clinic.box(HEPB)
    verdict = clinic.check(child, box)
    assert (codes(verdict.problems), verdict.checked_id) == (["package.choose_lot"], "")
    assert [lot.lot_no for lot in verdict.lots] == ["20260318"]
    chosen = clinic.check(child, box, Choice(lot_id=verdict.lots[0].id))
    assert (chosen.level, codes(chosen.problems)) == ("look", ["package.not_received"])
    assert clinic.enter(chosen.checked_id).facts["lot_no"] == "20260318"


def test_a_lot_chosen_for_one_vaccine_is_no_answer_for_another(clinic: Story, child: str) -> None:
    verdict = clinic.check(child, clinic.box(MMR), Choice(lot_id=clinic.made.hepb.id))
    assert (codes(verdict.problems), verdict.checked_id) == (["package.choose_lot"], "")


def test_a_received_package_whose_code_has_no_lot_knows_its_lot(clinic: Story, child: str) -> None:
    first = clinic.scan(gs1(HEPB3, serial="S9"), child).code
    assert isinstance(first, Package)
    made(receive_stock(clinic.desk, clinic.nurse, [first], "TYPED", "2028-01-01"))
    verdict = clinic.check(child, gs1(HEPB3, serial="S9"))
    assert verdict.dose
    assert (verdict.dose.lot_no, verdict.dose.expiry_on) == ("TYPED", "2028-01-01")


def test_a_code_without_serial_says_that_it_cannot_be_counted(clinic: Story, child: str) -> None:
    verdict = clinic.check(child, gs1(HEPB3, "NOSER", "280101"))
    assert {"package.uses_not_counted", "package.not_received"} == set(codes(verdict.problems))
    assert verdict.level == "look"


def test_a_booklet_not_seen_is_noted(clinic: Story) -> None:
    child = clinic.child()
    clinic.visit(child, booklet="not_seen")
    verdict = clinic.check(child, HEPB_BOX)
    assert (verdict.level, codes(verdict.problems)) == ("ok", ["dose.booklet_not_seen"])


def test_another_vaccine_scanned_before_enter_is_said_aloud(clinic: Story, child: str) -> None:
    """The first may have been given and its Enter forgotten."""
    _, (box,) = clinic.receive(MMR)
    first = clinic.check(child, HEPB_BOX)
    again = clinic.check(child, HEPB_BOX)
    assert again.problems == (), "the same package read twice"
    second = clinic.check(child, box)
    assert (second.level, [(p.code, p.params) for p in second.problems]) == (
        "look",
        [("dose.replaced", {"vaccine": "0202"})],
    )
    assert clinic.audit("dose.not_given")[-1]["why"] == "replaced"
    for gone in (first, again):
        assert codes(record_dose(clinic.desk, clinic.nurse, gone.checked_id).problems) == ["dose.nothing_checked"]
    assert clinic.enter(second.checked_id).facts["verdict"] == "[]"


def test_two_visits_cannot_take_the_last_dose_of_one_vial(clinic: Story, child: str) -> None:
    other = clinic.child()
    clinic.visit(other)
    first, second = clinic.check(child, HEPB_BOX), clinic.check(other, HEPB_BOX)
    clinic.enter(first.checked_id)
    assert codes(record_dose(clinic.desk, clinic.nurse, second.checked_id).problems) == ["dose.check_again"]


def test_a_visit_left_open_yesterday_is_closed_first(clinic: Story, child: str) -> None:
    clinic.later(days=1)
    assert codes(clinic.scan(HEPB_BOX, child).problems) == ["visit.from_another_day"]
    assert clinic.read(visits.open_of, child)


def test_a_package_without_a_child_or_a_visit_records_nothing(clinic: Story) -> None:
    assert codes(clinic.scan(HEPB_BOX).problems) == ["scan.package_without_child"]
    assert codes(clinic.scan(HEPB_BOX, clinic.child()).problems) == ["visit.not_open"]


def test_trace_and_gs1_of_a_product_agree(clinic: Story, child: str) -> None:
    assert isinstance(clinic.scan(HEPB_BOX, child).code, TracePackage)
    assert isinstance(clinic.scan(gs1(HEPB, "20260318", "280317", "X1"), child).code, Package)
    verdict = clinic.check(child, gs1(HEPB, "20260318", "280317", "X1"))
    assert verdict.dose
    assert (verdict.dose.lot, verdict.level) == (clinic.made.hepb.id, "ok")
