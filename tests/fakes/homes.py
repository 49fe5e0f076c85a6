"""A whole terminal on disk as an administrator leaves it: settings, key file, records, a place in the region."""

from __future__ import annotations

from pathlib import Path

from domain.world import World
from regional.serve import EmbeddedRegion
from sync.worker import Rhythm
from terminal import bootstrap
from terminal.usecases.desk import Actor
from terminal.usecases.sign_in import first_staff
from tests.region_fixtures import CLINIC

NURSE = Actor("N200", "张敏", ("advanced",))
PIN = "583920"
SETTINGS = """
[clinic]
code = "{clinic}"
name = "徐汇测试门诊"
[[printers]]
name = "slip"
kind = "tcp"
address = "{printer}"
[region]
url = "{url}"
ca_file = "ca.pem"
"""
QUICK = Rhythm(debounce_s=0.02, base_s=0.05, cap_s=0.2)


def found_home(
    folder: Path, region: EmbeddedRegion, printer: str, world: World, clinic: str = CLINIC
) -> bootstrap.Home:
    """A new terminal of the clinic, enrolled, with one nurse."""
    folder.mkdir(parents=True)
    (folder / "ca.pem").write_bytes(region.ca_file.read_bytes())
    (folder / "vaxdesk.toml").write_text(SETTINGS.format(clinic=clinic, printer=printer, url=region.url))
    home = bootstrap.find_home(folder / "vaxdesk.toml")
    bootstrap.found_records(home, "correct horse battery staple", world)
    desk = bootstrap.open_desk(home, world=world)
    assert first_staff(desk, NURSE.code, NURSE.name, NURSE.grades, PIN).ok
    bootstrap.enrol_terminal(home, desk, region.new_code(clinic=clinic, name="徐汇测试门诊"))
    desk.store.close()
    return home
