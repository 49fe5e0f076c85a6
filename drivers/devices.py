"""Which scanners there are, and could be, and how they are: what `vaxdesk devices` shows."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
from serial import Serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from config.settings import Scanner
from domain.errors import DeviceError
from domain.world import World
from drivers.driver import device_faults
from drivers.input_devices import keyboards, matches
from drivers.scan import DeviceState
from drivers.serial_scanner import PORT_FAULTS

BY_ID = Path("/dev/serial/by-id")  # names that udev keeps the same whichever socket the device is plugged into


class Port(msgspec.Struct, frozen=True):
    """One serial port, or one keyboard that may be a scanner. `name` is that of the scanner set up on it, "" if none.

    `stable_path` is the path to write into the settings, "" if the system gives none; vid and pid are None for what
    is not USB. `usb` is what a keyboard's settings take, "" for a serial port. `state.code` is the code of the
    sentence that says what to do, with `device` for its parameter.
    """

    path: str
    state: DeviceState
    name: str = ""
    stable_path: str = ""
    vid: int | None = None
    pid: int | None = None
    serial: str = ""
    description: str = ""
    usb: str = ""


def scanner_ports(scanners: Iterable[Scanner] = ()) -> list[Port]:
    """What is set up first, then every other serial port and keyboard. The wedge is the window's and has no port."""
    scanners = tuple(scanners)
    return serial_ports(s for s in scanners if s.kind == "serial") + _keyboards(s for s in scanners if s.kind == "hid")


def serial_ports(scanners: Iterable[Scanner] = ()) -> list[Port]:
    """The ports that are set up, plugged in or not, then the other ports of this machine, by path.

    Only a port that is set up is opened, to see whether it is busy (so it is, while the counter's window runs):
    opening one resets some devices, and others are none of our business.
    """
    found = {os.path.realpath(port.device): _described(port) for port in list_ports.comports()}
    ours = [_set_up(scanner, found) for scanner in scanners]
    others = found.keys() - {os.path.realpath(port.path) for port in ours}
    return ours + [found[real] for real in sorted(others)]


def _set_up(scanner: Scanner, found: dict[str, Port]) -> Port:
    known = found.get(os.path.realpath(scanner.port)) or Port(scanner.port, DeviceState.ABSENT)
    return msgspec.structs.replace(known, path=scanner.port, name=scanner.name, state=_probe(scanner))


def _probe(scanner: Scanner) -> DeviceState:
    try:
        if scanner.kind == "hid":
            from drivers.hid_scanner import HidScanner  # noqa: PLC0415 (what it stands on is Linux alone)

            HidScanner(scanner, lambda _: None, World()).try_it()
        else:
            with device_faults(scanner, DeviceState.FAULTED, PORT_FAULTS):
                Serial(scanner.port, scanner.baud, exclusive=True).close()
    except DeviceError as fault:
        state: DeviceState = fault.params["state"]
        return state
    return DeviceState.READY


def _keyboards(scanners: Iterable[Scanner]) -> list[Port]:
    """The hid scanners, then the other keyboards: those are the desktop's and are not opened."""
    found, ours = list(keyboards()), []
    for scanner in scanners:
        mine = next((k for k in found if matches(scanner, k) or k.path == os.path.realpath(scanner.port)), None)
        if mine:
            found.remove(mine)
        path = mine.path if mine else scanner.port or scanner.usb
        ours.append(Port(path, _probe(scanner), scanner.name, usb=mine.usb if mine else scanner.usb))
    return ours + [Port(k.path, DeviceState.READY, usb=k.usb, description=k.description) for k in found]


def _described(port: ListPortInfo) -> Port:
    allowed = sys.platform == "win32" or os.access(port.device, os.R_OK | os.W_OK)
    return Port(
        path=port.device,
        state=DeviceState.READY if allowed else DeviceState.NO_PERMISSION,
        stable_path=_stable_path(port.device),
        vid=port.vid,
        pid=port.pid,
        serial=port.serial_number or "",
        description=port.description or "",
    )


def _stable_path(device: str) -> str:
    links = BY_ID.iterdir() if BY_ID.is_dir() else ()
    return next((str(link) for link in sorted(links) if os.path.realpath(link) == os.path.realpath(device)), "")
