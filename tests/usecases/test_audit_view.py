"""Who did what, for the one who checks."""

from __future__ import annotations

from datetime import date, timedelta

from terminal.store.audit_view import AuditRow
from terminal.usecases.audit_view import AuditFilter, read_audit
from terminal.usecases.find_child import view_child
from tests.fakes.stories import Story, codes, made

DAY = date(2026, 11, 23)


def read(clinic: Story, **how: object) -> tuple[AuditRow, ...]:
    wanted = AuditFilter(**{"begin": DAY, "end": DAY, **how})
    return made(read_audit(clinic.desk, clinic.auditor, wanted)).rows


def test_the_auditor_sees_who_looked_at_whom_newest_first(clinic: Story):
    child = clinic.child()
    made(view_child(clinic.desk, clinic.nurse, child))
    newest, *_ = read(clinic)
    assert (newest.actor, newest.name, newest.action, newest.subject) == ("N200", "张敏", "child.view", child)
    assert newest.child, "the child's number, never the name"


def test_reading_the_audit_is_in_the_audit_with_what_was_asked(clinic: Story):
    read(clinic, actor="N200", action="sign_in")
    (row,) = clinic.audit("audit.read")
    assert (row["actor"], row["begin"], row["what"]) == ("E400", "2026-11-23", "sign_in")


def test_a_person_an_action_and_a_day_narrow_it(clinic: Story):
    child = clinic.child()
    made(view_child(clinic.desk, clinic.nurse, child))
    made(view_child(clinic.desk, clinic.doctor, child))
    assert {r.actor for r in read(clinic, actor="D300")} == {"D300"}
    assert [r.actor for r in read(clinic, action="child.view")] == ["D300", "N200"]
    clinic.later(days=1)
    made(view_child(clinic.desk, clinic.nurse, child))
    tomorrow = DAY + timedelta(days=1)
    assert [r.actor for r in read(clinic, begin=tomorrow, end=tomorrow, action="child.view")] == ["N200"]
    assert len(read(clinic, end=tomorrow, action="child.view")) == 3


def test_a_day_is_the_clinics_not_greenwichs(clinic: Story):
    """00:30 in Shanghai is still the day before in UTC."""
    child = clinic.child()
    clinic.later(hours=15, minutes=30)
    made(view_child(clinic.desk, clinic.nurse, child))
    assert read(clinic, action="child.view") == ()
    tomorrow = DAY + timedelta(days=1)
    assert len(read(clinic, begin=tomorrow, end=tomorrow, action="child.view")) == 1


def test_who_may_not_is_refused_and_that_is_audited_too(clinic: Story):
    for actor in (clinic.nurse, clinic.doctor, clinic.admin):
        outcome = read_audit(clinic.desk, actor, AuditFilter(DAY, DAY))
        assert codes(outcome.problems) == ["denied.audit.read"]
    assert len(clinic.audit("permission.denied")) == 3


def test_the_choices_are_what_there_is(clinic: Story):
    page = made(read_audit(clinic.desk, clinic.auditor, AuditFilter(DAY, DAY)))
    assert ("N200", "张敏") in page.people
    assert {"sign_in", "stock.receive"} <= set(page.actions)
    assert not page.more
