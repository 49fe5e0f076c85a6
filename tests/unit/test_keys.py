"""What keys mean: layout, modifiers, locks, separators. Bytes as the framer takes them."""

from __future__ import annotations

import string

import pytest

from drivers.framing import Frame, Framer
from drivers.keys import CAPS_LOCK, DOWN, EV_KEY, EVENT, FUNCTION_KEYS, UP, KeyDecoder, events
from tests.fakes.keyboards import ALT_KEY, SHIFT_KEY, records, strokes

PRINTABLE = string.ascii_letters + string.digits + string.punctuation + " "


def typed(decoder: KeyDecoder, *keys: tuple[int, int]) -> bytes:
    return b"".join(decoder.key(*key) for key in keys)


def press(*codes: int) -> list[tuple[int, int]]:
    return [(code, value) for code in codes for value in (DOWN, UP)]


def test_every_character_of_ascii_comes_as_it_was_sent() -> None:
    assert typed(KeyDecoder(), *strokes(PRINTABLE + "\x1d\t\r")) == (PRINTABLE + "\x1d\t\r").encode()


def test_caps_lock_turns_letters_only_and_its_state_is_known_at_the_start() -> None:
    assert typed(KeyDecoder(caps=True), *strokes("aB1!")) == b"Ab1!"
    decoder = KeyDecoder()
    assert typed(decoder, *press(CAPS_LOCK), *strokes("ab9"), *press(CAPS_LOCK), *strokes("ab9")) == b"AB9ab9"


def test_the_keypad_types_digits_and_its_own_enter() -> None:
    assert typed(KeyDecoder(), *press(82, 79, 80, 81, 75, 76, 77, 71, 72, 73, 83, 96)) == b"0123456789.\r"


@pytest.mark.parametrize("name", FUNCTION_KEYS)
def test_a_function_key_is_the_separator_where_the_settings_say_so(name: str) -> None:
    key = press(FUNCTION_KEYS[name])
    assert typed(KeyDecoder(name), *key) == b"\x1d"
    assert typed(KeyDecoder(), *key) == b""


def test_alt_and_keypad_spell_any_character_chinese_too() -> None:
    keypad = {"0": 82, "1": 79, "2": 80, "3": 81, "4": 75, "5": 76, "6": 77, "7": 71, "8": 72, "9": 73}

    def spell(number: int) -> list[tuple[int, int]]:
        return [(ALT_KEY, DOWN), *press(*(keypad[digit] for digit in str(number))), (ALT_KEY, UP)]

    data = typed(KeyDecoder(), *(key for byte in b"]d2" for key in spell(byte)), *spell(29), *spell(0xBDD3), *press(28))
    framer = Framer()
    assert framer.feed(data, 1.0) == [Frame("]d2\x1d接")]


def test_autorepeat_is_nobodys_scan() -> None:
    assert typed(KeyDecoder(), (2, DOWN), (2, 2), (2, 2), (2, UP)) == b"1"


def test_after_a_loss_nothing_is_held_that_is_not() -> None:
    decoder = KeyDecoder()
    typed(decoder, (SHIFT_KEY, DOWN))
    decoder.hold((), caps=False)
    assert typed(decoder, *strokes("a")) == b"a"
    decoder.hold((SHIFT_KEY,), caps=False)
    assert typed(decoder, *press(30)) == b"A"


def test_records_are_read_whole_and_half_ones_are_left() -> None:
    data = records(strokes("1"))
    assert [event for event in events(data + b"\0" * (EVENT.size - 1)) if event[0] == EV_KEY] == [
        (EV_KEY, 2, DOWN),
        (EV_KEY, 2, UP),
    ]
