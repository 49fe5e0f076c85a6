"""The scanner wizard and the settings by right, through the real window."""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from config.settings import load
from drivers.devices import Port
from drivers.scan import DeviceState
from terminal.ui.page_audit import AuditSection
from terminal.ui.page_devices import DevicesPage
from terminal.ui.page_programmes import ApproveSheet, ProgrammeSection
from terminal.ui.page_settings import ClinicSection, ClinicSheet, SettingsPage
from terminal.ui.page_staff import PersonSheet, StaffSection, SureSheet, TellSheet
from terminal.ui.pages import COUNTER
from terminal.ui.scanner_sheet import ScannerSheet
from terminal.ui.services import Services
from terminal.usecases.scanner_setup import GS_TEST
from terminal.usecases.sign_in import sign_in
from tests.fakes.desk import ADMIN, ADMIN_PIN
from tests.fakes.screen import Screen, click, shown_texts
from tests.fakes.stories import PIN, Story
from tests.fakes.window_pages import P, keyed, lines, turn

# The scanner wizard


@pytest.mark.parametrize(
    ("sent", "terminator", "said"), [(GS_TEST, "\r", "✓"), (GS_TEST.replace("\x1d", "~"), "\r", "~")]
)
def test_a_new_scanner_is_found_by_scanning_proven_and_written_into_the_settings(
    qtbot: QtBot, clinic: Story, tmp_path: Path, sent: str, terminator: str, said: str
):
    path = tmp_path / "vaxdesk.toml"
    path.write_text('[clinic]\ncode = "3301060201"\nname = "示例"  # as on the stamp\n')
    screen = Screen(qtbot, clinic.made, services=Services(clinic.desk.store.submit, settings_path=path))
    screen.sign_in(ADMIN, ADMIN_PIN)
    page = turn(screen, "devices", DevicesPage)
    screen.press(Qt.Key.Key_F2)
    sheet = page.sheet
    assert isinstance(sheet, ScannerSheet) and not sheet.done_button.isEnabled()
    qtbot.waitUntil(lambda: sheet.port.count() > 1 and not page._tasks.busy, timeout=10_000)
    master, slave = pty.openpty()
    sheet.show_ports([Port(os.ttyname(slave), DeviceState.READY, description="USB scanner")])

    def heard() -> bool:
        os.write(master, f"{sent}{terminator}".encode())
        return sheet.port.value == os.ttyname(slave)

    qtbot.waitUntil(heard, timeout=10_000)
    assert said in sheet.gs.text() and "找到了" in sheet.step.text()
    sheet.name.setText("window")
    screen.press(Qt.Key.Key_F10)
    screen.settle()
    (scanner,) = load(path).scanners
    assert (scanner.name, scanner.port, scanner.gs_proven) == ("window", os.ttyname(slave), True)
    assert scanner.gs_substitute == ("~" if "~" in sent else "")
    assert "# as on the stamp" in path.read_text() and "下次启动" in page.note.said
    os.close(master)
    os.close(slave)


def test_a_scanner_that_loses_gs_is_told_so_and_not_proven(qtbot: QtBot, clinic: Story, tmp_path: Path):
    path = tmp_path / "vaxdesk.toml"
    path.write_text('[clinic]\ncode = "3301060201"\nname = "x"\n[[scanners]]\nname = "counter"\nport = "/dev/null"\n')
    screen = Screen(qtbot, clinic.made, services=Services(clinic.desk.store.submit, settings_path=path))
    screen.sign_in(ADMIN, ADMIN_PIN)
    page = turn(screen, "devices", DevicesPage)
    screen.press(Qt.Key.Key_F2)
    sheet = page.sheet
    assert isinstance(sheet, ScannerSheet)
    qtbot.waitUntil(lambda: not page._tasks.busy, timeout=10_000)
    screen.scan(GS_TEST.replace("\x1d", ""))
    assert sheet.name.text() == "counter" and sheet.gs.text().startswith("✗")
    screen.press(Qt.Key.Key_F10)
    screen.settle()
    assert load(path).scanners[0].gs_proven is False
    click(page, "设置扫描枪")
    screen.press(Qt.Key.Key_Escape)
    assert page.sheet is None


