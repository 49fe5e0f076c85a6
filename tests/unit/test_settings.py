"""A settings file is read strictly: an error names the file and the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import Settings, load
from config.texts import LANGUAGES, say
from domain.errors import ConfigError

LEAST = '[clinic]\ncode = "3201141003"\nname = "示例门诊"\n'
WHOLE = (
    """
desk = "2"
language = "en"
data = "records"
idle_lock_s = 60
"""
    + LEAST
    + """
zone = "Asia/Urumqi"
booklet_pattern = '34\\d{8}'

[[scanners]]
name = "counter"
port = "/dev/ttyACM0"
gs_proven = true

[[printers]]
name = "slip"
kind = "tcp"
address = "192.0.2.7:9100"

[region]
url = "https://region.example"
ca_file = "ca.pem"

[backup]
directory = "copies"
keep = 3
"""
)


def fault(tmp_path: Path, text: str | bytes) -> ConfigError:
    path = tmp_path / "vaxdesk.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.params["path"] == str(path)
    for language in LANGUAGES:
        assert str(path) in say(language, caught.value.code, **caught.value.params)
    return caught.value


def read(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "vaxdesk.toml").write_text(text)
    return load(tmp_path / "vaxdesk.toml")


def test_the_least_and_the_whole(tmp_path: Path) -> None:
    least, whole = read(tmp_path, LEAST), read(tmp_path, WHOLE)
    assert (least.clinic.zone, least.desk, least.region, least.scanners) == ("Asia/Shanghai", "1", None, ())
    assert (whole.clinic.zone, whole.language, whole.backup.keep) == ("Asia/Urumqi", "en", 3)
    assert (whole.scanners[0].gs_proven, whole.printers[0].dots) == (True, 576)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (LEAST + 'colour = "red"\n', "colour"),
        ("speed = 1\n" + LEAST, "speed"),
        (LEAST + "[backup]\nevery_hours = 3\n", "every_hours"),
        (LEAST + '[[scanners]]\nname = "a"\nport = "b"\nbaudrate = 3\n', "baudrate"),
        ('[clinic]\ncode = "3201141003"\n', "name"),
        (LEAST + "[[printers]]\nname = 'p'\nkind = 'lpt'\naddress = 'x'\n", "printers[0].kind"),
        (LEAST + '[[scanners]]\nname = "a"\nport = "b"\nbaud = 20\n', "scanners[0].baud"),
        (LEAST + "[[scanners]]\nname = 'a'\n", "port"),
        (LEAST + "[[scanners]]\nname = 'a'\nkind = 'hid'\n", "usb"),
        (LEAST + "[[scanners]]\nname = 'a'\nkind = 'hid'\nusb = '1A86:5410'\n", "scanners[0].usb"),
        (LEAST + "[[scanners]]\nname = 'a'\nkind = 'wedge'\ngs_key = 'F13'\n", "scanners[0].gs_key"),
        (LEAST + 2 * "[[scanners]]\nname = 'a'\nkind = 'wedge'\n", "only one can be a wedge"),
        (LEAST + "[backup]\nkeep = 'many'\n", "backup.keep"),
        ("idle_lock_s = '5 min'\n" + LEAST, "idle_lock_s"),
        ('language = "de"\n' + LEAST, "language"),
        ("scanners = 3\n" + LEAST, "scanners"),
        ('[clinic]\ncode = 3201141003\nname = "x"\n', "clinic.code"),
        ('[clinic]\ncode = "320114100"\nname = "x"\n', "clinic.code"),
        ('[clinic]\ncode = "铁心桥社区门诊一"\nname = "x"\n', "clinic.code"),
        (LEAST + 'zone = "Asia/Nowhere"\n', "clinic.zone"),
        (LEAST + 'booklet_pattern = "("\n', "booklet_pattern"),
        ('desk = "1', "Unterminated"),
    ],
)
def test_an_error_names_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    wrong = fault(tmp_path, text)
    assert wrong.code == "config.bad_setting"
    assert key in wrong.params["detail"]


@pytest.mark.parametrize("data", [b"\xff\xfe", b"desk = \x00", b"\x1f\x8b\x08"])
def test_what_is_no_text(tmp_path: Path, data: bytes) -> None:
    assert fault(tmp_path, data).code == "config.bad_setting"


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.toml")
    assert (caught.value.code, caught.value.params) == ("config.no_file", {"path": str(tmp_path / "none.toml")})
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert caught.value.code == "config.bad_setting"
