from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Scanner
from drivers.framing import GS, LIMIT, Frame, Framer, RepeatFilter

GS1 = f"]d20106912345678905{GS}17270131{GS}10A1B2{GS}21000000017"
TERMINATORS = [b"\r", b"\n", b"\r\n", b""]


def all_frames(framer: Framer, chunks: list[bytes]) -> list[Frame]:
    """Everything comes at one instant, then silence."""
    frames = [frame for chunk in chunks for frame in framer.feed(chunk, 10.0)]
    return frames + framer.idle(11.0)


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


# Bytes out of which terminators, controls, halves of Chinese characters and overlong runs arise by themselves.
streams = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [b"\r", b"\n", b"\r\n", b"\x1d", "张三".encode(), "张三".encode("gb18030"), b"A" * (LIMIT - 1)]
        ),
    ),
    max_size=12,
).map(b"".join)


@given(streams, st.lists(st.integers(0, 2000), max_size=12), st.sampled_from(TERMINATORS))
def test_chunking_changes_nothing(stream: bytes, cuts: list[int], terminator: bytes) -> None:
    assert all_frames(Framer(terminator), pieces(stream, cuts)) == all_frames(Framer(terminator), [stream])


@pytest.mark.parametrize("terminator", TERMINATORS[:3])
def test_byte_by_byte_is_as_whole(terminator: bytes) -> None:
    stream = terminator.join([GS1.encode(), b"6901234567892", "张㛃".encode()]) + terminator
    expected = [Frame(GS1), Frame("6901234567892"), Frame("张㛃")]
    assert all_frames(Framer(terminator), [stream]) == expected
    assert all_frames(Framer(terminator), [bytes([b]) for b in stream]) == expected


def test_silence_ends_a_scan_without_terminator_and_says_so() -> None:
    framer = Framer(b"\r", idle_s=0.12)
    assert framer.feed(b"123", 5.0) == []
    assert framer.idle(5.11) == []
    assert framer.idle(5.12) == [Frame("123", unterminated=True)]
    assert framer.idle(9.0) == []
    assert framer.feed(b"456\r", 9.1) == [Frame("456")]


def test_silence_is_the_proper_end_where_the_device_has_no_terminator() -> None:
    framer = Framer(b"")
    assert framer.feed(b"12", 5.0) + framer.feed(b"3", 5.05) == []
    assert framer.idle(5.2) == [Frame("123")]


def test_pieces_with_a_silence_between_are_not_trusted() -> None:
    """A held-up reader cannot know whether these are one scan or two."""
    framer = Framer(b"\r", idle_s=0.12)
    framer.feed(b"123", 5.0)
    assert framer.feed(b"456\r789\r", 5.5) == [Frame("123456", unterminated=True), Frame("789")]


@pytest.mark.parametrize("tail", [b"\r", b""])
def test_too_long_is_told_once_and_the_next_scan_is_whole(tail: bytes) -> None:
    framer = Framer(b"\r")
    frames = framer.feed(b"9" * 5000, 1.0) + framer.feed(b"9" * 5000 + tail, 1.0) + framer.idle(2.0)
    assert frames == [Frame(too_long=True)]
    assert framer.feed(b"123\r", 3.0) == [Frame("123")]


@pytest.mark.parametrize("terminator", TERMINATORS)
def test_limit_is_exact(terminator: bytes) -> None:
    fits, over = b"1" * LIMIT + terminator, b"1" * (LIMIT + 1) + terminator
    assert all_frames(Framer(terminator), [fits]) == [Frame("1" * LIMIT)]
    assert all_frames(Framer(terminator), [over]) == [Frame(too_long=True)]


def test_a_half_scan_is_dropped_with_the_device() -> None:
    framer = Framer(b"\r")
    framer.feed(b"123", 1.0)
    assert framer.drop() is True
    assert framer.idle(9.0) == []
    assert framer.feed(b"456\r\n", 9.0) == [Frame("456")]
    assert framer.drop() is False  # the second byte of CR LF is no half scan


@pytest.mark.parametrize(
    ("raw", "frame"),
    [
        (b"\x0201234\x03", Frame("01234")),
        (b"\n01234\t", Frame("01234")),
        (b"[)>\x1e06\x1d1P9\x1e\x04", Frame("[)>\x1e06\x1d1P9\x1e\x04")),
        (b"12\x0034", Frame("1234", garbled=True)),
        (b"1234\x00", Frame("1234", garbled=True)),
        (b"12\x1b[2J34", Frame("12[2J34", garbled=True)),
        (b"12\xff34", Frame("12\ufffd34", garbled=True)),
        ("12\u202e34".encode(), Frame("1234", garbled=True)),
        (b"\x00\x00", Frame("", garbled=True)),
        ("接种".encode("gb18030"), Frame("接种")),
        ("㛃䶮".encode("gb18030"), Frame("㛃䶮")),
    ],
)
def test_characters(raw: bytes, frame: Frame) -> None:
    assert Framer(b"\r").feed(raw + b"\r", 1.0) == [frame]


def test_nothing_between_terminators_is_no_scan() -> None:
    assert all_frames(Framer(b"\r"), [b"\r\n\r\n\r"]) == []


def test_profile_of_a_scanner() -> None:
    framer = Framer.of(Scanner("gun", "/dev/null", terminator="\t", gs_substitute="|", idle_ms=150))
    assert framer.feed(b"10A|21B\t9", 1.0) == [Frame(f"10A{GS}21B")]
    assert framer.idle(1.14) == []
    assert framer.idle(1.16) == [Frame("9", unterminated=True)]


def test_hostile_bytes_never_raise_and_stay_bounded() -> None:
    chance = random.Random(20261122)
    framer, mono = Framer(b"\r\n"), 0.0
    for _ in range(100_000):
        mono += chance.random() / 4
        data = chance.randbytes(chance.randrange(64)) * chance.choice((1, 1, 1, 1, 1, 20))
        for frame in framer.feed(data, mono) + (framer.idle(mono + 0.1) if chance.random() < 0.3 else []):
            assert len(frame.text) <= LIMIT
            assert not any(c < " " and c not in "\x1d\x1e\x04" for c in frame.text)
        assert len(framer._pending) <= LIMIT + 1


def test_repeat_is_one_scan_until_anything_else_happens() -> None:
    repeats = RepeatFilter()
    vial, badge = ("gun", "vial"), ("gun", "badge")
    assert not repeats.is_repeat(vial, 1.0, 0.4)
    assert repeats.is_repeat(vial, 1.3, 0.4)
    assert repeats.is_repeat(vial, 1.6, 0.4)  # still lying in the light
    assert not repeats.is_repeat(vial, 2.1, 0.4)  # scanned again
    assert not repeats.is_repeat(badge, 2.2, 0.4)
    assert not repeats.is_repeat(vial, 2.3, 0.4)  # the brother's dose
    assert not repeats.is_repeat(("second gun", "vial"), 2.4, 0.4)
    assert not repeats.is_repeat(vial, 2.45, 0.4)
    repeats.forget()
    assert not repeats.is_repeat(vial, 2.5, 0.4)
