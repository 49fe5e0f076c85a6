"""What leaves a trace: a refused code, a slip that goes to the printer, a copy for the second medium; who gave it."""

from __future__ import annotations

import re

from domain.documents import Pair
from terminal.store import papers
from terminal.usecases.record_dose import record_dose
from terminal.usecases.scan_routing import route_scan
from terminal.usecases.visit import close_visit
from tests.fakes.desk import HEPB_BOX
from tests.fakes.stories import Story, made


def test_an_incomplete_code_is_a_refusal(clinic: Story) -> None:
    child = clinic.child()
    clinic.visit(child)
    answer = route_scan(clinic.desk, clinic.nurse, "(01)09529900000022(17)250230(10)X1", child)
    assert answer.problems
    assert clinic.audit("dose.refuse")[-1]["codes"] == [p.code for p in answer.problems]


def test_the_slip_names_who_gave_the_dose_and_is_audited(clinic: Story) -> None:
    """Somebody else took the seat before the visit was closed."""
    child = clinic.child()
    visit = clinic.visit(child)
    verdict = clinic.check(child, HEPB_BOX)
    dose = made(record_dose(clinic.desk, clinic.nurse, verdict.checked_id)).dose
    clinic.later(hours=1)
    number = made(close_visit(clinic.desk, clinic.doctor, visit)).receipt
    assert clinic.audit("print.slip")[-1] == {"actor": clinic.doctor.code, "subject": number}
    (job,) = clinic.read(papers.jobs_of, number)
    values = [block.value for block in job.document.blocks if isinstance(block, Pair)]
    assert clinic.nurse.name in values and clinic.doctor.name not in values
    assert dose.facts["stated"].replace("T", " ") in [v for v in values if re.match(r"\d{4}-\d\d-\d\d \d", v)]
