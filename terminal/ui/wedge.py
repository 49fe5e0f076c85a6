"""A scanner that types into the window like a keyboard, told from a person by its speed.

Keys are held back for as long as they may be a scan, then given to the window as one scan, or typed as they came. So a
scan leaves nothing in a field, and its Enter presses no button. What a person types appears one gap later (50 ms).
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QInputMethodEvent, QKeyEvent, QWindow
from PySide6.QtWidgets import QAbstractSpinBox, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

from config.settings import Scanner, Settings
from drivers.framing import Framer, RepeatFilter
from drivers.scan import DeviceState, Report, ScanEvent, ScanLost, StateChange, to_report
from terminal.ui.words import Words

# Enter and Space so soon after letters that went into no field are those of a scanner too slow to be taken for one.
GUARD_S = 0.5

_ENTER = frozenset((Qt.Key.Key_Return, Qt.Key.Key_Enter))
_ENDS = {"\r": _ENTER, "\n": _ENTER, "\t": frozenset((Qt.Key.Key_Tab,))}
_MODIFIERS = frozenset(
    (Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_AltGr, Qt.Key.Key_Meta, Qt.Key.Key_CapsLock,
     Qt.Key.Key_NumLock)
)  # fmt: skip
_BREAKS = frozenset((QEvent.Type.MouseButtonPress, QEvent.Type.TouchBegin, QEvent.Type.Close))
_PRESSING = _ENTER | {Qt.Key.Key_Space}
_FIELDS = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)


@dataclass(frozen=True)
class _Stroke:
    """One thing held back, to be sent to `to` after all if it was typed. `stamp` is the system's time of a key in
    seconds, 0 for what an input method did; `came` our own. `text` is "" for a key that goes up."""

    event: QEvent
    to: QObject
    text: str
    stamp: float
    came: float
    composing: bool = False


def half_width(text: str) -> str:
    """Full-width letters, digits and signs as a scanner meant them; an input method makes them wide."""
    return "".join(unicodedata.normalize("NFKC", c) if "\uff01" <= c <= "\uff5e" or c == "\u3000" else c for c in text)


class Wedge(QObject):
    """Watches one window of the system. `deliver` gets scans, on the main thread.

    `scanner` holds the thresholds: keys at most `wedge_gap_ms` apart, `wedge_least` of them, then the terminator.
    Without terminator they must come twice as fast, as a person's fingers roll over six letters now and then.
    """

    def __init__(self, scanner: Scanner, deliver: Callable[[Report], None], window: QWindow) -> None:
        super().__init__(window)
        self._scanner, self._deliver, self._window = scanner, deliver, window
        self._gap_s = scanner.wedge_gap_ms / 1000
        self._ends = _ENDS.get(scanner.terminator[:1], frozenset())
        self._gs_key = getattr(Qt.Key, f"Key_{scanner.gs_key}") if scanner.gs_key else None
        self._held: list[_Stroke] = []
        self._eaten: set[int] = set()  # keys of a scan that are still to go up
        self._repeats = RepeatFilter()
        self._scanned = float("-inf")  # stamp until which Enter still belongs to the last scan
        self._stray = float("-inf")  # stamp of the last letter typed into no field
        self._sending = False
        self._field: QObject | None = None
        self._silence = QTimer(self, singleShot=True, interval=scanner.wedge_gap_ms)
        self._silence.setTimerType(Qt.TimerType.PreciseTimer)
        self._silence.timeout.connect(self._look_again)
        window.installEventFilter(self)
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        app.focusObjectChanged.connect(self._focus_moved)

    @classmethod
    def of(cls, settings: Settings, words: Words, deliver: Callable[[Report], None], window: QWindow) -> Wedge:
        """With the wedge of the settings, which is said to be ready, as a window cannot see whether it is plugged in;
        else with one of usual habits: a new scanner mostly comes in keyboard mode."""
        chosen = next((scanner for scanner in settings.scanners if scanner.kind == "wedge"), None)
        if chosen:
            deliver(StateChange(chosen.name, DeviceState.READY, datetime.now(UTC), time.monotonic()))
        return cls(chosen or Scanner(words("ui.wedge"), kind="wedge"), deliver, window)

    @property
    def holding(self) -> bool:
        """Whether keys wait until it is known whose they are."""
        return bool(self._held)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._sending:
            return False
        if isinstance(event, QKeyEvent):
            return watched is self._window and self._key(event)
        if isinstance(event, QInputMethodEvent):
            return self._composed(watched, event)
        if watched is self._window and event.type() in _BREAKS:
            self._type()
        return False

    def _key(self, event: QKeyEvent) -> bool:
        """Whether the key is kept from the window."""
        key = event.key()
        if event.type() == QEvent.Type.KeyRelease:
            return self._key_up(event)
        if event.type() != QEvent.Type.KeyPress or key in _MODIFIERS:
            return False
        if event.isAutoRepeat():
            self._type()
            return key in self._eaten
        stamp, text = event.timestamp() / 1000, self._char(event)
        self._settle_older(stamp, time.monotonic())
        alone = not self._held and self._guarded(stamp) and key in _PRESSING
        if text and not alone:
            self._hold(_Stroke(event.clone(), self._window, text, stamp, time.monotonic()))
            return True
        if key in self._ends and self._ended(stamp):
            self._eaten.add(key)
            return True
        self._type()
        if key in _PRESSING and (self._guarded(stamp) or stamp <= self._scanned):
            self._eaten.add(key)
            return True
        self._repeats.forget()
        return False

    def _key_up(self, event: QKeyEvent) -> bool:
        if any(isinstance(s.event, QKeyEvent) and s.event.key() == event.key() for s in self._held):
            self._held.append(_Stroke(event.clone(), self._window, "", 0.0, time.monotonic()))
            return True
        eaten = event.key() in self._eaten and not event.isAutoRepeat()
        self._eaten.discard(event.key())
        return eaten

    def _char(self, event: QKeyEvent) -> str:
        """The character a key means for a scan, "" for none."""
        text, held = event.text(), event.modifiers()
        if event.key() == self._gs_key or text == "\x1d":
            return "\x1d"
        if held & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            return ""
        return half_width(text) if len(text) == 1 and text.isprintable() else ""

    def _composed(self, field: QObject, event: QInputMethodEvent) -> bool:
        """An input method did something in a text field. Letters it lets through one by one may be a scan; a word it
        makes of them at a scanner's speed is one that is lost."""
        text, composing = half_width(event.commitString()), bool(event.preeditString())
        letter = len(text) == 1 and text.isascii()
        if not (letter or composing or self._held):
            return False
        copy = QInputMethodEvent(event.preeditString(), event.attributes())
        copy.setCommitString(event.commitString(), event.replacementStart(), event.replacementLength())
        self._hold(_Stroke(copy, field, text or "\ufffd", 0.0, time.monotonic(), composing or not letter))
        return True

    def _hold(self, stroke: _Stroke) -> None:
        self._settle_older(stroke.stamp, stroke.came)
        self._held.append(stroke)
        self._silence.start()

    def _settle_older(self, stamp: float, came: float) -> None:
        if self._held and self._since_last(stamp, came) > self._gap_s:
            self._settle()

    def _since_last(self, stamp: float, came: float) -> float:
        """Seconds since the stroke before, by the system's clock where both are keys: it does not stand still while
        the window is busy."""
        last = self._strokes()[-1]
        return stamp - last.stamp if stamp and last.stamp else came - last.came

    def _strokes(self) -> list[_Stroke]:
        return [stroke for stroke in self._held if stroke.text]

    def _ended(self, stamp: float) -> bool:
        """Whether this terminator ends a scan; it is given on then."""
        if len(self._strokes()) < self._scanner.wedge_least:
            return False
        self._give(terminated=True)
        self._scanned = stamp + self._gap_s
        return True

    def _look_again(self) -> None:
        """A silence is believed after one more look at what waits: the window may have been busy."""
        QTimer.singleShot(0, self, self._quiet)

    def _quiet(self) -> None:
        if self._held and not self._silence.isActive():
            self._settle()

    def _settle(self) -> None:
        """No more keys come: a scan without terminator, or a person."""
        strokes = self._strokes()
        first, last = strokes[0], strokes[-1]
        took = last.stamp - first.stamp if first.stamp and last.stamp else last.came - first.came
        if len(strokes) >= self._scanner.wedge_least and took <= (len(strokes) - 1) * self._gap_s / 2:
            self._scanned = last.stamp + GUARD_S
            self._give(terminated=False)
        else:
            self._type()

    def _give(self, *, terminated: bool) -> None:
        """What is held was a scan."""
        self._silence.stop()
        held, self._held = self._held, []
        for stroke in held:
            if isinstance(stroke.event, QKeyEvent):
                up = stroke.event.type() == QEvent.Type.KeyRelease
                (self._eaten.discard if up else self._eaten.add)(stroke.event.key())
        name, now, mono = self._scanner.name, datetime.now(UTC), time.monotonic()
        if any(stroke.composing for stroke in held):
            QGuiApplication.inputMethod().reset()
            self._deliver(ScanLost(name, "scan.composing", now, mono))
            return
        framer = Framer.of(self._scanner)
        data = "".join(stroke.text for stroke in held).encode() + self._scanner.terminator.encode() * terminated
        for frame in framer.feed(data, 0.0) or framer.idle(float("inf")):
            report = to_report(name, frame, now, mono)
            if not (isinstance(report, ScanEvent) and self._again(report)):
                self._deliver(report)

    def _again(self, scan: ScanEvent) -> bool:
        same = (scan.symbology, scan.payload, scan.code)
        return self._repeats.is_repeat(same, scan.mono, self._scanner.repeat_ms / 1000)

    def _type(self) -> None:
        """What is held was typed by a person: it goes on its way."""
        self._silence.stop()
        held, self._held = self._held, []
        if held:
            self._repeats.forget()
        letters = [stroke for stroke in held if stroke.text.strip()]
        if letters and not self._in_field():  # they mean nothing there, and a space among them presses no button
            held, self._stray = letters, letters[-1].stamp
        self._sending = True
        try:
            for stroke in held:
                QCoreApplication.sendEvent(stroke.to, stroke.event)
        finally:
            self._sending = False

    def _guarded(self, stamp: float) -> bool:
        return not self._in_field() and 0 <= stamp - self._stray <= GUARD_S

    def _in_field(self) -> bool:
        """Whether what has the focus takes text."""
        return self._field is not None

    def _focus_moved(self, now: QObject | None) -> None:
        if self._field is not None:
            with suppress(RuntimeError):  # Qt has thrown it away already
                self._field.removeEventFilter(self)
        self._field = now if isinstance(now, _FIELDS) else None
        if isinstance(now, QWidget) and self._field is None:  # a table asks for an input method too, and needs none
            now.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled, False)
        if self._field is not None:
            self._field.installEventFilter(self)
