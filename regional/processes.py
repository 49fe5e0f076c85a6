"""What runs inside the processes of a region."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import uvicorn

from domain.world import World
from regional import app, exchange, hub, hub_place, metrics, openapi, relay, worker
from regional.dashboard import routes as dashboard
from regional.database import Pool
from regional.keys import KeyRing
from regional.patience import Impatient

METRICS_TOKEN = "metrics.token"


def api(folder: Path, dsn: str, listener_fd: int, pages_dsn: str = "") -> None:
    """Answer HTTPS on an open socket until the parent ends; with `pages_dsn` (vaxdesk_read) also people's browsers."""
    world = World()
    pool, pages = Pool(dsn), Pool(pages_dsn, size=4)
    keys = KeyRing(folder / "keys", world.now())
    application = app.create(pool, keys, world, _say_ready)
    if pages_dsn:
        dashboard.install(application, pages, world)
        exchange.install(application, pages, world)
        metrics.install(application, pages, {"api": pool, "pages": pages}, world, folder / METRICS_TOKEN)
        openapi.install(application)
    if hub_place.is_hub(folder):
        hub.install(application, pool, keys, world, folder)
    tls = folder / "tls"
    config = uvicorn.Config(
        application,
        ssl_certfile=tls / "server.pem",
        ssl_keyfile=str(tls / "server.key"),
        http=Impatient,
        loop="asyncio",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=64 * 1024,
    )
    server = uvicorn.Server(config)

    def stop() -> None:
        server.should_exit = True

    _end_with_parent(stop)
    try:
        server.run(sockets=[socket.socket(fileno=listener_fd)])
    finally:
        pages.close()


def work(folder: Path, dsn: str) -> None:
    """Apply batches until the parent ends."""
    worker.collect_seldom()
    stop = threading.Event()
    _end_with_parent(stop.set)
    _say_ready()
    world = World()
    worker.run(dsn, KeyRing(folder / "keys", world.now()), world, stop, judges=not hub_place.is_hub(folder))


def carry(folder: Path, dsn: str, every_s: float) -> None:
    """A hub's line to its region, until the parent ends."""
    stop = threading.Event()
    _end_with_parent(stop.set)
    _say_ready()
    relay.run(folder, dsn, World(), stop, every_s)


def _say_ready() -> None:
    print("ready", flush=True)  # noqa: T201 (the parent reads it)


def _end_with_parent(stop: Callable[[], None]) -> None:
    """Call `stop` when standard input closes: the parent ended, or wants this process to end."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        stop()

    threading.Thread(target=watch, name="parent", daemon=True).start()
