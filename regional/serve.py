"""One region: its PostgreSQL, its API processes and its workers, each a process of its own that ends with this one."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal

from psycopg import conninfo

from domain.errors import ConfigError
from domain.world import World
from regional import certificates, database, enrolment, hub_place, queries
from regional.clinics import publish_clinics
from regional.database import Role, as_role
from regional.keys import KeyRing
from regional.postgres import Cluster
from regional.worker import APPLIED

DSN_VARIABLE = "VAXDESK_REGION_DSN"
PAGES_DSN_VARIABLE = f"{DSN_VARIABLE}_READ"
Works = Role | Literal["relay"]  # what a process of ours does
_STOP_S = 15
_LOOK_S = 2.0  # how often a region looks after its processes
_log = logging.getLogger(__name__)


class EmbeddedRegion:
    """A whole region in `folder`, as a context manager. With a `dsn` it uses that database instead of its own cluster.

    `port` 0: the system chooses. `quiet`: log only what is wrong. `url`, `ca_file` and `dsn` are
    valid inside. Raises ConfigError.
    """

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        names: tuple[str, ...] = (),
        dsn: str | None = None,
        api_processes: int = 1,
        workers: int = 1,
        temporary: bool = False,
        quiet: bool = False,
        world: World | None = None,
    ) -> None:
        self.folder = folder
        self.dsn = dsn or ""
        self._own = not dsn
        self._host, self._port, self._names = host, port, names
        self._api_processes = api_processes
        self._works: list[Works] = ["worker"] * workers
        self._temporary = temporary
        self._quiet = ["--quiet"] if quiet else []
        self._world = world or World()
        self._cluster: Cluster | None = None
        self._stack = ExitStack()
        self._apis: list[subprocess.Popen[bytes]] = []
        self._working: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"https://{self._host}:{self._port}"

    @property
    def ca_file(self) -> Path:
        return self.folder / "tls" / "ca.pem"

    def __enter__(self) -> EmbeddedRegion:
        with ExitStack() as stack:
            if self._own:
                self._cluster = stack.enter_context(Cluster(self.folder, temporary=self._temporary))
                database.create(self._cluster.dsn("postgres"), "region")
                self.dsn = self._cluster.dsn()
            prepare(self.folder, self.dsn, (*self._names, self._host), self._world)
            stack.callback(self._end_all)
            self.start_api()
            for role in self._works:
                self._working.append(self._spawn(role))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def start_api(self) -> None:
        """Answer requests, again on the same port after `stop_api` or `kill`."""
        with self._listen() as listener:
            self._port = listener.getsockname()[1]
            for _ in range(self._api_processes):
                self._apis.append(self._spawn("api", str(listener.fileno()), keep=listener))

    def _listen(self) -> socket.socket:
        try:
            if not 0 <= self._port <= 65535:
                raise OSError
            return socket.create_server((self._host, self._port), backlog=256)
        except OSError as fault:
            raise ConfigError("region.no_port", host=self._host, port=self._port) from fault

    def stop_api(self) -> None:
        """End the API processes in order; their port then refuses connections."""
        _end(*self._apis)
        self._apis = []

    def _end_all(self) -> None:
        _end(*self._apis, *self._working)
        self._apis, self._working = [], []

    def tend(self) -> int:
        """Start again what has died, the database first; gives how many. Raises ConfigError when one does not."""
        revived = self._cluster.tend() if self._cluster else False
        dead = [process for process in (*self._apis, *self._working) if process.poll() is not None]
        if any(process in self._apis for process in dead):
            self.stop_api()  # the others hold the port: all begin anew
            self.start_api()
        for process in dead:
            if process in self._working:
                _end(process)
                at = self._working.index(process)
                self._working[at] = self._spawn(self._works[at])
        return len(dead) + revived

    def kill(self) -> None:
        """kill -9 the API processes."""
        for process in self._apis:
            process.kill()
        self.stop_api()

    def new_code(self, *, clinic: str, desk: str = "1", name: str = "", hub: bool = False) -> str:
        """A one-time enrolment code for a desk of the clinic with this ten-digit code, or for its hub."""
        with queries.connect(self.dsn) as connection:
            named = name or clinic
            code = enrolment.new_code(connection, self._world, clinic=clinic, name=named, desk=desk, hub=hub)
            publish_clinics(connection, KeyRing(self.folder / "keys", self._world.now()), self._world)
            return code

    def wait_applied(self, deadline_s: float) -> bool:
        """Wait until every batch received is applied; False when the deadline passed first."""
        until = time.monotonic() + deadline_s
        with queries.connect(self.dsn) as connection:
            connection.execute(f"LISTEN {APPLIED}")
            while queries.unapplied(self.dsn):
                if time.monotonic() >= until:
                    return False
                for _ in connection.notifies(timeout=min(1.0, until - time.monotonic()), stop_after=1):
                    pass
        return True

    def _dsn_of(self, role: Works) -> str:
        """With no more rights than the process needs: a login of its own where one is given or the database is ours,
        else by stepping down from `dsn`. A hub's relay is its owner: it learns places and documents."""
        if role == "relay":
            return self.dsn
        if given := os.environ.get(f"{DSN_VARIABLE}_{role.upper()}"):
            return given
        return conninfo.make_conninfo(self.dsn, user=f"vaxdesk_{role}") if self._own else as_role(self.dsn, role)

    def _reach(self, role: Works) -> dict[str, str]:
        """Where a process finds the database; one that answers people's browsers does so as vaxdesk_read."""
        pages = {PAGES_DSN_VARIABLE: self._dsn_of("read")} if role == "api" else {}
        return {DSN_VARIABLE: self._dsn_of(role), **pages}

    def _spawn(self, role: Works, *more: str, keep: socket.socket | None = None) -> subprocess.Popen[bytes]:
        """A process of ours: it ends when its standard input closes, says "ready" on its standard output."""
        process = subprocess.Popen(
            [sys.executable, "-m", "regional", role, "--data", str(self.folder), *self._quiet, *more],
            env={**os.environ, **self._reach(role)},  # it may hold a password: not on the command line
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(keep.fileno(),) if keep else (),
            start_new_session=True,
        )
        assert process.stdout
        with process.stdout as said:
            if said.readline() != b"ready\n":
                _end(process)
                raise ConfigError("region.process_failed", role=role)
        return process


