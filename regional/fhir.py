"""A child's record as FHIR R4: Patient, Immunization, ImmunizationRecommendation. Pure.

Codes of ours stand under `urn:vaxdesk:...`; beside them the international ones where the tables know one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from hashlib import sha256
from typing import Any

import msgspec

from config import tables
from domain import doses, events
from domain.schedule.page import Next, Page, read_page
from domain.schedule.plan import Plan
from domain.schedule.record import case_of
from domain.wire import UNREADABLE
from domain.wire import event as wire
from domain.world import utc_text
from regional.records import Child, Dose, Reaction, Record

Resource = dict[str, Any]
TERMS = "http://terminology.hl7.org/CodeSystem"
_GENDER = {"1": "male", "2": "female", "9": "other"}
_RELATION = {"mother": "MTH", "father": "FTH", "grandparent": "GRPRN"}
_ROUTE = {"IM": "IM", "SC": "SQ", "ID": "IDINJ", "PO": "PO"}  # ours -> v3-RouteOfAdministration
_NOT_GIVEN = {"refused": "PATOBJ", "contraindicated": "MEDPREC", "deferred": "MEDPREC"}  # -> v3-ActReason
_DATES = {"30981-5": "earliest_on", "30980-7": "recommended_on", "59777-3": "latest_on", "59778-1": "past_due_on"}
_STATUS = {"Complete": "complete", "Immune": "immune", "Contraindicated": "contraindicated"}
_MOVED_OUT, _DEAD = "2", "4"  # config/tables/register_status.csv


def resources(record: Record, plan: Plan, now: datetime, today: date) -> list[Resource]:
    """Everything of one child: its patients (one a linked record), what was given and not given, what is due."""
    first = record.children[0]
    found = [_patient(one, record.children) for one in record.children]
    reactions = _reactions(record.reactions)
    found += [_immunization(one, reactions.get(one.dose_id, ())) for one in record.doses]
    found += [one for told in record.not_given for one in _not_given(told)]
    page = forecast(record, plan, today)
    if page and (
        asked := [_recommended(one) for one in page.nexts if one.standing != "closed" or one.status in _STATUS]
    ):
        found.append(
            {
                "resourceType": "ImmunizationRecommendation",
                "id": _id(f"{first.child_id}-due"),
                "patient": _patient_of(first.child_id),
                "date": utc_text(now),
                "authority": {"display": page.edition},
                "recommendation": asked,
            }
        )
    return found


def bundle(found: list[Resource], base: str, now: datetime) -> Resource:
    """The resources as one document; `base` is the address they would stand under, ending in a slash."""
    entries = [{"fullUrl": f"{base}{one['resourceType']}/{one['id']}", "resource": one} for one in found]
    return {"resourceType": "Bundle", "type": "collection", "timestamp": utc_text(now), "entry": entries}


def outcome(severity: str, code: str, words: str) -> Resource:
    """Why there is no record, in words."""
    issue = {"severity": severity, "code": code, "diagnostics": words}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def forecast(record: Record, plan: Plan, today: date) -> Page | None:
    """What the plan says of the child today; None while its birth date is not known, or where a day that somebody told
    is none: no forecast is better than a wrong one."""
    facts = _facts(record.children)
    try:
        return _page(record, facts, plan, today) if facts else None
    except ValueError:
        return None


def _page(record: Record, facts: events.ChildRegistered, plan: Plan, today: date) -> Page:
    put_off = {
        group: date.fromisoformat(body.until)
        for body in _deferred(record.not_given)
        if body.outcome == "deferred" and body.until > today.isoformat()
        for group in plan.groups_of(body.vaccine, today)
    }
    given = [_given(one) for one in record.doses if one.stands and one.given_on]
    return read_page(plan, case_of(record.children[0].child_id, facts, given, plan, today), put_off)


def _facts(children: Iterable[Child]) -> events.ChildRegistered | None:
    """What was registered of the child: of linked records the first that knows a birth date."""
    for one in children:
        try:
            date.fromisoformat(str(one.body.get("birth_on")))
            return msgspec.convert({"name": "", "sex": "", **one.body}, events.ChildRegistered)
        except (ValueError, msgspec.ValidationError):  # not known yet, or a field of tomorrow's shape
            continue
    return None


def _given(one: Dose) -> doses.Dose:
    vaccine, number = str(one.body.get("vaccine", "")), one.body.get("dose_no") or 0
    facts = {"expiry_on": one.body.get("expiry_on", "")}
    return doses.Dose(one.dose_id, one.child_id, vaccine, number, one.given_on, one.clinic, facts)


def _deferred(told: Iterable[wire.Event]) -> Iterator[events.DoseDeferred]:
    for one in told:
        try:
            yield msgspec.json.decode(one.body, type=events.DoseDeferred)
        except UNREADABLE:
            continue


def _patient(one: Child, linked: tuple[Child, ...]) -> Resource:
    body, status = one.body, one.body.get("register_status", "")
    guardians = body.get("guardians") or []
    return _filled(
        resourceType="Patient",
        id=_id(one.child_id),
        extension=[
            _coded_extension("ethnic-group", body.get("ethnic"), tables.ethnic_groups()),
            _coded_extension("register-status", status, tables.register_statuses()),
        ],
        identifier=[_identifier(number) for number in body.get("identifiers") or []],
        active=status not in (_MOVED_OUT, _DEAD),
        name=[{"text": body["name"]}] if body.get("name") else [],
        telecom=[_phone(who["phone"]) for who in guardians if who.get("phone")],
        gender=_GENDER.get(body.get("sex", ""), "unknown"),
        birthDate=_day(body.get("birth_on", "")),
        deceasedBoolean=True if status == _DEAD else None,
        address=_address(body),
        multipleBirthInteger=body.get("birth_order") or None,
        contact=[_contact(who) for who in guardians],
        managingOrganization=_clinic(one.clinic),
        link=[{"other": _patient_of(x.child_id), "type": "seealso"} for x in linked if x is not one],
    )


def _immunization(one: Dose, reactions: Iterable[Resource]) -> Resource:
    body = one.body
    elsewhere, package = body.get("elsewhere", ""), body.get("package", "")
    late = bool(body.get("expiry_on")) and body["expiry_on"] < one.given_on
    paid = "public" if body.get("funding", "nip") == "nip" else "private"
    return _filled(
        resourceType="Immunization",
        id=_id(one.dose_id),
        extension=[{"url": "urn:vaxdesk:disputed", "valueBoolean": True}] if one.disputed else [],
        identifier=[{"system": "urn:vaxdesk:trace-code", "value": package}] if package else [],
        status="completed" if one.stands else "entered-in-error",
        vaccineCode=_vaccine(str(body.get("vaccine", ""))),
        patient=_patient_of(one.child_id),
        **_occurrence(one),
        primarySource=not elsewhere,
        reportOrigin={"text": elsewhere} if elsewhere else None,
        location=_clinic(elsewhere or one.clinic),
        manufacturer={"display": body["maker"]} if body.get("maker") else None,
        lotNumber=body.get("lot_no", ""),
        expirationDate=_day(body.get("expiry_on", "")),
        site=_concept("site", body.get("site"), tables.sites()),
        route=_route(body.get("route", "")),
        doseQuantity=_millilitres(body.get("volume_ml")),
        performer=[{"actor": _reference("staff", body["giver"])}] if body.get("giver") else [],
        isSubpotent=True if late else None,
        subpotentReason=[_term("immunization-subpotent-reason", "expired")] if late else [],
        fundingSource=_term("immunization-funding-source", paid),
        reaction=list(reactions),
        protocolApplied=[{"doseNumberPositiveInt": body["dose_no"]}] if body.get("dose_no") else [],
    )


def _not_given(told: wire.Event) -> Iterator[Resource]:
    for body in _deferred([told]):
        reason = _term("v3-ActReason", _NOT_GIVEN.get(body.outcome, "PATOBJ"))
        yield _filled(
            resourceType="Immunization",
            id=_id(told.event_id),
            status="not-done",
            statusReason={**reason, "text": f"{body.outcome}: {body.reason}".removesuffix(": ")},
            vaccineCode=_vaccine(body.vaccine),
            patient=_patient_of(told.subject),
            **_on(told.stated[:10]),
        )


def _reactions(told: Iterable[Reaction]) -> dict[str, list[Resource]]:
    """Dose -> what was seen after it."""
    found: dict[str, list[Resource]] = {}
    for one in told:
        detail = {"display": ", ".join(one.body.get("signs") or ()) or "AEFI", **_reference("aefi", one.aefi_id)}
        for dose in one.body.get("doses") or ():
            found.setdefault(dose, []).append(_filled(date=_day(one.body.get("onset", "")[:10]), detail=detail))
    return found


def _recommended(one: Next) -> Resource:
    due = "overdue" if one.standing == "overdue" else "due"
    dates = {code: getattr(one, name) for code, name in _DATES.items()}
    why = [{"text": "self-paid"}] if one.self_paid else []
    why += [{"text": f"deferred to {one.put_off.isoformat()}"}] if one.put_off else []
    return _filled(
        vaccineCode=[{"coding": [{"system": "urn:vaxdesk:vaccine-group", "code": one.group}], "text": one.name_zh}],
        forecastStatus=_term("immunization-recommendation-status", _STATUS.get(one.status, due)),
        forecastReason=why,
        dateCriterion=[
            {"code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "value": day.isoformat()}
            for code, day in dates.items()
            if day
        ],
        doseNumberPositiveInt=one.number or None,
        seriesDosesPositiveInt=one.doses or None,
    )


def _occurrence(one: Dose) -> Resource:
    """The day, with the clinic's time where it was told and the day was not corrected since."""
    told = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ]([01]\d:[0-5]\d|2[0-3]:[0-5]\d)(:[0-5]\d)?", one.stated)
    if told and told[1] == _day(one.given_on):
        return {"occurrenceDateTime": f"{told[1]}T{told[2]}{told[3] or ':00'}+08:00"}
    return _on(one.given_on)


