"""USB devices made of nothing: the kernel's gadgets on its dummy controller. In the guest only."""

from __future__ import annotations

import os
from pathlib import Path

CONFIG = Path("/sys/kernel/config/usb_gadget")
# A boot keyboard's report: modifiers, a reserved byte, six keys; five lamps back (HID 1.11, appendix B.1).
KEYBOARD = bytes.fromhex(
    "05010906a101050719e029e71500250175019508810295017508810395057501050819012905910295017503910395067508150025650507"
    "190029658100c0"
)
_FILES = {
    "hid": {"protocol": b"1", "subclass": b"1", "report_length": b"8", "report_desc": KEYBOARD},
    "printer": {"pnp_string": b"MFG:SIM;MDL:XP-58;CMD:ESC/POS;CLS:PRINTER;"},
}


class Gadget:
    """One USB device, plugged in from the start."""

    def __init__(self, name: str, usb: str, product: str, function: str, udc: str) -> None:
        vendor, number, serial = usb.split(":")
        home = CONFIG / name
        self._socket, self._udc = home / "UDC", udc
        strings, config, part = home / "strings/0x409", home / "configs/c.1", home / "functions" / function
        for folder in (strings, config, part):
            folder.mkdir(parents=True)
        for file, text in {
            home / "idVendor": f"0x{vendor}", home / "idProduct": f"0x{number}", home / "bcdUSB": "0x0200",
            strings / "manufacturer": "SIM", strings / "product": product, strings / "serialnumber": serial,
        }.items():  # fmt: skip
            file.write_text(text)
        for key, data in _FILES.get(function.split(".")[0], {}).items():
            (part / key).write_bytes(data)
        os.symlink(part, config / function)
        self.plug()

    def plug(self) -> None:
        self._socket.write_text(self._udc)

    def unplug(self) -> None:
        self._socket.write_text("\n")


# USB usage codes of the keys (HID Usage Tables, page 7).
_ROWS = {0x04: "abcdefghijklmnopqrstuvwxyz", 0x1E: "1234567890"}
_SHIFTED = dict(zip("!@#$%^&*()", range(0x1E, 0x28), strict=True))
_USAGE = {char: (0, first + at) for first, row in _ROWS.items() for at, char in enumerate(row)}
_USAGE |= {char.upper(): (2, code) for char, (_, code) in _USAGE.items() if char.isalpha()}
_USAGE |= {char: (2, code) for char, code in _SHIFTED.items()}
_USAGE |= {"]": (0, 0x30), "\x1d": (1, 0x30), "-": (0, 0x2D), "_": (2, 0x2D), " ": (0, 0x2C), "\r": (0, 0x28)}


def type_in(node: int, text: str) -> None:
    """As a scanner types: each key down, then all up, as fast as the bus takes it."""
    for char in text:
        modifier, code = _USAGE[char]
        os.write(node, bytes([modifier, 0, code, 0, 0, 0, 0, 0]))
        os.write(node, bytes(8))
