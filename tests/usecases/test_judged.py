"""The plan at the counter: what is due, what is refused and who may go on, and the forecast kept with each fact."""

from __future__ import annotations

import json

import msgspec
import pytest

from config import plans, tables
from domain.documents import Document, Pair, Text
from domain.events import Alert
from domain.problems import Severity
from terminal.store import forecasts, papers
from terminal.store.database import Store
from terminal.usecases.amend_dose import correct_dose, move_dose, void_dose
from terminal.usecases.approve_programme import approve_programme
from terminal.usecases.check_dose import Choice
from terminal.usecases.record_dose import record_dose, transcribe_dose
from terminal.usecases.register_child import update_child
from terminal.usecases.schedule import page_of
from terminal.usecases.visit import close_visit
from tests.fakes.desk import HEPB_BOX
from tests.fakes.stories import BCG, HEPB, JE, MMR, NEWBORN, Story, codes, made

WHY = "家长要求，已告知"


def kept(clinic: Story, child: str) -> dict[str, tuple[str, int]]:
    """Vaccine group -> recommended day and dose number, as the due list will read them."""
    rows = clinic.read(
        Store.sql, "SELECT vaccine_group, recommended_on, dose_no FROM forecast WHERE child_id = ?", child
    )
    return {group: (day, number) for group, day, number in rows}


def on_page(clinic: Story, child: str) -> dict[str, tuple[str, int]]:
    page = clinic.page(child)
    return {n.group: (str(n.recommended_on), n.number) for n in page.nexts if n.standing not in ("offered", "closed")}


def test_too_young_needs_a_reason_and_says_the_rule_and_its_day(clinic: Story) -> None:
    child = clinic.child("2026-05-19")
    _, (box,) = clinic.receive(MMR)
    clinic.visit(child)
    verdict = clinic.check(child, box)
    (problem,) = verdict.problems
    assert (verdict.level, problem.code, problem.severity) == ("stop", "schedule.too_young", Severity.OVERRIDE)
    assert (problem.params["day"], problem.params["mark"]) == ("2027-01-19", "S2")
    assert codes(record_dose(clinic.desk, clinic.nurse, verdict.checked_id).problems) == ["schedule.too_young"]
    dose = clinic.enter(verdict.checked_id, {"schedule.too_young": WHY})
    assert json.loads(dose.facts["overrides"]) == {"schedule.too_young": WHY}
    assert json.loads(dose.facts["verdict"]) == ["schedule.too_young"]


def test_what_is_complete_is_not_needed(clinic: Story) -> None:
    child = clinic.child("2025-06-01")
    for number, day in enumerate(("2025-06-01", "2025-07-01", "2025-12-01"), 1):
        outcome = transcribe_dose(clinic.desk, clinic.nurse, child, day, "0201", number, "产科")
        assert outcome.ok and outcome.problems == ()
    assert "HepB" not in kept(clinic, child)
    clinic.visit(child)
    assert "schedule.not_needed" in codes(clinic.check(child, HEPB_BOX).problems)


def test_live_vaccines_on_one_day_or_four_weeks_apart(clinic: Story) -> None:
    """The same day is right at another site (S25); between that day and the 28th it is too soon."""
    child, other = clinic.child(), clinic.child()
    (_, (mmr, mmr_2)), (_, (je, je_2)) = clinic.receive(MMR, 2), clinic.receive(JE, 2)
    clinic.give(child, mmr)
    assert "schedule.live_conflict" not in codes(clinic.check(child, je).problems)
    clinic.give(other, mmr_2)
    clinic.later(days=27)
    clinic.desk.store.run(_close_all, clinic)
    clinic.visit(other)
    verdict = clinic.check(other, je_2)
    assert codes(verdict.problems) == ["schedule.live_conflict"]
    assert verdict.problems[0].params["day"] == "2026-12-21"


def _close_all(clinic: Story) -> None:
    with clinic.desk.store.transaction():
        clinic.desk.store.db.execute_sql("UPDATE visit SET closed_at = opened_at")


def test_two_injections_never_share_a_site(clinic: Story) -> None:
    """S46."""
    child = clinic.child()
    (_, (mmr,)), (_, (je,)) = clinic.receive(MMR), clinic.receive(JE)
    assert clinic.give(child, mmr).facts["site"] == "2"
    verdict = clinic.check(child, je, Choice(site="2"))
    assert (verdict.level, verdict.checked_id, codes(verdict.problems)[0]) == ("stop", "", "dose.same_site")
    proposed = clinic.check(child, je)
    assert proposed.dose
    assert (proposed.level != "stop", proposed.dose.site) == (True, "1")


