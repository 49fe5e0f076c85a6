"""Two tones that cannot be taken for one another, and a short third: checked, stop, look.

The tones are made here as WAV files and played by a program of the system, a process of its own that is ended after
two seconds: the window never waits for a sound. Without such a program a stop still beeps.
"""

from __future__ import annotations

import io
import math
import shutil
import sys
import tempfile
import wave
from array import array
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QTimer
from PySide6.QtWidgets import QApplication

from config.settings import Sound

KEY = "F3"  # with Ctrl it would be a letter that scanners send for CR, LF or TAB
RATE = 22_050  # samples a second
FADE_S = 0.006  # without it a tone begins and ends with a click
LONGEST_MS = 2000
AT_ONCE = 2  # processes; a burst of scans is not a concert
# (hertz, seconds), 0 Hz is silence: upwards for ok, three times low for stop, one short for look.
TONES: dict[str, tuple[tuple[int, float], ...]] = {
    "ok": ((880, 0.08), (1319, 0.12)),
    "stop": ((330, 0.16), (0, 0.06), (330, 0.16), (0, 0.06), (247, 0.30)),
    "look": ((660, 0.12),),
}
PLAYERS = (("pw-play",), ("paplay",), ("aplay", "-q"))  # PipeWire, PulseAudio, ALSA
WINDOWS = ("winsound",)


def wav(tone: str, volume: int) -> bytes:
    """A tone as a WAV file, mono, 16 bits. `volume` 0-100."""
    samples = array("h")
    for hertz, seconds in TONES[tone]:
        count = int(RATE * seconds)
        for n in range(count):
            fade = min(1.0, n / (RATE * FADE_S), (count - n) / (RATE * FADE_S))
            wave_at = math.sin(2 * math.pi * hertz * n / RATE)
            samples.append(int(32_000 * volume / 100 * fade * wave_at))
    if sys.byteorder == "big":
        samples.byteswap()
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
    return file.getvalue()


def find_player(which: Callable[[str], str | None] = shutil.which, platform: str = sys.platform) -> tuple[str, ...]:
    """The program that plays a WAV file, with its arguments before the file's name; () when there is none."""
    if platform == "win32":
        return WINDOWS
    return next(((path, *rest) for name, *rest in PLAYERS if (path := which(name))), ())


class Sounds(QObject):
    """`play(tone)` begins a tone and comes back at once. `muted` for as long as the window lives."""

    def __init__(self, settings: Sound, parent: QObject | None = None, player: tuple[str, ...] | None = None) -> None:
        super().__init__(parent)
        self.muted = not settings.on
        self._volume = settings.volume
        silent = QApplication.platformName() == "offscreen"  # nobody sits there
        self.player = player if player is not None else () if silent else find_player()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._playing: list[QProcess] = []

    def toggle(self) -> bool:
        """Mute, or hear again; gives whether it is muted now."""
        self.muted = not self.muted
        self.play("ok")
        return self.muted

    def state(self) -> tuple[bool, str]:
        """Whether it is muted, and the name of the program that plays, "" for none."""
        return self.muted, Path(self.player[0]).name if self.player else ""

    def play(self, tone: str) -> None:
        """A tone of `TONES`; any other name is silence."""
        if self.muted or tone not in TONES:
            return
        if self.player == WINDOWS:
            _play_on_windows(self._file(tone))
        elif self.player and len(self._playing) < AT_ONCE:
            self._start([*self.player, str(self._file(tone))])
        elif not self.player and tone == "stop":
            QApplication.beep()

    def _start(self, words: list[str]) -> None:
        process = QProcess(self)
        self._playing.append(process)
        process.finished.connect(lambda: self._over(process))
        process.errorOccurred.connect(lambda fault: self._failed(process, fault))
        process.setStandardOutputFile(QProcess.nullDevice())
        process.setStandardErrorFile(QProcess.nullDevice())
        process.start(words[0], words[1:])
        end = QTimer(process, singleShot=True, interval=LONGEST_MS)  # goes with its process
        end.timeout.connect(process.kill)
        end.start()

    def _over(self, process: QProcess) -> None:
        if process in self._playing:
            self._playing.remove(process)
            process.deleteLater()

    def _failed(self, process: QProcess, fault: QProcess.ProcessError) -> None:
        """The program is gone: from here on there is the beep alone."""
        if fault is QProcess.ProcessError.FailedToStart:
            self.player = ()
            self._over(process)

    def _file(self, tone: str) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="vaxdesk-sound-")
        path = Path(self._folder.name, f"{tone}.wav")
        if not path.exists():
            path.write_bytes(wav(tone, self._volume))
        return path

    def stop(self) -> None:
        """End what plays and take the files away."""
        for process in list(self._playing):
            process.kill()
            process.waitForFinished(200)
        if self._folder:
            self._folder.cleanup()
            self._folder = None


def _play_on_windows(path: Path) -> None:
    if sys.platform == "win32":
        import winsound  # noqa: PLC0415 (there is none elsewhere)

        winsound.PlaySound(str(path), winsound.SND_FILENAME | winsound.SND_ASYNC | winsound.SND_NODEFAULT)
