"""What a watcher sees of real batches: figures in Prometheus' format, readiness with its reason, a log of nobody."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import psycopg
import pytest
import requests
from fastapi import FastAPI

from domain import events
from domain.world import World
from regional import metrics, queries
from regional.database import Pool
from regional.serve import EmbeddedRegion
from tests.region_fixtures import CLINIC, Terminal

New = Callable[..., Terminal]
Apply = Callable[[], int]
OTHER = "3101150202"
# https://prometheus.io/docs/instrumenting/exposition_formats/
SAMPLE = re.compile(r'^([a-z_]+)(\{[a-z_]+="[^"\\\n]*"\})? (-?[0-9]+(\.[0-9]+)?)$')


def parsed(text: str) -> dict[str, float]:
    """Sample -> value; every line is of the format, every sample of a family told before."""
    assert text.endswith("\n")
    types: dict[str, str] = {}
    found: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types and kind in ("counter", "gauge")
            types[name] = kind
        elif not line.startswith("# HELP "):
            sample = SAMPLE.match(line)
            assert sample, line
            assert sample[1] in types and (types[sample[1]] == "counter") == sample[1].endswith("_total")
            found[sample[1] + (sample[2] or "")] = float(sample[3])
    return found


@pytest.fixture
def http(region: EmbeddedRegion) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(region.ca_file)
        yield session


def figures(region: EmbeddedRegion, http: requests.Session) -> dict[str, float]:
    answer = http.get(f"{region.url}/metrics", timeout=20)
    assert (answer.status_code, answer.headers["content-type"]) == (200, metrics.MEDIA)
    return parsed(answer.text)


def test_the_figures_follow_what_comes_in(region: EmbeddedRegion, terminal: New, apply: Apply, http: requests.Session):
    before = figures(region, http)
    one = terminal()
    for _ in range(7):
        one.outbox.give("child-metrics")
    one.outbox.tell("dose.voided", events.DoseVoided("nobody told it", ""), "child-metrics")
    one.sync()
    came = figures(region, http)
    assert came["vaxdesk_events_received_total"] - before.get("vaxdesk_events_received_total", 0) == 8
    assert (came["vaxdesk_queue_batches"], came["vaxdesk_queue_events"]) == (1, 8)
    assert came["vaxdesk_queue_oldest_seconds"] >= 0
    apply()
    done = figures(region, http)
    assert done["vaxdesk_events_applied_total"] - before["vaxdesk_events_applied_total"] == 8
    assert (done["vaxdesk_queue_batches"], done["vaxdesk_queue_oldest_seconds"]) == (0, 0)
    assert done['vaxdesk_quarantine_events{reason="unknown_dose"}'] == 1
    assert done['vaxdesk_terminals{state="active"}'] >= 1
    assert 0 <= done[f'vaxdesk_clinic_last_ack_age_seconds{{clinic="{CLINIC}"}}'] < 60
    assert done['vaxdesk_pool_size{pool="api"}'] == 8 and done['vaxdesk_pool_busy{pool="pages"}'] == 0
    assert 0 < done["vaxdesk_database_connections"] <= done["vaxdesk_database_connections_max"]


def test_the_age_of_a_clinic_is_that_of_its_youngest_terminal(region: EmbeddedRegion, terminal: New):
    never = terminal(clinic=OTHER)
    one = terminal()
    one.outbox.give("child-age")
    one.sync()
    with queries.connect(region.dsn) as connection:
        found = parsed(metrics.exposition(connection, World().now() + timedelta(days=2)))
    assert found[f'vaxdesk_clinic_last_ack_age_seconds{{clinic="{CLINIC}"}}'] // 3600 == 48
    assert f'vaxdesk_clinic_last_ack_age_seconds{{clinic="{OTHER}"}}' not in found, "it never sent"
    assert never.me.terminal_id not in "".join(found)


def test_no_secret_and_nobody_stands_there(region: EmbeddedRegion, terminal: New, apply: Apply, http: requests.Session):
    one = terminal()
    one.outbox.tell("child.registered", events.ChildRegistered("司徒不见", "1", "2026-11-01"), "child-secret")
    one.sync()
    apply()
    text = http.get(f"{region.url}/metrics", timeout=20).text
    (registered,) = region_rows(region, "SELECT terminal_id, key_id, epoch FROM terminal WHERE terminal_id = %s", one)
    assert not any(secret in text for secret in (*registered, "司徒", "child-secret", "徐汇"))


def region_rows(region: EmbeddedRegion, statement: str, one: Terminal) -> list[tuple[str, ...]]:
    with queries.connect(region.dsn) as connection:
        return connection.execute(statement.encode(), (one.me.terminal_id,)).fetchall()


def test_ready_says_what_is_wrong(region: EmbeddedRegion, terminal: New, apply: Apply, http: requests.Session):
    apply()
    answer = http.get(f"{region.url}/readyz", timeout=20)
    assert (answer.status_code, answer.json()) == (
        200, {"ready": True, "checks": {"database": "ok", "schema": "ok", "applying": "ok"}},
    )  # fmt: skip
    one = terminal()
    one.outbox.give("child-stuck")
    one.sync()
    pool = Pool(region.dsn, size=1)
    assert metrics.readiness(pool, World().now() + 2 * metrics.STUCK)["applying"] == "stuck"
    apply()
    assert metrics.readiness(pool, World().now() + 2 * metrics.STUCK)["applying"] == "ok"
    with psycopg.connect(region.dsn) as connection:
        connection.execute("INSERT INTO migration VALUES (999, 'of tomorrow')")
        connection.commit()
        assert http.get(f"{region.url}/readyz", timeout=20).status_code == 503
        connection.execute("DELETE FROM migration WHERE number = 999")
    pool.close()
    gone = Pool("host=/nowhere dbname=region connect_timeout=1", size=1)
    assert metrics.readiness(gone, World().now()) == {"database": "unreachable"}


@pytest.fixture
def alone(region: EmbeddedRegion) -> Iterator[FastAPI]:
    """The watcher's endpoints without a server, so that another machine can be pretended."""
    app, pool = FastAPI(), Pool(region.dsn, size=1)
    metrics.install(app, pool, {}, World(), region.folder / "metrics.token")

    @app.get("/v1/terminals/{terminal_id}/status")
    def status(terminal_id: str) -> str:
        return terminal_id

    yield app
    pool.close()