def test_more_injections_than_the_clinic_allows_need_a_reason(clinic: Story) -> None:
    child = clinic.child()
    programme = msgspec.structs.replace(clinic.desk.settings.programme, max_injections=1)
    clinic.desk.settings = msgspec.structs.replace(clinic.desk.settings, programme=programme)
    _, (mmr,) = clinic.receive(MMR)
    clinic.give(child, HEPB_BOX)
    verdict = clinic.check(child, mmr)
    assert codes(verdict.problems) == ["dose.too_many_injections"]
    clinic.enter(verdict.checked_id, {"dose.too_many_injections": WHY})


def test_a_vaccine_without_rules_says_that_nobody_looked(clinic: Story) -> None:
    clinic.desk.plans = plans.load(msgspec.structs.replace(clinic.desk.settings.programme, supplement=""))
    child = clinic.child()
    product = next(p for p in tables.products() if not clinic.desk.plan.vaccine(p.vaccine, clinic.desk.today()))
    _, (box,) = clinic.receive(product.prefix7)
    clinic.visit(child)
    verdict = clinic.check(child, box)
    assert verdict.dose
    assert (verdict.level, codes(verdict.problems), verdict.dose.dose_no) == ("ok", ["schedule.no_rules"], 1)


def test_what_changed_between_check_and_enter_is_judged_again(clinic: Story) -> None:
    child = clinic.child()
    clinic.visit(child)
    waiting = clinic.check(child, HEPB_BOX)
    assert waiting.level == "ok"
    made(transcribe_dose(clinic.desk, clinic.nurse, child, "2026-11-10", "0201", 1, "外地门诊"))
    assert codes(record_dose(clinic.desk, clinic.nurse, waiting.checked_id).problems) == ["schedule.too_soon"]
    clinic.enter(waiting.checked_id, {"schedule.too_soon": WHY})


def test_each_fact_renews_the_forecast_with_it(clinic: Story) -> None:
    child, other = clinic.child(), clinic.child()
    before = kept(clinic, child)
    assert before == on_page(clinic, child)
    assert before["HepB"] == ("2026-03-19", 1)
    dose = clinic.give(child, HEPB_BOX)
    assert kept(clinic, child)["HepB"] == on_page(clinic, child)["HepB"] == ("2026-12-21", 2)
    made(correct_dose(clinic.desk, clinic.nurse, dose.id, {"given_on": "2026-11-20"}, WHY))
    assert kept(clinic, child)["HepB"] == ("2026-12-18", 2)
    moved = made(move_dose(clinic.desk, clinic.nurse, dose.id, other, WHY))
    assert (kept(clinic, child)["HepB"][1], kept(clinic, other)["HepB"][1]) == (1, 2)
    made(void_dose(clinic.desk, clinic.nurse, moved.id, WHY))
    assert kept(clinic, other)["HepB"] == before["HepB"]
    made(transcribe_dose(clinic.desk, clinic.nurse, other, "2026-03-19", "0201", 1, "产科"))
    assert kept(clinic, other)["HepB"][1] == 2
    made(update_child(clinic.desk, clinic.nurse, child, {"birth_on": "2026-11-01"}))
    assert kept(clinic, child)["MMR"] == ("2027-07-01", 1)
    for one in (child, other):
        assert kept(clinic, one) == on_page(clinic, one)


def test_what_was_foreseen_at_the_check_is_what_the_record_gives(clinic: Story) -> None:
    """Also when another's fact, a restart or another day came between."""
    for between in (lambda: None, clinic.child, lambda: setattr(clinic.desk, "foreseen", None)):
        child = clinic.child()
        clinic.visit(child)
        waiting = clinic.check(child, clinic.receive(HEPB, lot=f"B{clinic.now:%H%M%S%f}")[1][0]).checked_id
        between()
        clinic.enter(waiting)
        assert kept(clinic, child) == on_page(clinic, child)
        assert kept(clinic, child)["HepB"][1] == 2


def test_a_condition_noted_closes_what_it_forbids(clinic: Story) -> None:
    child = clinic.child()
    assert "MMR" in kept(clinic, child)
    forbidding = _forbids(clinic, "MMR")
    made(update_child(clinic.desk, clinic.nurse, child, {"alerts": (Alert("condition", "见病历", (), forbidding),)}))
    assert "MMR" not in kept(clinic, child)


def _forbids(clinic: Story, group: str) -> str:
    programme = clinic.desk.plan.programme(clinic.desk.today())
    antigens = programme.vaccine_groups[group].antigens
    every = (c for name in antigens for c in programme.antigens[name].contraindications)
    return next(c.observation for c in every if c.observation and c.effect == "forbid" and not c.vaccines)


