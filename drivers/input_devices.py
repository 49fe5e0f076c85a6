"""The keyboards of this machine as the kernel describes them in /sys: nothing is opened. Linux."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from config.settings import Scanner
from drivers.keys import ENTER, US

SYS = Path("/sys/class/input")
DEV = Path("/dev/input")
BUS_USB = "0003"


class Keyboard(msgspec.Struct, frozen=True):
    """One device that types: a scanner in keyboard mode looks like this, and so does a keyboard.

    `path` is its node; `usb` what goes into the settings: "vendor:product:serial", without serial where it has none.
    """

    path: str
    usb: str
    description: str


def keyboards() -> Iterator[Keyboard]:
    """Every USB device with a whole keyboard, in the order of their numbers."""
    found = SYS.glob("event*/device") if SYS.is_dir() else ()
    for device in sorted(found, key=lambda path: int(path.parent.name.removeprefix("event"))):
        vendor, product, bus = (_line(device / "id" / name) for name in ("vendor", "product", "bustype"))
        if bus == BUS_USB and _types(_line(device / "capabilities" / "key")):
            usb = ":".join(filter(None, (vendor, product, _line(device / "uniq"))))
            yield Keyboard(str(DEV / device.parent.name), usb, _line(device / "name"))


def node_of(scanner: Scanner) -> str:
    """The node of a hid scanner, by `usb`, else its `port`; "" when it is not plugged in."""
    if not scanner.usb:
        return scanner.port
    return next((keyboard.path for keyboard in keyboards() if matches(scanner, keyboard)), "")


def matches(scanner: Scanner, keyboard: Keyboard) -> bool:
    """Whether the settings mean this device; a `usb` without serial number means any of that kind."""
    return bool(scanner.usb) and f"{keyboard.usb}:".startswith(f"{scanner.usb}:")


def _types(bitmap: str) -> bool:
    """Whether a device has Enter and every character key: the second face of a scanner (power, volume) has not."""
    words = [int(word, 16) for word in bitmap.split()]
    width = 64  # the kernel prints whole longs, the most significant first
    keys = sum(word << width * at for at, word in enumerate(reversed(words)))
    return all(keys >> code & 1 for code in (ENTER, *range(2, 12), *(code for code in US if 16 <= code <= 25)))


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # unplugged between listing and reading
        return ""
