"""`vaxdesk` as a clinic's IT helper meets it: the real program, real files, a real region; words and exit codes."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Client
from pathlib import Path

import pytest

from domain.errors import StoreError
from domain.events import ChildRegistered
from drivers.simulator import ScannerSimulator
from printing.simulator import SimulatedPrinter
from regional import queries
from regional.serve import EmbeddedRegion
from terminal import VERSION, bootstrap
from terminal.commands import control
from terminal.store import keyfile
from terminal.usecases.register_child import register_child
from terminal.usecases.sign_in import sign_in
from tests.region_fixtures import CLINIC

PASSPHRASE, PIN = "correct horse battery", "739152"
CHILD = ChildRegistered("㛃䶮·阿卜杜热合曼", "1", "2026-05-19")


@dataclass(frozen=True)
class Said:
    """What came of a command."""

    code: int
    out: str
    err: str


def vaxdesk(*words: object, home: Path | None = None, lang: str = "en", given: str = "") -> Said:
    """Run the program with `given` on standard input. Nobody is ever shown a stack trace."""
    front = ["--lang", lang] + (["--home", str(home)] if home else [])
    done = subprocess.run(
        [sys.executable, "-m", "terminal", *front, *map(str, words)],
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        env=os.environ | {"PYTHONWARNINGS": "error", "PYTHONIOENCODING": "utf-8"},
        cwd=Path(__file__).parents[2],
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def init(home: Path, *more: str, given: str = f"{PASSPHRASE}\n{PIN}\n") -> Said:
    return vaxdesk("init", "--clinic-code", CLINIC, "--clinic-name", "徐汇测试门诊", *more, home=home, given=given)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A terminal of its own, without a region."""
    said = init(tmp_path / "home")
    assert (said.code, said.err) == (0, "")
    return tmp_path / "home"


@pytest.fixture
def enrolled(region: EmbeddedRegion, tmp_path: Path) -> Path:
    """A terminal that has joined the region; the code was typed, not given on the command line."""
    home = tmp_path / "home"
    assert init(home, "--region", region.url, "--ca", str(region.ca_file)).code == 0
    said = vaxdesk("enrol", home=home, given=region.new_code(clinic=CLINIC) + "\n")
    assert (said.code, said.err) == (0, "")
    return home


@pytest.fixture
def held(home: Path) -> Iterator[Path]:
    """A terminal whose records another program has open."""
    with bootstrap.only_one(bootstrap.find_home(home / "vaxdesk.toml")):
        yield home


def register(home: Path) -> str:
    """What the window does meanwhile: a child is registered. Gives its id."""
    desk = bootstrap.open_desk(bootstrap.find_home(home / "vaxdesk.toml"))
    try:
        actor = sign_in(desk, "admin", PIN).value
        assert actor
        card = register_child(desk, actor, CHILD).value
        assert card
        return card.id
    finally:
        desk.store.close()


def test_version_and_help() -> None:
    assert vaxdesk("--version") == Said(0, f"vaxdesk {VERSION}\n", "")
    english, chinese = vaxdesk("--help"), vaxdesk("--help", lang="zh_CN")
    assert english.code == chinese.code == 0
    assert "one-time code" in english.out and "一次性代码" in chinese.out
    assert "一次性代码" not in english.out
    for command in ("init", "enrol", "staff", "sync", "devices", "print", "backup", "key", "doctor", "region"):
        assert re.search(rf"^    {command}\b", english.out, re.MULTILINE), command


@pytest.mark.parametrize("words", [["fly"], ["sync"], ["backup", "create", "--fast"], ["region", "code"]])
def test_words_that_are_not_understood(words: list[str]) -> None:
    said = vaxdesk(*words)
    assert said.code == 2
    assert said.err.startswith("usage: vaxdesk")


def test_init_makes_a_terminal_for_its_owner_only(home: Path) -> None:
    data = home / "data"
    assert data.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o077 for path in (data / "key.json", data / "machine.secret")} == {
        "key.json": 0,
        "machine.secret": 0,
    }
    assert PASSPHRASE.encode() not in b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_init_twice_changes_nothing(home: Path) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*.*") if path.is_file()}
    said = init(home)
    assert said.code == 1
    assert "nothing was changed" in said.err
    assert all(
        path.read_bytes() == data for path, data in before.items() if path.suffix in {".toml", ".json", ".secret"}
    )


