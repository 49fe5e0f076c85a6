"""What an ESC/POS printer makes of bytes, command by command. Pure: used by the simulator and to read slips back."""

from __future__ import annotations

from PIL import Image

_SIZES = {b"\x1b@": 2, b"\x1bd": 3, b"\x1bJ": 3, b"\x1da": 3, b"\x1br": 3, b"\x1dr": 3, b"\x1ba": 3}


class Paper:
    """Feed bytes, take slips: `slips` grows with each cut. `print_fences` counts GS r answers that are due."""

    def __init__(self) -> None:
        self.slips: list[Image.Image] = []
        self.fences = 0
        self._waiting = b""
        self._strips: list[Image.Image] = []

    def feed(self, data: bytes) -> None:
        """Take bytes in pieces of any size; what is incomplete waits."""
        self._waiting += data
        while used := self._command(self._waiting):
            self._waiting = self._waiting[used:]

    def forget(self) -> None:
        """Power off: what was not cut stays a torn strip, what waits is gone."""
        self._waiting, self._strips = b"", []

    def _command(self, data: bytes) -> int:
        """Carry out the first command; how many bytes it took, 0 when it is not complete."""
        head = data[:2]
        if len(head) < 2 and head[:1] in (b"\x1b", b"\x1d", b"\x10", b""):
            return 0
        if data[:3] == b"\x1dv0":
            return self._raster(data)
        if head == b"\x1dV":
            return self._cut(data)
        size = _SIZES.get(head, 1)
        if len(data) < size:
            return 0
        if head == b"\x1dr":
            self.fences += 1
        return size

    def _raster(self, data: bytes) -> int:
        """GS v 0 m xL xH yL yH: rows of bytes, 1 is black."""
        if len(data) < 8:
            return 0
        width, rows = data[4] + 256 * data[5], data[6] + 256 * data[7]
        end = 8 + width * rows
        if len(data) < end:
            return 0
        inverted = bytes(b ^ 0xFF for b in data[8:end])
        self._strips.append(Image.frombytes("1", (width * 8, rows), inverted))
        return end

    def _cut(self, data: bytes) -> int:
        """GS V m, or GS V 65..66 n with a feed."""
        if len(data) < 3:
            return 0
        size = 4 if data[2] in (65, 66) else 3
        if len(data) < size:
            return 0
        if self._strips:
            slip = Image.new("1", (max(s.width for s in self._strips), sum(s.height for s in self._strips)), 1)
            y = 0
            for strip in self._strips:
                slip.paste(strip, (0, y))
                y += strip.height
            self.slips.append(slip)
            self._strips = []
        return size
