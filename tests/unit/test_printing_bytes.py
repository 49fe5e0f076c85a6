"""Bytes to the printer and back: the renderer's golden bytes, the meaning of answers, the simulated printer."""

from __future__ import annotations

import pytest
from PIL import Image

from printing import escpos, layout
from printing.paper import Condition, Machine
from printing.status import Answers
from tests.fakes.printer_slips import SLIP


def test_golden_bytes_of_a_small_picture() -> None:
    picture = Image.new("1", (16, 3), 255)
    picture.putpixel((0, 0), 0)
    picture.putpixel((15, 2), 0)
    raster = b"\x1dv0\x00\x02\x00\x03\x00" + b"\x80\x00" + b"\x00\x00" + b"\x00\x01"
    assert escpos.render(picture) == b"\x1b@" + raster + b"\x1bd\x06" + b"\x1dV\x00" + b"\x1dr\x01"


def test_a_tall_picture_goes_in_slices() -> None:
    picture = Image.new("1", (8, escpos.ROWS * 2 + 5), 0)
    data = escpos.render(picture)
    heads = [bytes([0x1D, 0x76, 0x30, 0, 1, 0, rows, 0]) for rows in (escpos.ROWS, escpos.ROWS, 5)]
    assert data.count(heads[0]) == 2 and data.count(heads[2]) == 1
    assert len(data) == 2 + 3 * 8 + picture.height + 3 + 3 + 3


@pytest.mark.parametrize(
    ("answers", "level", "code"),
    [
        ("12 12 12", "ok", ""),
        ("12 12 1e", "ok", "print.paper_low"),
        ("1a 32 7e", "problem", "print.paper_out"),
        ("12 12 72", "problem", "print.paper_out"),
        ("1a 16 12", "problem", "print.cover_open"),
        ("1a 52 12", "problem", "print.printer_fault"),
        ("1a 12 12", "problem", "print.offline"),
    ],
)
def test_status_bits(answers: str, level: str, code: str) -> None:
    heard = Answers()
    for byte in bytes.fromhex(answers):
        assert heard.status() is None
        heard.feed(bytes([byte]))
    status = heard.status()
    assert status is not None and (status.kind, status.code) == (level, code)
    assert heard.status() is None, "told once"


def test_a_fence_is_told_from_status_flow_control_and_automatic_status() -> None:
    heard = Answers()
    heard.feed(bytes.fromhex("12 11 13 10 00 0c 00"))  # status, XON, XOFF, four bytes of automatic status
    assert heard.fences == 0
    heard.feed(b"\x00")
    heard.feed(b"\x0f")  # paper out as told by GS r: an answer all the same
    assert heard.fences == 2


@pytest.mark.parametrize("step", [1, 7, 4096])
def test_the_simulated_printer_gives_the_picture_back_however_the_bytes_arrive(step: int) -> None:
    picture, machine, answers = layout.draw(SLIP, 576), Machine(), b""
    data = escpos.render(picture) + escpos.STATUS
    for at in range(0, len(data), step):
        answers += machine.feed(data[at : at + step])
    (slip,) = machine.slips
    assert slip.complete and machine.stray == 0
    assert slip.picture.crop((0, 0, *picture.size)).tobytes() == picture.tobytes()
    assert sorted(answers) == [0, 0x12, 0x12, 0x12]  # status is answered on arrival, the fence in its turn


def test_out_of_paper_holds_the_slip_and_its_fence_and_answers_status() -> None:
    machine = Machine(Condition(paper_out=True))
    data = escpos.render(Image.new("1", (8, 8), 0))
    assert machine.feed(data + escpos.STATUS) == bytes.fromhex("1a 32 7e")
    assert machine.slips == []
    machine.condition.paper_out = False
    assert machine.run() == b"\0"
    assert len(machine.slips) == 1


def test_power_cut_in_a_slip_leaves_a_torn_piece_and_an_empty_memory() -> None:
    machine = Machine()
    data = escpos.render(Image.new("1", (8, escpos.ROWS + 50), 0))
    machine.feed(data[: escpos.ROWS + 30])
    machine.power_cut()
    assert [(slip.complete, slip.picture.height) for slip in machine.slips] == [(False, escpos.ROWS)]
    machine.feed(data)
    assert machine.slips[1].complete


def test_unknown_bytes_are_counted() -> None:
    machine = Machine()
    machine.feed(b"abc\x1b@")
    assert machine.stray == 3
