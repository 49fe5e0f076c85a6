"""A change from the settings page leaves what the owner wrote in the file, comments too."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import Scanner, load
from config.settings_edit import put_scanner, set_values
from domain.errors import ConfigError

FILE = """# of the counter at the window
desk = "2"  # the left one
# idle_lock_s = 300

[clinic]
code = "3301060201"
name = "示例 # 社区"   # as on the stamp

[[scanners]]
name = "counter"     # white, with a cable
port = "/dev/ttyACM0"
# it sends a tab
terminator = "\\t"

[[scanners]]
name = "fridge"
port = "/dev/ttyACM1"

[[printers]]
name = "slip"
kind = "tcp"
address = "192.0.2.5:9100"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "vaxdesk.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def changed(path: Path) -> list[tuple[str, str]]:
    """(before, after) of the lines that differ, where none was added."""
    return [(b, a) for b, a in zip(FILE.splitlines(), path.read_text().splitlines(), strict=True) if b != a]


def test_one_value_changes_one_line_and_keeps_its_comment(path: Path):
    assert set_values(path, "", {"desk": "3"}).desk == "3"
    assert changed(path) == [('desk = "2"  # the left one', 'desk = "3"  # the left one')]


def test_a_hash_inside_quotes_is_no_comment(path: Path):
    settings = set_values(path, "clinic", {"name": '新的 "名称" \\ #1'})
    assert settings.clinic.name == load(path).clinic.name == '新的 "名称" \\ #1'
    assert path.read_text().count("# as on the stamp") == 1


def test_a_key_not_there_yet_follows_the_others_of_its_table(path: Path):
    assert set_values(path, "", {"idle_lock_s": 120}).idle_lock_s == 120
    lines = path.read_text().splitlines()
    assert lines[1:4] == ['desk = "2"  # the left one', "idle_lock_s = 120", "# idle_lock_s = 300"]


def test_a_table_not_there_yet_is_added_at_the_end(path: Path):
    assert set_values(path, "backup", {"keep": 30}).backup.keep == 30
    assert path.read_text() == FILE + "\n[backup]\nkeep = 30\n"


def test_a_key_is_taken_out_and_what_was_not_there_needs_no_taking(path: Path):
    assert set_values(path, "", {"desk": None, "idle_lock_s": None}).desk == "1"
    assert path.read_text() == FILE.replace('desk = "2"  # the left one\n', "")


def test_a_known_scanner_is_changed_in_its_place(path: Path):
    settings = put_scanner(path, Scanner("counter", port="/dev/ttyACM0", terminator="\r", gs_proven=True))
    assert [s.name for s in settings.scanners] == ["counter", "fridge"]
    assert (settings.scanners[0].terminator, settings.scanners[0].gs_proven) == ("\r", True)
    assert settings.scanners[1] == Scanner("fridge", port="/dev/ttyACM1")
    text = path.read_text()
    assert "# white, with a cable" in text and "# it sends a tab" in text
    assert "baud" not in text, "what is as ever is not written"


def test_a_new_scanner_is_added_with_what_is_not_as_ever(path: Path):
    settings = put_scanner(path, Scanner("precheck", port="/dev/serial/by-id/usb-示例", gs_substitute="~"))
    assert settings.scanners[2] == Scanner("precheck", port="/dev/serial/by-id/usb-示例", gs_substitute="~")
    assert path.read_text().startswith(FILE)


def test_a_value_that_cannot_be_changes_nothing(path: Path):
    with pytest.raises(ConfigError) as fault:
        set_values(path, "clinic", {"code": "12"})
    assert fault.value.code == "config.bad_setting"
    assert path.read_text() == FILE
    assert [p.name for p in path.parent.iterdir()] == ["vaxdesk.toml"]


@pytest.mark.parametrize(
    "style",
    [
        'clinic = { code = "3301060201", name = "x" }\n',
        'clinic.code = "3301060201"\nclinic.name = "x"\n',
        '[clinic]\ncode = "3301060201"\nname = """x\n[clinic]\nname = "y"\n"""\n',
        '[clinic]\ncode = "3301060201"\n"name" = "x"\n',
    ],
)
def test_a_file_of_another_style_is_refused_not_damaged(path: Path, style: str):
    path.write_text(style, encoding="utf-8")
    with pytest.raises(ConfigError) as fault:
        set_values(path, "clinic", {"name": "z"})
    assert fault.value.code == "config.cannot_edit"
    assert path.read_text() == style


def test_who_may_read_the_file_stays(path: Path):
    path.chmod(0o640)
    set_values(path, "", {"desk": "4"})
    assert path.stat().st_mode & 0o777 == 0o640
