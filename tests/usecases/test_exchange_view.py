"""What waits for a person: with names, doses and days left; settled with a reason; hours that never arrived."""

from __future__ import annotations

from typing import Any

from domain.events import CorrectionRequested
from domain.wire.feed import Reference
from terminal.store import ledger, matters, references, requests
from terminal.usecases.exchange_view import (
    InboxCount,
    InboxView,
    MissingHours,
    clinic_names,
    inbox_count,
    missing_hours,
    read_inbox,
    settle_matter,
)
from terminal.usecases.merge_children import merge_children
from tests.fakes.stories import ELSEWHERE, Story, codes, made

REPLACED = {"terminal": "T-old", "desk": "3", "last_at": "2026-11-23T02:42:10.000Z", "last_receipt": "00010008"}


def opened(clinic: Story, key: str, code: str, child: str = "", **params: Any) -> None:
    store = clinic.desk.store

    def run() -> None:
        with store.transaction():
            matters.open(store, matters.Matter(key, code, child, params, "2026-11-23T01:00:00.000Z"))

    store.run(run)


def asked(clinic: Story, dose: str, child: str, by: str, due: str) -> str:
    def tell() -> str:
        with ledger.tell(clinic.desk.store, clinic.world, "exchange") as entry:
            body = CorrectionRequested(dose, "?", due)
            request_id = entry.fact("correction.requested", child, body)
            requests.add(entry, request_id, child, body, by)
            return request_id

    return clinic.desk.store.run(tell)


def view(clinic: Story) -> InboxView:
    return made(read_inbox(clinic.desk, clinic.nurse))


def test_a_matter_names_the_child_that_goes_on_and_its_doses(clinic: Story) -> None:
    keep, other = clinic.child(), clinic.child()
    one = clinic.given_elsewhere(other, "0201", "2026-06-02")
    made(merge_children(clinic.desk, clinic.doctor, keep, other, "同一名儿童"))
    opened(clinic, "possible_double/a/b/", "review.possible_double", other, one=one, other="not here")
    opened(clinic, "quarantine/T/e/1", "quarantine.unreadable", seq=1, dose="")
    named, nobody = view(clinic).matters
    assert (named.child_id, [dose.id for dose in named.doses]) == (keep, [one])
    assert named.name == clinic.desk.store.sql("SELECT name FROM child WHERE id = ?", keep)[0][0]
    assert (nobody.code, nobody.child_id, nobody.name, nobody.doses) == ("quarantine.unreadable", "", "", ())
    assert [(row["matters"], row["requests"]) for row in clinic.audit("inbox.view")] == [(2, 0)]
    assert named.name not in str(clinic.audit("inbox.view"))


def test_a_settled_matter_is_gone_and_stays_gone_while_it_says_the_same(clinic: Story) -> None:
    opened(clinic, "k", "recall.received", "", lot="B77", reason="cold", dose="d")
    desk = clinic.desk
    assert codes(settle_matter(desk, clinic.nurse, "k", "已通知").problems) == ["denied.matter.settle"]
    assert codes(settle_matter(desk, clinic.doctor, "k", " ").problems) == ["reason.missing"]
    made(settle_matter(desk, clinic.doctor, "k", " 已通知家长 "))
    opened(clinic, "k", "recall.received", "", lot="B77", reason="cold", dose="d")
    assert desk.store.sql("SELECT settled_by, settled_why FROM matter") == [(clinic.doctor.code, "已通知家长")]
    assert view(clinic).matters == ()
    assert codes(settle_matter(desk, clinic.doctor, "k", "再次").problems) == ["matter.not_open"]
    opened(clinic, "k", "recall.received", "", lot="B77", reason="worse", dose="d")
    assert [line.params["reason"] for line in view(clinic).matters] == ["worse"]
    assert desk.store.sql("SELECT settled_by, settled_why FROM matter") == [("", "")], "it says something else now"
    noted = {"actor": clinic.doctor.code, "subject": "", "key": "k", "code": "recall.received"}
    assert clinic.audit("matter.settle") == [noted], "codes only, no words"


