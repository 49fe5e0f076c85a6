"""What the keys of a scanner in keyboard mode say: key codes of the kernel in, bytes for the framer out. Pure.

Read with a table of our own, never with the desktop's layout: a scanner set to the US keyboard types the same codes
whatever language the PC speaks. Codes and event numbers are those of linux/input-event-codes.h.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator

EVENT = struct.Struct("llHHi")  # struct input_event: seconds, microseconds, type, code, value
EV_SYN, EV_KEY = 0x00, 0x01
SYN_DROPPED = 3  # the kernel's buffer of 64 events overflowed: some before this one are gone
UP, DOWN = 0, 1  # of value; 2 is autorepeat, which no scanner means

CTRL, SHIFT, ALT = frozenset((29, 97)), frozenset((42, 54)), frozenset((56,))  # AltGr (100) is not Alt
CAPS_LOCK, ENTER = 58, 28
CONTROL_KEYS = {ENTER: "\r", 96: "\r", 15: "\t"}  # 96: Enter of the keypad
FUNCTION_KEYS = {f"F{n}": code for n, code in enumerate((*range(59, 69), 87, 88), 1)}
KEYPAD = {82: "0", 79: "1", 80: "2", 81: "3", 75: "4", 76: "5", 77: "6", 71: "7", 72: "8", 73: "9"}


def _table() -> dict[int, str]:
    """Key code -> the character without and with shift."""
    rows = {
        2: "1!2@3#4$5%6^7&8*9(0)-_=+",
        16: "qQwWeErRtTyYuUiIoOpP[{]}",
        30: "aAsSdDfFgGhHjJkKlL;:'\"`~",
        43: "\\|zZxXcCvVbBnNmM,<.>/?",
        57: "  ",
    }
    pairs = {first + at // 2: row[at : at + 2] for first, row in rows.items() for at in range(0, len(row), 2)}
    keypad = KEYPAD | {83: ".", 55: "*", 74: "-", 78: "+", 98: "/"}
    return pairs | {code: char * 2 for code, char in keypad.items()}


US = _table()


def events(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Type, code and value of each whole input_event in `data`."""
    whole = len(data) - len(data) % EVENT.size
    for _, _, kind, code, value in EVENT.iter_unpack(data[:whole]):
        yield kind, code, value


class KeyDecoder:
    """The state of one keyboard. `gs_key` is the function key that stands for GS, "" none; Ctrl+] always does.

    Ctrl and a letter is the control character; Alt and digits of the keypad the character of that number, which is how
    scanners send Chinese (two bytes of GB 18030).
    """

    def __init__(self, gs_key: str = "", *, caps: bool = False) -> None:
        self._gs_code = FUNCTION_KEYS.get(gs_key)
        self._caps = caps
        self._held: set[int] = set()
        self._number = ""  # digits of the keypad while Alt is down

    def hold(self, held: Iterable[int], *, caps: bool) -> None:
        """What is pressed and locked at this moment: at the start, and when events were lost."""
        self._held, self._caps, self._number = set(held), caps, ""

    def key(self, code: int, value: int) -> bytes:
        """The bytes that a key going down, or up, means; b"" for none."""
        if value == UP:
            self._held.discard(code)
            return self._spelled() if code in ALT else b""
        if value != DOWN:
            return b""
        self._held.add(code)
        if code == CAPS_LOCK:
            self._caps = not self._caps
        if self._down(ALT):
            self._number += KEYPAD.get(code, "")
            return b""
        return self._char(code).encode()

    def _char(self, code: int) -> str:
        if code == self._gs_code:
            return "\x1d"
        if code in CONTROL_KEYS:
            return CONTROL_KEYS[code]
        if code not in US:
            return ""
        plain, shifted = US[code][0], US[code][1]
        if self._down(CTRL):
            return chr(ord(plain.upper()) & 0x1F) if plain.isalpha() or plain in "[]\\" else ""
        return shifted if self._down(SHIFT) != (self._caps and plain.isalpha()) else plain

    def _spelled(self) -> bytes:
        number, self._number = int(self._number or 0), ""
        if not 0 < number <= 0xFFFF:
            return b""
        return number.to_bytes(1 if number <= 0xFF else 2, "big")

    def _down(self, keys: Collection[int]) -> bool:
        return not self._held.isdisjoint(keys)
