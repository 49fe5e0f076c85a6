"""Records for other systems as FHIR R4: one child for a stated purpose, and a clinic's children as NDJSON."""

from __future__ import annotations

import os
import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request, Response

from config import plans, settings
from config.texts import say
from domain.errors import ConfigError
from domain.schedule.plan import Plan
from domain.world import World
from regional import fhir, records, staff
from regional.database import Connection, Pool

MEDIA = "application/fhir+json"
KINDS = ("Patient", "Immunization", "ImmunizationRecommendation")
_MOST_BODY = 4096
exchange = APIRouter(prefix="/fhir", tags=["FHIR"])


class Ask(msgspec.Struct, forbid_unknown_fields=True):
    """A child by one of its numbers, and what for (regional/records.py)."""

    kind: str
    value: str
    purpose: str


class NoRecord(Exception):
    """No record: `status`, FHIR's issue type and our text's code."""

    def __init__(self, status: int, issue: str, code: str) -> None:
        super().__init__(code)
        self.status, self.issue, self.code = status, issue, code


def install(app: FastAPI, pool: Pool, world: World) -> None:
    """Hang it into the region's application. `pool` reaches the database as vaxdesk_read."""
    app.state.exchange = (pool, world)
    app.add_exception_handler(NoRecord, _no_record)
    app.include_router(exchange)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BODY:
            raise NoRecord(413, "too-long", "page.child.incomplete")
    return bytes(body)


@exchange.post("/lookup")
def lookup(request: Request, body: Annotated[bytes, Depends(_body)]) -> Response:
    pool, world = request.app.state.exchange
    who = _who(pool, world, request.headers.get("authorization", ""))
    try:
        asked = msgspec.json.decode(body, type=Ask)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise NoRecord(400, "structure", "page.child.incomplete") from fault
    if not records.askable(asked.kind, asked.value, asked.purpose) or asked.kind == "review":
        raise NoRecord(400, "value", "page.child.incomplete")
    with pool.transaction() as connection:
        found = records.find(connection, who.login, asked.purpose, asked.kind, asked.value, world.now())
    if found.record is None:
        status, issue = (404, "not-found") if found.outcome == "not_found" else (409, "multiple-matches")
        raise NoRecord(status, issue, f"page.child.{found.outcome}")
    base = f"{request.url.scheme}://{request.url.netloc}/fhir/"
    return _answer(fhir.bundle(fhir.resources(found.record, plan(), world.now(), world.today()), base, world.now()))


def _who(pool: Pool, world: World, header: str) -> staff.Staff:
    """HTTP Basic of an account of the grade `system`; each wrong try counts as at the pages' door."""
    login, password = _basic(header)
    with pool.transaction() as connection:
        tried = staff.begin_try(connection, login, world.now()) if login else None
    who = staff.proven(tried, password)
    if who is None:
        raise NoRecord(401, "login", "page.sign_in.wrong")
    with pool.transaction() as connection:
        staff.succeeded(connection, who)
    if not who.may("fhir"):
        raise NoRecord(403, "forbidden", "page.not_allowed")
    return who


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        login, _, password = b64decode(encoded, validate=True).decode().partition(":")
    except (Error, ValueError):
        return "", ""
    return login, password


async def _no_record(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, NoRecord)
    headers = {"WWW-Authenticate": 'Basic realm="Vaxdesk region", charset="UTF-8"'} if fault.status == 401 else {}
    return _answer(fhir.outcome("error", fault.issue, say("en", fault.code)), fault.status, headers)


def _answer(resource: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    headers = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(resource), status, headers, media_type=MEDIA)


@cache
def plan() -> Plan:
    """The plan this region forecasts by: every edition of the national programme that ships, and the self-paid."""
    return plans.load(settings.Programme()).plan


def export(connection: Connection, clinic: str, folder: Path, world: World) -> dict[str, int]:
    """The children of a clinic into Patient.ndjson and so on, readable by nobody else; how many of each.

    Raises ConfigError: "region.bad_clinic"; "region.folder_full" when a file of that name is there.
    """
    if not re.fullmatch(r"[0-9]{10}", clinic):
        raise ConfigError("region.bad_clinic", clinic=clinic)
    counts = dict.fromkeys(KINDS, 0)
    seen: set[str] = set()
    with _files(folder) as files:
        for linked in records.of_clinic(connection, clinic):
            if seen.isdisjoint(linked):
                seen.update(linked)
                for one in _resources(connection, linked, world):
                    files[one["resourceType"]].write(msgspec.json.encode(one) + b"\n")
                    counts[one["resourceType"]] += 1
    return counts


def _resources(connection: Connection, linked: tuple[str, ...], world: World) -> list[fhir.Resource]:
    return fhir.resources(records.of_children(connection, linked), plan(), world.now(), world.today())


@contextmanager
def _files(folder: Path) -> Iterator[dict[str, IO[bytes]]]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        made: dict[str, IO[bytes]] = {}
        for kind in KINDS:
            path = folder / f"{kind}.ndjson"
            try:
                number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError as fault:
                raise ConfigError("region.folder_full", path=str(path)) from fault
            made[kind] = stack.enter_context(os.fdopen(number, "wb"))
        yield made
