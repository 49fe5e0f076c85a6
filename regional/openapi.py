"""The OpenAPI document at /openapi.json: what FastAPI knows of the endpoints and, here as data, what it cannot see:
signed bodies, answers and refusals. The pages for people are no part of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import FastAPI, Response

from domain.wire.batch import MAX_FILE_BYTES
from domain.wire.signed import SignedDocument
from regional import exchange, metrics, records
from sync.messages import Desks, EnrolmentAnswer, EnrolmentRequest, LeaseAnswer, LeaseRequest, LookupRequest, Status

Schema = dict[str, Any]
JSON, BINARY = "application/json", "application/octet-stream"
_REF = "#/components/schemas/{name}"
_ANY: Schema = {"type": "object", "description": "A resource of FHIR R4 (http://hl7.org/fhir/R4)."}
_OPAQUE: Schema = {"type": "string", "format": "binary"}
_TEXT: Schema = {"type": "string"}
_WORDS = {
    400: "The body cannot be read, or says what may not be asked",
    401: "The signature is missing, wrong, stale (CLOCK) or used before (REPLAYED), or the terminal is not known",
    403: "The terminal may not: REVOKED, EXPIRED, FOREIGN, CLONED",
    404: "There is none",
    405: "Not this method",
    408: "The body came too slowly",
    409: "Told differently from what the region has; the code says how",
    410: "START_OVER: what was asked for is not kept so long",
    413: "Too large; the code's `limit` in bytes",
    422: "Not as agreed: a part of the address, a signature, a chain or a seal",
    426: "UPGRADE: `oldest` is the oldest program still served",
    429: "Too often; again after Retry-After seconds",
    503: "The database is down or busy; again after Retry-After seconds",
}
_ALWAYS = (408, 413, 503)


@dataclass(frozen=True)
class Told:
    """One endpoint: what it is for, body and answer as a struct or a schema, and the refusals beside `_ALWAYS`."""

    summary: str
    answer: Any
    refusals: tuple[int, ...] = (401, 403)
    body: Any = None
    media: str = JSON
    auth: str = "terminal"


_SIGNED = SignedDocument
_STATUS: Schema = {"type": "object", "required": ["ok"], "properties": {"ok": {"const": True}}}
_READY: Schema = {
    "type": "object",
    "required": ["ready", "checks"],
    "properties": {"ready": {"type": "boolean"}, "checks": {"type": "object", "additionalProperties": _TEXT}},
}
TOLD: dict[str, Told] = {
    "POST /v1/enrolments": Told(
        "A one-time code and a new public key for a place in the region", EnrolmentAnswer,
        (400, 401, 403, 422, 429), EnrolmentRequest,
    ),
    "POST /v1/registrations": Told("A registration for 90 days more; an expired one may ask", _SIGNED),
    "POST /v1/leases": Told("Numbers to give out offline", LeaseAnswer, (400, 401, 403, 409), LeaseRequest),
    "GET /v1/terminals/{terminal_id}/status": Told("Where the region stands with it", Status, (401, 403, 422)),
    "PUT /v1/batches/{terminal_id}/{epoch}/{first}-{last}": Told(
        "A sealed batch (.imb, docs/formats.md), acknowledged after the commit; the same may come again",
        _SIGNED, (401, 403, 409, 410, 422, 426), _OPAQUE | {"maxLength": MAX_FILE_BYTES},
    ),
    "GET /v1/feed": Told(
        "What follows the cursor: a page, then its facts", _OPAQUE, (400, 401, 403, 409, 410, 422), media=BINARY
    ),
    "GET /v1/scope-hash": Told("Hashes of all a clinic should have", _SIGNED, (400, 401, 403, 409, 410, 422)),
    "POST /v1/children/lookup": Told(
        "One child's record for a stated purpose, audited", _OPAQUE, (400, 401, 403, 404, 409, 429),
        LookupRequest, BINARY,
    ),
    "GET /v1/reference": Told("The documents in force", _SIGNED),
    "GET /v1/reference/{name}/{version}": Told(
        "One document, then its content", _OPAQUE, (401, 403, 404, 422), media=BINARY
    ),
    "GET /v1/desks": Told("The desks of its clinic, for a hub", Desks),
    "GET /v1/keyset": Told("The region's public keys, signed by the root", _SIGNED),
    "GET /healthz": Told("Whether this process reaches the database", _STATUS, (), auth=""),
    "GET /readyz": Told("Whether requests may be sent here, and why not", _READY, (), auth=""),
    "GET /metrics": Told("Figures for Prometheus", _TEXT, (403,), media=metrics.MEDIA, auth="token"),
    "POST /fhir/lookup": Told(
        "One child's record as a FHIR R4 Bundle for a stated purpose, audited", _ANY, (400, 401, 403, 404, 409),
        exchange.Ask, exchange.MEDIA, "system",
    ),
    "GET /openapi.json": Told("This document", {"type": "object"}, (), auth=""),
}  # fmt: skip
_SECURITY = {
    "terminal": {
        "type": "apiKey",
        "in": "header",
        "name": "Signature",
        "description": "RFC 9421 by the terminal's key over method, path, query and digest (docs/formats.md).",
    },
    "system": {"type": "http", "scheme": "basic", "description": "An account of the grade `system`."},
    "token": {"type": "http", "scheme": "bearer", "description": "Not asked for on the region's own machine."},
}


def install(app: FastAPI) -> None:
    """Serve the document of all that was hung into the application before."""
    document: dict[str, Any] = {}

    @app.get("/openapi.json", tags=["Operation"])
    def openapi() -> Response:
        if not document:
            document.update(described(app.openapi()))
        return Response(msgspec.json.encode(document), media_type=JSON)


def described(found: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's document with what it cannot see. An endpoint that is not told of here is a mistake: KeyError."""
    structs = [x for told in TOLD.values() for x in (told.answer, told.body) if isinstance(x, type)]
    _, schemas = msgspec.json.schema_components(structs, ref_template=_REF)
    refusal = {"type": "object", "required": ["code"], "properties": {"code": _TEXT}}
    components = found.setdefault("components", {})
    components["schemas"] = {**components.get("schemas", {}), **schemas, "Refusal": refusal}
    components["securitySchemes"] = _SECURITY
    components["schemas"]["Ask"]["properties"]["purpose"] = {"enum": list(records.PURPOSES)}
    components["schemas"]["Ask"]["properties"]["kind"] = {"enum": list(records.KINDS)}
    components["schemas"]["Ask"]["properties"]["value"] = _TEXT | {"minLength": 1, "maxLength": records.LONGEST_VALUE}
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            _describe(operation, TOLD[f"{method.upper()} {path}"], path)
    found["info"] = {
        "title": "Vaxdesk region",
        "version": "1",
        "description": "How terminals and other systems reach it.",
    }
    return found


