"""The ways to a printer over real sockets, pseudo-terminals, pipes and files: what went out before a fault, exactly."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from config.settings import Printer
from config.texts import LANGUAGES, say
from printing import line as ways
from printing.line import PrinterFault
from printing.simulator import SimulatedPrinter
from printing.transport import connect, look_at

DATA = bytes(range(256)) * 400


@contextmanager
def listening() -> Iterator[tuple[socket.socket, Printer]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server, Printer("slip", "tcp", f"127.0.0.1:{server.getsockname()[1]}")


def test_tcp_carries_every_byte() -> None:
    with listening() as (server, printer), closing(connect(printer)) as line:
        peer = server.accept()[0]
        got = bytearray()

        def read() -> None:
            with peer:
                while data := peer.recv(65536):
                    got.extend(data)

        reader = threading.Thread(target=read)
        reader.start()
        line.write(DATA)
        line.close()
        reader.join(10)
    assert got == DATA


def test_a_printer_that_stops_taking_bytes_is_given_up_with_the_count() -> None:
    with listening() as (server, printer), closing(connect(printer)) as line, server.accept()[0] as peer:
        with pytest.raises(PrinterFault) as fault:
            while True:
                line.write(DATA, stall_s=0.2)
        assert fault.value.code == "print.timeout"
        line.close()
        rest = 0
        while data := peer.recv(1 << 20):
            rest += len(data)
    assert rest % len(DATA) == fault.value.bytes_out, "exactly what was accepted arrived"


def test_a_line_that_breaks_is_lost_after_so_many_bytes() -> None:
    with listening() as (server, printer), closing(connect(printer)) as line:
        server.accept()[0].close()
        with pytest.raises(PrinterFault) as fault:
            for _ in range(1000):
                line.write(DATA)
        assert fault.value.code == "print.lost"
        assert fault.value.retry == ("operator" if fault.value.bytes_out else "later")


@pytest.mark.parametrize(
    ("address", "kind", "code"),
    [
        ("127.0.0.1:1", "tcp", "print.refused"),
        ("127.0.0.1", "tcp", "print.unreachable"),
        ("/dev/no-such-printer", "serial", "print.no_device"),
        ("/no/such/folder/slip", "file", "print.no_device"),
        ("/dev/full", "file", "print.no_space"),
    ],
)
def test_what_cannot_be_reached_says_so_with_no_byte_out(address: str, kind: str, code: str) -> None:
    printer = Printer("slip", kind, address)  # type: ignore[arg-type]
    with pytest.raises(PrinterFault) as fault, closing(connect(printer)) as line:
        line.write(b"x")
    assert (fault.value.code, fault.value.bytes_out, fault.value.retry) == (code, 0, "later")
    assert all(say(language, code, **fault.value.params) for language in LANGUAGES)


def test_every_code_of_the_table_has_its_words() -> None:
    codes = {*ways.CODES.values(), "print.timeout", "print.unreachable"}
    assert all(say(language, code, printer="slip") for language in LANGUAGES for code in codes)


def test_serial_both_ways_over_a_pty_and_busy_for_a_second_owner() -> None:
    near, far = os.openpty()
    tty.setraw(far)
    printer = Printer("slip", "serial", os.ttyname(far), baud=115200)
    try:
        with closing(connect(printer)) as line:
            line.write(b"hello")
            assert os.read(near, 64) == b"hello"
            line.ask()
            assert os.read(near, 64) == bytes.fromhex("100401 100402 100404")
            os.write(near, bytes.fromhex("1a 16 12"))
            status = line.listen(5)
            assert status is not None and status.code == "print.cover_open"
            with pytest.raises(PrinterFault) as fault:
                connect(printer)
            assert fault.value.code == "print.busy"
            with pytest.raises(PrinterFault) as stalled:
                line.write(DATA, stall_s=0.2)
            taken = 0
            os.set_blocking(near, False)
            while taken < stalled.value.bytes_out:
                taken += len(os.read(near, 65536))
            assert taken == stalled.value.bytes_out > 0
    finally:
        os.close(near)
        os.close(far)


def test_serial_unplugged_is_lost() -> None:
    near, far = os.openpty()
    tty.setraw(far)
    with closing(connect(Printer("slip", "serial", os.ttyname(far)))) as line:
        os.close(far)
        os.close(near)
        with pytest.raises(PrinterFault) as fault:
            line.write(b"x")
        assert (fault.value.code, fault.value.bytes_out) == ("print.lost", 0)


def test_a_file_grows_for_its_owner_only_and_answers_nothing(tmp_path: Path) -> None:
    printer = Printer("slip", "file", str(tmp_path / "slips.bin"))
    for piece in (b"one", b"two"):
        with closing(connect(printer)) as line:
            line.write(piece)
            assert not line.two_way
            assert line.status().kind == "unknown"
    assert (tmp_path / "slips.bin").read_bytes() == b"onetwo"
    assert (tmp_path / "slips.bin").stat().st_mode & 0o777 == 0o600


def test_a_pipe_nobody_reads_is_no_device_and_a_full_one_stalls_exactly(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lp")
    printer = Printer("slip", "file", str(tmp_path / "lp"))
    with pytest.raises(PrinterFault) as fault:
        connect(printer)
    assert fault.value.code == "print.no_device"
    reader = os.open(tmp_path / "lp", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with closing(connect(printer)) as line, pytest.raises(PrinterFault) as stalled:
            line.write(DATA, stall_s=0.2)
        taken = 0
        while data := os.read(reader, 65536):
            taken += len(data)
        assert taken == stalled.value.bytes_out == 65536
    finally:
        os.close(reader)


def test_look_at_asks_once_and_hangs_up() -> None:
    with SimulatedPrinter() as paper:
        printer = Printer("slip", "tcp", paper.address)
        assert look_at(printer).kind == "ok"
        paper.set(near_end=True)
        assert look_at(printer).code == "print.paper_low"
        paper.set(paper_out=True)
        assert look_at(printer).code == "print.paper_out"
        paper.set(mute=True)
        assert look_at(printer).code == "print.unknown"
    assert look_at(printer).code == "print.refused"


def test_the_renderer_leaves_no_folder_behind_and_says_nothing(tmp_path: Path) -> None:
    work = "from PIL import Image; from printing import escpos; escpos.render(Image.new('1', (576, 300), 255))"
    done = subprocess.run(
        [sys.executable, "-c", work], env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, check=True
    )
    assert (done.stdout, done.stderr, list(tmp_path.iterdir())) == (b"", b"", [])
