"""Rows of the program as a whole: cold start, the scan on the screen, memory, the size of the bundle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config import plans
from domain.world import World
from drivers.simulator import ScannerSimulator
from terminal.demo import synthetic
from terminal.store import keyfile
from terminal.store.database import Store
from terminal.usecases.desk import Desk
from terminal.usecases.sign_in import first_staff
from tests.bench import load
from tests.bench.bench import SETTINGS, Bench, new_world
from tests.bench.counter import SCAN_MS, chairs
from tests.bench.figures import Figure, Target, of_times, percentile

_CHILD = "tests.bench.window_child"
_ROOT = Path(__file__).parents[2]
_PACKAGES = ("config", "domain", "drivers", "printing", "sync", "terminal", "tests/bench")
_DEADLINE_S = 600
_START_S = 30  # no more starts are begun after so long
_SETTINGS = """
[clinic]
code = "{clinic.code}"
name = "{clinic.name}"

[[scanners]]
name = "counter"
port = "{port}"
"""
NOW = load.NOW.isoformat()
_DIST = _ROOT / "dist"


def start(bench: Bench) -> Iterator[Figure]:
    """A new process until the sign-in is painted and the scanner is ready. Floor: Python and Qt with an empty window.

    The files are in the system's cache, as on any morning but the first.
    """
    for size in bench.sizes:
        with home(bench, size) as settings:
            if not bench.few:
                for mode in (("empty",), ("start", settings, NOW)):  # compiles, as no installed program does
                    run(bench, _CHILD, *mode)
            started, empty, ends = list[_Run](), list[_Run](), time.monotonic() + _START_S
            while not started or (not bench.few and len(started) < 7 and time.monotonic() < ends):
                empty.append(run(bench, _CHILD, "empty"))
                started.append(run(bench, _CHILD, "start", settings, NOW))
        (times, floor), (cpu, bare) = zip(*map(_wall_and_cpu, (started, empty)), strict=True)
        note = f"computed {min(cpu):.0f} ms, floor {min(bare):.0f}: {min(cpu) / min(bare):.1f}x"
        yield of_times("cold start -> ready to scan", size, times, floor, Target("ratio", 2.5), note=note)


_Run = tuple[float, dict[str, Any]]


def _wall_and_cpu(runs: list[_Run]) -> tuple[list[float], list[float]]:
    return [wall for wall, _ in runs], [said["cpu_ms"] for _, said in runs]


def screen(bench: Bench) -> Iterator[Figure]:
    """A day at the real window: scans until painted, then what it weighs. Floor: one indexed read, one empty repaint;
    for memory, Python and Qt with an empty window."""
    for size in bench.sizes:
        with home(bench, size) as settings:
            _, found = run(bench, _CHILD, "day", settings, NOW)
        target = Target("p99", SCAN_MS.get(size, 60))
        cpu = found["computed"]
        note = f"computed {percentile(cpu, 0.5):.0f} ms, p99 {percentile(cpu, 0.99):.0f}"
        yield of_times("scan -> child on screen", size, found["scans"], found["floor"], target, note=note)
        yield of_times("package scan -> verdict on screen", size, found["verdicts"], found["floor"], target)
        bare, weight = run(bench, _CHILD, "empty")[1]["rss_mib"], found["rss_mib"]
        yield Figure("resident memory after a day", size, "MiB", weight, None, bare, (Target("p50", 200),))


def bundle(bench: Bench) -> Iterator[Figure]:
    """What `make package` left under dist/, if anything."""
    for job, paths, limit in (
        ("terminal bundle, installed", [path for path in _DIST.glob("*/**/*") if path.is_file()], 210),
        ("terminal bundle, archive", [path for path in _DIST.glob("*.*") if path.is_file()], 70),
    ):
        weight = sum(path.lstat().st_size for path in paths) / 2**20
        if weight:
            yield Figure(job, "-", "MiB", weight, None, None, (Target("p50", limit),))


@contextmanager
def home(bench: Bench, size: str, children: int = 200) -> Iterator[str]:
    """A terminal's folder with records of this size, one nurse, a simulated scanner, the day's children and packages;
    its settings file."""
    folder = bench.folder / f"home-{size}"
    (folder / "data").mkdir(parents=True, exist_ok=True)
    world, secret = World(), folder / "data" / "machine.secret"
    wrapped = keyfile.create(load.KEY, world.new_id())
    pc = keyfile.new_machine_secret(secret, world.random)
    keyfile.save(folder / "data" / "key.json", keyfile.with_machine(wrapped, load.KEY, pc, world.random))
    records = load.copy_of(size, folder / "data" / "records.db")
    desk = Desk(Store(records, load.KEY), new_world("home"), SETTINGS, plans.load(SETTINGS.programme))
    _prepare(desk, folder, bench.rounds(children))
    with ScannerSimulator() as gun:
        (folder / "vaxdesk.toml").write_text(_SETTINGS.format(clinic=SETTINGS.clinic, port=gun.port), "utf-8")
        yield str(folder / "vaxdesk.toml")
    records.unlink()


def _prepare(desk: Desk, folder: Path, children: int) -> None:
    nurse, *_ = synthetic.staff()
    assert first_staff(desk, nurse.code, nurse.name, nurse.grades, nurse.pin).ok
    booklet = "SELECT value FROM identifier WHERE child_id = ? AND kind = 'booklet'"
    day = [(c, desk.store.sql(booklet, c)[0][0], package) for c, package in chairs(desk, children, load.SEED)]
    (folder / "day.json").write_text(json.dumps(day))
    desk.store.close()


def run(bench: Bench, module: str, *arguments: str) -> _Run:
    """Milliseconds until the window's process speaks, and what it says."""
    compiled = bench.folder / "compiled"
    kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(compiled)}
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", **kept}
    if not compiled.exists():  # no installed program compiles
        subprocess.run([sys.executable, "-m", "compileall", "-q", *_PACKAGES], cwd=_ROOT, env=env, check=True)
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=_ROOT,
        env=env,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        said = process.stdout.readline()
        took = (time.perf_counter() - began) * 1000
        if process.wait(_DEADLINE_S) or not said:
            raise RuntimeError(f"the window's process failed: {process.returncode}")
    return took, json.loads(said)