def _on(day: str) -> Resource:
    return {"occurrenceDateTime": day} if _day(day) else {"occurrenceString": day or "unknown"}


def _day(told: str) -> str:
    """A day as FHIR writes it; "" for what is none."""
    try:
        return date.fromisoformat(told).isoformat()
    except ValueError:
        return ""


def _vaccine(code: str) -> Resource:
    known = tables.vaccines().get(code)
    codings = [{"system": "urn:vaxdesk:vaccine", "code": code}] if code else []
    if known and known.cvx:
        codings.append({"system": "http://hl7.org/fhir/sid/cvx", "code": known.cvx})
    return _filled(coding=codings, text=known.name_zh if known else code or "?")


def _identifier(number: Mapping[str, str]) -> Resource:
    issuer = number.get("issuer", "")
    return _filled(
        system=f"urn:vaxdesk:identifier:{number['kind']}",
        value=number["value"],
        assigner={"display": issuer} if issuer else None,
    )


def _contact(who: Mapping[str, str]) -> Resource:
    role = _RELATION.get(who.get("relation", ""))
    return _filled(
        relationship=[_term("v3-RoleCode", role)] if role else [],
        name={"text": who["name"]} if who.get("name") else None,
        telecom=[_phone(who["phone"])] if who.get("phone") else [],
    )


