"""`vaxdesk devices`: the serial ports of this PC and what stands in the settings."""

from __future__ import annotations

import argparse
from pathlib import Path

from drivers.devices import serial_ports
from terminal import bootstrap
from terminal.commands.line import DONE, TO_MEND, Say


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """One line a port; exit code 3 when a scanner of the settings is not ready."""
    scanners = bootstrap.find_home(settings).settings.scanners if settings.exists() else ()
    ports = serial_ports(scanners)
    for port in ports:
        print(port)
    if not ports:
        print(say("cli.devices.none"))
    return DONE if ports else TO_MEND
