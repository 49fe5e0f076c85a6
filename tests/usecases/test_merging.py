"""Two records of one child: one at the counter, and two again; children who come and go for good."""

from __future__ import annotations

from domain.events import Identifier
from terminal.store import children, forecasts, links
from terminal.usecases.due_list import list_due
from terminal.usecases.find_child import find_child
from terminal.usecases.merge_children import differences, links_of, merge_children, unmerge_children
from terminal.usecases.move_child import move_in, move_out
from tests.fakes.stories import CLINIC, ELSEWHERE, MMR, Story, codes, made

WHY = "同一本接种证"


def test_merged_records_are_one_child_and_are_two_again(clinic: Story) -> None:
    keep, other = clinic.child(), clinic.child()
    mine = clinic.given_elsewhere(keep, "0201", "2026-04-20")
    theirs = clinic.given_elsewhere(other, "0201", "2026-05-20")
    link = made(merge_children(clinic.desk, clinic.doctor, keep, other, WHY))
    assert [dose.id for dose in clinic.doses(keep)] == [mine, theirs] == [dose.id for dose in clinic.doses(other)]
    number = clinic.read(children.card, other).identifier("booklet")
    assert made(find_child(clinic.desk, clinic.nurse, number)) == [keep]
    assert [one.id for one in links_of(clinic.desk, other)] == [link]
    assert codes(merge_children(clinic.desk, clinic.doctor, other, keep, WHY).problems) == ["merge.already"]
    made(unmerge_children(clinic.desk, clinic.doctor, link, WHY))
    assert [[dose.id for dose in clinic.doses(child)] for child in (keep, other)] == [[mine], [theirs]]
    assert codes(unmerge_children(clinic.desk, clinic.doctor, link, WHY).problems) == ["merge.not_merged"]
    assert links_of(clinic.desk, keep) == []
    assert (len(clinic.audit("child.merge")), len(clinic.audit("child.unmerge"))) == (1, 1)


def test_the_forecast_follows_a_merge_both_ways(clinic: Story) -> None:
    keep, other = clinic.child(), clinic.child()
    clinic.given_elsewhere(other, "0201", "2026-04-20")

    def due(child: str) -> str:
        rows = clinic.desk.store.sql(
            "SELECT dose_no FROM forecast WHERE child_id = ? AND vaccine_group = 'HepB'", child
        )
        return str(rows[0][0]) if rows else ""

    before = due(keep)
    link = made(merge_children(clinic.desk, clinic.doctor, keep, other, WHY))
    assert (before, due(keep), due(other)) == ("1", "2", "")
    made(unmerge_children(clinic.desk, clinic.doctor, link, WHY))
    assert (due(keep), due(other)) == ("1", "2")
    assert clinic.read(forecasts.looked_at, other) is not None


def test_what_cannot_be_merged(clinic: Story) -> None:
    keep, other = clinic.child(), clinic.child()
    desk, doctor = clinic.desk, clinic.doctor
    assert codes(merge_children(desk, doctor, keep, keep, WHY).problems) == ["merge.already"]
    assert codes(merge_children(desk, doctor, keep, "nobody", WHY).problems) == ["child.not_found"]
    assert codes(merge_children(desk, doctor, keep, other, "").problems) == ["reason.missing"]
    assert codes(merge_children(desk, clinic.nurse, keep, other, WHY).problems) == ["denied.child.merge"]
    clinic.visit(other)
    assert codes(merge_children(desk, doctor, keep, other, WHY).problems) == ["merge.visit_open"]
    made(merge_children(desk, doctor, other, keep, WHY))  # the one in the chair goes on
    assert clinic.read(links.head_of, keep) == other


def test_what_differs_is_shown_before(clinic: Story) -> None:
    one = clinic.child(name="王安", sex="1", identifiers=(Identifier("resident_id", "110101202603190011"),))
    two = clinic.child(name="王宁", sex="2", identifiers=(Identifier("resident_id", "11010120260319002X"),))
    assert differences(clinic.desk, one, one) == ()
    assert set(differences(clinic.desk, one, two)) >= {"name", "resident_id"}
    assert "birth_on" not in differences(clinic.desk, one, clinic.child())


def test_who_moves_away_is_called_no_more_and_may_come_back(clinic: Story) -> None:
    child = clinic.child()
    made(list_due(clinic.desk, clinic.nurse))
    desk, nurse = clinic.desk, clinic.nurse

    def called() -> bool:
        return any(one.child_id == child for one in made(list_due(desk, nurse)).children)

    assert called()
    assert codes(move_in(desk, nurse, child).problems) == ["child.already_here"]
    for to in ("", "330106", CLINIC):
        assert codes(move_out(desk, nurse, child, to).problems) == ["child.bad_clinic"]
    assert made(move_out(desk, nurse, child, ELSEWHERE, "搬家")).facts.clinic == ELSEWHERE
    assert not called()
    assert codes(move_out(desk, nurse, child, ELSEWHERE).problems) == ["child.not_ours"]
    assert codes(move_in(desk, nurse, child, CLINIC).problems) == ["child.already_here"]
    assert made(move_in(desk, nurse, child)).facts.clinic == CLINIC
    assert called()
    assert [(row["left"], row["to"]) for row in clinic.audit("child.move")] == [
        (CLINIC, ELSEWHERE), (ELSEWHERE, CLINIC)
    ]  # fmt: skip
    assert codes(move_in(desk, nurse, "nobody").problems) == ["child.not_found"]


def test_a_dose_on_a_merged_record_goes_to_the_one_that_goes_on(clinic: Story) -> None:
    keep, other = clinic.child(), clinic.child()
    made(merge_children(clinic.desk, clinic.doctor, keep, other, WHY))
    _, (box,) = clinic.receive(MMR)
    dose = clinic.give(keep, box)
    assert [one.id for one in clinic.doses(other)] == [dose.id]
