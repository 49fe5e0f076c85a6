"""The frozen program: whole, small, and good for a morning against a region from the source tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from regional import queries
from regional.serve import EmbeddedRegion
from terminal.demo.clinic import CODE

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
INSTALLED, ARCHIVE = 210 * MIB, 70 * MIB
BARE = {"HOME": "/nonexistent", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}  # nothing of this environment helps


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder a clinic gets, built as `make package` builds it."""
    made = tmp_path_factory.mktemp("package")
    words = ["--noconfirm", "--log-level", "ERROR", "--distpath", str(made / "dist"), "--workpath", str(made / "build")]
    subprocess.run([sys.executable, "-m", "PyInstaller", *words, "build.spec"], cwd=ROOT, check=True, timeout=600)
    return made / "dist" / "vaxdesk"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRegion]:
    """A whole region from the source tree, its worker too."""
    with EmbeddedRegion(tmp_path_factory.mktemp("region"), temporary=True) as running:
        yield running


def vaxdesk(folder: Path, *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [str(folder / "vaxdesk"), *words]
    return subprocess.run(
        command, env=BARE, cwd=folder.parent, capture_output=True, encoding="utf-8", timeout=timeout, check=False
    )


def test_every_part_works(folder: Path) -> None:
    frozen = vaxdesk(folder, "--lang", "en", "--self-check")
    assert (frozen.returncode, "✗" in frozen.stdout) == (0, False), frozen.stdout + frozen.stderr
    environ = os.environ | {"LANG": "C.UTF-8"}
    command = [sys.executable, "-m", "terminal", "--lang", "en", "--self-check"]
    source = subprocess.run(
        command, env=environ, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60, check=True
    )
    assert frozen.stdout == source.stdout, "the same modules, texts and tables as the source tree"


def test_the_region_stays_away_and_says_so(folder: Path) -> None:
    said = vaxdesk(folder, "--lang", "zh_CN", "region", "serve")
    assert said.returncode == 1
    assert "Traceback" not in said.stderr
    assert "区平台" in said.stderr
    names = " ".join(path.name for path in folder.rglob("*")).lower()
    assert not [part for part in ("psycopg", "fastapi", "pydantic", "uvicorn", "postgres", "qt6qml") if part in names]


def test_size(folder: Path, tmp_path: Path) -> None:
    installed = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    assert installed <= INSTALLED, f"{installed / MIB:.0f} MiB"
    archive = tmp_path / "vaxdesk.tar.xz"
    with tarfile.open(archive, "w:xz", preset=6) as tar:
        tar.add(folder, "vaxdesk")
    assert archive.stat().st_size <= ARCHIVE, f"{archive.stat().st_size / MIB:.0f} MiB"


def test_a_morning_reaches_the_region(folder: Path, elsewhere: EmbeddedRegion, tmp_path: Path) -> None:
    """It registers, records, prints and uploads: every dose is in the region once."""
    place = ["--region", elsewhere.url, "--ca", str(elsewhere.ca_file), "--code", elsewhere.new_code(clinic=CODE)]
    said = vaxdesk(folder, "demo", "--headless", "--json", "--out", str(tmp_path / "out"), *place, timeout=600)
    assert said.returncode == 0, said.stderr
    figures = json.loads(said.stdout.splitlines()[-1])
    assert elsewhere.wait_applied(60)
    held = queries.dose_ids(elsewhere.dsn)
    own = [dose.dose_id for dose in queries.doses(elsewhere.dsn) if not dose.body.get("elsewhere")]  # no old histories
    assert figures["children"] >= 25 and figures["doses_recorded"] >= 40
    assert (figures["lost"], figures["doubled"], queries.doubled(elsewhere.dsn)) == (0, 0, 0)
    assert len(set(held)) == len(held)
    assert len(set(own) & set(held)) == figures["doses_recorded"]
    assert figures["receipts_confirmed"] > 0
    assert list((tmp_path / "out").rglob("*.png"))
