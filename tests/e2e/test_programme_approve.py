"""A physician approves by the command line; the terminal reckons everyone anew when the month turns."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain.world import World
from terminal import bootstrap
from terminal.commands import line
from terminal.store import recount
from terminal.store.inbox import StoreInbox
from terminal.usecases.register_child import register_child
from terminal.usecases.sign_in import sign_in
from tests.fakes.desk import BOY
from tests.fakes.voices import ELSEWHERE, Voice

PASSPHRASE, PIN = "correct horse battery", "739152"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    answer(monkeypatch, PASSPHRASE, PIN)
    assert line.run(["--lang", "en", "--home", str(tmp_path), "init", "--clinic-code", "3301060201"]) == 0
    return tmp_path


def answer(monkeypatch: pytest.MonkeyPatch, *secrets: str) -> None:
    """What the person types when asked."""
    given = iter(secrets)
    for module in ("init", "programme_approve"):
        monkeypatch.setattr(f"terminal.commands.{module}.secret", lambda _: next(given))


def approve(home: Path, *words: str) -> int:
    return line.run(["--lang", "en", "--home", str(home), "programme", "approve", *words])


def test_what_is_approved_is_no_demonstration_after(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = bootstrap.find_home(home / "vaxdesk.toml")
    desk = bootstrap.open_desk(found)
    names = [*(edition.name for edition in desk.plan.editions), desk.plan.supplement.name]
    assert not desk.approved
    desk.store.close()
    answer(monkeypatch, "000000", *[PIN] * (len(names) + 1))
    assert approve(home, names[0], "--physician", "Dr Wang") == 1, "a wrong PIN"
    assert approve(home, "cn-nip-1978", "--physician", "Dr Wang") == 1
    assert "cn-nip-1978" in capsys.readouterr().err
    for name in names:
        assert approve(home, name, "--physician", "Dr Wang") == 0
    assert capsys.readouterr().out.count("Dr Wang has approved") == len(names)
    desk = bootstrap.open_desk(found)
    assert desk.approved
    desk.store.close()


def test_a_new_month_reckons_everyone_anew_beside_the_work(home: Path) -> None:
    found = bootstrap.find_home(home / "vaxdesk.toml")
    desk = bootstrap.open_desk(found)
    actor = sign_in(desk, "admin", PIN).value
    assert actor and register_child(desk, actor, BOY).ok
    terminal = bootstrap.Terminal(found, desk)

    def months() -> set[str]:
        return {plan[-7:] for (plan,) in desk.store.sql("SELECT plan FROM reckoning")}

    (this_month,) = months()
    terminal.recount()
    desk.world = replace(World(), now=lambda: World().now() + timedelta(days=31))
    desk.clock = "doubtful"
    terminal.recount()
    assert months() == {this_month}, "a day nobody believes turns no month"
    desk.clock = "sure"
    terminal.recount()
    assert months() == {desk.today().isoformat()[:7]} != {this_month}
    voice = Voice(desk.world, "E-1", ELSEWHERE)  # told while everybody is being reckoned, before it is noticed
    voice.dose(voice.child())
    StoreInbox(desk.store, desk.world, desk.clinic).apply_page(voice.told, "cursor")
    terminal.recount()
    assert recount.stale(desk.store, desk.plans.stamp(desk.today())) == []
    terminal.stop()
