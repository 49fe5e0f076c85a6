"""The ways to a printer over real sockets, pseudo-terminals, pipes and files: what went out before a fault, exactly."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import subprocess
import sys
import termios
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
from printing.status import of_port
from printing.transport import LPGETSTATUS, connect, look_at

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
    printer = Printer("slip", kind, address)
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


@pytest.mark.parametrize(
    ("bits", "code"),
    [
        (0x18, ""),
        (0x30, "print.paper_out"),
        (0x38, None),
        (0x10, "print.printer_fault"),
        (0x08, "print.offline"),
        (0x00, None),
    ],
)
def test_the_wires_of_a_printer_port(bits: int, code: str | None) -> None:
    status = of_port(bits)
    assert (status.code if status else None) == code


def test_a_usb_printer_that_does_not_answer_has_its_cables_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe for the node, and its one question answered at the system's boundary; tests/hil has the real one."""
    os.mkfifo(tmp_path / "lp0")
    printer, bits = Printer("slip", "usb", str(tmp_path / "lp0")), [0x30]

    def ioctl(fd: int, request: int, answer: bytearray) -> int:
        if not bits:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        assert request == LPGETSTATUS
        answer[0] = bits[0]
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    with closing(connect(printer)) as line:
        os.set_blocking(line._fd, False)
        monkeypatch.setattr(line, "ask", lambda: None)  # a pipe gives back what is written to it
        assert line.status(0.05).code == "print.paper_out"
        assert (said := line.listen(0.05)) is not None and said.code == "print.paper_out"
        bits[0] = 0x18
        assert line.status(0.05).kind == "ok"
        assert line.listen(0.05) is None
        bits.clear()
        with pytest.raises(PrinterFault) as fault:
            line.listen(0.05)
        assert fault.value.code == "print.no_device"


@pytest.mark.parametrize(("flow", "software", "hardware"), [("none", 0, 0), ("xonxoff", 1, 0), ("rtscts", 0, 1)])
def test_flow_control_is_set_on_the_line(flow: str, software: int, hardware: int) -> None:
    near, far = os.openpty()
    tty.setraw(far)
    try:
        with closing(connect(Printer("slip", "serial", os.ttyname(far), flow=flow))):
            modes = termios.tcgetattr(far)
            assert bool(modes[0] & termios.IXON) == bool(software)
            assert bool(modes[2] & termios.CRTSCTS) == bool(hardware)
    finally:
        os.close(near)
        os.close(far)


def test_a_printer_that_says_stop_is_waited_for() -> None:
    """XOFF and XON, over a real terminal line."""
    near, far = os.openpty()
    tty.setraw(far)
    got = bytearray()
    try:
        with closing(connect(Printer("slip", "serial", os.ttyname(far), flow="xonxoff"))) as line:
            os.write(near, b"\x13")
            sender = threading.Thread(target=line.write, args=(b"slip" * 100,))
            sender.start()
            assert not select.select([near], [], [], 0.3)[0], "nothing comes after XOFF"
            os.write(near, b"\x11")
            while len(got) < 400 and select.select([near], [], [], 5)[0]:
                got += os.read(near, 4096)
            sender.join(5)
    finally:
        os.close(near)
        os.close(far)
    assert bytes(got) == b"slip" * 100