def test_who_may_not_change_settings_sets_no_scanner_up(screen: Screen):
    assert not turn(screen, "devices", DevicesPage)._setup_button.isEnabled()


# Settings


def settings_of(
    qtbot: QtBot, clinic: Story, code: str, pin: str, path: Path | None = None
) -> tuple[Screen, SettingsPage]:
    services = Services(clinic.desk.store.submit, settings_path=path, backed_up_at=lambda: clinic.now)
    screen = Screen(qtbot, clinic.made, services=services)
    screen.sign_in(code, pin)
    return screen, turn(screen, "settings", SettingsPage)


def section(screen: Screen, page: SettingsPage, name: str, kind: type[P]) -> P:
    click(page, page.tabs[name].accessibleName())
    screen.settle()
    assert isinstance(page.section, kind)
    return page.section


def test_settings_are_shown_by_right(qtbot: QtBot, clinic: Story):
    _, admin = settings_of(qtbot, clinic, ADMIN, ADMIN_PIN)
    _, auditor = settings_of(qtbot, clinic, "E400", PIN)
    _, doctor = settings_of(qtbot, clinic, "D300", PIN)
    assert list(admin.sections) == ["clinic", "programme", "staff"]
    assert list(auditor.sections) == ["audit"] and list(doctor.sections) == ["programme"]
    nurse = Screen(qtbot, clinic.made)
    nurse.sign_in()
    nurse.shell.turn_to("settings")
    assert nurse.shell.current == COUNTER


def test_a_setting_is_changed_in_its_file_and_audited(qtbot: QtBot, clinic: Story, tmp_path: Path):
    path = tmp_path / "vaxdesk.toml"
    path.write_text('desk = "2"  # the left one\n[clinic]\ncode = "3301060201"\nname = "示例社区卫生服务中心"\n')
    screen, page = settings_of(qtbot, clinic, ADMIN, ADMIN_PIN, path)
    clinic_section = section(screen, page, "clinic", ClinicSection)
    assert clinic_section.desk.shown["台号"] == "2"
    screen.press(Qt.Key.Key_F2)
    sheet = clinic_section.sheet
    assert isinstance(sheet, ClinicSheet)
    sheet.desk.setText("3")
    sheet.injections.choose("2")
    screen.press(Qt.Key.Key_F10)
    screen.settle()
    settings = load(path)
    assert (settings.desk, settings.programme.max_injections, settings.idle_lock_s) == ("3", 2, 300)
    assert "# the left one" in path.read_text()
    assert clinic_section.desk.shown["一次最多注射"] == "2" and "下次启动" in clinic_section.note.said
    (row,) = clinic.audit("settings.change")
    assert row["keys"] == ["desk", "programme.max_injections"]


def test_a_file_that_cannot_be_changed_says_so_in_the_form(qtbot: QtBot, clinic: Story, tmp_path: Path):
    path = tmp_path / "vaxdesk.toml"
    path.write_text('clinic = { code = "3301060201", name = "示例社区卫生服务中心" }\ndesk = "2"\n')
    screen, page = settings_of(qtbot, clinic, ADMIN, ADMIN_PIN, path)
    clinic_section = section(screen, page, "clinic", ClinicSection)
    screen.press(Qt.Key.Key_F2)
    sheet = clinic_section.sheet
    assert isinstance(sheet, ClinicSheet)
    screen.press(Qt.Key.Key_F10)
    screen.settle()
    assert "没有改动" in sheet.said.text()
    sheet.name.setText("新名称")
    screen.press(Qt.Key.Key_F10)
    screen.settle()
    assert clinic_section.sheet is sheet and "文件没有改变" in sheet.said.text()


