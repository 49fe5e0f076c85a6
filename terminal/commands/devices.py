"""`vaxdesk devices`: the scanners of the settings and the other serial ports of this PC."""

from __future__ import annotations

import argparse
from pathlib import Path

from drivers.devices import Port, serial_ports
from drivers.scan import DeviceState
from terminal import bootstrap
from terminal.commands.line import DONE, TO_MEND, Say


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """One line a port; exit code 3 when a scanner of the settings cannot be used, or there is no port at all."""
    scanners = bootstrap.find_home(settings).settings.scanners if settings.exists() else ()
    ports = serial_ports(scanners)
    for port in ports:
        print(_told(port, say))
    if not ports:
        print(say("cli.devices.none"))
    good = (DeviceState.READY, DeviceState.BUSY)  # busy: the counter's window has it
    return DONE if ports and all(port.state in good for port in ports if port.name) else TO_MEND


def _told(port: Port, say: Say) -> str:
    if port.name:
        return f"{port.path}: {say(port.state.code, device=port.name, detail=port.path)}"
    stable = port.stable_path or port.path
    return say("cli.devices.free", path=port.path, stable=stable, description=port.description or "-")
