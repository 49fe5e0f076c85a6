"""The due and overdue list: its filters and order, what was put off, paper, audit; the recount of a new month."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import msgspec
import pytest

from config.settings import Printer
from domain.documents import Pair, Text
from domain.events import Guardian
from terminal.store import papers, recount
from terminal.store.database import Store
from terminal.usecases.approve_programme import approve_programme
from terminal.usecases.defer_doses import defer_doses
from terminal.usecases.desk import Actor
from terminal.usecases.due_list import DueFilter, DueList, list_due, print_due
from terminal.usecases.record_dose import transcribe_dose
from tests.fakes.desk import HEPB_BOX, HEPB_BOX_2
from tests.fakes.stories import NEWBORN, Story, codes, made


def due(clinic: Story, **chosen: object) -> DueList:
    return made(list_due(clinic.desk, clinic.nurse, DueFilter(**chosen)))


def groups(found: DueList, child: str) -> dict[str, str]:
    """Vaccine group -> due or overdue."""
    return {item.group: item.standing for c in found.children if c.child_id == child for item in c.items}


def ids(found: DueList) -> set[str]:
    return {child.child_id for child in found.children}


def test_due_and_overdue_are_never_mixed(clinic: Story) -> None:
    child = clinic.child(NEWBORN)
    every = groups(due(clinic), child)
    assert every["HepB"] in ("due", "overdue")
    late = groups(due(clinic, on=date(2027, 11, 23)), child)
    assert late["HepB"] == late["MMR"] == "overdue"
    only_due = due(clinic, standing="due", on=date(2027, 11, 23))
    only_late = due(clinic, standing="overdue", on=date(2027, 11, 23))
    assert {item.standing for c in only_due.children for item in c.items} == {"due"}
    assert {item.standing for c in only_late.children for item in c.items} == {"overdue"}
    assert all(item.overdue_on < "2027-11-23" for c in only_late.children for item in c.items)
    assert all(item.due_on <= "2027-11-23" for c in only_due.children for item in c.items)
    assert groups(only_due, child) | groups(only_late, child) == late


def test_the_list_is_what_the_childs_page_says(clinic: Story) -> None:
    for born in (NEWBORN, "2026-03-19", "2024-02-29", "2020-08-31"):
        child = clinic.child(born)
        page = clinic.page(child)
        assert groups(due(clinic), child) == {n.group: n.standing for n in page.due}


def test_each_filter_narrows(clinic: Story) -> None:
    town = clinic.child(residence="1", area="320114")
    moving = clinic.child("2024-05-01", residence="2", guardians=(Guardian("mother", "李芳"),))
    gone = clinic.child(register_status="2")
    assert {town, moving} <= ids(due(clinic)) and gone not in ids(due(clinic))
    assert gone in ids(due(clinic, statuses=("2",)))
    assert ids(due(clinic, residences=("2",))) == {moving}
    assert ids(due(clinic, area="3201")) == {town}
    assert moving not in ids(due(clinic, phone="known")) and moving in ids(due(clinic, phone="missing"))
    assert ids(due(clinic, born_from=date(2024, 5, 1), born_to=date(2024, 5, 1))) == {moving}
    of_group = due(clinic, group="HepB")
    assert {item.group for c in of_group.children for item in c.items} == {"HepB"}
    clinic.give(town, HEPB_BOX)
    assert town not in ids(due(clinic, group="HepB"))


def test_the_longest_overdue_first_or_by_name_or_birth(clinic: Story) -> None:
    for born in ("2024-05-01", "2021-01-15", "2026-03-19"):
        clinic.child(born)
    first = [min(i.overdue_on for i in c.items if i.overdue_on) for c in due(clinic, standing="overdue").children]
    assert first == sorted(first)
    names = [c.pinyin for c in due(clinic, order="name").children]
    births = [c.birth_on for c in due(clinic, order="birth").children]
    assert (names, births) == (sorted(names), sorted(births))


def test_what_was_put_off_says_until_when(clinic: Story) -> None:
    child = clinic.child()
    visit = clinic.visit(child)
    made(defer_doses(clinic.desk, clinic.nurse, visit, ("0201",), "deferred", "发热", "2026-12-01"))
    made(defer_doses(clinic.desk, clinic.nurse, visit, ("1201",), "refused", "家长拒绝"))

    def put_off(day: date) -> dict[str, tuple[str, str]]:
        (one,) = (c for c in due(clinic, on=day).children if c.child_id == child)
        return {i.group: (i.outcome, i.until) for i in one.items if i.outcome}

    assert put_off(date(2026, 11, 23)) == {"HepB": ("deferred", "2026-12-01"), "MMR": ("refused", "")}
    assert put_off(date(2026, 12, 2)) == {"MMR": ("refused", "")}


def test_a_family_is_called_by_its_first_phone(clinic: Story) -> None:
    child = clinic.child(guardians=(Guardian("mother", "李芳"), Guardian("father", "王强", "13900009999")))
    (one,) = (c for c in due(clinic).children if c.child_id == child)
    assert (one.guardian, one.phone, one.child_code[:10]) == ("王强", "13900009999", "3301060201")


def test_paper_goes_to_the_page_printer_else_to_the_slips(clinic: Story) -> None:
    child = clinic.child()
    assert made(print_due(clinic.desk, clinic.nurse, DueFilter(group="MMR"))) >= 1
    pages = Printer("pages", "file", "pages.bin", role="page")
    settings = clinic.desk.settings
    clinic.desk.settings = msgspec.structs.replace(settings, printers=(*settings.printers, pages))
    made(print_due(clinic.desk, clinic.nurse))
    jobs = clinic.read(papers.jobs_in, "queued")
    assert [job.printer for job in jobs] == ["slip", "pages"]
    document = jobs[-1].document
    card = next(c for c in due(clinic).children if c.child_id == child)
    assert document.kind == "list"
    assert any(card.name in b.label and b.value.endswith(card.phone) for b in document.blocks if isinstance(b, Pair))
    assert any("演示" in b.text for b in document.blocks if isinstance(b, Text))
    assert [row["printer"] for row in clinic.audit("due.print")] == ["slip", "pages"]
    assert all(card.name not in str(row) for row in clinic.audit("due.list") + clinic.audit("due.print"))
    clinic.desk.settings = msgspec.structs.replace(settings, printers=())
    assert codes(print_due(clinic.desk, clinic.nurse).problems) == ["print.no_printer"]


def test_a_list_too_long_for_a_slip_is_not_printed(clinic: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    from terminal.usecases import due_list

    monkeypatch.setitem(due_list.MOST, "slip", 1)
    clinic.child()
    assert codes(print_due(clinic.desk, clinic.nurse).problems) == ["due.too_many"]


def test_who_may_not_look_does_not(clinic: Story) -> None:
    nobody = Actor("X", "x", ("auditor",))
    for verb in (list_due, print_due):
        assert not verb(clinic.desk, nobody).ok


def test_a_new_month_or_plan_is_recounted_once(clinic: Story) -> None:
    desk, child = clinic.desk, clinic.child(NEWBORN)
    assert recount.recount(desk.store, desk.plans, date(2026, 11, 30)) == 0, "reckoned this month, with the child"
    everyone = len(clinic.read(Store.sql, "SELECT id FROM child"))
    assert recount.recount(desk.store, desk.plans, date(2026, 12, 1)) == everyone
    assert recount.recount(desk.store, desk.plans, date(2026, 12, 2)) == 0
    changed = replace(desk.plans, digests={**desk.plans.digests, desk.plan.editions[-1].name: "0" * 64})
    assert recount.recount(desk.store, changed, date(2026, 12, 2)) == everyone
    assert child in ids(due(clinic))


def test_a_recount_leaves_what_a_fact_renewed_meanwhile(clinic: Story) -> None:
    desk, child = clinic.desk, clinic.child()
    day = date(2026, 12, 1)
    upto, cases = recount.read(desk.store, desk.plan, [child], day)
    clinic.give(child, HEPB_BOX)
    old = recount.reckon_all(desk.plan, cases)
    written = desk.store.run(recount._write, desk.store, desk.plans.stamp(day), day, upto, old)
    assert written == 0
    assert clinic.read(
        Store.sql, "SELECT dose_no FROM forecast WHERE vaccine_group = 'HepB' AND child_id = ?", child
    ) == [(2,)]


def test_a_recount_in_other_processes_says_the_same_and_can_be_stopped(clinic: Story) -> None:
    desk = clinic.desk
    for n in range(5):
        child = clinic.child(f"2025-0{n + 1}-15")
        made(transcribe_dose(desk, clinic.nurse, child, f"2025-0{n + 2}-20", "0201", 1, "产科"))
    clinic.give(clinic.child(), HEPB_BOX_2)
    everything = "SELECT * FROM forecast ORDER BY child_id, vaccine_group"
    day = date(2026, 12, 1)
    assert recount.recount(desk.store, desk.plans, day, stopping=lambda: True) == 0
    recount.recount(desk.store, desk.plans, day)
    here = clinic.read(Store.sql, everything)
    desk.store.run(_forget, desk.store)
    recount.recount(desk.store, desk.plans, day, workers=1)
    assert clinic.read(Store.sql, everything) == here != []


def _forget(store: Store) -> None:
    with store.transaction():
        store.db.execute_sql("DELETE FROM reckoning")
        store.db.execute_sql("DELETE FROM forecast")


def test_an_approved_list_is_no_demonstration(clinic: Story) -> None:
    assert due(clinic).demonstration
    for part in (*clinic.desk.plan.editions, clinic.desk.plan.supplement):
        assert part
        made(approve_programme(clinic.desk, clinic.doctor, part.name, "王医师"))
    assert not due(clinic).demonstration