def test_a_physician_approves_an_edition_and_it_is_no_demonstration_any_more(qtbot: QtBot, clinic: Story):
    screen, page = settings_of(qtbot, clinic, "D300", PIN)
    programmes = section(screen, page, "programme", ProgrammeSection)
    assert all("演示版" in row[3] for row in lines(programmes.table))
    assert any("M" in row[2] for row in lines(programmes.table))
    for at in range(len(lines(programmes.table))):
        programmes.table.selectRow(at)
        screen.press(Qt.Key.Key_F2)
        sheet = programmes.sheet
        assert isinstance(sheet, ApproveSheet)
        sheet.physician.setText("李 时珍")
        screen.press(Qt.Key.Key_F10)
        screen.settle()
    assert all(row[3].startswith("李 时珍 医师") for row in lines(programmes.table))
    assert clinic.desk.approved


def test_staff_is_added_changed_and_leaves(qtbot: QtBot, clinic: Story):
    screen, page = settings_of(qtbot, clinic, ADMIN, ADMIN_PIN)
    staff = section(screen, page, "staff", StaffSection)
    screen.press(Qt.Key.Key_F2)
    sheet = staff.sheet
    assert isinstance(sheet, PersonSheet)
    sheet.name.setText("曾丽")
    sheet.code.setText("N300")
    screen.press(Qt.Key.Key_F10)
    screen.settle()
    assert sheet.said.text(), "no grade was chosen"
    sheet.grades["general"].setChecked(True)
    screen.press(Qt.Key.Key_F10)
    screen.settle()
    told = staff.sheet
    assert isinstance(told, TellSheet)
    pin = told.secret.text()
    assert "pin.must_change" in [p.code for p in sign_in(clinic.desk, "N300", pin).problems]
    screen.press(Qt.Key.Key_F10)
    screen.settle()
    assert not any(pin in text for text in shown_texts(screen.window)), "shown once"
    staff.within.setText("曾丽")
    assert lines(staff.table)[0][1:5] == ["N300", "接种护士", "N300", "须换 PIN"]
    screen.press(Qt.Key.Key_F7)
    screen.settle()
    assert lines(staff.table)[0][3] == "N300-2"
    assert clinic.desk.store.sql("SELECT count(*) FROM print_job") == [(1,)]
    screen.press(Qt.Key.Key_F8)
    screen.settle()
    assert lines(staff.table)[0][3] == "没有"
    screen.press(Qt.Key.Key_F11)
    assert isinstance(staff.sheet, SureSheet)
    screen.press(Qt.Key.Key_F10)
    screen.settle()
    assert lines(staff.table)[0][4] == "已离岗"
    keyed(screen, staff.table, Qt.Key.Key_Return)
    assert isinstance(staff.sheet, PersonSheet) and staff.sheet.code.isReadOnly()


def test_the_last_administrator_keeps_her_right(qtbot: QtBot, clinic: Story):
    screen, page = settings_of(qtbot, clinic, ADMIN, ADMIN_PIN)
    staff = section(screen, page, "staff", StaffSection)
    staff.within.setText(ADMIN)
    screen.press(Qt.Key.Key_F11)
    screen.press(Qt.Key.Key_F10)
    screen.settle()
    assert isinstance(staff.sheet, SureSheet) and staff.sheet.said.text()


def test_the_auditor_reads_who_did_what_and_that_is_noted(qtbot: QtBot, clinic: Story):
    clinic.visit(clinic.child())
    screen, page = settings_of(qtbot, clinic, "E400", PIN)
    audit = page.section
    assert isinstance(audit, AuditSection)
    assert ["张敏", "开始接种"] in [row[1:3] for row in lines(audit.table)]
    audit.what.choose("visit.open")
    screen.settle()
    assert {row[2] for row in lines(audit.table)} == {"开始接种"}
    audit.begin.setText("2026-11-01")
    audit.end.setText("2026-11-02")
    audit.end.editingFinished.emit()
    screen.settle()
    assert lines(audit.table) == []
    assert len(clinic.audit("audit.read")) >= 3


# All of them
