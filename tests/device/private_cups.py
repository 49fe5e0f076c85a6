"""A CUPS of our own on the loopback network: the real scheduler and backends, nothing of this machine's printers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.device.emupos import wait_until

_CONF = """\
LogLevel warn
Listen 127.0.0.1:{port}
Browsing Off
DefaultAuthType None
WebInterface No
PreserveJobHistory Yes
<Location />
  Order allow,deny
  Allow all
</Location>
<Location /admin>
  Order allow,deny
  Allow all
</Location>
<Policy default>
  JobPrivateAccess all
  JobPrivateValues none
  SubscriptionPrivateAccess all
  SubscriptionPrivateValues none
  <Limit All>
    Order allow,deny
    Allow all
  </Limit>
</Policy>
"""
_FOLDERS = {
    "ServerRoot": "etc",
    "CacheDir": "cache",
    "StateDir": "state",
    "RequestRoot": "spool",
    "TempDir": "tmp",
    "ServerKeychain": "keys",
}


class Missing(Exception):
    """What this machine lacks to run CUPS."""


class Cups:
    """A running scheduler at `server`, which is what CUPS_SERVER wants."""

    def __init__(self, server: str) -> None:
        self.server = server

    def add(self, name: str, device: str, *options: str) -> None:
        """A raw queue: what we send is what the printer gets."""
        self.do("lpadmin", "-p", name, "-E", "-v", device, "-o", "printer-error-policy=abort-job", *options)

    def do(self, *words: str) -> None:
        done = subprocess.run(words, env=os.environ | {"CUPS_SERVER": self.server}, capture_output=True, text=True)
        assert not done.returncode, done.stderr

    def jobs(self, which: str) -> list[str]:
        told = subprocess.run(
            ("lpstat", "-W", which, "-o"),
            env=os.environ | {"CUPS_SERVER": self.server},
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.split()[0] for line in told.stdout.splitlines()]


@contextmanager
def running() -> Iterator[Cups]:
    """Raises Missing."""
    if os.geteuid():
        raise Missing("needs root, as the scheduler changes its user")
    if not shutil.which("cupsd") or not shutil.which("lp"):
        raise Missing("needs cups and cups-client (apt-get install cups cups-client)")
    with tempfile.TemporaryDirectory(prefix="cups-", dir="/tmp") as folder:
        home = Path(folder)
        home.chmod(0o755)
        port = _free_port()
        for name in {*_FOLDERS.values(), "log"}:
            (home / name).mkdir()
        (home / "tmp").chmod(0o1777)
        (home / "etc/cupsd.conf").write_text(_CONF.format(port=port))
        lines = [f"{key} {home / name}" for key, name in _FOLDERS.items()]
        lines += [f"{name}Log {home / 'log' / name.lower()}" for name in ("Access", "Error", "Page")]
        (home / "etc/cups-files.conf").write_text("\n".join(["SystemGroup root", *lines]) + "\n")
        files = ["-c", str(home / "etc/cupsd.conf"), "-s", str(home / "etc/cups-files.conf")]
        process = subprocess.Popen(["cupsd", "-f", *files], stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: process.poll() is not None or _listens(port), 20)
            assert process.poll() is None, (home / "log/error").read_text()
            yield Cups(f"127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as line:
        port: int = line.getsockname()[1]
        return port
