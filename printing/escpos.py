"""A picture as ESC/POS bytes: raster in slices, cut, and the fence that answers when all before it was done.

python-escpos is the renderer; nothing of it opens a device.
"""

from __future__ import annotations

import os
import tempfile
from functools import cache
from typing import Any

from PIL import Image

SLICE_ROWS = 128  # taller GS v 0 images have frozen cheap printers
INIT, FEED, CUT, FENCE = b"\x1b@", b"\x1bd\x03", b"\x1dV\x42\x00", b"\x1dr\x01"


def render(sheet: Image.Image) -> bytes:
    """The bytes of one slip: ESC @, GS v 0 slices, feed, cut, GS r 1."""
    recorder = _recorder()()
    recorder.profile.profile_data = {**recorder.profile.profile_data, "media": {"width": {"pixels": sheet.width}}}
    recorder.image(sheet, impl="bitImageRaster", fragment_height=SLICE_ROWS)
    return INIT + bytes(recorder.output) + FEED + CUT + FENCE


@cache
def _recorder() -> Any:
    """python-escpos's recording printer. Its import writes a cache of printer profiles, each time into a new folder:
    here into one that goes away."""
    with tempfile.TemporaryDirectory() as folder:
        before, tempfile.tempdir = tempfile.tempdir, folder
        os.environ.setdefault("ESCPOS_CAPABILITIES_PICKLE_DIR", folder)
        try:
            from escpos.printer import Dummy  # noqa: PLC0415 (0.3 s, and only the printer's thread needs it)
        finally:
            tempfile.tempdir = before
    return Dummy
