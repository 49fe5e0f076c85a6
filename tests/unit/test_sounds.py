"""The tones can be told apart, are whole WAV files, and the program that plays them is chosen by what is there."""

from __future__ import annotations

import io
import wave
from array import array
from collections.abc import Callable
from itertools import pairwise

import pytest

from terminal.ui.sounds import LONGEST_MS, RATE, TONES, WINDOWS, find_player, wav


def samples(tone: str, volume: int = 60) -> array[int]:
    with wave.open(io.BytesIO(wav(tone, volume))) as read:
        assert (read.getnchannels(), read.getsampwidth(), read.getframerate()) == (1, 2, RATE)
        found = array("h")
        found.frombytes(read.readframes(read.getnframes()))
        return found


def pitch(heard: array[int]) -> float:
    """Hertz, by how often it crosses zero upwards."""
    rises = sum(1 for before, after in pairwise(heard) if before < 0 <= after)
    return rises / (len(heard) / RATE)


@pytest.mark.parametrize("tone", TONES)
def test_a_tone_is_short_and_begins_and_ends_without_a_click(tone: str) -> None:
    heard = samples(tone)
    assert 0.1 <= len(heard) / RATE <= LONGEST_MS / 1000 / 2
    assert abs(heard[0]) < 500 and abs(heard[-1]) < 2000


def test_stop_is_lower_and_longer_than_ok() -> None:
    ok, stop, look = (samples(tone) for tone in ("ok", "stop", "look"))
    assert len(stop) > 3 * len(ok) > 3 * len(look)
    assert pitch(ok) > 3 * pitch(stop)


def test_the_volume_is_in_the_wave() -> None:
    loud, soft = max(samples("ok", 100)), max(samples("ok", 10))
    assert loud > 30_000
    assert loud / soft == pytest.approx(10, rel=0.01)


def has(*names: str) -> Callable[[str], str | None]:
    return lambda name: f"/usr/bin/{name}" if name in names else None


@pytest.mark.parametrize(
    ("there", "platform", "chosen"),
    [
        (("pw-play", "paplay", "aplay"), "linux", ("/usr/bin/pw-play",)),
        (("paplay", "aplay"), "linux", ("/usr/bin/paplay",)),
        (("aplay",), "linux", ("/usr/bin/aplay", "-q")),
        ((), "linux", ()),
        ((), "win32", WINDOWS),
    ],
)
def test_the_player_is_what_the_system_has(there: tuple[str, ...], platform: str, chosen: tuple[str, ...]) -> None:
    assert find_player(has(*there), platform) == chosen
