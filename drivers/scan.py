"""What a scanner tells the program: a scan, a scan that was lost, a change of its state."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

import msgspec

from drivers.framing import Frame

_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")  # ISO/IEC 15424: "]", the kind of code, its modifier


class DeviceState(StrEnum):
    """How a scanner is."""

    ABSENT = "absent"
    NO_PERMISSION = "no_permission"
    BUSY = "busy"  # another program holds it
    READY = "ready"
    FAULTED = "faulted"

    @property
    def code(self) -> str:
        """The code of its text."""
        return f"device.{self.value}"


class ScanEvent(msgspec.Struct, frozen=True, tag="scan", omit_defaults=True):
    """One code that was read.

    `payload` is what the code says, at most 512 bytes, with GS (0x1D) where the code has it: hostile input, and
    personal. `symbology` is the AIM identifier the device put before it ("]d2"), "" if it sends none. `wall` is aware
    UTC; `mono` is time.monotonic() at the last byte, the same clock in every process of the machine.
    A scan that is `unterminated` or `garbled` must not be acted on without a second look.
    """

    device: str
    payload: str
    symbology: str
    wall: datetime
    mono: float
    unterminated: bool = False
    garbled: bool = False

    @property
    def code(self) -> str:
        """The code of the text that says what is wrong with the scan, "" if nothing."""
        return "scan.garbled" if self.garbled else "scan.unterminated" if self.unterminated else ""

    def __repr__(self) -> str:
        return f"ScanEvent({self.device!r}, {len(self.payload)} characters, {self.symbology!r}, {self.code!r})"


class ScanLost(msgspec.Struct, frozen=True, tag="lost"):
    """Something was scanned and could not be kept: the operator scans again. `code` names the text: scan.overflow,
    scan.cut_off, scan.missed or scan.composing."""

    device: str
    code: str
    wall: datetime
    mono: float


class StateChange(msgspec.Struct, frozen=True, tag="state"):
    """The scanner is now `state`. `detail` is for support: the system's name of the error, "" if none."""

    device: str
    state: DeviceState
    wall: datetime
    mono: float
    detail: str = ""

    @property
    def code(self) -> str:
        """The code of its text; the text's parameters are `device` and `detail`."""
        return self.state.code


Report = ScanEvent | ScanLost | StateChange


def to_report(device: str, frame: Frame, wall: datetime, mono: float) -> ScanEvent | ScanLost:
    """What a frame of `device` means to the program."""
    if frame.too_long:
        return ScanLost(device, "scan.overflow", wall, mono)
    aim = _AIM.match(frame.text)
    symbology = aim.group() if aim else ""
    payload = frame.text.removeprefix(symbology)
    return ScanEvent(device, payload, symbology, wall, mono, frame.unterminated, frame.garbled)
