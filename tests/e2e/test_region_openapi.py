"""The OpenAPI document is whole and true: schemathesis asks every endpoint, signed by a terminal and not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from requests.auth import AuthBase
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from domain.wire import request
from domain.world import World
from regional import openapi, queries, staff
from regional.serve import EmbeddedRegion
from sync import crypto
from tests.region_fixtures import Terminal

PASSWORD = "long enough for a machine"
CHECKS = (
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, unsupported_method,
)  # fmt: skip
few = settings(
    max_examples=6, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


class Sign(AuthBase):
    """Each request signed as a terminal does it; FHIR's with a password."""

    def __init__(self, one: Terminal) -> None:
        self._key, self._id, self._world = one.me.key, crypto.key_id(one.me.key.public_key()), one.world

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        assert prepared.method and prepared.path_url
        if prepared.path_url.startswith("/fhir/"):
            return requests.auth.HTTPBasicAuth("fuzz", PASSWORD)(prepared)
        body = prepared.body if isinstance(prepared.body, bytes) else (prepared.body or "").encode()
        path, _, query = prepared.path_url.partition("?")
        created = int(self._world.now().timestamp())
        given = request.SignatureInput(created, self._id, self._world.random(12).hex())
        digest = request.content_digest(body)
        base = request.signature_base(prepared.method, path, query, digest, given)
        prepared.headers.update(request.headers(digest, given, crypto.sign(self._key, base)))
        return prepared


@pytest.fixture
def http(region: EmbeddedRegion) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(region.ca_file)
        yield session


@pytest.fixture
def document(region: EmbeddedRegion, http: requests.Session) -> dict[str, Any]:
    return dict(http.get(f"{region.url}/openapi.json", timeout=20).json())


@pytest.fixture
def fuzzer(region: EmbeddedRegion) -> None:
    with queries.connect(region.dsn) as connection:
        staff.add(connection, "fuzz", "Fuzz", "system", PASSWORD, World())


@pytest.fixture
def schema(region: EmbeddedRegion, document: dict[str, Any]) -> Any:
    loaded = schemathesis.openapi.from_dict(document)
    loaded.config.update(base_url=region.url)
    return loaded


def asked(schema: Any, name: str, ask: Callable[[schemathesis.Case], None]) -> None:
    """Ask one endpoint as the document allows, and as it does not."""
    (operation,) = [
        one
        for one in (found.ok() for found in schema.get_all_operations())
        if f"{one.method.upper()} {one.path}" == name
    ]
    for mode in GenerationMode:
        try:
            few(given(case=operation.as_strategy(generation_mode=mode))(ask))()
        except Unsatisfiable:  # nothing that could be wrong about it
            assert mode is GenerationMode.NEGATIVE


@pytest.mark.parametrize("name", openapi.TOLD)
def test_a_stranger_is_answered_as_written(name: str, schema: Any, http: requests.Session):
    def ask(case: schemathesis.Case) -> None:
        case.validate_response(case.call(session=http, verify=http.verify, timeout=20), checks=[*CHECKS])

    asked(schema, name, ask)


@pytest.mark.parametrize("name", openapi.TOLD)
def test_a_terminal_is_answered_as_written(
    name: str, schema: Any, http: requests.Session, terminal: Callable[..., Terminal], fuzzer: None
):
    http.auth = Sign(terminal())
    seen: set[int] = set()

    def ask(case: schemathesis.Case) -> None:
        answer = case.call(session=http, verify=http.verify, timeout=20)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=[*CHECKS])

    asked(schema, name, ask)
    assert seen - {401}, "the signature was taken"


def test_every_endpoint_is_told_and_nothing_else(document: dict[str, Any]):
    told = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert told == set(openapi.TOLD)
    assert not any("dashboard" in path for path in document["paths"])
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["summary"] and {"200", "503"} <= operation["responses"].keys()


def test_every_reference_leads_somewhere(document: dict[str, Any]):
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= document["components"]["schemas"].keys()
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.validator_for({**schema, "components": document["components"]})


def test_a_sealed_batch_is_bytes_and_a_signature_is_asked_for(document: dict[str, Any]):
    put = document["paths"]["/v1/batches/{terminal_id}/{epoch}/{first}-{last}"]["put"]
    assert put["requestBody"]["content"].keys() == {"application/octet-stream"}
    assert put["security"] == [{"terminal": []}]
    assert {"409", "410", "413", "422", "426"} <= put["responses"].keys()