def asked(app: FastAPI, path: str, authorization: str = "") -> int:
    """The status of an answer to another machine."""

    async def ask() -> int:
        transport = httpx.ASGITransport(app, client=("192.0.2.7", 40000))
        async with httpx.AsyncClient(transport=transport, base_url="https://region") as client:
            return (await client.get(path, headers={"Authorization": authorization})).status_code

    return asyncio.run(ask())


def test_another_machine_shows_the_token(region: EmbeddedRegion, alone: FastAPI):
    token = region.folder / "metrics.token"
    assert asked(alone, "/metrics") == 403
    token.write_text("")
    assert asked(alone, "/metrics", "Bearer ") == 403
    token.write_text("a long word\n")
    assert asked(alone, "/metrics", "Bearer wrong") == 403
    assert asked(alone, "/metrics", "Bearer a long word") == 200
    token.unlink()


def test_the_log_names_the_route_and_nobody(alone: FastAPI, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "regional.access"):
        asked(alone, "/v1/terminals/0199-secret/status?name=somebody")
        asked(alone, "/no/such/number/110101202611010019")
        asked(alone, "/metrics")
    lines = [record.getMessage() for record in caplog.records if record.name == "regional.access"]
    assert re.fullmatch(r"GET /v1/terminals/\{terminal_id\}/status 200 \d+ ms 13", lines[0])
    assert re.fullmatch(r"GET - 404 \d+ ms \d+", lines[1])
    assert re.fullmatch(r"GET /metrics 403 \d+ ms \d+", lines[2])
    assert not any(word in "".join(lines) for word in ("secret", "somebody", "110101202611010019", "192.0.2.7"))
