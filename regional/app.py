"""The region's endpoints. Every body is bounded while it streams; every refusal is JSON {code, ...params}."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

import msgspec
import psycopg
from fastapi import Depends, FastAPI, Path, Query, Request, Response

from domain.errors import ConfigError
from domain.wire import batch, signed
from domain.wire.feed import MAX_ROWS
from domain.world import World
from regional import auth, enrolment, feed, hubs, inbox, lookup, reference
from regional.auth import Asked, Refused
from regional.database import Pool
from regional.keys import KeyRing

_log = logging.getLogger(__name__)
_BODY_S = 60
_BUSY = Refused(503, "BUSY", retry_after_s=30)

Name = Annotated[str, Path(pattern=r"^[0-9A-Za-z-]{1,64}$")]
Epoch = Annotated[str, Query(pattern=r"^[0-9A-Za-z-]{0,64}$")]
Token = Annotated[str, Query(max_length=1000)]
Limit = Annotated[int, Query(ge=1, le=MAX_ROWS)]


async def _asked(request: Request) -> Asked:
    """The request with its body, at most MAX_FILE_BYTES, whatever its Content-Length says."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            async for piece in request.stream():
                body += piece
                if len(body) > batch.MAX_FILE_BYTES:
                    raise Refused(413, "TOO_LARGE", limit=batch.MAX_FILE_BYTES)
    except TimeoutError as fault:
        raise Refused(408, "BAD_REQUEST") from fault
    raw_path, query = request.scope["raw_path"].decode("latin-1"), request.url.query
    source = request.client.host if request.client else ""
    return Asked(request.method, raw_path, query, bytes(body), dict(request.headers), source)


Signed = Annotated[Asked, Depends(_asked)]


def create(pool: Pool, keys: KeyRing, world: World, started: Callable[[], None]) -> FastAPI:
    """The application; `started` is called once requests are answered."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan(pool, started))
    app.add_exception_handler(Refused, _refuse)
    app.add_exception_handler(psycopg.OperationalError, _database_down)
    app.add_exception_handler(ConfigError, _keys_down)

    @app.post("/v1/enrolments")
    def enrolments(asked: Signed) -> Response:
        return _json(enrolment.enrol(pool, keys, asked, world))

    @app.post("/v1/registrations")
    def registrations(asked: Signed) -> Response:
        return _answer(signed.encode(enrolment.renew(pool, keys, asked, world)))

    @app.post("/v1/leases")
    def leases(asked: Signed) -> Response:
        return _json(enrolment.lease(pool, keys, asked, world))

    @app.get("/v1/terminals/{terminal_id}/status")
    def status(terminal_id: Name, asked: Signed, epoch: Epoch = "") -> Response:
        return _json(inbox.status(pool, keys, asked, terminal_id, world, epoch))

    @app.put("/v1/batches/{terminal_id}/{epoch}/{first}-{last}")
    def batches(terminal_id: Name, epoch: Name, first: int, last: int, asked: Signed) -> Response:
        return _answer(inbox.receive(pool, keys, asked, (terminal_id, epoch, first, last), world))

    @app.get("/v1/feed")
    def feed_page(asked: Signed, cursor: Token = "", limit: Limit = 500) -> Response:
        return _bytes(feed.page(pool, keys, asked, cursor, limit, world))

    @app.get("/v1/scope-hash")
    def scope_hash(asked: Signed, cursor: Token) -> Response:
        return _answer(feed.scope(pool, keys, asked, cursor, world))

    @app.post("/v1/children/lookup")
    def children_lookup(asked: Signed) -> Response:
        return _bytes(lookup.find(pool, keys, asked, world))

    @app.get("/v1/reference")
    def references(asked: Signed) -> Response:
        return _answer(reference.catalogue(pool, keys, asked, world))

    @app.get("/v1/reference/{name}/{version}")
    def one_reference(name: Name, version: Name, asked: Signed) -> Response:
        return _bytes(reference.document(pool, asked, name, version, world))

    @app.get("/v1/desks")
    def desks(asked: Signed) -> Response:
        return _json(hubs.desks(pool, asked, world))

    @app.get("/v1/keyset")
    def keyset(asked: Signed) -> Response:
        with pool.transaction() as connection:
            generation = auth.terminal(connection, asked, world.now(), expired_too=True).generation
        return _answer(signed.encode(keys.keyset(generation)))

    @app.get("/healthz")
    def healthz() -> Response:
        with pool.transaction() as connection:
            connection.execute("SELECT generation FROM region_state")
        return _answer(b'{"ok":true}')

    return app


def _lifespan(pool: Pool, started: Callable[[], None]) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        started()
        yield
        pool.close()

    return lifespan


def _json(payload: msgspec.Struct) -> Response:
    return _answer(msgspec.json.encode(payload))


def _answer(body: bytes) -> Response:
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


def _bytes(body: bytes) -> Response:
    return Response(body, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def _refusal(refused: Refused) -> Response:
    _log.info("refused: %d %s", refused.status, refused.code)
    headers = {}
    if "retry_after_s" in refused.params:
        headers["Retry-After"] = str(refused.params["retry_after_s"])
    if refused.status in (408, 413):
        headers["Connection"] = "close"  # the rest of the body is not read
    body = msgspec.json.encode({"code": refused.code, **refused.params})
    return Response(body, refused.status, headers, media_type="application/json")


async def _refuse(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, Refused)
    return _refusal(fault)


async def _keys_down(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, ConfigError)
    _log.error("keys: %s", fault.code)
    return _refusal(_BUSY)


async def _database_down(_: Request, fault: Exception) -> Response:
    _log.error("database: %s", type(fault).__name__)
    return _refusal(_BUSY)