def test_what_waits_is_counted_without_being_read(clinic: Story) -> None:
    """The counter asks every two seconds."""
    for key in "abc":
        opened(clinic, key, "review.identity", "child")
    made(settle_matter(clinic.desk, clinic.doctor, "b", "已核对"))
    clinic.desk.store.run(clinic.desk.store.sql, "UPDATE matter SET params = 'unreadable' WHERE key = 'c'")
    assert inbox_count(clinic.desk) == InboxCount(2, 0)


def test_requests_of_us_come_first_with_their_days(clinic: Story) -> None:
    child = clinic.child()
    dose = clinic.given_elsewhere(child, "0201", "2026-06-02")
    mine = asked(clinic, dose, child, clinic.desk.clinic, "2026-11-24")
    late = asked(clinic, dose, child, ELSEWHERE, "2026-11-20")
    soon = asked(clinic, dose, child, ELSEWHERE, "2026-11-30")
    far = asked(clinic, "a dose nobody knows", "a child nobody knows", ELSEWHERE, "2026-12-07")
    lines = view(clinic).requests
    assert [(line.request.id, line.mine, line.days_left) for line in lines] == [
        (late, False, -1), (soon, False, 5), (far, False, 10), (mine, True, 1)
    ]  # fmt: skip
    assert (lines[0].child_id, lines[0].dose and lines[0].dose.id) == (child, dose)
    assert (lines[2].child_id, lines[2].dose) == ("", None)
    assert inbox_count(clinic.desk) == InboxCount(3, 1)


def test_hours_that_never_arrived_are_listed_until_they_are_settled(clinic: Story) -> None:
    opened(clinic, "replaced/T-old", "desk.replaced", "", **REPLACED)
    found = MissingHours("replaced/T-old", "T-old", "3", "2026-11-23T10:42", "00010008")
    assert missing_hours(clinic.desk) == [found]
    assert (view(clinic).missing, view(clinic).matters) == ((found,), ())
    assert inbox_count(clinic.desk) == InboxCount(1, 0)
    made(settle_matter(clinic.desk, clinic.doctor, found.key, "小票都补录了"))
    assert missing_hours(clinic.desk) == []


def test_clinics_go_by_the_names_of_the_list_in_force(clinic: Story) -> None:
    store, ours = clinic.desk.store, {clinic.desk.clinic: clinic.desk.settings.clinic.name}

    def keep(number: int, day: str, content: bytes) -> None:
        with store.transaction():
            said = Reference(number, "clinics", str(number), day, "2026-11-22T00:00:00.000Z")
            references.keep(store, said, content)

    assert clinic_names(clinic.desk) == ours, "nothing is published yet"
    store.run(keep, 1, "2026-11-01", '{"clinics": {"3301990101": "花桥卫生院"}}'.encode())
    store.run(keep, 2, "2026-12-01", '{"clinics": {"3301990101": "以后"}}'.encode())
    assert clinic_names(clinic.desk) == ours | {"3301990101": "花桥卫生院"}
    store.run(keep, 3, "2026-11-02", b"no list")
    assert clinic_names(clinic.desk) == ours, "what cannot be read names nobody"


def test_the_notice_in_force_is_read(clinic: Story) -> None:
    store = clinic.desk.store

    def keep(number: int, day: str, text: str) -> None:
        with store.transaction():
            said = Reference(number, "notices", str(number), day, "2026-11-22T00:00:00.000Z")
            references.keep(store, said, text.encode())

    for number, day, text in ((1, "2026-11-01", "旧通知"), (2, "2026-11-23", "明日停电"), (3, "2026-12-01", "以后")):
        store.run(keep, number, day, text)
    assert view(clinic).notices == ("明日停电",)