def _address(body: Mapping[str, Any]) -> list[Resource]:
    area = body.get("area", "")
    said = _filled(
        text=body.get("address", ""), district=tables.area_name(area) if tables.known_area(area) else "", country="CN"
    )
    return [said] if len(said) > 1 else []


def _route(code: str) -> Resource | None:
    concept = _concept("route", code, tables.routes())
    if concept and code in _ROUTE:
        concept["coding"].append({"system": f"{TERMS}/v3-RouteOfAdministration", "code": _ROUTE[code]})
    return concept


def _concept(name: str, code: Any, terms: Mapping[str, tables.Term]) -> Resource | None:
    if not code:
        return None
    known = terms.get(str(code))
    return _filled(
        coding=[{"system": f"urn:vaxdesk:{name}", "code": str(code)}], text=known.name_zh if known else ""
    )  # fmt: skip


def _coded_extension(name: str, code: Any, terms: Mapping[str, tables.Term]) -> Resource | None:
    concept = _concept(name, code, terms)
    return {"url": f"urn:vaxdesk:{name}", "valueCodeableConcept": concept} if concept else None


def _term(system: str, code: str) -> Resource:
    return {"coding": [{"system": f"{TERMS}/{system}", "code": code}]}


def _millilitres(amount: Any) -> Resource | None:
    if not amount:
        return None
    return {"value": amount, "unit": "mL", "system": "http://unitsofmeasure.org", "code": "mL"}


def _phone(number: str) -> Resource:
    return {"system": "phone", "value": number}


def _patient_of(child_id: str) -> Resource:
    return {"reference": f"Patient/{_id(child_id)}"}


def _clinic(code: str) -> Resource | None:
    return _reference("clinic", code) if code else None


def _reference(kind: str, value: str) -> Resource:
    return {"identifier": {"system": f"urn:vaxdesk:{kind}", "value": value}}


def _id(ours: str) -> str:
    """An id as FHIR allows it; ours are, unless somebody told a strange one."""
    return ours if re.fullmatch(r"[A-Za-z0-9.-]{1,64}", ours) else sha256(ours.encode()).hexdigest()


def _filled(**fields: Any) -> Resource:
    """Without what is empty: FHIR has no empty values."""
    kept = {name: [x for x in value if x] if isinstance(value, list) else value for name, value in fields.items()}
    return {name: value for name, value in kept.items() if value is not None and value not in ("", [], {})}
