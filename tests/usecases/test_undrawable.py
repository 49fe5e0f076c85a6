"""A name that is right and that the printer's font cannot draw."""

from __future__ import annotations

from config.texts import LANGUAGES, say
from domain.problems import Severity
from printing import font
from terminal.store import papers
from terminal.usecases.visit import close_visit
from tests.fakes.desk import HEPB_BOX
from tests.fakes.stories import Story, made

LACKING = next(chr(point) for point in range(0x20000, 0x2A6DF) if font.missing(chr(point)))


def test_the_nurse_hears_at_once_which_character_the_slip_cannot_show(clinic: Story) -> None:
    child = clinic.child(name="王" + LACKING)
    visit = clinic.visit(child)
    clinic.enter(clinic.check(child, HEPB_BOX).checked_id)
    outcome = close_visit(clinic.desk, clinic.nurse, visit)
    assert made(outcome).receipt, "the visit closes all the same"
    (problem,) = outcome.problems
    assert (problem.code, problem.severity) == ("print.missing_glyph", Severity.WARN)
    assert problem.params["chars"] == LACKING
    assert all(LACKING in say(language, problem.code, **problem.params) for language in LANGUAGES)
    assert len(clinic.read(papers.jobs_in, "queued")) == 1, "the spool says the same of it: print.cannot_draw"
