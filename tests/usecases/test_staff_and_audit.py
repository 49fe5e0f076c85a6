"""Who may do what, who signed in, and that every look leaves a trace which names nobody."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.events import Alert, Guardian, Identifier
from domain.permissions import APART, GRADES, Permission, permissions
from terminal.logs import handler
from terminal.store import ledger, staff
from terminal.usecases import (
    amend_dose,
    clock_check,
    defer_doses,
    find_child,
    print_again,
    receive_stock,
    record_dose,
)
from terminal.usecases import register_child as register
from terminal.usecases import visit as visits
from terminal.usecases.amend_dose import void_dose
from terminal.usecases.check_dose import check_dose
from terminal.usecases.desk import Actor
from terminal.usecases.sign_in import first_staff, put_staff, sign_in
from tests.fakes.desk import HEPB_BOX, NURSE, NURSE_PIN
from tests.fakes.stories import PIN, Story, codes, made

Verb = Callable[..., Any]
VERBS: list[tuple[Verb, Permission, tuple[Any, ...]]] = [
    (find_child.find_child, Permission.CHILD_VIEW, ("1",)),
    (find_child.view_child, Permission.CHILD_VIEW, ("x",)),
    (find_child.note_search, Permission.CHILD_VIEW, (1,)),
    (register.register_child, Permission.CHILD_REGISTER, (None,)),
    (register.update_child, Permission.CHILD_EDIT, ("x", {})),
    (register.give_code, Permission.CHILD_EDIT, ("x",)),
    (visits.open_visit, Permission.VISIT, ("x",)),
    (visits.close_visit, Permission.VISIT, ("x",)),
    (check_dose, Permission.DOSE_RECORD, ("x", None)),
    (record_dose.record_dose, Permission.DOSE_RECORD, ("x",)),
    (record_dose.dismiss_checked, Permission.DOSE_RECORD, ("x",)),
    (defer_doses.defer_doses, Permission.VISIT, ("x", ("0202",), "deferred", "x")),
    (record_dose.transcribe_dose, Permission.DOSE_RECORD, ("x", "2024-01-01", "0202", 1, "x")),
    (amend_dose.void_dose, Permission.DOSE_VOID_OWN_TODAY, ("x", "x")),
    (amend_dose.correct_dose, Permission.DOSE_VOID_OWN_TODAY, ("x", {}, "x")),
    (amend_dose.move_dose, Permission.DOSE_VOID_OWN_TODAY, ("x", "y", "x")),
    (amend_dose.dispute_dose, Permission.DOSE_DISPUTE, ("x", "x")),
    (receive_stock.receive_stock, Permission.STOCK_RECEIVE, ([],)),
    (receive_stock.recall_lot, Permission.STOCK_RECALL, ("x", "x")),
    (clock_check.confirm_date, Permission.DOSE_RECORD, (None,)),
    (put_staff, Permission.STAFF_MANAGE, ("X1", "x", ("general",), PIN)),
    (print_again.reprint_slip, Permission.PRINT, ("x",)),
]


@pytest.mark.parametrize(("verb", "permission", "args"), VERBS, ids=lambda v: getattr(v, "__name__", ""))
def test_a_verb_asks_for_its_permission(clinic: Story, verb: Verb, permission: Permission, args: tuple[Any, ...]):
    for grade, actor in (("general", clinic.nurse), ("advanced", clinic.doctor), ("auditor", clinic.auditor)):
        if permission in GRADES[grade]:
            continue
        before = clinic.desk.store.sql("SELECT count(*) FROM event")
        outcome = verb(clinic.desk, actor, *args)
        assert codes(outcome.problems) == [f"denied.{permission}"]
        assert clinic.audit("permission.denied")[-1] == {
            "actor": actor.code,
            "subject": "",
            "permission": permission.value,
        }
        assert clinic.desk.store.sql("SELECT count(*) FROM event") == before


def test_nobody_holds_audit_and_system(clinic: Story) -> None:
    outcome = put_staff(clinic.desk, clinic.admin, "Z1", "某", ("super", "auditor"), PIN)
    assert codes(outcome.problems) == ["staff.system_and_audit"]
    assert not any(permissions(row.grades) >= APART for row in clinic.read(staff.everyone))
    assert not any(rights >= APART for rights in GRADES.values())


def test_five_wrong_pins_lock_the_account_for_a_while(clinic: Story) -> None:
    for _ in range(4):
        assert codes(sign_in(clinic.desk, NURSE, "000001").problems) == ["sign_in.wrong"]
    assert codes(sign_in(clinic.desk, NURSE, "000001").problems) == ["sign_in.locked"]
    assert codes(sign_in(clinic.desk, NURSE, NURSE_PIN).problems) == ["sign_in.locked"]
    assert [(r["subject"], r["why"]) for r in clinic.audit("sign_in.failed")] == [
        *[(NURSE, "pin")] * 5,
        (NURSE, "locked"),
    ]
    clinic.later(minutes=15)
    assert made(sign_in(clinic.desk, NURSE, NURSE_PIN)).grades == ("general",)
    assert clinic.read(staff.guard, NURSE).failed == 0


def test_a_right_pin_forgets_the_wrong_ones(clinic: Story) -> None:
    for _ in range(3):
        for _ in range(4):
            sign_in(clinic.desk, NURSE, "000001")
        made(sign_in(clinic.desk, NURSE, NURSE_PIN))


def test_a_lock_from_the_future_locks_nobody_out(clinic: Story) -> None:
    for _ in range(5):
        sign_in(clinic.desk, NURSE, "000001")
    clinic.now -= timedelta(days=365)
    assert sign_in(clinic.desk, NURSE, NURSE_PIN).ok


def test_unknown_and_inactive_answer_like_a_wrong_pin(clinic: Story) -> None:
    made(put_staff(clinic.desk, clinic.admin, "G9", "某", ("general",), PIN, active=False))
    for code in ("NOBODY", "G9", ""):
        assert codes(sign_in(clinic.desk, code, PIN).problems) == ["sign_in.wrong"]
    assert {r["why"] for r in clinic.audit("sign_in.failed")} == {"unknown"}


def test_the_first_account_only_of_an_empty_database(clinic: Story) -> None:
    assert codes(first_staff(clinic.desk, "B1", "某", ("super",), PIN).problems) == ["staff.not_empty"]
    assert codes(put_staff(clinic.desk, clinic.admin, "坏 code", "某", ("general",), PIN).problems) == [
        "staff.bad_code"
    ]
    assert codes(put_staff(clinic.desk, clinic.admin, "B2", "某", ("general",), "123456").problems) == ["pin.pattern"]


NAMES = ("欧阳静怡", "李芳", "欧阳明", "王子涵", "周敏", "张敏", "王敏", "某甲乙")
NUMBERS = ("13800002071", "13900003182", "13912345678", "3201140017", "3312000009")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """The program's own log, of every level: even then the database library, which logs every value, stays out."""
    root, written = logging.getLogger(), handler(tmp_path / "vaxdesk.log")
    level = root.level
    root.addHandler(written)
    root.setLevel(logging.DEBUG)
    yield tmp_path / "vaxdesk.log"
    root.setLevel(level)
    root.removeHandler(written)
    written.close()


