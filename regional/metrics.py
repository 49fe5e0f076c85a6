"""What a watcher needs: /metrics in Prometheus' text format, /readyz with its reasons, and a log of who was answered.

The figures are the database's, so that every API process gives the same; those of the process itself say so. Clinics
stand there by code, terminals only as counts; no person, no address of one.
"""

from __future__ import annotations

import hmac
import logging
import re
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import msgspec
import psycopg
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.world import World, from_utc_text
from regional import administration, database
from regional.administration import Standing, State
from regional.database import Connection, Pool

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
STUCK = timedelta(minutes=15)  # a batch that waits so long is not being applied
_LOCAL = frozenset({"127.0.0.1", "::1"})
_log = logging.getLogger("regional.access")
watch = APIRouter(tags=["Operation"])

Samples = Iterable[tuple[dict[str, str], float]]  # labels and value

_COUNTS = """
SELECT (SELECT coalesce(sum(have_seq), 0) FROM epoch), (SELECT coalesce(sum(safe_seq), 0) FROM epoch),
    (SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM batch WHERE applied_at IS NULL AND problem IS NULL),
    (SELECT count(*) FROM batch WHERE applied_at IS NULL AND problem IS NULL),
    (SELECT count(*) FROM batch WHERE problem IS NOT NULL),
    (SELECT min(received_at) FROM batch WHERE applied_at IS NULL AND problem IS NULL),
    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
    current_setting('max_connections')::int
"""
_QUARANTINE = "SELECT reason, count(*) FROM quarantine GROUP BY 1 ORDER BY 1"
_REVIEWS = "SELECT kind, count(*) FROM review WHERE open GROUP BY 1 ORDER BY 1"


def install(app: FastAPI, pool: Pool, pools: dict[str, Pool], world: World, token_file: Path) -> None:
    """Hang it into the region's application. `pool` reaches the database as vaxdesk_read; `pools` are those of this
    process. Who asks from another machine shows the token of `token_file`; without that file nobody else is answered.
    """
    app.state.watch = (pool, pools, world, token_file)
    app.include_router(watch)
    app.add_middleware(AccessLog)


@watch.get("/metrics")
def metrics(request: Request) -> Response:
    pool, pools, world, token_file = request.app.state.watch
    if not _allowed(request, token_file):
        return Response("not for you\n", 403, media_type="text/plain; charset=utf-8")
    with pool.transaction() as connection:
        text = exposition(connection, world.now())
    busy = (({"pool": name}, float(one.busy)) for name, one in pools.items())
    size = (({"pool": name}, float(one.size)) for name, one in pools.items())
    text += _family("vaxdesk_pool_busy", "gauge", "Connections in use in the process that answers.", busy)
    text += _family("vaxdesk_pool_size", "gauge", "Connections that process may use at once.", size)
    return Response(text, headers={"Cache-Control": "no-store"}, media_type=MEDIA)


@watch.get("/readyz")
def readyz(request: Request) -> Response:
    pool, _, world, _ = request.app.state.watch
    checks = readiness(pool, world.now())
    ready = all(word == "ok" for word in checks.values())
    body = msgspec.json.encode({"ready": ready, "checks": checks})
    headers = {"Cache-Control": "no-store"} | ({} if ready else {"Retry-After": "30"})
    return Response(body, 200 if ready else 503, headers, media_type="application/json")


def readiness(pool: Pool, now: datetime) -> dict[str, str]:
    """What must be right before requests are sent here: "ok", or what is wrong in a word."""
    try:
        with pool.transaction() as connection:
            done = connection.execute("SELECT max(number) FROM migration").fetchone()
            oldest = connection.execute(_COUNTS).fetchone()
    except psycopg.OperationalError:
        return {"database": "unreachable"}
    assert done and oldest
    waits = oldest[5] is not None and now - oldest[5] > STUCK
    schema = "ok" if done[0] == len(database.MIGRATIONS) else "other_version"
    return {"database": "ok", "schema": schema, "applying": "stuck" if waits else "ok"}


