"""`vaxdesk devices`: the scanners of the settings, and what of this PC could be one."""

from __future__ import annotations

import argparse
from pathlib import Path

from drivers.devices import Port, scanner_ports
from drivers.scan import DeviceState
from terminal import bootstrap
from terminal.commands.line import DONE, TO_MEND, Say


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """One line a device; exit code 3 when a scanner of the settings cannot be used, or there is none at all."""
    scanners = bootstrap.find_home(settings).settings.scanners if settings.exists() else ()
    ports = scanner_ports(scanners)
    lines = [_told(port, say) for port in ports]
    lines += [say("cli.devices.wedge", device=scanner.name) for scanner in scanners if scanner.kind == "wedge"]
    print("\n".join(lines or [say("cli.devices.none")]))
    good = (DeviceState.READY, DeviceState.BUSY)  # busy: the counter's window has it
    return DONE if lines and all(port.state in good for port in ports if port.name) else TO_MEND


def _told(port: Port, say: Say) -> str:
    if port.name:
        return f"{port.path}: {say(port.state.code, device=port.name, detail=port.path)}"
    if port.usb:
        vendor, product, *_ = port.usb.split(":")
        told = say("cli.devices.keyboard", path=port.path, usb=port.usb, description=port.description or "-")
        rule = f'ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}", ENV{{VAXDESK_SCANNER}}="1"'
        return f"{told}\n    {rule}"
    stable = port.stable_path or port.path
    return say("cli.devices.free", path=port.path, stable=stable, description=port.description or "-")
