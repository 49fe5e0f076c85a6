"""Staff: waits that grow and outlive a restart, badges, PINs, who left, and the sealed code."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.codes import badge_text
from domain.permissions import Permission
from terminal.store import staff
from terminal.usecases.desk import Actor
from terminal.usecases.sign_in import sign_in
from terminal.usecases.staff_badge import badge_holder, block_badge, issue_badge
from terminal.usecases.staff_change import (
    activate_staff,
    add_staff,
    change_staff,
    deactivate_staff,
    list_staff,
)
from terminal.usecases.staff_emergency import (
    break_glass,
    emergency_standing,
    first_emergency_code,
    is_emergency,
    new_emergency_code,
    review_emergency,
)
from terminal.usecases.staff_pin import DESK, PERSON, change_pin, reset_pin, unlock_staff
from tests.fakes.desk import ADMIN, ADMIN_PIN, NURSE, NURSE_PIN
from tests.fakes.stories import PIN, Story, codes, made

NEW = "739164"


def wrong(clinic: Story, times: int, who: str = NURSE) -> list[str]:
    """What the last of so many wrong tries says."""
    said: list[str] = []
    for _ in range(times):
        said = codes(sign_in(clinic.desk, who, "000001").problems)
    return said


def minutes(clinic: Story, who: str = NURSE, pin: str = NURSE_PIN) -> int:
    (problem,) = sign_in(clinic.desk, who, pin).problems
    return int(problem.params["minutes"])


def test_each_wrong_try_after_the_wait_doubles_it_up_to_an_hour(clinic: Story) -> None:
    assert wrong(clinic, 4) == ["sign_in.wrong"]
    for waited in (1, 2, 4, 8, 16, 32, 60, 60):
        assert wrong(clinic, 1) == ["sign_in.locked"]
        assert minutes(clinic) == waited
        clinic.later(minutes=waited, seconds=1)
    assert sign_in(clinic.desk, NURSE, NURSE_PIN).ok
    assert wrong(clinic, 4) == ["sign_in.wrong"], "a right PIN forgets them all"


def test_a_try_while_it_is_locked_lengthens_nothing(clinic: Story) -> None:
    wrong(clinic, 5)
    assert wrong(clinic, 20) == ["sign_in.locked"]
    assert minutes(clinic) == 1


def test_a_restart_shortens_no_wait(clinic: Story) -> None:
    wrong(clinic, 5)
    clinic.reopen()
    assert wrong(clinic, 1) == ["sign_in.locked"]


def test_guessing_over_many_names_makes_the_desk_wait(clinic: Story) -> None:
    """Three wrong ones each lock nobody, fifteen in a row lock the desk, for whoever tries."""
    names = [f"X{n}" for n in range(14)]
    for name in names:
        assert wrong(clinic, 1, name) == ["sign_in.wrong"]
    assert wrong(clinic, 1, "X15") == ["sign_in.desk_locked"]
    assert wrong(clinic, 1, "X16") == ["sign_in.desk_locked"]
    assert codes(sign_in(clinic.desk, ADMIN, ADMIN_PIN).problems) == ["sign_in.desk_locked"]
    clinic.later(minutes=1, seconds=1)
    assert sign_in(clinic.desk, ADMIN, ADMIN_PIN).ok
    assert clinic.read(staff.guard, staff.DESK).failed == 0


@pytest.mark.parametrize(("patience", "longest"), [(PERSON, 60), (DESK, 15)])
def test_waits_never_shrink_and_end(patience: type(PERSON), longest: int) -> None:
    waits = [patience.wait(n) for n in range(200)]
    assert waits == sorted(waits)
    assert waits[patience.free] == timedelta() < waits[patience.free + 1]
    assert waits[-1] == timedelta(minutes=longest)


def test_an_administrator_ends_a_wait(clinic: Story) -> None:
    wrong(clinic, 5)
    assert made(unlock_staff(clinic.desk, clinic.admin, NURSE)) == NURSE
    assert sign_in(clinic.desk, NURSE, NURSE_PIN).ok


def test_sign_in_by_name_where_it_is_one_persons(clinic: Story) -> None:
    assert made(sign_in(clinic.desk, "张敏", NURSE_PIN)).code == NURSE
    assert made(sign_in(clinic.desk, NURSE.lower(), NURSE_PIN)).code == NURSE
    assert codes(sign_in(clinic.desk, "王敏", PIN).problems) == ["sign_in.same_name"]
    assert codes(sign_in(clinic.desk, "", NURSE_PIN).problems) == ["sign_in.wrong"]


def test_a_given_pin_opens_nothing_until_it_is_changed(clinic: Story) -> None:
    given = made(reset_pin(clinic.desk, clinic.admin, NURSE))
    assert codes(sign_in(clinic.desk, NURSE, NURSE_PIN).problems) == ["sign_in.wrong"]
    assert codes(sign_in(clinic.desk, NURSE, given).problems) == ["pin.must_change"]
    assert codes(change_pin(clinic.desk, NURSE, given, given).problems) == ["pin.same"]
    assert codes(change_pin(clinic.desk, NURSE, given, "123456").problems) == ["pin.pattern"]
    assert made(change_pin(clinic.desk, NURSE, given, NEW)).code == NURSE
    assert sign_in(clinic.desk, NURSE, NEW).ok and not sign_in(clinic.desk, NURSE, given).ok
    assert [row["actor"] for row in clinic.audit("staff.pin_changed")] == [NURSE]


def test_changing_a_pin_needs_the_old_one_and_counts_wrong_ones(clinic: Story) -> None:
    for _ in range(4):
        assert codes(change_pin(clinic.desk, NURSE, "000001", NEW).problems) == ["sign_in.wrong"]
    assert codes(change_pin(clinic.desk, NURSE, "000001", NEW).problems) == ["sign_in.locked"]
    assert codes(change_pin(clinic.desk, NURSE, NURSE_PIN, NEW).problems) == ["sign_in.locked"]


def test_a_new_member_gets_a_pin_to_change_and_a_badge(clinic: Story) -> None:
    pin = made(add_staff(clinic.desk, clinic.admin, "F500", "孙丽", ("general",)))
    assert codes(add_staff(clinic.desk, clinic.admin, "f500", "孙丽", ("general",)).problems) == ["staff.code_taken"]
    assert made(badge_holder(clinic.desk, "F500")).name == "孙丽"
    assert made(change_pin(clinic.desk, "F500", pin, NEW)).grades == ("general",)


def test_the_list_says_what_is_with_each(clinic: Story) -> None:
    wrong(clinic, 5)
    made(reset_pin(clinic.desk, clinic.admin, "D300"))
    lines = {line.code: line for line in made(list_staff(clinic.desk, clinic.admin))}
    assert lines[NURSE].locked and lines[NURSE].badge == NURSE
    assert lines["D300"].must_change and not lines["D300"].locked
    assert [line.name for line in lines.values()] == sorted(
        (line.name for line in lines.values()), key=["王敏", "张敏", "周敏"].index
    ), "by pinyin"


def test_who_left_signs_in_no_more_and_her_badge_is_blocked(clinic: Story) -> None:
    made(deactivate_staff(clinic.desk, clinic.admin, NURSE))
    assert codes(sign_in(clinic.desk, NURSE, NURSE_PIN).problems) == ["sign_in.wrong"]
    assert codes(badge_holder(clinic.desk, NURSE).problems) == ["badge.blocked"]
    made(activate_staff(clinic.desk, clinic.admin, NURSE))
    assert sign_in(clinic.desk, NURSE, NURSE_PIN).ok
    assert codes(badge_holder(clinic.desk, NURSE).problems) == ["badge.blocked"], "what was blocked stays so"


def test_the_last_who_manages_staff_cannot_be_lost(clinic: Story) -> None:
    for verb, args in ((deactivate_staff, (ADMIN,)), (change_staff, (ADMIN, "周敏", ("general",)))):
        assert codes(verb(clinic.desk, clinic.admin, *args).problems) == ["staff.last_manager"]
    clinic.hire("S900", "super")
    assert change_staff(clinic.desk, clinic.admin, ADMIN, "周敏", ("general",)).ok
    assert made(sign_in(clinic.desk, ADMIN, ADMIN_PIN)).grades == ("general",), "the PIN stays"


def test_a_badge_number_is_not_a_staff_code(clinic: Story) -> None:
    assert made(issue_badge(clinic.desk, clinic.admin, NURSE)) == badge_text("N200-2")
    assert made(issue_badge(clinic.desk, clinic.admin, NURSE, "card-77")) == badge_text("CARD-77")
    assert made(badge_holder(clinic.desk, "CARD-77")).code == NURSE
    for old in (NURSE, "N200-2"):
        assert codes(badge_holder(clinic.desk, old).problems) == ["badge.blocked"]
        assert codes(issue_badge(clinic.desk, clinic.admin, "D300", old).problems) == ["badge.taken"]
    assert codes(badge_holder(clinic.desk, "NEVER-SEEN").problems) == ["badge.unknown"]
    assert [row["why"] for row in clinic.audit("badge.refused")] == ["blocked", "blocked", "unknown"]
    assert clinic.scan(badge_text("CARD-77")).badge == NURSE
    assert codes(clinic.scan(badge_text(NURSE)).problems) == ["badge.blocked"]


def test_one_may_say_that_her_own_badge_is_lost_but_no_others(clinic: Story) -> None:
    assert codes(block_badge(clinic.desk, clinic.nurse, "D300").problems) == [f"denied.{Permission.STAFF_MANAGE}"]
    made(block_badge(clinic.desk, clinic.nurse, NURSE))
    assert codes(badge_holder(clinic.desk, NURSE).problems) == ["badge.blocked"]
    assert sign_in(clinic.desk, NURSE, NURSE_PIN).ok, "the name and the PIN are good still"
    assert clinic.audit("badge.blocked")[0]["why"] == "lost"


def test_the_sealed_code_opens_one_seat_for_one_day_once(clinic: Story) -> None:
    code = made(first_emergency_code(clinic.desk))
    assert codes(first_emergency_code(clinic.desk).problems) == ["emergency.exists"]
    wrong(clinic, 20, "guess")
    assert codes(break_glass(clinic.desk, "AAAAA-BBBBB-CCCCC-DDDDD", "李红", NEW).problems) == ["emergency.wrong"]
    assert codes(break_glass(clinic.desk, code, " ", NEW).problems) == ["emergency.no_name"]
    assert codes(break_glass(clinic.desk, code, "李红", "123456").problems) == ["pin.pattern"]
    seat = made(break_glass(clinic.desk, code.replace("0", "o").lower(), "李红", NEW))
    assert (seat.code, seat.name, seat.grades) == ("EMERGENCY-1", "李红", ("general",)) and is_emergency(seat)
    assert codes(break_glass(clinic.desk, code, "李红", NEW).problems) == ["emergency.none"], "once"
    clinic.later(minutes=16)
    assert made(sign_in(clinic.desk, "EMERGENCY-1", NEW)).code == seat.code
    assert not reset_pin(clinic.desk, seat, NURSE).ok and not new_emergency_code(clinic.desk, seat).ok
    clinic.later(hours=15)
    assert codes(sign_in(clinic.desk, "EMERGENCY-1", NEW).problems) == ["sign_in.wrong"], "the day is over"


def test_every_act_of_the_emergency_seat_bears_its_name(clinic: Story) -> None:
    seat = made(break_glass(clinic.desk, made(first_emergency_code(clinic.desk)), "李红", NEW))
    child = clinic.child()
    clinic.scan("3300000001", by=seat)
    acts = clinic.desk.store.sql("SELECT action FROM audit WHERE actor = 'EMERGENCY-1' ORDER BY seq")
    assert [action for (action,) in acts][:2] == ["emergency.used", "sign_in"] and len(acts) > 2 and child
    assert "李红" not in str(clinic.desk.store.sql("SELECT actor, action, subject, detail FROM audit"))


def test_a_use_is_reviewed_before_a_new_code_is_sealed(clinic: Story) -> None:
    first = made(first_emergency_code(clinic.desk))
    made(break_glass(clinic.desk, first, "李红", NEW))
    standing = emergency_standing(clinic.desk)
    ((no, account, name, used_at),) = standing.used
    assert (standing.sealed, account, name, bool(used_at)) == (False, "EMERGENCY-1", "李红", True)
    assert codes(new_emergency_code(clinic.desk, clinic.admin).problems) == ["emergency.review_first"]
    assert codes(review_emergency(clinic.desk, clinic.admin, no, " ").problems) == ["reason.missing"]
    made(review_emergency(clinic.desk, clinic.admin, no, "钥匙在家"))
    assert codes(review_emergency(clinic.desk, clinic.admin, no, "again").problems) == ["emergency.nothing_to_review"]
    assert codes(sign_in(clinic.desk, account, NEW).problems) == ["sign_in.wrong"], "closed by the review"
    second = made(new_emergency_code(clinic.desk, clinic.admin))
    third = made(new_emergency_code(clinic.desk, clinic.admin))
    assert codes(break_glass(clinic.desk, second, "李红", NEW).problems) == ["emergency.wrong"], "void"
    assert made(break_glass(clinic.desk, third, "李红", NEW)).code == "EMERGENCY-2"


def test_staff_verbs_ask_for_the_right(clinic: Story) -> None:
    nobody = Actor("X", "", ())
    verbs = (
        (list_staff, ()), (add_staff, ("Q1", "q", ("general",))), (change_staff, (NURSE, "q", ("general",))),
        (deactivate_staff, (NURSE,)), (activate_staff, (NURSE,)), (reset_pin, (NURSE,)), (unlock_staff, (NURSE,)),
        (issue_badge, (NURSE,)), (block_badge, (ADMIN,)), (new_emergency_code, ()), (review_emergency, (1, "x")),
    )  # fmt: skip
    for actor in (clinic.nurse, clinic.doctor, clinic.auditor, nobody):
        for verb, args in verbs:
            said = codes(verb(clinic.desk, actor, *args).problems)
            assert said == [f"denied.{Permission.STAFF_MANAGE}"], verb
