"""The inside of a simulated ESC/POS printer: bytes in, slips and answers out. Pure; the socket is in simulator.py."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from PIL import Image, ImageChops

LINE = 30  # dots of one fed line, the printers' default
_LENGTHS = {b"\x1b@": 2, b"\x1bd": 3, b"\x1dV": 3, b"\x1dr": 3, b"\x10\x04": 3}  # whole commands, with parameters
_RASTER = b"\x1dv0"
_RASTER_HEAD = 8


@dataclass(frozen=True)
class Slip:
    """A piece of paper. `complete` is False for one that was never cut: the power went."""

    picture: Image.Image
    complete: bool

    def png(self) -> bytes:
        file = io.BytesIO()
        self.picture.save(file, "PNG")
        return file.getvalue()


@dataclass
class Condition:
    """What is wrong with the printer. The first three stop the paper: data waits and status is still answered."""

    paper_out: bool = False
    cover_open: bool = False
    offline: bool = False
    near_end: bool = False

    @property
    def blocked(self) -> bool:
        return self.paper_out or self.cover_open or self.offline

    def answer(self, n: int) -> bytes:
        """To DLE EOT n (Epson's bits); nothing for an n that is not simulated."""
        bits = {
            1: 0x08 * self.blocked,
            2: 0x04 * self.cover_open | 0x20 * self.paper_out,
            4: 0x0C * (self.near_end or self.paper_out) | 0x60 * self.paper_out,
        }
        return bytes([0x12 | bits[n]]) if n in bits else b""

    def fence(self) -> bytes:
        """To GS r 1."""
        return bytes([0x03 * self.near_end])


def command(data: bytes) -> tuple[bytes, bytes]:
    """The first whole command of `data` and the rest; an empty command when more bytes are needed. A byte that begins
    no known command is a command of its own."""
    if data.startswith(_RASTER):
        if len(data) < _RASTER_HEAD:
            return b"", data
        width, rows = (int.from_bytes(data[at : at + 2], "little") for at in (4, 6))
        length = _RASTER_HEAD + width * rows
    else:
        whole = (size for start, size in _LENGTHS.items() if data.startswith(start))
        length = next(whole, 0) or (0 if _unfinished(data) else 1)
    return (data[:length], data[length:]) if 0 < length <= len(data) else (b"", data)


def _unfinished(data: bytes) -> bool:
    return any(start.startswith(data) for start in (*_LENGTHS, _RASTER))


@dataclass
class Machine:
    """Framing, memory and paper. `stray` counts bytes that belonged to no command: none, if the sender is right."""

    condition: Condition = field(default_factory=Condition)
    slips: list[Slip] = field(default_factory=list)
    stray: int = 0
    _received: bytes = b""
    _held: list[bytes] = field(default_factory=list)
    _strips: list[Image.Image] = field(default_factory=list)

    def feed(self, data: bytes) -> bytes:
        """Take bytes, in any pieces; what the printer answers to them."""
        answers = b""
        self._received += data
        while True:
            taken, self._received = command(self._received)
            if not taken:
                return answers + self.run()
            if taken.startswith(b"\x10\x04"):
                answers += self.condition.answer(taken[2])
            else:
                self._held.append(taken)

    def run(self) -> bytes:
        """Do what waits in memory, unless the printer is stopped; its answers."""
        answers = b""
        while self._held and not self.condition.blocked:
            answers += self._do(self._held.pop(0))
        return answers

    def power_cut(self) -> None:
        """Memory is lost; what was printed of a slip stays as a piece of paper."""
        self._received, self._held = b"", []
        self._tear(complete=False)

    def _do(self, taken: bytes) -> bytes:
        if taken.startswith(_RASTER):
            width, rows = (int.from_bytes(taken[at : at + 2], "little") for at in (4, 6))
            dots = Image.frombytes("1", (width * 8, rows), taken[_RASTER_HEAD:])
            self._strips.append(ImageChops.invert(dots))
        elif taken.startswith(b"\x1bd"):
            width = self._strips[-1].width if self._strips else 8
            self._strips.append(Image.new("1", (width, LINE * taken[2]), 255))
        elif taken.startswith(b"\x1dV"):
            self._tear(complete=True)
        elif taken == b"\x1dr\x01":
            return self.condition.fence()
        elif taken != b"\x1b@":
            self.stray += 1
        return b""

    def _tear(self, complete: bool) -> None:
        if not self._strips:
            return
        width, height = max(s.width for s in self._strips), sum(s.height for s in self._strips)
        paper, top = Image.new("1", (width, height), 255), 0
        for strip in self._strips:
            paper.paste(strip, (0, top))
            top += strip.height
        self._strips = []
        self.slips.append(Slip(paper, complete))
