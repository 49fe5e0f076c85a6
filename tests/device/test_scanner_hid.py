"""The driver of a scanner in keyboard mode, on a fake kernel; the real kernel is in tests/hil."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.settings import Scanner
from domain.world import World
from drivers.devices import scanner_ports
from drivers.hid_scanner import HidScanner
from drivers.keys import DOWN, FUNCTION_KEYS, UP
from drivers.scan import DeviceState, ScanLost
from tests.fakes.inbox import Inbox, in_thread
from tests.fakes.keyboards import SHIFT_KEY, FakeKeyboard, records

GS1 = "]d2" + "0106912345678905\x1d17270131\x1d10A1b2\x1d21{:09d}"


@pytest.fixture
def gun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKeyboard]:
    keyboard = FakeKeyboard(tmp_path, monkeypatch)
    yield keyboard
    keyboard.close()


@contextmanager
def running(inbox: Inbox, **settings: object) -> Iterator[HidScanner]:
    scanner = Scanner(**{"name": "gun", "kind": "hid", "usb": "1a86:5410", "idle_ms": 100} | settings)
    driver = HidScanner(scanner, inbox.deliver, World())
    with in_thread(driver):
        yield driver


@pytest.mark.parametrize("usb", ["1a86:5410", "1a86:5410:SN0001"])
def test_a_scan_arrives_whole_from_the_device_the_settings_name(gun: FakeKeyboard, usb: str) -> None:
    inbox = Inbox()
    with running(inbox, usb=usb):
        inbox.wait_state(DeviceState.READY)
        for number in range(20):
            gun.scan(GS1.format(number) + "\r")
        inbox.wait_scans(20)
    assert [scan.payload for scan in inbox.scans] == [GS1.format(n).removeprefix("]d2") for n in range(20)]
    assert {(scan.symbology, scan.code) for scan in inbox.scans} == {("]d2", "")}
    assert gun.grabs == 1


def test_another_serial_number_is_another_scanner(gun: FakeKeyboard) -> None:
    inbox = Inbox()
    with running(inbox, usb="1a86:5410:SN0002"):
        inbox.wait_state(DeviceState.ABSENT)


def test_tab_as_terminator_and_f8_as_separator(gun: FakeKeyboard) -> None:
    inbox = Inbox()
    with running(inbox, terminator="\t", gs_key="F8"):
        inbox.wait_state(DeviceState.READY)
        gun.scan("10LOT")
        gun.send(records(iter([(FUNCTION_KEYS["F8"], DOWN), (FUNCTION_KEYS["F8"], UP)])))
        gun.scan("21SERIAL\t")
        inbox.wait_scans(1)
    assert (inbox.scans[0].payload, inbox.scans[0].code) == ("10LOT\x1d21SERIAL", "")


def test_caps_lock_on_at_the_start_is_reckoned_with(gun: FakeKeyboard) -> None:
    gun.caps = True
    inbox = Inbox()
    with running(inbox):
        inbox.wait_state(DeviceState.READY)
        gun.scan("LOT a1\r")
        inbox.wait_scans(1)
    assert inbox.payloads == ["lot A1"]


def test_silence_ends_a_scan_without_terminator_which_asks_for_another_look(gun: FakeKeyboard) -> None:
    inbox = Inbox()
    with running(inbox):
        inbox.wait_state(DeviceState.READY)
        gun.scan("6901234567892")
        inbox.wait_scans(1)
    assert (inbox.scans[0].payload, inbox.scans[0].code) == ("6901234567892", "scan.unterminated")


def test_events_the_kernel_dropped_lose_the_scan_in_words_and_not_the_next(gun: FakeKeyboard) -> None:
    inbox = Inbox()
    gun.held = {SHIFT_KEY}
    with running(inbox):
        inbox.wait_state(DeviceState.READY)
        gun.scan("69012")
        gun.overflow()
        gun.scan("4567892\r")
        gun.send(records(iter([(SHIFT_KEY, UP)])))
        gun.scan("6909876543210\r")
        inbox.wait_scans(1)
    assert inbox.payloads == ["6909876543210"]
    assert [lost.code for lost in inbox.reports if isinstance(lost, ScanLost)] == ["scan.missed"]


def test_unplugged_inside_a_code_and_plugged_in_again(gun: FakeKeyboard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.driver.POLL_S", 3600)
    inbox = Inbox()
    with running(inbox, idle_ms=1000) as driver:
        inbox.wait_state(DeviceState.READY)
        gun.scan("69012")
        gun.unplug()
        inbox.wait_state(DeviceState.ABSENT)
        gun.plug()
        driver.wake.set()
        inbox.wait_state(DeviceState.READY, times=2)
        gun.scan("6909876543210\r")
        inbox.wait_scans(1)
    assert inbox.payloads == ["6909876543210"]
    assert [lost.code for lost in inbox.reports if isinstance(lost, ScanLost)] == ["scan.cut_off"]


def test_somebody_else_holds_it(gun: FakeKeyboard) -> None:
    gun.grabbed_by_other = True
    inbox = Inbox()
    with running(inbox):
        inbox.wait_state(DeviceState.BUSY)


def test_no_permission_is_said(gun: FakeKeyboard, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the system's boundary, as root is refused nothing."""
    real = os.open

    def refusing(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if str(path).endswith("event7"):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), path)
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refusing)
    inbox = Inbox()
    with running(inbox):
        inbox.wait_state(DeviceState.NO_PERMISSION)


def test_keyboards_are_listed_with_what_the_settings_take(gun: FakeKeyboard) -> None:
    [free] = [port for port in scanner_ports() if port.usb]
    assert (free.usb, free.name, free.description) == (gun.usb, "", "ARGOX AS-8110 Barcode Scanner")
    gone = Scanner("gone", kind="hid", usb="0c2e:0001")
    ports = {p.name: p.state for p in scanner_ports([Scanner("gun", kind="hid", usb="1a86:5410"), gone]) if p.usb}
    assert ports == {"gun": DeviceState.READY, "gone": DeviceState.ABSENT}
