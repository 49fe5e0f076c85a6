"""The envelope, a lost badge and a forgotten PIN from the command line, as an administrator types them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from terminal import bootstrap
from terminal.commands import line
from terminal.usecases.sign_in import sign_in
from terminal.usecases.staff_badge import badge_holder
from terminal.usecases.staff_emergency import break_glass
from terminal.usecases.staff_pin import change_pin
from tests.fakes.stories import codes, made

BOSS_PIN, NURSE_PIN, CHOSEN = "739152", "583920", "907341"
CODE = re.compile(r"\b(?:[0-9A-Z]{5}-){3}[0-9A-Z]{5}\b")
Vaxdesk = Callable[..., tuple[int, str]]


@pytest.fixture
def vaxdesk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Vaxdesk:
    """Run a command with lines for its questions; gives exit code and what it printed."""

    def run(*words: str, answers: tuple[str, ...] = (BOSS_PIN,)) -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(answers) + "\n"))
        done = line.run(["--home", str(tmp_path), "--lang", "en", *words])
        printed = capsys.readouterr()
        return done, printed.out + printed.err

    return run


@pytest.fixture
def envelope(vaxdesk: Vaxdesk) -> str:
    """A new terminal with a nurse; the code it printed for the envelope."""
    done, said = vaxdesk("init", "--admin", "boss", answers=("the recovery paper", BOSS_PIN))
    assert done == line.DONE
    added = vaxdesk(
        "staff", "add", "--by", "boss", "--code", "n01", "--name", "张敏", "--grade", "general",
        answers=(BOSS_PIN, NURSE_PIN),
    )  # fmt: skip
    assert added[0] == line.DONE
    (code,) = CODE.findall(said)
    return str(code)


def test_init_prints_the_code_that_opens_the_emergency_seat(envelope: str, vaxdesk: Vaxdesk, tmp_path: Path) -> None:
    desk = bootstrap.open_desk(bootstrap.find_home(tmp_path / "vaxdesk.toml"))
    assert made(break_glass(desk, envelope, "李红", CHOSEN)).code == "EMERGENCY-1"
    desk.store.close()
    done, said = vaxdesk("staff", "emergency-code", "--by", "boss")
    assert (done, "Review that use first" in said, CODE.findall(said)) == (line.FAILED, True, [])
    assert "without a review" in vaxdesk("doctor")[1]


def test_a_new_code_makes_the_one_before_void(envelope: str, vaxdesk: Vaxdesk, tmp_path: Path) -> None:
    done, said = vaxdesk("staff", "emergency-code", "--by", "boss")
    assert done == line.DONE
    (fresh,) = CODE.findall(said)
    desk = bootstrap.open_desk(bootstrap.find_home(tmp_path / "vaxdesk.toml"))
    assert codes(break_glass(desk, envelope, "李红", CHOSEN).problems) == ["emergency.wrong"]
    assert break_glass(desk, fresh, "李红", CHOSEN).ok
    desk.store.close()


def test_a_badge_is_replaced_and_a_pin_given(envelope: str, vaxdesk: Vaxdesk, tmp_path: Path) -> None:
    assert "VXS:1:N01-2:" in vaxdesk("staff", "badge", "--by", "boss", "--code", "n01")[1]
    done, said = vaxdesk("staff", "reset-pin", "--by", "boss", "--code", "n01")
    (given,) = re.findall(r"\b\d{8}\b", said)
    assert done == line.DONE
    desk = bootstrap.open_desk(bootstrap.find_home(tmp_path / "vaxdesk.toml"))
    assert codes(badge_holder(desk, "N01").problems) == ["badge.blocked"]
    assert made(badge_holder(desk, "N01-2")).code == "n01"
    assert codes(sign_in(desk, "n01", given).problems) == ["pin.must_change"]
    assert made(change_pin(desk, "n01", given, CHOSEN)).name == "张敏"
    desk.store.close()


def test_who_may_not_is_told_and_nothing_is_printed(envelope: str, vaxdesk: Vaxdesk) -> None:
    for words in (("emergency-code",), ("badge", "--code", "boss"), ("reset-pin", "--code", "boss")):
        done, said = vaxdesk("staff", *words, "--by", "n01", answers=(NURSE_PIN,))
        assert done == line.FAILED and "may not manage staff" in said


def test_the_only_administrator_helps_herself_with_the_passphrase_of_the_safe(
    envelope: str, vaxdesk: Vaxdesk, tmp_path: Path
) -> None:
    words = ("staff", "reset-pin", "--with-recovery", "--code")
    done, said = vaxdesk(*words, "boss", answers=("not that paper",))
    assert (done, re.findall(r"\b\d{8}\b", said)) == (line.FAILED, []) and "passphrase is wrong" in said
    done, said = vaxdesk(*words, "n01", answers=("the recovery paper",))
    assert (done, "only to an open account that manages staff" in said) == (line.FAILED, True)
    done, said = vaxdesk(*words, "boss", answers=("the recovery paper",))
    assert done == line.DONE
    (given,) = re.findall(r"\b\d{8}\b", said)
    desk = bootstrap.open_desk(bootstrap.find_home(tmp_path / "vaxdesk.toml"))
    assert codes(sign_in(desk, "boss", BOSS_PIN).problems) == ["sign_in.wrong"]
    assert codes(sign_in(desk, "boss", given).problems) == ["pin.must_change"]
    made(change_pin(desk, "boss", given, CHOSEN))
    rows = desk.store.sql("SELECT actor, action, subject FROM audit WHERE actor = 'recovery' ORDER BY seq")
    assert rows == [("recovery", "staff.recovery_failed", ""), ("recovery", "staff.pin_recovered", "boss")]
    desk.store.close()
