"""Where one scan ends and the next begins: bytes and the time in, whole texts out. Pure, never raises on any bytes."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from config.settings import Scanner

LIMIT = 512  # bytes of one scan; the longest GS1 or QR code of a clinic is well below
GS, RS, EOT = "\x1d", "\x1e", "\x04"

_KEPT = frozenset((GS, RS, EOT))  # separators of GS1 and of ISO/IEC 15434: they carry meaning
_BEFORE = "\x02\r\n"  # STX, and what is left of a two-byte terminator
_AFTER = "\x03\t\r\n"
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))  # Unicode: controls, direction marks, line separators


@dataclass(frozen=True)
class Frame:
    """One scan as text.

    `unterminated`: it ended by silence, or there was a silence inside it, so a piece may be missing.
    `garbled`: it held bytes or control characters no code has; they are taken out of `text`.
    `too_long`: it had more than LIMIT bytes and is thrown away; `text` is "".
    """

    text: str = ""
    unterminated: bool = False
    garbled: bool = False
    too_long: bool = False


class Framer:
    """Cuts one device's byte stream into frames. However the bytes are chunked, the frames are the same.

    `terminator` b"" means that this device ends its scans by silence. `idle_s` is the silence that ends a scan.
    Holds at most LIMIT bytes and part of a terminator between calls.
    """

    def __init__(self, terminator: bytes = b"\r", idle_s: float = 0.12, gs_substitute: str = "") -> None:
        self._terminator = terminator
        self._idle_s = idle_s
        self._gs_substitute = gs_substitute
        self._last = float("-inf")
        self._forget()

    @classmethod
    def of(cls, scanner: Scanner) -> Framer:
        return cls(scanner.terminator.encode(), scanner.idle_ms / 1000, scanner.gs_substitute)

    def feed(self, data: bytes, mono: float) -> list[Frame]:
        """The scans that `data`, read at `mono` (seconds), completes.

        A silence is only believed by `idle`, after a look at the device: a reader that was held up must not cut a scan
        in two. Pieces more than `idle_s` apart are joined and flagged, as they may be two scans.
        """
        if not data:
            return []
        if self._pending and mono - self._last >= self._idle_s:
            self._gap = True
        self._last = mono
        self._pending += data
        frames: list[Frame] = []
        while self._terminator and (end := self._pending.find(self._terminator)) >= 0:
            raw, rest = self._pending[:end], self._pending[end + len(self._terminator) :]
            frames += self._cut(raw, unterminated=self._gap)
            self._forget(rest)
        return frames + self._bound()

    def idle(self, mono: float) -> list[Frame]:
        """The scan that `idle_s` of silence ends at `mono`; to be called when the device has nothing to read."""
        if mono - self._last < self._idle_s:
            return []
        frames = self._cut(self._pending, unterminated=self._gap or bool(self._terminator))
        self._forget()
        return frames

    def drop(self) -> bool:
        """Throw away the half scan of a device that went away. True if there was one."""
        half = bool(self._cut(self._pending, unterminated=True))
        self._forget()
        return half

    def spoil(self) -> None:
        """Some bytes were lost on the way: what came, and what comes up to the terminator or a silence, goes too."""
        self._pending, self._discarding = b"", True

    def _forget(self, rest: bytes = b"") -> None:
        self._pending = rest
        self._gap = False
        self._discarding = False
        if not rest:
            self._last = float("-inf")

    def _cut(self, raw: bytes, *, unterminated: bool) -> list[Frame]:
        if self._discarding:
            return []
        if len(raw) > LIMIT:
            return [Frame(too_long=True)]
        text, garbled = _clean(_decode(raw).replace(self._gs_substitute or GS, GS))
        return [Frame(text, unterminated, garbled)] if text or garbled else []

    def _bound(self) -> list[Frame]:
        """Past the limit, keep only what may be the beginning of a terminator."""
        keep = max(len(self._terminator) - 1, 0)
        if not self._discarding and len(self._pending) <= LIMIT + keep:
            return []
        frames = [] if self._discarding else [Frame(too_long=True)]
        self._discarding = True
        self._pending = self._pending[max(len(self._pending) - keep, 0) :]
        return frames


def _decode(raw: bytes) -> str:
    """Scanners send UTF-8 or the national GB 18030; U+FFFD stands for what is neither."""
    for charset in ("utf-8", "gb18030"):
        try:
            return raw.decode(charset)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace")


def _clean(text: str) -> tuple[str, bool]:
    """`text` without what no code has, and whether there was any of it."""
    bare = text.lstrip(_BEFORE).rstrip(_AFTER)
    clean = "".join(c for c in bare if c in _KEPT or unicodedata.category(c) not in _UNSEEN)
    return clean, clean != bare or "\ufffd" in bare


class RepeatFilter:
    """Takes a code read twice for one scan: the same text from the same device within `repeat_s` of the last one.

    Any other scan and any key in between make it a new scan, so that a brother's dose out of the same vial counts.
    """

    def __init__(self) -> None:
        self._last: object = None
        self._mono = 0.0

    def is_repeat(self, scan: object, mono: float, repeat_s: float) -> bool:
        """Whether `scan` (anything that compares equal for the same text from the same device) is a repeat."""
        repeat = scan == self._last and mono - self._mono < repeat_s
        self._last, self._mono = scan, mono
        return repeat

    def forget(self) -> None:
        """A key was pressed: the next scan counts, whatever it is."""
        self._last = None
