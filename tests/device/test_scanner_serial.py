"""The serial driver by itself, and the list of ports."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from serial import Serial, SerialException
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from config.settings import Scanner
from config.texts import LANGUAGES, say
from domain.world import World
from drivers.devices import Port, serial_ports
from drivers.scan import DeviceState, StateChange
from drivers.serial_scanner import SerialScanner
from drivers.simulator import ScannerSimulator
from tests.fakes.inbox import Inbox, in_thread


@contextmanager
def running(scanner: Scanner, inbox: Inbox) -> Iterator[SerialScanner]:
    driver = SerialScanner(scanner, inbox.deliver, World())
    with in_thread(driver):
        yield driver


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (errno.EACCES, DeviceState.NO_PERMISSION),
        (errno.EPERM, DeviceState.NO_PERMISSION),
        (errno.ENOENT, DeviceState.ABSENT),
        (errno.ENXIO, DeviceState.ABSENT),
        (errno.EBUSY, DeviceState.BUSY),
        (errno.EMFILE, DeviceState.FAULTED),
    ],
)
def test_what_the_system_says_when_opening(number: int, state: DeviceState, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the system's boundary, as root is refused nothing."""
    real = os.open

    def refusing(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path == "/dev/ttyACM99":
            raise OSError(number, os.strerror(number), path)
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refusing)
    inbox = Inbox()
    with running(Scanner("gun", "/dev/ttyACM99"), inbox):
        inbox.wait_state(state)
    [change] = inbox.reports
    assert isinstance(change, StateChange)
    assert (change.state, change.detail) == (state, errno.errorcode[number])
    assert all("gun" in say(language, change.code, device="gun", detail=change.detail) for language in LANGUAGES)


@pytest.mark.parametrize("port", ["plain-file", "dev-null"])
def test_what_is_no_serial_port_is_a_fault(port: str, tmp_path: Path) -> None:
    (tmp_path / "plain-file").write_bytes(b"6901234567892\r")
    (tmp_path / "dev-null").symlink_to("/dev/null")
    inbox = Inbox()
    with running(Scanner("gun", str(tmp_path / port)), inbox):
        inbox.wait_state(DeviceState.FAULTED)
    assert inbox.codes == ["device.faulted"]


def test_a_wake_tries_the_port_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.driver.POLL_S", 3600)
    inbox = Inbox()
    with ScannerSimulator() as gun:
        gun.unplug()
        with running(Scanner("gun", gun.port), inbox) as driver:
            inbox.wait_state(DeviceState.ABSENT)
            gun.replug()
            driver.wake.set()
            inbox.wait_state(DeviceState.READY)


def test_what_was_sent_before_the_port_was_open_is_no_scan() -> None:
    inbox = Inbox()
    with ScannerSimulator() as gun:
        gun.scan("last night's")
        with running(Scanner("gun", gun.port), inbox):
            inbox.wait_state(DeviceState.READY)
            gun.scan("this morning's")
            inbox.wait_scans(1)
    assert inbox.payloads == ["this morning's"]


def test_the_ports_that_are_set_up_are_listed_with_their_state(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with ScannerSimulator() as free, ScannerSimulator() as held, Serial(held.port, exclusive=True):
        ports = serial_ports(
            [
                Scanner("free", free.port),
                Scanner("held", held.port),
                Scanner("gone", str(tmp_path / "nothing")),
                Scanner("file", str(tmp_path / "file")),
            ]
        )
    states = {port.name: port.state for port in ports if port.name}
    assert states == {
        "free": DeviceState.READY,
        "held": DeviceState.BUSY,
        "gone": DeviceState.ABSENT,
        "file": DeviceState.FAULTED,
    }


def test_other_ports_are_described_and_never_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the machine has is the system's word: here it has one USB scanner, known by its id too."""
    with ScannerSimulator() as gun, Serial(gun.port, exclusive=True):
        by_id = tmp_path / "usb-ARGOX_SN0001-if00"
        by_id.symlink_to(gun.port)
        info = ListPortInfo(gun.port)
        info.vid, info.pid, info.serial_number, info.description = 0x1A86, 0x5410, "SN0001", "ARGOX"
        monkeypatch.setattr("drivers.devices.BY_ID", tmp_path)
        monkeypatch.setattr(list_ports, "comports", lambda: [info])
        [port] = serial_ports()
        [ours] = serial_ports([Scanner("gun", str(by_id))])
    assert port == Port(gun.port, DeviceState.READY, "", str(by_id), 0x1A86, 0x5410, "SN0001", "ARGOX")
    assert (ours.path, ours.name, ours.state, ours.serial) == (str(by_id), "gun", DeviceState.BUSY, "SN0001")


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("could not open port 'COM9': FileNotFoundError(2, 'The system cannot find the file.', None, 2)", "absent"),
        ("could not open port 'COM3': PermissionError(13, 'Access is denied.', None, 5)", "busy"),
        ("ClearCommError failed (OSError(22, 'The device does not recognize the command.', None, 22))", "absent"),
        (
            "GetOverlappedResult failed (OSError(22, 'A device which does not exist was specified.', None, 433))",
            "faulted",
        ),
    ],
)
def test_what_windows_says_of_a_com_port(words: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyserial's words there, which were read on Windows' own Python under wine; it gives no error number."""

    def refusing(*_: object, **__: object) -> None:
        raise SerialException(words)

    monkeypatch.setattr("drivers.serial_scanner.Serial", refusing)
    inbox = Inbox()
    with running(Scanner("gun", "COM3"), inbox):
        inbox.wait_state(DeviceState(state))
    [change] = inbox.reports
    assert isinstance(change, StateChange)
    assert change.detail.startswith("WinError ")
