"""The region's administrator at the command line: places, keys, a rescued disk; and the fingerprint on both screens."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.wire import signed
from domain.world import World, utc_text
from regional import queries
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from sync.crypto import fingerprint
from terminal import bootstrap
from terminal.store import backup, keyfile
from tests.e2e.test_command_line import PASSPHRASE, init, vaxdesk
from tests.region_fixtures import CLINIC, Terminal

New = Callable[..., Terminal]


def where(region: EmbeddedRegion) -> list[str]:
    return ["--data", str(region.folder), "--dsn", region.dsn]


def code_of(region: EmbeddedRegion) -> str:
    said = vaxdesk("region", "terminal", "add", *where(region), "--clinic", CLINIC, "--name", "徐汇测试门诊")
    assert said.code == 0
    assert shown(region) in said.err
    return said.out.strip()


def shown(region: EmbeddedRegion) -> str:
    return fingerprint(KeyRing(region.folder / "keys", World().now()).root)


def audited(region: EmbeddedRegion) -> list[tuple[str, dict[str, Any]]]:
    with queries.connect(region.dsn) as connection:
        return connection.execute("SELECT action, details FROM region_audit ORDER BY number").fetchall()


def terminal_line(region: EmbeddedRegion, terminal_id: str) -> str:
    said = vaxdesk("region", "terminal", "list", *where(region))
    assert said.code == 0, said.err
    return next(line for line in said.out.splitlines() if line.startswith(terminal_id))


@pytest.fixture
def home(region: EmbeddedRegion, tmp_path: Path) -> Path:
    """A terminal with its settings, not enrolled."""
    assert init(tmp_path / "home", "--region", region.url, "--ca", str(region.ca_file)).code == 0
    return tmp_path / "home"


# -- the fingerprint -------------------------------------------------------------------------------------------------


def at_a_screen(home: Path, code: str, answer: str) -> tuple[int, str]:
    """`vaxdesk enrol` on a real terminal; exit code and what the person saw."""
    me, other = pty.openpty()
    words = [sys.executable, "-m", "terminal", "--home", str(home), "--lang", "en", "enrol"]
    with subprocess.Popen(words, stdin=other, stdout=other, stderr=other, start_new_session=True) as enrolling:
        os.close(other)
        seen = read_until(me, "One-time code:")
        os.write(me, code.encode() + b"\n")
        seen += read_until(me, "(y/n)")
        os.write(me, answer.encode() + b"\n")
        exit_code = enrolling.wait(60)
        seen += read_until(me, "")
    os.close(me)
    return exit_code, seen


def read_until(line: int, wanted: str) -> str:
    """What a screen shows up to `wanted`, or to the end for ""."""
    seen, until = b"", time.monotonic() + 60
    while time.monotonic() < until and select.select([line], [], [], 60)[0]:
        try:
            seen += os.read(line, 4096)
        except OSError:  # the other side closed
            break
        if wanted and wanted.encode() in seen:
            break
    return seen.decode()


def test_the_person_compares_the_fingerprint_and_a_no_changes_nothing(region: EmbeddedRegion, home: Path) -> None:
    code = code_of(region)
    exit_code, seen = at_a_screen(home, code, "n")
    assert exit_code == 1 and shown(region) in seen and "not enrolled" in seen
    assert "no contact" in vaxdesk("sync", "status", home=home).out
    assert not keyfile.has(keyfile.load(home / "data" / "key.json"), "escrow")
    exit_code, seen = at_a_screen(home, code, "y")  # the same code is still good for this terminal
    assert (exit_code, "Enrolled as" in seen) == (0, True)
    assert vaxdesk("sync", "now", home=home).code == 0


def test_a_script_gives_the_fingerprint_and_another_one_stops_it(region: EmbeddedRegion, home: Path) -> None:
    code = code_of(region)
    other = fingerprint(b"another region")
    refused = vaxdesk("enrol", "--code", code, "--fingerprint", other, home=home)
    assert refused.code == 1 and "own screen" in refused.err
    typed = shown(region).lower().replace(" ", "")
    assert vaxdesk("enrol", "--code", code, "--fingerprint", typed, home=home).code == 0


# -- places ----------------------------------------------------------------------------------------------------------


def test_the_list_says_how_each_terminal_stands(region: EmbeddedRegion, terminal: New) -> None:
    one = terminal()
    line = terminal_line(region, one.me.terminal_id)
    assert CLINIC in line and "active; 0 facts, last acknowledged -; program -" in line
    one.outbox.give("child")
    one.sync()
    one.outbox.give("child")
    one.sync()
    line = terminal_line(region, one.me.terminal_id)
    assert re.search(
        r"active; 2 facts, last acknowledged \d{4}-\d\d-\d\dT.+Z; program vaxdesk/0\.1\.0, clock [+-]0\.", line
    )
    assert f"registered until {one.place.registration.not_after[:10]}" in line
    with queries.connect(region.dsn) as connection:
        keys = KeyRing(region.folder / "keys", World().now())
        past = utc_text(World().now() - timedelta(days=1))
        gone = signed.Registration(one.me.terminal_id, CLINIC, "x", "1", "0" * 16, past, past)
        document = signed.encode(keys.sign("registration", gone))
        connection.execute(
            "UPDATE terminal SET registration = %s WHERE terminal_id = %s", (document, one.me.terminal_id)
        )
    assert "registration expired" in terminal_line(region, one.me.terminal_id)


def test_revoked_by_command_and_said_on_the_terminal_in_words(region: EmbeddedRegion, home: Path) -> None:
    assert vaxdesk("enrol", "--code", code_of(region), home=home).code == 0
    desk = bootstrap.open_desk(bootstrap.find_home(home / "vaxdesk.toml"))
    terminal_id = desk.store.sql("SELECT terminal_id FROM head")[0][0]
    desk.store.close()
    said = vaxdesk("region", "terminal", "revoke", terminal_id, *where(region))
    assert said.code == 0 and terminal_id in said.out
    assert "revoked" in terminal_line(region, terminal_id)
    refused = vaxdesk("sync", "now", home=home)
    assert refused.code == 1
    assert "All records stay on this PC; call the region" in refused.err
    nobody = vaxdesk("region", "terminal", "revoke", "nobody", *where(region))
    assert nobody.code == 1 and "nobody" in nobody.err
    assert ("terminal.revoked", {"terminal_id": terminal_id}) in audited(region)
    code = next(details for action, details in audited(region) if action == "code.given")
    assert code == {"clinic": CLINIC, "desk": "1", "hub": False}


# -- keys ------------------------------------------------------------------------------------------------------------


def test_keys_are_rotated_by_command_while_the_region_runs(region: EmbeddedRegion, terminal: New) -> None:
    one = terminal()
    before = vaxdesk("region", "keys", "list", *where(region))
    assert before.code == 0 and shown(region) in before.out and before.out.count("\n") == 4
    after = vaxdesk("region", "keys", "rotate", "--overlap-days", "30", *where(region))
    assert after.code == 0, after.err
    assert after.out.count("sealing") == after.out.count("signing") == 2 and after.out.count("escrow") == 1
    one.outbox.give("child")
    assert one.sync().received_upto == 1
    action, details = audited(region)[-1]
    assert (action, details["overlap_days"]) == ("keys.rotated", 30)
    nowhere = vaxdesk("region", "keys", "rotate", "--data", region.folder / "nothing")
    assert nowhere.code == 1 and not (region.folder / "nothing").exists()


# -- a rescued disk --------------------------------------------------------------------------------------------------


def rescue(region: EmbeddedRegion, key: Path, out: Path, *more: str, given: str = "four words of rescue\n") -> Any:
    people = more or ("--by", "R1", "--with", "R2")
    words = ["--key", str(key), "--out", str(out), "--reason", "the PC burnt", *people]
    return vaxdesk("region", "escrow-open", *where(region), *words, given=given)


def test_a_rescued_disk_is_opened_by_two_and_audited(region: EmbeddedRegion, home: Path, tmp_path: Path) -> None:
    """The PC's secret and both passphrases are gone; the disk, or a backup, and the region's key are left."""
    assert vaxdesk("enrol", "--code", code_of(region), home=home).code == 0
    vaxdesk("region", "keys", "rotate", "--use", "escrow", *where(region))  # the slot's own key stays good
    assert vaxdesk("backup", "create", home=home).code == 0
    (home / "data" / "machine.secret").unlink()
    assert vaxdesk("backup", "verify", home=home).code == 1
    said = rescue(region, home / "data" / "key.json", tmp_path / "key.json")
    assert said.code == 0, said.err
    wrapped = keyfile.load(home / "data" / "key.json")
    dek = keyfile.unlock_passphrase(wrapped, "recovery", PASSPHRASE)
    assert keyfile.unlock_passphrase(keyfile.load(tmp_path / "key.json"), "recovery", "four words of rescue") == dek
    assert dek.hex() not in said.out + said.err
    actions = [(action, details) for action, details in audited(region) if action.startswith("escrow.")]
    assert [action for action, _ in actions] == ["escrow.asked", "escrow.opened"]
    assert actions[0][1]["by"] == "R1" and actions[0][1]["with"] == "R2"
    assert actions[0][1]["reason"] == "the PC burnt" and actions[0][1]["db_id"] == wrapped.db_id

    (tmp_path / "key.json").rename(home / "data" / "key.json")
    given = "four words of rescue\n"
    assert vaxdesk("key", "machine", "--with-recovery", home=home, given=given).code == 0
    assert vaxdesk("sync", "now", home=home).code == 0

    copy = backup.backups(home / "backups", World().now())[-1]
    said = rescue(region, backup.key_of(copy), tmp_path / "new.key")
    assert said.code == 0
    (tmp_path / "new.key").rename(backup.key_of(copy))
    assert vaxdesk("backup", "restore", "--with-recovery", home=home, given=given).code == 0


def test_what_escrow_refuses(region: EmbeddedRegion, home: Path, tmp_path: Path) -> None:
    before = len([1 for action, _ in audited(region) if action == "escrow.opened"])
    key, out = home / "data" / "key.json", tmp_path / "out.json"
    assert "key.no_escrow_slot" not in rescue(region, key, out).err
    assert rescue(region, key, out).code == 1, "never enrolled: there is nothing for the region to open"
    assert vaxdesk("enrol", "--code", code_of(region), home=home).code == 0
    alone = rescue(region, key, out, "--by", "R1", "--with", " r1")
    assert alone.code == 1 and "two different people" in alone.err
    assert rescue(region, key, out, given="short\n").code == 1
    assert rescue(region, key, key).code == 1, "nothing is overwritten"
    foreign = tmp_path / "foreign"
    KeyRing(foreign / "keys", World().now())
    words = ["--data", str(foreign), "--dsn", region.dsn, "--by", "R1", "--with", "R2", "--reason", "x"]
    said = vaxdesk("region", "escrow-open", *words, "--key", key, "--out", out, given="four words of rescue\n")
    assert said.code == 1 and "--data" in said.err
    assert audited(region)[-1][0] == "escrow.refused"
    assert not out.exists()
    assert len([1 for action, _ in audited(region) if action == "escrow.opened"]) == before


# -- a database of one's own -----------------------------------------------------------------------------------------


def test_a_database_is_prepared_by_its_owner(new_dsn: Callable[[], str]) -> None:
    dsn = new_dsn()
    for _ in range(2):
        said = vaxdesk("region", "init-db", "--dsn", dsn)
        assert said.code == 0 and "vaxdesk_worker" in said.out, said.err
    with queries.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM region_state").fetchone() == (1,)


# -- documents and copies --------------------------------------------------------------------------------------------


def test_a_document_is_published_and_the_recipients_of_a_lot_are_listed(
    region: EmbeddedRegion, terminal: New, apply: Callable[[], int], tmp_path: Path
) -> None:
    one = terminal()
    dose = one.outbox.give("child-lot", lot_no="B77")
    one.sync()
    apply()
    file = tmp_path / "lots.json"
    file.write_text('{"lots": [{"lot_no": "B77", "reason": "torn vials"}]}')
    words = ["publish", "recalled-lots", file, "--effective", "2026-11-22", *where(region)]
    for lang, wanted in (("en", "in force from 2026-11-22"), ("zh_CN", "自 2026-11-22 起生效")):
        said = vaxdesk("region", *words, lang=lang)
        assert said.code == 0 and wanted in said.out, said.err
    assert vaxdesk("region", "publish", "no/name", file, "--effective", "2026-11-22", *where(region)).code == 1
    nothing = vaxdesk("region", "publish", "notices", tmp_path / "none", "--effective", "2026-11-22", *where(region))
    assert nothing.code == 1 and "cannot be read" in nothing.err
    found = vaxdesk("region", "recipients", "B77", *where(region))
    assert found.out.split("\t")[:3] == [CLINIC, "child-lot", dose] and "1 doses" in found.err
    assert vaxdesk("region", "recipients", "B78", *where(region)).out == ""
    told = [(action, details.get("lot_no") or details.get("name")) for action, details in audited(region)]
    assert ("reference.published", "recalled-lots") in told and ("recipients.listed", "B77") in told


def test_a_copy_is_made_read_and_put_back_in_words(
    region: EmbeddedRegion, terminal: New, tmp_path: Path, new_dsn: Callable[[], str]
) -> None:
    one = terminal()
    one.outbox.give("child-copied")
    one.sync()
    copy, other = tmp_path / "copy", new_dsn()
    made = vaxdesk("region", "backup", copy, *where(region))
    assert made.code == 0 and "read back" in made.out, made.err
    read = vaxdesk("region", "verify", copy, *where(region), lang="zh_CN")
    assert read.code == 0 and "备份完整" in read.out
    elsewhere = ["--data", str(region.folder), "--dsn", other]
    filled = vaxdesk("region", "restore", copy, *elsewhere)
    assert filled.code == 0 and "Now start the region" in filled.out, filled.err
    assert queries.batches(other) == queries.batches(region.dsn)
    again = vaxdesk("region", "restore", copy, *elsewhere)
    assert again.code == 1 and "empty" in again.err
    with queries.connect(other) as connection:
        before = connection.execute("SELECT generation FROM region_state").fetchone()
    assert vaxdesk("region", "restored", *elsewhere).code == 0
    with queries.connect(other) as connection:
        assert connection.execute("SELECT generation FROM region_state").fetchone() != before
        row = connection.execute("SELECT action FROM region_audit ORDER BY number DESC LIMIT 2").fetchall()
    assert row == [("region.restored",)] * 2
    (copy / "backup.json").write_bytes(b"{}")
    damaged = vaxdesk("region", "verify", copy, *where(region))
    assert damaged.code == 1 and "incomplete or changed" in damaged.err


@pytest.mark.parametrize("dsn", ["host=127.0.0.1 port=1 dbname=region user=r password=secret", "nonsense"])
@pytest.mark.parametrize("verb", [("serve", "--port", "0"), ("terminal", "list")])
def test_a_database_that_does_not_answer_is_said_in_words(tmp_path: Path, verb: tuple[str, ...], dsn: str) -> None:
    said = vaxdesk("--lang", "en", "region", *verb, "--data", str(tmp_path), "--dsn", dsn)
    assert said.code == 1 and "PostgreSQL" in said.err
    assert "Traceback" not in said.err and "secret" not in said.err
