"""A picture as the bytes of an ESC/POS printer. The only place with python-escpos, and only its renderer."""

from __future__ import annotations

import os
import shutil
from functools import cache
from typing import Any

from PIL import Image

ROWS = 192  # a taller GS v 0 froze printers in the field; 192 rows of 576 dots are 13.5 KB
FENCE = b"\x1dr\x01"  # GS r 1: answered with the paper sensor when everything before it is on paper
STATUS = b"\x10\x04\x01\x10\x04\x02\x10\x04\x04"  # DLE EOT 1, 2, 4: offline, its cause, paper; answered at once

# This profile cuts, takes rasters and states no width: the width is the clinic's setting, and python-escpos has
# nothing to print about it on stdout.
PROFILE = "TUP500"


@cache
def _dummy() -> Any:
    """python-escpos' recording printer. Importing it reads its capability file and leaves a temporary directory: late
    (0.2 s once, see `warm_up`), and the directory is removed."""
    from escpos import capabilities, printer  # noqa: PLC0415 (late: it reads files and costs 0.2 s)

    if "ESCPOS_CAPABILITIES_PICKLE_DIR" not in os.environ:
        shutil.rmtree(capabilities.pickle_dir, ignore_errors=True)
    return printer.Dummy


def warm_up() -> None:
    """Pay for the import before the first slip waits for it."""
    _dummy()


def render(picture: Image.Image) -> bytes:
    """ESC @, the picture as GS v 0 in slices of ROWS rows, six lines of feed, full cut, FENCE."""
    printer = _dummy()(profile=PROFILE)
    printer.hw("INIT")
    printer.image(picture, impl="bitImageRaster", fragment_height=ROWS)
    printer.cut()
    printer._raw(FENCE)
    output: bytes = printer.output
    return output