def _describe(operation: dict[str, Any], told: Told, path: str) -> None:
    operation["summary"] = told.summary
    operation["responses"] = {"200": {"description": "Done", "content": {told.media: {"schema": _schema(told.answer)}}}}
    operation["responses"] |= {str(status): _refused(status, path) for status in sorted((*told.refusals, *_ALWAYS))}
    if told.auth:
        operation["security"] = [{told.auth: []}] + ([{}] if told.auth == "token" else [])
    if told.body is not None:
        media = BINARY if "format" in _schema(told.body) else JSON
        operation["requestBody"] = {"required": True, "content": {media: {"schema": _schema(told.body)}}}


def _refused(status: int, path: str) -> dict[str, Any]:
    schema: Schema = {"$ref": _REF.format(name="Refusal")}
    media = JSON
    if path.startswith("/fhir/") and status != 503:
        schema, media = _ANY, exchange.MEDIA
    elif status == 422:
        schema = {"anyOf": [schema, {"$ref": _REF.format(name="HTTPValidationError")}]}
    elif path == "/readyz":
        schema = _READY
    elif path == "/metrics" and status == 403:
        schema, media = _TEXT, "text/plain; charset=utf-8"
    return {"description": _WORDS[status], "content": {media: {"schema": schema}}}


def _schema(what: Any) -> Schema:
    return {"$ref": _REF.format(name=what.__name__)} if isinstance(what, type) else dict(what)
