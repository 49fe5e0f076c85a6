"""FHIR R4 of real batches: held against the published schema, field by field, and asked for as another system does."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import requests

from config.texts import say
from domain import events
from domain.world import World
from regional import exchange, fhir, queries, records, staff
from regional.serve import EmbeddedRegion
from terminal.commands import line
from tests.region_fixtures import CLINIC, Terminal

New = Callable[..., Terminal]
Apply = Callable[[], int]
OTHER = "3101150202"
BOOKLET = "0001555001"
PASSWORD = "long enough for a machine"
BORN = "2026-01-10"
NAME, PHONE = "司马交换", "13800000000"
SCHEMA = Path(__file__).parents[1] / "data" / "fhir" / "r4.schema.json"


@cache
def validator() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))


def check(resource: dict[str, Any]) -> None:
    """Raises ValidationError where it is not FHIR R4."""
    validator().validate(resource)


def asked(
    region: EmbeddedRegion, value: str = BOOKLET, login: str = "his", password: str = PASSWORD, **more: str
) -> requests.Response:
    with requests.Session() as http:
        http.trust_env = False
        body = {"kind": "booklet", "value": value, "purpose": "exchange"} | more
        return http.post(
            f"{region.url}/fhir/lookup", json=body, auth=(login, password), verify=str(region.ca_file), timeout=30
        )


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    return {}


@pytest.fixture
def child(told: dict[str, str], region: EmbeddedRegion, terminal: New, apply: Apply) -> dict[str, str]:
    """A child with everything the mapping knows, in two linked records, applied from sealed batches."""
    if told:
        return told
    one, other = terminal(), terminal(clinic=OTHER)
    box = one.outbox
    first, twin, linked = (one.world.new_id() for _ in range(3))
    registered = events.ChildRegistered(
        NAME, "2", BORN, birth_order=1, ethnic="01", address="示例路 1 号", area="310104", register_status="1",
        mother_hbsag="negative", clinic=CLINIC,
        identifiers=(
            events.Identifier("booklet", BOOKLET, "徐汇"),
            events.Identifier("resident_id", "310104202601100028"),
        ),
        guardians=(events.Guardian("mother", "司马妈妈", PHONE), events.Guardian("other", "邻居")),
    )  # fmt: skip
    box.tell("child.registered", registered, first)
    box.tell("child.registered", events.ChildRegistered("", "1", BORN, clinic=CLINIC), linked)
    box.tell("child.merged", events.ChildMerged(linked, ""), first)
    dose = events.DoseGiven(
        "visit", "0202", 1, CLINIC, giver="S007", lot_no="B77", expiry_on="2027-01-31", maker="示例生物",
        package="89000020000000000011",
        volume_ml=0.5, site="2", route="IM",
    )  # fmt: skip
    whole = box.tell("dose.given", dose, first, stated="2026-01-10T09:30")
    void = box.give(first, "0101")
    box.tell("dose.voided", events.DoseVoided(void, "typed twice"), first)
    late = box.give(linked, "0101", expiry_on="2026-11-01", elsewhere="产院", funding="self")
    moved = box.tell("dose.given", events.DoseGiven("visit", "0301", 1, CLINIC), twin, stated="2026-03-10")
    arrived = box.tell("dose.moved", events.DoseMoved(moved, first, "the other twin"), twin)
    refused = box.tell("dose.deferred", events.DoseDeferred("visit", "1601", "refused", "家长要求"), first)
    box.tell("aefi.reported", events.AefiReported((whole,), "2026-01-11", ("fever",)), first)
    other.outbox.hlc = box.hlc
    other.outbox.tell("dose.disputed", events.DoseDisputed(arrived, "not here"), first)
    for desk in (one, other):
        desk.sync()
    apply()
    with queries.connect(region.dsn) as connection:
        staff.add(connection, "his", "Hospital system", "system", PASSWORD, World())
        staff.add(connection, "pages", "Pages only", "reviewer", PASSWORD, World())
    names = {
        "first": first,
        "linked": linked,
        "twin": twin,
        "whole": whole,
        "void": void,
        "late": late,
        "arrived": arrived,
    }
    told |= names | {"refused": refused, "moved": moved}
    return told


def resources(region: EmbeddedRegion) -> dict[str, dict[str, Any]]:
    found = asked(region).json()
    return {entry["resource"]["id"]: entry["resource"] for entry in found["entry"]}


def test_a_bundle_is_fhir_r4(region: EmbeddedRegion, child: dict[str, str]):
    answer = asked(region)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+json")
    assert answer.headers["cache-control"] == "no-store"
    bundle = answer.json()
    check(bundle)
    addresses = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(addresses) == len(set(addresses)) and all(x.startswith(f"{region.url}/fhir/") for x in addresses)
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "Patient": 2,
        "Immunization": 5,
        "ImmunizationRecommendation": 1,
    }
    inside = {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in bundle["entry"]}
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] != "Patient":
            assert entry["resource"]["patient"]["reference"] in inside


def test_the_schema_is_one_that_refuses(region: EmbeddedRegion, child: dict[str, str]):
    whole = resources(region)[child["whole"]]
    for wrong in (
        {"id": "a b"},
        {"primarySource": "yes"},
        {"occurrenceDateTime": "10.1.2026"},
        {"lot": "B77"},
        {"lotNumber": 5},
    ):
        with pytest.raises(jsonschema_rs.ValidationError):
            check({**whole, **wrong})


def test_the_patient(region: EmbeddedRegion, child: dict[str, str]):
    found = resources(region)
    one, other = found[child["first"]], found[child["linked"]]
    assert [x["system"].rpartition(":")[2] for x in one["identifier"]] == ["booklet", "resident_id"]
    assert one["identifier"][0]["value"] == BOOKLET and one["identifier"][0]["assigner"] == {"display": "徐汇"}
    assert (one["name"][0]["text"], one["gender"], one["birthDate"], one["active"]) == (NAME, "female", BORN, True)
    assert one["telecom"] == [{"system": "phone", "value": PHONE}]
    assert one["address"] == [{"text": "示例路 1 号", "district": one["address"][0]["district"], "country": "CN"}]
    assert (
        one["contact"][0]["relationship"][0]["coding"][0]["code"] == "MTH" and "relationship" not in one["contact"][1]
    )
    assert one["multipleBirthInteger"] == 1
    assert {x["url"] for x in one["extension"]} == {"urn:vaxdesk:ethnic-group", "urn:vaxdesk:register-status"}
    assert one["link"] == [{"other": {"reference": f"Patient/{child['linked']}"}, "type": "seealso"}]
    assert other["gender"] == "male" and "name" not in other


def test_an_immunization(region: EmbeddedRegion, child: dict[str, str]):
    whole = resources(region)[child["whole"]]
    assert whole["status"] == "completed" and whole["primarySource"] is True
    assert {x["system"]: x["code"] for x in whole["vaccineCode"]["coding"]} == {
        "urn:vaxdesk:vaccine": "0202", "http://hl7.org/fhir/sid/cvx": "08",
    }  # fmt: skip
    assert whole["occurrenceDateTime"] == "2026-01-10T09:30:00+08:00"
    assert (whole["lotNumber"], whole["expirationDate"], whole["manufacturer"]) == (
        "B77",
        "2027-01-31",
        {"display": "示例生物"},
    )
    assert whole["site"]["text"] == "右上臂" and [x["code"] for x in whole["route"]["coding"]] == ["IM", "IM"]
    assert (whole["doseQuantity"]["value"], whole["doseQuantity"]["unit"]) == (0.5, "mL")
    assert whole["performer"][0]["actor"]["identifier"]["value"] == "S007"
    assert whole["location"]["identifier"]["value"] == CLINIC
    assert whole["identifier"] == [{"system": "urn:vaxdesk:trace-code", "value": "89000020000000000011"}]
    assert whole["protocolApplied"] == [{"doseNumberPositiveInt": 1}]
    assert whole["fundingSource"]["coding"][0]["code"] == "public"
    assert whole["reaction"][0]["date"] == "2026-01-11" and whole["reaction"][0]["detail"]["display"] == "fever"
    assert "isSubpotent" not in whole


def test_what_is_not_a_plain_dose(region: EmbeddedRegion, child: dict[str, str]):
    found = resources(region)
    assert found[child["void"]]["status"] == "entered-in-error"
    late = found[child["late"]]
    assert late["isSubpotent"] is True and late["subpotentReason"][0]["coding"][0]["code"] == "expired"
    assert late["primarySource"] is False and late["reportOrigin"] == {"text": "产院"}
    assert late["patient"]["reference"] == f"Patient/{child['linked']}"
    arrived = found[child["arrived"]]
    assert (arrived["status"], arrived["occurrenceDateTime"]) == ("completed", "2026-03-10"), (
        "the day comes with the dose"
    )
    assert arrived["vaccineCode"]["coding"][0]["code"] == "0301"
    assert arrived["extension"] == [{"url": "urn:vaxdesk:disputed", "valueBoolean": True}]
    refused = found[child["refused"]]
    assert (refused["status"], refused["statusReason"]["coding"][0]["code"]) == ("not-done", "PATOBJ")
    assert "家长要求" in refused["statusReason"]["text"]


def test_what_is_due_is_what_the_plan_says(region: EmbeddedRegion, child: dict[str, str]):
    """The recommendation against the schedule engine itself, and the second hepatitis B dose by hand: a month on."""
    advice = resources(region)[f"{child['first']}-due"]
    with queries.connect(region.dsn) as connection:
        record = records.of_children(connection, (child["first"], child["linked"]))
    page = fhir.forecast(record, exchange.plan(), World().today())
    assert page and advice["authority"] == {"display": page.edition}
    by_group = {x["vaccineCode"][0]["coding"][0]["code"]: x for x in advice["recommendation"]}
    nexts = {one.group: one for one in page.nexts if one.standing in ("due", "overdue", "later")}
    assert nexts.keys() <= by_group.keys()
    hepatitis = next(x for group, x in by_group.items() if "HepB" in group or "乙肝" in x["vaccineCode"][0]["text"])
    dates = {x["code"]["coding"][0]["code"]: x["value"] for x in hepatitis["dateCriterion"]}
    assert (hepatitis["doseNumberPositiveInt"], dates["30980-7"]) == (2, "2026-02-10")
    assert hepatitis["forecastStatus"]["coding"][0]["code"] in ("due", "overdue")


def test_a_child_of_ten_years_ago_and_one_without_a_birth_date(child: dict[str, str]):
    """Whatever is known of a child is FHIR; without a birth date there is no forecast."""
    world = World()
    for years in (0, 1, 6, 15, 40):
        born = (world.today() - timedelta(days=365 * years)).isoformat()
        record = records.Record((records.Child("x", CLINIC, {"birth_on": born, "sex": "1"}),), (), ())
        for one in fhir.resources(record, exchange.plan(), world.now(), world.today()):
            check(one)
    nobody = records.Record((records.Child("a b", "", {}),), (), ())
    (patient,) = fhir.resources(nobody, exchange.plan(), world.now(), date(2026, 11, 22))
    check(patient)
    assert patient["gender"] == "unknown" and len(patient["id"]) == 64


def test_whatever_was_told_comes_out_as_fhir(region: EmbeddedRegion, terminal: New, apply: Apply):
    """Corrections may say anything of a field, and days may be none: what is not of its kind is left out."""
    one = terminal()
    child, box = one.world.new_id(), one.outbox
    box.tell("child.registered", events.ChildRegistered("x", "1", "someday"), child)
    odd = box.give(child, "0202", expiry_on="soon")
    changes = {name: (None, {"odd": [1]}) for name in ("site", "route", "maker", "dose_no", "vaccine", "volume_ml")}
    box.tell("dose.corrected", events.DoseCorrected(odd, changes, ""), child)
    box.tell("dose.given", events.DoseGiven("v", "0202", 1, CLINIC), child, stated="2026-13-45T25:61")
    box.tell("dose.deferred", events.DoseDeferred("v", "0202", "deferred", "", "one day"), child, stated="")
    box.tell("aefi.reported", events.AefiReported((odd,), "", ()), child)
    box.tell("child.updated", events.ChildUpdated({"guardians": (None, "nobody"), "area": (None, 7)}), child)
    one.sync()
    apply()
    with queries.connect(region.dsn) as connection:
        record = records.of_children(connection, (child,))
    for born in ({}, {"birth_on": "2026-01-01"}):
        known = tuple(msgspec.structs.replace(x, body=x.body | born) for x in record.children)
        found = fhir.resources(
            msgspec.structs.replace(record, children=known), exchange.plan(), World().now(), World().today()
        )
        assert [x["resourceType"] for x in found].count("Immunization") == 3
        for resource in found:
            check(resource)


@pytest.mark.parametrize(
    "more, status, issue",
    [
        ({"password": "wrong"}, 401, "login"),
        ({"login": "nobody"}, 401, "login"),
        ({"login": "pages"}, 403, "forbidden"),
        ({"value": "0000"}, 404, "not-found"),
        ({"purpose": "curiosity"}, 400, "value"),
        ({"kind": "review"}, 400, "value"),
        ({"surplus": "x"}, 400, "structure"),
        ({"value": "x" * 5000}, 413, "too-long"),
    ],
)
def test_what_is_refused_is_said_as_fhir(
    region: EmbeddedRegion, child: dict[str, str], more: dict[str, str], status: int, issue: str
):
    answer = asked(region, **more)
    check(answer.json())
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (status, issue)
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert NAME not in answer.text and "0000" not in answer.url


def test_every_lookup_is_written_down(region: EmbeddedRegion, child: dict[str, str]):
    with queries.connect(region.dsn) as connection:
        before = connection.execute("SELECT coalesce(max(number), 0) FROM record_access").fetchone()
        asked(region)
        asked(region, value="no such")
        rows = connection.execute(
            "SELECT login, purpose, identifier_kind, outcome, child_id FROM record_access"
            " WHERE number > %s ORDER BY 1, 4",
            before,
        ).fetchall()
    assert rows == [
        ("his", "exchange", "booklet", "found", child["first"]),
        ("his", "exchange", "booklet", "not_found", ""),
    ]


def test_a_clinic_as_ndjson(
    region: EmbeddedRegion, child: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = [
        "--lang",
        "en",
        "region",
        "fhir-export",
        "--clinic",
        CLINIC,
        "--data",
        str(region.folder),
        "--dsn",
        region.dsn,
    ]
    assert line.run([*words, "--out", str(tmp_path / "out")]) == 0
    counts = dict(x.split("\t") for x in capsys.readouterr().out.splitlines())
    found: dict[str, list[dict[str, Any]]] = {}
    for kind in exchange.KINDS:
        path = tmp_path / "out" / f"{kind}.ndjson"
        assert path.stat().st_mode & 0o777 == 0o600
        found[kind] = [json.loads(row) for row in path.read_text().splitlines()]
        assert len(found[kind]) == int(counts[kind]) and {one["resourceType"] for one in found[kind]} == {kind}
        for one in found[kind]:
            check(one)
    assert {one["id"] for one in found["Patient"]} == {child["first"], child["linked"]}, "linked records come once"
    assert {one["id"] for one in found["Immunization"]} == {
        child[x] for x in ("whole", "void", "late", "arrived", "refused")
    }
    assert line.run([*words, "--out", str(tmp_path / "out")]) == 1
    assert say("en", "region.folder_full", path=tmp_path / "out" / "Patient.ndjson") in capsys.readouterr().err
    with queries.connect(region.dsn) as connection:
        audit = connection.execute("SELECT details ->> 'clinic' FROM region_audit WHERE action = 'records.exported'")
        assert audit.fetchall() == [(CLINIC,)] * 2