def prepare(folder: Path, dsn: str, names: tuple[str, ...], world: World) -> None:
    """Schema, keys, certificates and the list of clinics, made where they are missing. A hub hands on the region's
    list."""
    folder.mkdir(parents=True, exist_ok=True)
    database.migrate(dsn, world)
    keys = KeyRing(folder / "keys", world.now())
    if not hub_place.is_hub(folder):
        with queries.connect(dsn) as connection:
            publish_clinics(connection, keys, world)
    certificates.ensure(folder / "tls", names, world.now())


def serve(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    names: tuple[str, ...] = (),
    dsn: str | None = None,
    api_processes: int = 1,
    workers: int = 1,
    ready: Callable[[EmbeddedRegion], None] = lambda _: None,
    kind: type[EmbeddedRegion] | None = None,
) -> None:
    """Run a region, or another `kind` of it, until SIGINT or SIGTERM. `ready` is told when requests are answered.
    Raises ConfigError."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    region = (kind or EmbeddedRegion)(
        folder, host=host, port=port, names=names, dsn=dsn, api_processes=api_processes, workers=workers
    )
    with region:
        ready(region)
        while not stop.wait(_LOOK_S):
            try:
                if died := region.tend():
                    _log.error("%d processes had died and were started again", died)
            except ConfigError as fault:
                _log.error("cannot start again: %s", fault.code)


def _end(*processes: subprocess.Popen[bytes]) -> None:
    """All together: each ends when its input closes, or is killed."""
    for process in processes:
        assert process.stdin
        process.stdin.close()
    for process in processes:
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