def test_a_dose_from_elsewhere_keeps_its_number_and_is_judged(clinic: Story) -> None:
    child = clinic.child("2026-01-15")
    other = transcribe_dose(clinic.desk, clinic.nurse, child, "2026-01-20", "0201", 2, "产科")
    assert [(p.code, p.params) for p in other.problems] == [("dose.other_number", {"typed": 2, "counted": 1})]
    assert made(other).dose_no == 2
    early = transcribe_dose(clinic.desk, clinic.nurse, child, "2026-02-01", "1201", 1, "外地门诊")
    assert codes(early.problems) == ["dose.does_not_count"]
    assert made(early).counts


def _slip(clinic: Story) -> Document:
    return clinic.read(papers.jobs_in, "queued")[-1].document


def test_the_slip_says_the_next_visit_and_that_nobody_approved_the_edition(clinic: Story) -> None:
    child = clinic.child(NEWBORN)
    _, (bcg,) = clinic.receive(BCG)
    visit = clinic.visit(child)
    for box in (bcg, HEPB_BOX):
        clinic.enter(clinic.check(child, box).checked_id)
    made(close_visit(clinic.desk, clinic.nurse, visit))
    slip = _slip(clinic)
    assert "2026-12-21" in [b.value for b in slip.blocks if isinstance(b, Pair)]
    told = [b.text for b in slip.blocks if isinstance(b, Text)]
    assert any("乙肝" in text and "2" in text for text in told)
    assert "演示" in told[-1]


def test_a_physician_approves_and_changed_data_need_another_approval(clinic: Story) -> None:
    desk = clinic.desk
    assert not desk.approved
    name, supplement = desk.plan.programme(desk.today()).name, desk.plan.supplement
    assert codes(approve_programme(desk, clinic.nurse, name, "王医师").problems) == ["denied.programme.approve"]
    assert codes(approve_programme(desk, clinic.doctor, name, " ").problems) == ["programme.no_physician"]
    assert codes(approve_programme(desk, clinic.doctor, "cn-nip-1978", "王医师").problems) == ["programme.not_here"]
    digest = made(approve_programme(desk, clinic.doctor, name, " 王  医师 "))
    assert supplement and not desk.approved, "the self-paid rules are used too"
    made(approve_programme(desk, clinic.doctor, supplement.name, "王医师"))
    assert desk.approved
    assert clinic.audit("programme.approve")[0] == {
        "actor": "D300", "subject": name, "edition": desk.plan.programme(desk.today()).edition, "digest": digest,
    }  # fmt: skip
    assert clinic.read(Store.sql, "SELECT physician FROM approval") == [("王 医师",), ("王医师",)]
    desk.plans = type(desk.plans)(desk.plan, {**desk.plans.digests, name: "0" * 64})
    assert not desk.approved


def test_an_approved_edition_leaves_no_notice_on_the_slip(clinic: Story) -> None:
    parts = [*clinic.desk.plan.editions, *filter(None, [clinic.desk.plan.supplement])]
    for part in parts:
        made(approve_programme(clinic.desk, clinic.doctor, part.name, "王医师"))
    child = clinic.child()
    visit = clinic.visit(child)
    clinic.enter(clinic.check(child, HEPB_BOX).checked_id)
    made(close_visit(clinic.desk, clinic.nurse, visit))
    assert not any("演示" in b.text for b in _slip(clinic).blocks if isinstance(b, Text))


def test_nothing_of_the_schedule_is_uploaded(clinic: Story) -> None:
    child = clinic.child()
    clinic.give(child, HEPB_BOX)
    kinds = {kind for (kind,) in clinic.read(Store.sql, "SELECT DISTINCT kind FROM event")}
    assert not any(word in kind for kind in kinds for word in ("forecast", "programme", "approval"))


@pytest.mark.parametrize("group", ["HepB", "MMR"])
def test_the_page_is_the_childs_own(clinic: Story, group: str) -> None:
    page = clinic.page(clinic.child())
    assert next(n for n in page.nexts if n.group == group).standing in ("due", "overdue")
    assert page_of(clinic.desk, "nobody") is None
    assert forecasts.reckon("x", page).rows


def test_what_only_warns_asks_no_special_right(clinic: Story) -> None:
    """BCG from three months on wants a negative skin test by a rule that nobody verified: it is said, and any nurse
    goes on."""
    child = clinic.child("2026-05-19")
    _, (box,) = clinic.receive(BCG)
    clinic.visit(child)
    verdict = clinic.check(child, box)
    assert [(p.code, p.severity) for p in verdict.problems] == [("schedule.contraindicated", Severity.WARN)]
    assert clinic.enter(verdict.checked_id).dose_no == 1