def exposition(connection: Connection, now: datetime) -> str:
    """Everything that the database knows; rates are differences of the counters."""
    row = connection.execute(_COUNTS).fetchone()
    assert row
    received, safe, waiting, queue, refused, oldest, open_, most = row
    standings = administration.standings(connection, now)
    waited = (now - oldest).total_seconds() if oldest else 0.0
    single: Sequence[tuple[str, str, str, float]] = (
        ("vaxdesk_events_received_total", "counter", "Events received and acknowledged.", received),
        ("vaxdesk_events_applied_total", "counter", "Events of batches that were applied.", received - waiting),
        ("vaxdesk_events_safe_total", "counter", "Events that are in the off-site copy too.", safe),
        ("vaxdesk_queue_batches", "gauge", "Sealed batches received and not yet applied.", queue),
        ("vaxdesk_queue_events", "gauge", "Events in those batches.", waiting),
        ("vaxdesk_queue_oldest_seconds", "gauge", "How long the oldest of them has waited.", waited),
        ("vaxdesk_batches_unopened", "gauge", "Batches set aside whole: their key is gone.", refused),
        ("vaxdesk_database_connections", "gauge", "Connections open to this database.", open_),
        ("vaxdesk_database_connections_max", "gauge", "Connections the server allows.", most),
    )
    text = "".join(_family(name, kind, words, [({}, float(value))]) for name, kind, words, value in single)
    many: Sequence[tuple[str, str, Samples]] = (
        ("vaxdesk_quarantine_events", "Events set aside, by reason.", _by("reason", connection, _QUARANTINE)),
        ("vaxdesk_reviews_open", "Findings that wait for a person.", _by("kind", connection, _REVIEWS)),
        ("vaxdesk_terminals", "Terminals, by the state of their registration.", _states(standings)),
        ("vaxdesk_clinic_last_ack_age_seconds", "Since the clinic's last acknowledgement.", _ages(standings, now)),
    )
    return text + "".join(_family(name, "gauge", words, samples) for name, words, samples in many)


def _by(label: str, connection: Connection, statement: str) -> Samples:
    return [({label: word}, float(count)) for word, count in connection.execute(statement.encode())]


def _states(standings: Iterable[Standing]) -> Samples:
    states = [one.state for one in standings]
    return [({"state": word}, float(states.count(word))) for word in get_args(State)]


def _ages(standings: Iterable[Standing], now: datetime) -> Samples:
    """Of each clinic the youngest; one that never sent has none."""
    latest: dict[str, str] = {}
    for one in standings:
        latest[one.clinic] = max(latest.get(one.clinic, ""), one.acked_at)
    return [
        ({"clinic": clinic}, (now - from_utc_text(at)).total_seconds()) for clinic, at in sorted(latest.items()) if at
    ]


def _family(name: str, kind: str, words: str, samples: Samples) -> str:
    """One metric as text. https://prometheus.io/docs/instrumenting/exposition_formats/"""
    lines = [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
    for labels, value in samples:
        inner = ",".join(f'{label}="{_escaped(word)}"' for label, word in labels.items())
        figure = f"{value:.0f}" if value == int(value) else f"{value:.3f}"
        lines.append(f"{name}{{{inner}}} {figure}" if inner else f"{name} {figure}")
    return "\n".join(lines) + "\n"


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _allowed(request: Request, token_file: Path) -> bool:
    if request.client and request.client.host in _LOCAL:
        return True
    try:
        token = token_file.read_text("utf-8").strip()
    except OSError:  # there is none
        return False
    shown = re.sub(r"^Bearer ", "", request.headers.get("authorization", ""), count=1)
    return bool(token) and hmac.compare_digest(shown.encode(), token.encode())


class AccessLog:
    """One line a request: method, the route's pattern, status, milliseconds, bytes. Never the address asked for, for it
    may name a terminal; no query, no peer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, seen = time.monotonic(), {"status": 500, "bytes": 0}

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
            elif message["type"] == "http.response.body":
                seen["bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route: Any = scope.get("route")
            pattern = getattr(route, "path", "-")
            took_ms = (time.monotonic() - begun) * 1000
            _log.info("%s %s %d %.0f ms %d", scope["method"], pattern, seen["status"], took_ms, seen["bytes"])
