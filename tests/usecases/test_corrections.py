"""Another clinic's dose is asked about with a day; what is asked of ours is answered by a deed or a reason."""

from __future__ import annotations

from domain.events import CorrectionRequested
from terminal.store import ledger, requests
from terminal.usecases.amend_dose import correct_dose, void_dose
from terminal.usecases.corrections import answer_request, request_correction
from tests.fakes.desk import HEPB_BOX
from tests.fakes.stories import ELSEWHERE, Story, codes, made

WHY = "批号看不清"


def theirs(clinic: Story) -> str:
    return clinic.given_elsewhere(clinic.child(), "0201", "2026-06-02")


def asked(clinic: Story, dose_id: str, child: str) -> str:
    """A request as the feed would bring it."""

    def tell() -> str:
        with ledger.tell(clinic.desk.store, clinic.world, "exchange") as entry:
            body = CorrectionRequested(dose_id, "?", "2026-12-04", {"lot_no": "B2"})
            request_id = entry.fact("correction.requested", child, body)
            requests.add(entry, request_id, child, body, ELSEWHERE)
            return request_id

    return clinic.desk.store.run(tell)


def test_a_request_has_its_day_in_working_days_and_is_made_once(clinic: Story) -> None:
    dose = theirs(clinic)
    request_id = made(request_correction(clinic.desk, clinic.nurse, dose, WHY, fields={"lot_no": "B7"}))
    (waiting,) = clinic.read(requests.open_requests)
    assert (waiting.id, waiting.dose_id, waiting.due, waiting.fields) == (
        request_id, dose, "2026-12-07", {"lot_no": "B7"}
    )  # fmt: skip
    again = request_correction(clinic.desk, clinic.nurse, dose, WHY)
    assert [(p.code, p.params) for p in again.problems] == [("correction.asked", {"due": "2026-12-07"})]
    assert [row["fields"] for row in clinic.audit("correction.request")] == [["lot_no"]]


def test_what_cannot_be_asked(clinic: Story) -> None:
    dose, child = theirs(clinic), clinic.child()
    own = clinic.give(child, HEPB_BOX)
    desk, nurse = clinic.desk, clinic.nurse
    assert codes(request_correction(desk, nurse, "nobody", WHY).problems) == ["dose.not_found"]
    assert codes(request_correction(desk, nurse, own.id, WHY).problems) == ["dose.own_clinic"]
    assert codes(request_correction(desk, nurse, dose, " ").problems) == ["reason.missing"]
    for due in ("2026-11-23", "2026-11-31", "soon"):
        assert codes(request_correction(desk, nurse, dose, WHY, due).problems) == ["correction.bad_due"]
    for fields, code in (
        ({"vaccine": "0202"}, "dose.not_correctable"),
        ({"given_on": "2027-01-01"}, "dose.date_impossible"),
        ({"dose_no": 0}, "dose.bad_value"),
    ):
        assert codes(request_correction(desk, nurse, dose, WHY, fields=fields).problems) == [code]
    assert codes(request_correction(desk, clinic.auditor, dose, WHY).problems) == ["denied.dose.dispute"]
    assert clinic.read(requests.open_requests) == []


def test_done_is_said_only_of_what_was_done_since(clinic: Story) -> None:
    child = clinic.child()
    dose = clinic.give(child, HEPB_BOX)
    made(correct_dose(clinic.desk, clinic.doctor, dose.id, {"lot_no": "B1"}, WHY))
    request = asked(clinic, dose.id, child)
    clinic.desk.store.run(_heard, clinic, request)
    assert codes(answer_request(clinic.desk, clinic.doctor, request, "done").problems) == ["correction.not_done"]
    made(correct_dose(clinic.desk, clinic.doctor, dose.id, {"lot_no": "B2"}, WHY))
    made(answer_request(clinic.desk, clinic.doctor, request, "done"))
    assert clinic.read(requests.open_requests) == []
    assert clinic.read(requests.one, request).outcome == "done"
    assert codes(answer_request(clinic.desk, clinic.doctor, request, "done").problems) == ["correction.not_open"]


def _heard(clinic: Story, request: str) -> None:
    """The request's own clock, as it came with the fact."""
    store = clinic.desk.store
    with store.transaction():
        store.db.execute_sql(
            "INSERT INTO told (terminal_id, event_id, clinic, kind, subject, other, hlc, region, hub, done, stored)"
            " SELECT 'T-far', event_id, ?, kind, subject, '', json_extract(CAST(stored AS TEXT), '$.hlc'), 1, 0, 1,"
            " stored FROM event WHERE event_id = ?",
            (ELSEWHERE, request),
        )


def test_a_voided_dose_is_an_answer_and_so_is_a_reason(clinic: Story) -> None:
    child = clinic.child()
    dose = clinic.give(child, HEPB_BOX)
    request = asked(clinic, dose.id, child)
    desk, doctor = clinic.desk, clinic.doctor
    assert codes(answer_request(desk, doctor, request, "declined", " ").problems) == ["reason.missing"]
    assert codes(answer_request(desk, clinic.nurse, request, "declined", "?").problems) == ["denied.correction.answer"]
    made(answer_request(desk, doctor, request, "declined", "批号无误"))
    assert clinic.read(requests.one, request).answer == "批号无误"
    second = asked(clinic, dose.id, child)
    made(void_dose(desk, doctor, dose.id, WHY))
    made(answer_request(desk, doctor, second, "done"))
    far = asked(clinic, clinic.given_elsewhere(child, "0301", "2026-06-02"), child)
    assert codes(answer_request(desk, doctor, far, "declined", "?").problems) == ["dose.other_clinic"]