def test_init_goes_on_where_a_weak_pin_left_it(tmp_path: Path) -> None:
    assert init(tmp_path, given="short\n").code == 1
    assert init(tmp_path, given=f"{PASSPHRASE}\n123456\n").code == 1
    assert init(tmp_path, given=f"{PIN}\n").code == 0


def test_no_terminal_here(tmp_path: Path) -> None:
    for words in (["doctor"], ["sync", "now"], ["backup", "create"], ["enrol", "--code", "x"], ["kiosk"]):
        said = vaxdesk(*words, home=tmp_path)
        assert said.code == (3 if words == ["doctor"] else 1)
        assert "vaxdesk init" in said.err + said.out


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = init(tmp_path / "file" / "home")
    assert said.code == 1
    assert str(tmp_path / "file") in said.err


def test_an_unknown_setting_is_named(home: Path) -> None:
    with (home / "vaxdesk.toml").open("a", encoding="utf-8") as file:
        file.write("\n[backup]\nevery_hour = 1\n")
    for lang in ("en", "zh_CN"):
        said = vaxdesk("sync", "status", home=home, lang=lang)
        assert said.code == 1
        assert "every_hour" in said.err and "vaxdesk.toml" in said.err


@pytest.mark.parametrize("words", [["enrol"], ["sync", "now"], ["backup", "restore"], ["key", "machine"], ["kiosk"]])
def test_a_second_one_is_refused(held: Path, words: list[str]) -> None:
    said = vaxdesk(*words, home=held)
    assert said.code == 1
    assert "running already" in said.err


def test_a_running_window_is_asked(held: Path) -> None:
    """`sync now` and `sync status` go through the window's socket; a word it does not know is answered in words."""
    count = {"events": 0, "batches": 0, "oldest_at": "", "last_ack_at": ""}
    answer = {**count, "heard": {"at": "", "remaining": 30, "total": 90}, "code": "sync.never", "params": {}}
    server = control.Control(
        held / "data", {"sync status": lambda: answer, "sync now": lambda: {**answer, "events": 2}}
    )
    server.start()
    try:
        assert "30 of 90 to come" in vaxdesk("sync", "status", home=held).out
        said = vaxdesk("sync", "now", home=held)
        assert said.code == 1
        assert "2 events" in said.out
    finally:
        server.close()


def test_staff_by_command(home: Path) -> None:
    words = ("staff", "add", "--code", "n01", "--name", "张敏", "--grade")
    assert vaxdesk(*words, "general", home=home, given=f"{PIN}\n604817\n").code == 0
    wrong = vaxdesk(*words, "general", home=home, given="111111\n604817\n")
    assert wrong.code == 1 and wrong.err
    both = vaxdesk(*words, "super", "--grade", "auditor", home=home, given=f"{PIN}\n604817\n")
    assert both.code == 1 and both.err
    desk = bootstrap.open_desk(bootstrap.find_home(home / "vaxdesk.toml"))
    try:
        actor = sign_in(desk, "n01", "604817").value
    finally:
        desk.store.close()
    assert actor and (actor.name, actor.grades) == ("张敏", ("general",))


def test_doctor_names_what_is_missing_and_is_content_when_it_is_there(home: Path) -> None:
    ill = vaxdesk("doctor", home=home)
    assert ill.code == 3
    assert "backup create" in ill.out
    assert "start passphrase" in ill.out, "what a thief could read"
    assert vaxdesk("backup", "create", home=home).code == 0
    well = vaxdesk("doctor", home=home)
    assert (well.code, "✗" in well.out) == (0, False)
    (home / "data").chmod(0o755)
    assert "chmod" in vaxdesk("doctor", home=home).out


