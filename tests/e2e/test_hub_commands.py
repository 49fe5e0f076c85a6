"""`vaxdesk hub` as a clinic's IT helper meets it: the real program, its own PostgreSQL, killed and started again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from regional.relay import EVERY_VARIABLE
from regional.serve import EmbeddedRegion
from terminal import bootstrap
from tests.e2e.test_command_line import Said, init, register, vaxdesk
from tests.e2e.test_region_commands import shown, where
from tests.fakes.hubs import until
from tests.region_fixtures import CLINIC

PROJECT = Path(__file__).parents[2]


@dataclass
class Served:
    """A hub that runs: where, and what its screen showed."""

    process: subprocess.Popen[str]
    url: str
    ca: str
    fingerprint: str


@contextmanager
def served(folder: Path, port: int = 0) -> Iterator[Served]:
    words = ["--lang", "en", "hub", "serve", "--data", str(folder), "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "terminal", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=PROJECT,
        env=os.environ | {EVERY_VARIABLE: "0.3"},
    )
    assert process.stdout
    try:
        place = re.search(r"(https://[^;]+); its certificate is (.+)", process.stdout.readline())
        seen = re.search(r": ([0-9A-F ]+)$", process.stdout.readline())
        assert place and seen
        yield Served(process, place[1], place[2], seen[1])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def enrol_hub(folder: Path, region: EmbeddedRegion, *more: str) -> Said:
    words = ("--data", folder, "--region", region.url, "--ca", region.ca_file)
    return vaxdesk("hub", "enrol", *words, "--fingerprint", shown(region), *more)


@pytest.fixture
def code(region: EmbeddedRegion) -> Callable[..., str]:
    def give(*more: str) -> str:
        said = vaxdesk("region", "code", *where(region), "--clinic", CLINIC, "--name", "徐汇测试门诊", *more)
        assert said.code == 0, said.err
        return said.out.strip()

    return give


def test_a_clinic_sets_up_its_hub_and_it_comes_back_after_a_power_cut(
    region: EmbeddedRegion, tmp_path: Path, code: Callable[..., str]
):
    folder, home = tmp_path / "hub", tmp_path / "home"
    assert init(home, "--region", region.url, "--ca", str(region.ca_file)).code == 0
    assert vaxdesk("enrol", home=home, given=region.new_code(clinic=CLINIC) + "\n").code == 0

    early = vaxdesk("hub", "serve", "--data", folder)
    assert early.code == 1 and "vaxdesk hub enrol" in early.err
    wrong = enrol_hub(folder, region, "--code", code())
    assert wrong.code == 1 and "a desk's code" in wrong.err
    done = enrol_hub(folder, region, "--code", code("--hub"))
    assert done.code == 0 and CLINIC in done.out, done.err

    with served(folder) as hub:
        joining = ("hub", "join", "--url", hub.url, "--ca", hub.ca)
        refused = vaxdesk(*joining, "--fingerprint", "0000", home=home)
        assert refused.code == 1 and "fingerprint" in refused.err
        assert vaxdesk("hub", "join", "--url", hub.url, home=home).code == 1
        assert "has not joined" in vaxdesk("doctor", home=home).out
        joined = vaxdesk(*joining, "--fingerprint", hub.fingerprint, home=home)
        assert joined.code == 0 and hub.fingerprint in joined.out, joined.err
        until(lambda: vaxdesk("hub", "status", "--data", folder).code == 0, 30)
        standing = vaxdesk("hub", "status", "--data", folder, lang="zh_CN")
        assert "1 台" in standing.out and region.url in standing.out
        register(home)
        with running(home) as terminal:
            until(lambda: terminal.hub_outbox.last[0] == "sync.ok" and not terminal.hub_outbox.unsent())
            assert terminal.services().hub().code == "hub.ok"
            port = int(hub.url.rpartition(":")[2])
            hub.process.kill()
            until(lambda: terminal.services().hub().code == "hub.unreachable")
            assert terminal.services().hub().level == "look"
            hub.process.wait(30)
            with served(folder, port) as again:
                assert again.fingerprint == hub.fingerprint
                until(lambda: terminal.services().hub().code == "hub.ok", 60)
                told = terminal.hub_outbox.standing()
        with served(folder, port):
            said = vaxdesk("doctor", home=home)
            assert f"The hub answers; it holds {told.last_seq} events" in said.out


@contextmanager
def running(home: Path) -> Iterator[bootstrap.Terminal]:
    """The terminal of this home without its window."""
    at = bootstrap.find_home(home / "vaxdesk.toml")
    with bootstrap.only_one(at):
        terminal = bootstrap.Terminal(at, bootstrap.open_desk(at))
        terminal.start()
        try:
            yield terminal
        finally:
            terminal.stop(20)
