"""What an ESC/POS printer's answer bytes mean. Pure: the bits are those of Epson's command reference."""

from __future__ import annotations

from typing import Literal

import msgspec

# Kinds of byte a printer may send, told apart by their fixed bits.
_EOT_MASK, _EOT = 0b1001_0011, 0b0001_0010  # DLE EOT n: 0xx1xx10
_ASB_MASK, _ASB = 0b1001_0011, 0b0001_0000  # first of four bytes of automatic status: 0xx1xx00
_FENCE_MASK = 0b1001_0000  # GS r 1: 0xx0xxxx
_ASB_LENGTH = 4

# (position of the answer among DLE EOT 1, 2, 4, bits, code of the text), the first that holds is told
_PROBLEMS = (
    (2, 0x60, "print.paper_out"),
    (1, 0x20, "print.paper_out"),
    (1, 0x04, "print.cover_open"),
    (1, 0x40, "print.printer_fault"),
    (0, 0x08, "print.offline"),
)
_NEAR_END = 0x0C  # in the answer to DLE EOT 4


class Status(msgspec.Struct, frozen=True):
    """What the printer says of itself. `code` names the text of what a person should know, "" for nothing;
    "unknown" (no answer) never stops a print."""

    kind: Literal["ok", "problem", "unknown"]
    code: str = ""


UNKNOWN = Status("unknown", "print.unknown")
ONE_WAY = Status("unknown")  # nobody expects an answer


def of_port(bits: int) -> Status | None:
    """The status register of a printer port (IEEE 1284): 0x20 out of paper, 0x10 selected, 0x08 no error. None for
    all zero or all one: a printer that does not keep it."""
    if bits & 0x38 in (0x00, 0x38):
        return None
    if bits & 0x20:
        return Status("problem", "print.paper_out")
    if not bits & 0x08:
        return Status("problem", "print.printer_fault")
    return Status("ok") if bits & 0x10 else Status("problem", "print.offline")


class Answers:
    """Takes the bytes a printer sends, in any pieces. `fences` counts the GS r 1 answers seen."""

    def __init__(self) -> None:
        self.fences = 0
        self._statuses: list[int] = []
        self._skip = 0

    def feed(self, data: bytes) -> None:
        for byte in data:
            if self._skip:
                self._skip -= 1
            elif byte & _EOT_MASK == _EOT:
                self._statuses.append(byte)
            elif byte & _ASB_MASK == _ASB:
                self._skip = _ASB_LENGTH - 1
            elif not byte & _FENCE_MASK:
                self.fences += 1

    def status(self) -> Status | None:
        """The meaning of a whole set of answers to escpos.STATUS, once; None until three have come."""
        if len(self._statuses) < 3:
            return None
        answers, self._statuses = self._statuses[:3], self._statuses[3:]
        for place, bits, code in _PROBLEMS:
            if answers[place] & bits:
                return Status("problem", code)
        return Status("ok", "print.paper_low" if answers[2] & _NEAR_END else "")

    def forget(self) -> None:
        """Drop answers to an earlier question: the next set begins a new one."""
        self._statuses.clear()
