"""Whatever is done to the doses of a child, in any order: the forecast beside the record is what the record says."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.doses import Dose
from domain.problems import Severity
from domain.schedule.page import read_page
from terminal.store import children, forecasts, recount, visits
from terminal.store.database import Store
from terminal.usecases.amend_dose import correct_dose, move_dose, void_dose
from terminal.usecases.defer_doses import defer_doses
from terminal.usecases.record_dose import dismiss_checked, transcribe_dose
from terminal.usecases.register_child import update_child
from terminal.usecases.schedule import case_on
from terminal.usecases.visit import close_visit
from tests.fakes.stories import BCG, DTAP, HEPB, JE, MMR, Story, made

WHY = "性质测试"
BORN = ("2026-10-20", "2026-03-19", "2024-02-29")
VACCINES = ("0201", "0202", "0303", "0402", "1201", "1801", "1902", "2201", "2802", "5501")
PRODUCTS = (BCG, HEPB, DTAP, MMR, JE)
KEPT = "SELECT * FROM forecast WHERE child_id = ? ORDER BY vaccine_group"
which = st.integers(0, 20)


class Clinic(RuleBasedStateMachine):
    """Two children, and everything a nurse may do with their doses, over some weeks."""

    @initialize(born=st.tuples(st.sampled_from(BORN), st.sampled_from(BORN)))
    def begin(self, born: tuple[str, str]) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clinic = Story(Path(self.folder.name))
        self.children = [self.clinic.child(day) for day in born]
        self.boxes = {p: self.clinic.receive(p, 30, lot=f"L{p}")[1] for p in PRODUCTS}

    def child(self, n: int) -> str:
        return self.children[n % 2]

    def dose(self, n: int) -> Dose:
        every = self.counting()
        return every[n % len(every)]

    def counting(self) -> list[Dose]:
        return [d for child in self.children for d in self.clinic.doses(child) if d.counts]

    @rule(n=which, prefix=st.sampled_from(PRODUCTS))
    def give(self, n: int, prefix: str) -> None:
        self.clinic.visit(self.child(n))
        verdict = self.clinic.check(self.child(n), self.boxes[prefix].pop())
        if verdict.checked_id:
            asked = {p.code: WHY for p in verdict.problems if p.severity is Severity.OVERRIDE}
            self.clinic.enter(verdict.checked_id, asked, by=self.clinic.doctor)

    @rule(n=which, prefix=st.sampled_from(PRODUCTS))
    def check_and_leave(self, n: int, prefix: str) -> None:
        """What was foreseen and not given leaves nothing."""
        self.clinic.visit(self.child(n))
        verdict = self.clinic.check(self.child(n), self.boxes[prefix].pop())
        if verdict.checked_id:
            made(dismiss_checked(self.clinic.desk, self.clinic.nurse, verdict.checked_id))

    @rule(n=which, vaccine=st.sampled_from(VACCINES), days=st.integers(0, 300), number=st.integers(1, 4))
    def copy(self, n: int, vaccine: str, days: int, number: int) -> None:
        day = date.fromordinal(self.clinic.desk.today().toordinal() - days).isoformat()
        transcribe_dose(self.clinic.desk, self.clinic.nurse, self.child(n), day, vaccine, number, "外地")

    @precondition(lambda self: self.counting())
    @rule(n=which)
    def void(self, n: int) -> None:
        made(void_dose(self.clinic.desk, self.clinic.doctor, self.dose(n).id, WHY))

    @precondition(lambda self: self.counting())
    @rule(n=which, days=st.integers(0, 60), site=st.sampled_from(["1", "2", "4"]))
    def correct(self, n: int, days: int, site: str) -> None:
        dose = self.dose(n)
        day = date.fromordinal(date.fromisoformat(dose.given_on).toordinal() - days).isoformat()
        correct_dose(self.clinic.desk, self.clinic.doctor, dose.id, {"given_on": day, "site": site}, WHY)

    @precondition(lambda self: self.counting())
    @rule(n=which)
    def move(self, n: int) -> None:
        dose = self.dose(n)
        other = next(child for child in self.children if child != dose.child_id)
        move_dose(self.clinic.desk, self.clinic.doctor, dose.id, other, WHY)

    @rule(n=which, vaccine=st.sampled_from(VACCINES))
    def put_off(self, n: int, vaccine: str) -> None:
        visit = self.clinic.visit(self.child(n))
        until = (self.clinic.desk.today() + timedelta(days=14)).isoformat()
        made(defer_doses(self.clinic.desk, self.clinic.nurse, visit, (vaccine,), "deferred", WHY, until))

    @rule(n=which, weight=st.sampled_from([1800, 3200]), hbsag=st.sampled_from(["positive", "negative"]))
    def change_child(self, n: int, weight: int, hbsag: str) -> None:
        changes = {"birth_weight_g": weight, "mother_hbsag": hbsag}
        made(update_child(self.clinic.desk, self.clinic.nurse, self.child(n), changes))

    @rule(days=st.sampled_from([1, 3, 7, 28]))
    def days_go_by(self, days: int) -> None:
        for visit in self.clinic.read(visits.open_ones):
            made(close_visit(self.clinic.desk, self.clinic.nurse, visit.id))
        self.clinic.later(days=days)
        recount.recount(self.clinic.desk.store, self.clinic.desk.plans, self.clinic.desk.today())

    @invariant()
    def what_is_kept_is_what_the_record_says(self) -> None:
        desk = self.clinic.desk
        for child in self.children:
            ((day, stamp),) = self.clinic.read(
                Store.sql, "SELECT assessed_on, plan FROM reckoning WHERE child_id = ?", child
            )
            assert stamp == desk.plans.stamp(desk.today())
            case = case_on(desk, child, date.fromisoformat(day))
            assert case is not None
            fresh = forecasts.reckon(child, read_page(desk.plan, case)).rows
            assert self.clinic.read(Store.sql, KEPT, child) == sorted((child, *row) for row in fresh)
            assert self.clinic.read(children.card, child)

    def teardown(self) -> None:
        if hasattr(self, "clinic"):
            self.clinic.whole()
            self.clinic.desk.store.close()
            self.folder.cleanup()


TestForecastsFollow = Clinic.TestCase
TestForecastsFollow.settings = settings(
    max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