def test_a_mornings_audit_and_logs_name_nobody(clinic: Story, log: Path) -> None:
    desk, nurse = clinic.desk, clinic.nurse
    child = clinic.child(
        name="某甲乙",
        guardians=(Guardian("mother", "李芳", "13912345678"),),
        identifiers=(Identifier("booklet", "3312000009"),),
        alerts=(Alert("allergy", "李芳说对酵母过敏", (), "yeast"),),
    )
    other = clinic.child()
    clinic.scan("3312000009")
    made(find_child.view_child(desk, nurse, child))
    made(find_child.note_search(desk, nurse, 1))
    made(register.update_child(desk, nurse, child, {"address": "铁心桥街道 1 号 李芳"}))
    visit = clinic.visit(child)
    checked = clinic.check(child, HEPB_BOX).checked_id
    why = {"dose.allergy": "李芳 13912345678 同意"}
    dose = made(record_dose.record_dose(desk, clinic.doctor, checked, why)).dose
    moved = made(amend_dose.move_dose(desk, clinic.doctor, dose.id, other, "给了王子涵"))
    made(void_dose(desk, clinic.doctor, moved.id, "李芳"))
    made(visits.close_visit(desk, nurse, visit))
    sign_in(desk, NURSE, "李芳1391234")
    route = clinic.scan("某甲乙 13912345678", child)
    assert route.problems
    said = clinic.desk.store.sql("SELECT actor || action || subject || detail FROM audit")
    assert len(said) > 20
    logging.getLogger("terminal").warning("of this morning")
    written = "\n".join([*(row for (row,) in said), log.read_text()])
    assert "of this morning" in written
    assert [word for word in (*NAMES, *NUMBERS) if word in written] == []


def test_a_changed_audit_row_is_found(clinic: Story) -> None:
    def tamper(action: str) -> None:
        with clinic.desk.store.transaction():
            clinic.desk.store.db.execute_sql("DROP TRIGGER audit_kept")
            clinic.desk.store.db.execute_sql("UPDATE audit SET actor = ? WHERE seq = 3", (action,))

    assert clinic.read(ledger.check_audit) is None
    (was,) = clinic.desk.store.sql("SELECT actor FROM audit WHERE seq = 3")[0]
    clinic.desk.store.run(tamper, "someone")
    assert clinic.read(ledger.check_audit) == 3

    def restore() -> None:
        with clinic.desk.store.transaction():
            clinic.desk.store.db.execute_sql("UPDATE audit SET actor = ? WHERE seq = 3", (was,))

    clinic.desk.store.run(restore)


def test_an_actor_without_grades_can_do_nothing(clinic: Story) -> None:
    nobody = Actor("X", "", ())
    assert all(not verb(clinic.desk, nobody, *args).ok for verb, _, args in VERBS)
