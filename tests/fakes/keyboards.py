"""A keyboard without the hardware: the kernel's event records through a pipe, its ioctls answered.

This machine's kernel has no uinput, so the operating system is where the fake stands; tests/hil has the real thing.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers import hid_scanner, input_devices
from drivers.keys import CAPS_LOCK, DOWN, EV_KEY, EV_SYN, EVENT, SYN_DROPPED, UP, US

SHIFT_KEY, CTRL_KEY, ALT_KEY, ENTER_KEY, TAB_KEY = 42, 29, 56, 28, 15
PIECE = 100 * EVENT.size
WHOLE_KEYBOARD = "10000 7ffffffffffffffe"
_KEYS = {char: (code, at) for code, pair in reversed(US.items()) for at, char in enumerate(pair)}


def strokes(text: str) -> Iterator[tuple[int, int]]:
    """Key code and value of what a US keyboard does for `text`; GS is Ctrl+], CR Enter, TAB Tab."""
    for char in text:
        special = {"\r": (ENTER_KEY, 0), "\t": (TAB_KEY, 0), "\x1d": (27, CTRL_KEY)}.get(char)
        code, modifier = special or _KEYS[char]
        modifier = SHIFT_KEY if modifier == 1 else modifier
        yield from ([(modifier, DOWN)] if modifier else [])
        yield from ((code, DOWN), (code, UP))
        yield from ([(modifier, UP)] if modifier else [])


def records(keys: Iterator[tuple[int, int]]) -> bytes:
    """As the kernel gives them: each key in a report of its own."""
    return b"".join(EVENT.pack(0, 0, EV_KEY, *key) + EVENT.pack(0, 0, EV_SYN, 0, 0) for key in keys)


class FakeKeyboard:
    """Plugged in as event7 of a fake /sys and /dev. `grabbed_by_other`: the next grab is refused."""

    usb = "1a86:5410:SN0001"

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sys, self.dev = folder / "sys", folder / "dev"
        self.dev.mkdir(parents=True)
        self.grabbed_by_other, self.caps, self.held = False, False, set[int]()
        self.grabs = 0
        self._ours = -1
        monkeypatch.setattr(input_devices, "SYS", self.sys)
        monkeypatch.setattr(input_devices, "DEV", self.dev)
        monkeypatch.setattr(fcntl, "ioctl", self._ioctl)
        self._describe(7, "ARGOX AS-8110 Barcode Scanner", WHOLE_KEYBOARD)
        self._describe(8, "ARGOX AS-8110 System Control", "1000000000000 0")  # its second face
        self.plug()

    def plug(self) -> None:
        os.mkfifo(self.dev / "event7")
        self._describe(7, "ARGOX AS-8110 Barcode Scanner", WHOLE_KEYBOARD)
        self._ours = os.open(self.dev / "event7", os.O_RDWR)

    def unplug(self) -> None:
        (self.dev / "event7").unlink()
        (self.sys / "event7" / "device" / "name").unlink()
        for name in ("vendor", "product", "bustype"):
            (self.sys / "event7" / "device" / "id" / name).unlink()
        os.close(self._ours)
        self._ours = -1

    def close(self) -> None:
        if self._ours >= 0:
            self.unplug()

    def scan(self, text: str) -> None:
        self.send(records(strokes(text)))

    def send(self, data: bytes) -> None:
        """Whole records at a time, as the kernel hands them out; a pipe keeps together what is below 4096 bytes."""
        for at in range(0, len(data), PIECE):
            os.write(self._ours, data[at : at + PIECE])

    def overflow(self) -> None:
        """The kernel had to drop events."""
        self.send(EVENT.pack(0, 0, EV_SYN, SYN_DROPPED, 0))

    def press_caps(self) -> None:
        self.send(records(iter([(CAPS_LOCK, DOWN), (CAPS_LOCK, UP)])))

    def _describe(self, number: int, name: str, keys: str) -> None:
        device = self.sys / f"event{number}" / "device"
        (device / "id").mkdir(parents=True, exist_ok=True)
        (device / "capabilities").mkdir(exist_ok=True)
        vendor, product, serial = self.usb.split(":")
        for path, text in {
            "name": name, "uniq": serial, "id/vendor": vendor, "id/product": product, "id/bustype": "0003",
            "capabilities/key": keys,
        }.items():  # fmt: skip
            (device / path).write_text(text + "\n")

    def _ioctl(self, node: int, request: int, argument: object = 0) -> int:
        if request == hid_scanner.EVIOCGRAB:
            if self.grabbed_by_other:
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
            self.grabs += 1
        bits = {hid_scanner.EVIOCGLED: {1} if self.caps else set(), hid_scanner.EVIOCGKEY: self.held}.get(request, ())
        if isinstance(argument, array.array):
            for bit in bits:
                argument[bit // 8] |= 1 << bit % 8
        return 0
