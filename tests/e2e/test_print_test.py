"""`vaxdesk print test` while the counter's window is open: the window prints, and says what became of it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from printing.simulator import SimulatedPrinter
from terminal.commands import control
from tests.region_fixtures import CLINIC

ROOT = Path(__file__).parents[2]
QUIET = os.environ | {"QT_QPA_PLATFORM": "offscreen", "PYTHONIOENCODING": "utf-8"}


def vaxdesk(home: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "terminal", "--lang", "en", "--home", str(home), *words]
    return subprocess.run(
        command, input=given, capture_output=True, text=True, encoding="utf-8", timeout=120, env=QUIET, cwd=ROOT
    )


@pytest.fixture
def papers() -> Iterator[tuple[SimulatedPrinter, SimulatedPrinter]]:
    with SimulatedPrinter() as slip, SimulatedPrinter() as page:
        yield slip, page


@pytest.fixture
def window(tmp_path: Path, papers: tuple[SimulatedPrinter, SimulatedPrinter]) -> Iterator[Path]:
    """An open counter with a printer for each role."""
    home = tmp_path / "home"
    made = vaxdesk(
        home, "init", "--clinic-code", CLINIC, "--clinic-name", "徐汇测试门诊", given="correct horse battery\n739152\n"
    )
    assert made.returncode == 0, made.stderr
    with (home / "vaxdesk.toml").open("a", encoding="utf-8") as file:
        for name, role, paper in (("小票机", "slip", papers[0]), ("laser", "page", papers[1])):
            file.write(f'\n[[printers]]\nname = "{name}"\nkind = "tcp"\nrole = "{role}"\naddress = "{paper.address}"\n')
    command = [sys.executable, "-m", "terminal", "--home", str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=QUIET, cwd=ROOT) as kiosk:
        until = time.monotonic() + 30
        while control.ask(home / "data", "sync status") is None:
            assert kiosk.poll() is None and time.monotonic() < until
            select.select([], [], [], 0.1)
        yield home
        kiosk.terminate()


def test_each_role_has_its_printer_and_the_answer_is_true(
    window: Path, papers: tuple[SimulatedPrinter, SimulatedPrinter]
) -> None:
    slip, page = papers
    for words, name, paper in ((("--printer", "page"), "laser", page), ((), "小票机", slip)):
        said = vaxdesk(window, "print", "test", *words)
        assert (said.returncode, len(paper.slips)) == (0, 1), said.stdout + said.stderr
        assert name in said.stdout and "confirmed" in said.stdout
    slip.set(paper_out=True)
    for _ in range(2):  # the second time the window knows already
        empty = vaxdesk(window, "print", "test", "--printer", "小票机")
        assert empty.returncode == 3
        assert "out of paper" in empty.stdout
    slip.set(paper_out=False)
    again = vaxdesk(window, "print", "test", "--printer", "slip")
    assert (again.returncode, len(slip.slips)) == (0, 2), "what could not be printed did not come out later"
