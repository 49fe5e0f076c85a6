"""What a paper says, before anyone decides where it stands on the sheet."""

from __future__ import annotations

from typing import Literal

import msgspec

Align = Literal["left", "center", "right"]


class Text(msgspec.Struct, frozen=True, tag="text", omit_defaults=True):
    """A paragraph. `size` 1 is body text, 2 a heading, 3 the largest."""

    text: str
    size: int = 1
    bold: bool = False
    align: Align = "left"


class Pair(msgspec.Struct, frozen=True, tag="pair"):
    """A label and its value on one line, the value wrapped under itself."""

    label: str
    value: str


class Rule(msgspec.Struct, frozen=True, tag="rule"):
    """A line across the paper."""


class Qr(msgspec.Struct, frozen=True, tag="qr"):
    """A QR code of `data`, `caption` below it."""

    data: str
    caption: str = ""


Block = Text | Pair | Rule | Qr


class Document(msgspec.Struct, frozen=True):
    """One printed document, already in the operator's language; stored as JSON in the print queue.

    `copy_no` 0 is the original; a reprint shows `reprint_label` large in its middle.
    """

    kind: Literal["slip", "receipt", "list", "test"]
    blocks: tuple[Block, ...]
    copy_no: int = 0
    reprint_label: str = ""
