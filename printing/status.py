"""What an ESC/POS printer says of itself: DLE EOT n (Epson, "Transmit real-time status"). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ASK = {n: b"\x10\x04" + bytes([n]) for n in (1, 2, 4)}  # printer, cause of offline, paper


@dataclass(frozen=True)
class Status:
    """ok, problem or unknown; `code` names its text. Unknown never stops a print."""

    level: Literal["ok", "problem", "unknown"]
    code: str


UNKNOWN = Status("unknown", "print.unknown")
OK = Status("ok", "print.ok")


def is_status(byte: int) -> bool:
    """Answers to DLE EOT have bits 1 and 4 set, 0 and 7 clear; the answer to GS r 1 has bit 4 clear."""
    return byte & 0x93 == 0x12


def read(answers: dict[int, int]) -> Status:
    """The status of the answers, n -> byte; the first cause that stops paper counts."""
    if not answers:
        return UNKNOWN
    offline, cause, paper = (answers.get(n, 0x12) for n in (1, 2, 4))
    if paper & 0x60 or cause & 0x20:
        return Status("problem", "print.paper_out")
    if cause & 0x04:
        return Status("problem", "print.cover_open")
    if cause & 0x40:
        return Status("problem", "print.printer_fault")
    if offline & 0x08:
        return Status("problem", "print.offline")
    return Status("ok", "print.paper_low") if paper & 0x0C else OK
