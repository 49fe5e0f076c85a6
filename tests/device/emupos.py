"""emupos, a slip printer written by others (Apache-2.0), as a judge of our bytes.

It wants Python 3.13, so it lives in a small Debian 13 below .deps/emupos, made once: mmdebstrap and 70 MB from a Debian
mirror, then its wheels by this Python's pip. `prepare` takes a minute or so the first time.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image

VERSION = "0.4.0"
HOME = Path(__file__).parents[2] / ".deps" / "emupos"
ROOT = HOME / "rootfs"
PACKAGES = "/opt/emupos"
_DONE = ROOT / PACKAGES.lstrip("/") / f"ready-{VERSION}"
_SUITE, _PYTHON = "trixie", "3.13"
_FRONT = "/api/v1/devices/front"
_CONFIG = """\
schema: 1
api: {{ host: 127.0.0.1, port: {api} }}
devices:
  - id: front
    type: printer
    profile: xprinter-xp80t
    connections:
      - tcp: {{ port: {port} }}
    receipts_dir: ./receipts
"""
_START = "from emupos.cli.app import main; main()"


class Missing(Exception):
    """What this machine lacks to run emupos."""


def prepare() -> None:
    """Make the small Debian and put emupos in, if that was not done. Raises Missing."""
    if _DONE.exists():
        return
    if os.geteuid():
        raise Missing("needs root, for chroot")
    if not shutil.which("mmdebstrap"):
        raise Missing("needs mmdebstrap (apt-get install mmdebstrap)")
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _DONE.exists():
            _make()


def _make() -> None:
    if not (ROOT / "usr/bin/python3").exists() or _inside("import sys; sys.exit(sys.version_info[:2] != (3, 13))"):
        fresh = HOME / "rootfs.new"
        for old in (fresh, ROOT):
            shutil.rmtree(old, ignore_errors=True)
        debian = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=python3", _SUITE, str(fresh)]
        _do(debian, "needs a Debian mirror")
        fresh.rename(ROOT)
    where = ["--target", str(_DONE.parent), "--python-version", _PYTHON, "--only-binary", ":all:"]
    other = ["--ignore-requires-python", "--upgrade", "--no-compile"]  # it is not this Python that will run it
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *where, *other, f"emupos=={VERSION}"]
    _do(pip, f"needs emupos {VERSION} from a package index")
    _DONE.touch()


def _do(command: list[str], lack: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=150)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no word"]
        raise Missing(f"{lack}: {said[-1]}")


def _python(code: str, *args: str) -> list[str]:
    settings = [f"PYTHONPATH={PACKAGES}", "PYTHONUNBUFFERED=1", "HOME=/root", "LANG=C.UTF-8", "COLUMNS=200"]
    return ["chroot", str(ROOT), "env", "-i", *settings, "/usr/bin/python3", "-c", code, *args]


def _inside(code: str) -> int:
    return subprocess.run(_python(code), capture_output=True).returncode


class Emupos:
    """A running emupos printer; `address` is what a printer's settings want."""

    def __init__(self, port: int, api: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self._api = f"http://127.0.0.1:{api}"

    def fault(self, name: str, active: bool = True) -> None:
        """paper-out, paper-near-end, cover-open or offline."""
        self._ask(f"{_FRONT}/faults/{name}", "PUT" if active else "DELETE")

    def slips(self) -> list[Image.Image]:
        """What came out, in order."""
        found = json.loads(self._ask(f"{_FRONT}/receipts"))
        oldest_first = sorted(found, key=lambda receipt: (receipt["completed_at"], receipt["id"]))
        return [Image.open(BytesIO(self._ask(f"{_FRONT}/receipts/{r['id']}/image"))) for r in oldest_first]

    def wait_slips(self, count: int, deadline_s: float = 20) -> list[Image.Image]:
        """The slips once there are so many."""
        wait_until(lambda: len(self.slips()) >= count, deadline_s)
        return self.slips()

    def _ask(self, path: str, method: str = "GET") -> bytes:
        with urllib.request.urlopen(urllib.request.Request(self._api + path, method=method), timeout=10) as answer:
            data: bytes = answer.read()
        return data


@contextmanager
def running() -> Iterator[Emupos]:
    """emupos with one 80 mm printer of 576 dots, on ports the system chose. `prepare` first."""
    port, api = _free_ports(2)
    with tempfile.TemporaryDirectory(prefix="emupos-", dir=ROOT / "tmp") as folder:
        (Path(folder) / "emupos.yaml").write_text(_CONFIG.format(port=port, api=api))
        config = "/" + str((Path(folder) / "emupos.yaml").relative_to(ROOT))
        command = _python(_START, "run", "--config", config)
        with (Path(folder) / "log").open("w+b") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
            try:
                wait_until(lambda: process.poll() is not None or (_listens(port) and _listens(api)), 30)
                assert process.poll() is None, (Path(folder) / "log").read_text()
                yield Emupos(port, api)
            finally:
                process.terminate()
                process.wait(10)


def wait_until(true: Callable[[], bool], deadline_s: float) -> None:
    """Look until it is so; TimeoutError after the deadline."""
    pause, until = threading.Event(), time.monotonic() + deadline_s
    while not true():
        if time.monotonic() > until:
            raise TimeoutError
        pause.wait(0.05)


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [line.getsockname()[1] for line in held]
    finally:
        for line in held:
            line.close()