def test_doctor_in_chinese_names_devices(home: Path) -> None:
    with (home / "vaxdesk.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[scanners]]\nname = "一号枪"\nport = "/dev/no-such-scanner"\n')
        file.write('\n[[printers]]\nname = "一号机"\nkind = "tcp"\naddress = "127.0.0.1:9"\n')
    said = vaxdesk("doctor", home=home, lang="zh_CN")
    assert said.code == 3
    assert "一号枪" in said.out and "一号机" in said.out


def test_devices(home: Path) -> None:
    with ScannerSimulator() as gun:
        with (home / "vaxdesk.toml").open("a", encoding="utf-8") as file:
            file.write(f'\n[[scanners]]\nname = "counter"\nport = "{gun.port}"\n')
        there = vaxdesk("devices", home=home)
        assert there.code == 0
        assert gun.port in there.out
    gone = vaxdesk("devices", home=home)
    assert gone.code == 3
    assert "not connected" in gone.out


def test_print_test_says_what_became_of_it(home: Path) -> None:
    with SimulatedPrinter() as printer:
        with (home / "vaxdesk.toml").open("a", encoding="utf-8") as file:
            file.write(f'\n[[printers]]\nname = "slip"\nkind = "tcp"\naddress = "{printer.address}"\n')
        good = vaxdesk("print", "test", home=home)
        assert (good.code, len(printer.slips)) == (0, 1)
        assert "confirmed" in good.out
        printer.set(paper_out=True)
        empty = vaxdesk("print", "test", home=home)
        assert empty.code == 3
        assert "out of paper" in empty.out
        printer.set(paper_out=False)
        assert len(printer.slips) == 1, "what could not be printed is not printed later"
    assert vaxdesk("print", "test", home=home).code == 3, "switched off"
    other = vaxdesk("print", "test", "--printer", "other", home=home)
    assert other.code == 1
    assert "slip" in other.err


def test_backup_verify_restore(home: Path) -> None:
    child = register(home)
    made = vaxdesk("backup", "create", home=home)
    assert made.code == 0
    assert "1 children" in made.out
    assert vaxdesk("backup", "verify", home=home).code == 0
    restored = vaxdesk("backup", "restore", home=home)
    assert restored.code == 0
    aside = re.search(r"moved to (\S+\.replaced-\S+)\. ", restored.out)
    assert aside and Path(aside[1]).exists()
    desk = bootstrap.open_desk(bootstrap.find_home(home / "vaxdesk.toml"))
    try:
        assert desk.store.sql("SELECT id FROM child") == [(child,)]
    finally:
        desk.store.close()


def test_no_backup_and_a_damaged_one(home: Path) -> None:
    assert vaxdesk("backup", "verify", home=home).code == 1
    assert vaxdesk("backup", "create", home=home).code == 0
    (path,) = (home / "backups").glob("*.vxb")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    said = vaxdesk("backup", "verify", home=home)
    assert said.code == 1
    assert path.name in said.err


def test_another_pc_opens_a_backup_with_the_recovery_passphrase(home: Path, tmp_path: Path) -> None:
    register(home)
    assert vaxdesk("backup", "create", home=home).code == 0
    other = tmp_path / "other"
    shutil.copytree(home, other, ignore=shutil.ignore_patterns("data"))
    wrong = vaxdesk("backup", "restore", "--with-recovery", home=other, given="not the passphrase\n")
    assert wrong.code == 1
    assert "passphrase is wrong" in wrong.err
    right = vaxdesk("backup", "restore", "--with-recovery", home=other, given=f"{PASSPHRASE}\n")
    assert (right.code, right.err) == (0, "")
    assert vaxdesk("sync", "status", home=other).code == 0


def test_a_start_passphrase_is_asked_for_everywhere(home: Path) -> None:
    start = "typed at every start"
    assert vaxdesk("key", "start", home=home, given="short\n").code == 1
    said = vaxdesk("key", "start", home=home, given=f"{start}\n")
    assert said.code == 0
    assert not (home / "data" / "machine.secret").exists()
    for words in (["sync", "status"], ["backup", "create"], ["backup", "verify"], ["doctor"]):
        assert vaxdesk(*words, home=home, given=f"{start}\n").code == 0
        wrong = vaxdesk(*words, home=home, given="something else\n")
        assert wrong.code == (3 if words == ["doctor"] else 1)
        assert "passphrase is wrong" in wrong.err + wrong.out
    assert vaxdesk("key", "machine", home=home, given=f"{start}\n").code == 0
    assert vaxdesk("sync", "status", home=home).code == 0


@pytest.mark.parametrize(
    ("words", "given"), [(["key", "start"], "typed at every start\n"), (["key", "machine"], "")], ids=str
)
def test_a_key_file_that_cannot_be_written_locks_nobody_out(home: Path, words: list[str], given: str) -> None:
    (home / "data" / "key.json.new").mkdir()
    vaxdesk(*words, home=home, given=given)
    assert vaxdesk("sync", "status", home=home).code == 0


def test_who_asks_and_goes_away_leaves_the_window_listening(tmp_path: Path) -> None:
    answered = threading.Event()

    def slow() -> dict[str, int]:
        answered.wait(10)
        return {"events": 1}

    def ill() -> dict[str, int]:
        raise StoreError("store.busy", "later")

    window = control.Control(tmp_path, {"slow": slow, "ill": ill})
    window.start()
    try:
        with Client(control.address(tmp_path), "AF_UNIX") as line:
            line.send_bytes(b"slow")
        answered.set()
        with Client(control.address(tmp_path), "AF_UNIX") as line:
            line.send_bytes(b"x" * 4096)
        assert control.ask(tmp_path, "ill") is None
        assert control.ask(tmp_path, "slow") == {"events": 1}
    finally:
        window.close()


def test_the_recovery_passphrase_opens_what_the_pc_no_longer_does(home: Path) -> None:
    (home / "data" / "machine.secret").unlink()
    lost = vaxdesk("sync", "status", home=home)
    assert lost.code == 1 and "key machine --with-recovery" in lost.err
    assert vaxdesk("key", "machine", "--with-recovery", home=home, given="something else\n").code == 1
    assert vaxdesk("key", "machine", "--with-recovery", home=home, given=f"{PASSPHRASE}\n").code == 0
    assert vaxdesk("sync", "status", home=home).code == 0
    forgotten = vaxdesk("key", "start", "--with-recovery", home=home, given=f"{PASSPHRASE}\na new one to type\n")
    assert forgotten.code == 0
    assert vaxdesk("sync", "status", home=home, given="a new one to type\n").code == 0


def test_a_backup_by_command_is_its_owners_only(home: Path) -> None:
    assert vaxdesk("backup", "create", home=home).code == 0
    for path in (home / "backups", *(home / "backups").iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_a_wrong_clinic_code_leaves_no_settings_behind(tmp_path: Path) -> None:
    wrong = vaxdesk("init", "--clinic-code", "12", home=tmp_path / "new")
    assert wrong.code == 1 and "clinic.code" in wrong.err
    assert init(tmp_path / "new").code == 0


def test_a_port_that_cannot_be_is_said(region: EmbeddedRegion, tmp_path: Path) -> None:
    for port in (region.url.rsplit(":", 1)[1], 99_999):
        said = vaxdesk("region", "serve", "--data", tmp_path / "region", "--dsn", region.dsn, "--port", port)
        assert said.code == 1 and "--port" in said.err


@pytest.fixture
def window(enrolled: Path) -> Iterator[Path]:
    """A counter's window of its own process, with a start passphrase; its control socket answers."""
    assert vaxdesk("key", "start", home=enrolled, given="typed at every start\n").code == 0
    with subprocess.Popen(
        [sys.executable, "-m", "terminal", "--home", str(enrolled)],
        stdin=subprocess.PIPE,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        cwd=Path(__file__).parents[2],
    ) as kiosk:
        assert kiosk.stdin
        kiosk.stdin.write(b"typed at every start\n")
        kiosk.stdin.flush()
        until = time.monotonic() + 30
        while control.ask(enrolled / "data", "sync status") is None:
            assert kiosk.poll() is None and time.monotonic() < until
            select.select([], [], [], 0.1)
        yield enrolled
        kiosk.terminate()


def test_an_enrolled_window_uploads_when_asked_and_is_the_only_one(window: Path) -> None:
    said = vaxdesk("sync", "now", home=window)
    assert (said.code, said.err) == (0, ""), said.out
    assert "Waiting: 0 " in said.out and "never" not in said.out
    second = vaxdesk(home=window, given="typed at every start\n")
    assert second.code == 1 and "running already" in second.err


def test_enrolment_adds_the_regions_slot_to_either_key(region: EmbeddedRegion, home: Path) -> None:
    """Also where the records open by a passphrase only."""
    with (home / "vaxdesk.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[region]\nurl = "{region.url}"\nca_file = "{region.ca_file}"\n')
    assert vaxdesk("key", "start", home=home, given="typed at every start\n").code == 0
    code = region.new_code(clinic=CLINIC)
    assert vaxdesk("enrol", home=home, given=f"typed at every start\n{code}\n").code == 0
    assert keyfile.has(keyfile.load(home / "data" / "key.json"), "escrow")


def test_without_a_region_it_says_so(home: Path) -> None:
    assert "no contact" in vaxdesk("sync", "status", home=home).out
    for words in (["sync", "now"], ["enrol", "--code", "x"]):
        said = vaxdesk(*words, home=home)
        assert said.code == 1
        assert "[region]" in said.err


def test_what_was_recorded_reaches_the_region(region: EmbeddedRegion, enrolled: Path, apply: Callable[[], int]) -> None:
    child = register(enrolled)
    waits = vaxdesk("sync", "status", home=enrolled)
    assert waits.code == 0 and "Waiting: 0 " not in waits.out
    said = vaxdesk("sync", "now", home=enrolled)
    assert (said.code, said.err) == (0, "")
    assert "Waiting: 0 " in said.out
    apply()
    assert queries.child(region.dsn, child)["name"] == CHILD.name
    assert vaxdesk("backup", "create", home=enrolled).code == 0
    assert (well := vaxdesk("doctor", home=enrolled)).code == 0, well.out
    assert "The region answers" in well.out


def test_a_code_is_good_once(region: EmbeddedRegion, enrolled: Path, tmp_path: Path) -> None:
    code = region.new_code(clinic=CLINIC)
    other = tmp_path / "other"
    assert init(other, "--region", region.url, "--ca", str(region.ca_file)).code == 0
    assert vaxdesk("enrol", "--code", "AAAA-BBBB-CCCC", home=other).code == 1
    assert vaxdesk("enrol", "--code", code, home=other).code == 0
    third = tmp_path / "third"
    assert init(third, "--region", region.url, "--ca", str(region.ca_file)).code == 0
    refused = vaxdesk("enrol", "--code", code, home=third)
    assert refused.code == 1 and refused.err


def test_a_region_that_is_not_there(home: Path) -> None:
    with (home / "vaxdesk.toml").open("a", encoding="utf-8") as file:
        file.write('\n[region]\nurl = "https://127.0.0.1:9"\nca_file = "region-ca.pem"\n')
    said = vaxdesk("enrol", "--code", "x", home=home)
    assert said.code == 1
    assert "region-ca.pem" in said.err


def test_a_code_comes_from_a_region_that_is_there(region: EmbeddedRegion, tmp_path: Path) -> None:
    words = ("region", "code", "--name", "徐汇测试门诊", "--clinic")
    nowhere = vaxdesk(*words, CLINIC, "--data", tmp_path / "nothing")
    assert nowhere.code == 1 and "--data" in nowhere.err
    assert not (tmp_path / "nothing").exists()
    short = vaxdesk(*words, CLINIC[:9], "--dsn", region.dsn)
    assert short.code == 1 and CLINIC[:9] in short.err
    given = vaxdesk(*words, CLINIC, "--dsn", region.dsn)
    assert given.code == 0
    assert init(tmp_path, "--region", region.url, "--ca", str(region.ca_file)).code == 0
    assert vaxdesk("enrol", home=tmp_path, given=given.out).code == 0


def test_self_check_from_source() -> None:
    said = vaxdesk("--self-check")
    assert (said.code, "✗" in said.out) == (0, False), said.out


@pytest.mark.parametrize(("language", "said"), [("zh_CN", "无此选择"), ("en", "invalid choice")])
def test_a_wrong_word_is_answered_in_the_language(language: str, said: str) -> None:
    command = [sys.executable, "-m", "terminal", "--lang", language, "nothing"]
    answer = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert answer.returncode == 2 and said in answer.stderr
    assert ("usage" in answer.stderr) == (language == "en")
