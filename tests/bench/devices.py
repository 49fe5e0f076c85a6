"""Rows of the devices: a scan on its way in, a slip on its way out."""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import threading
import time
import tty
from collections.abc import Iterator
from types import TracebackType

import msgspec

from config.settings import Printer
from printing.spool import Spool
from terminal.store.papers import StorePrintQueue
from terminal.usecases.record_dose import record_dose
from terminal.usecases.visit import close_visit, open_visit
from tests.bench import load
from tests.bench.bench import NURSE, Bench
from tests.bench.counter import chairs, check
from tests.bench.figures import Figure, Target, of_times, percentile, took_ms
from tests.fakes.scanner_latency import PAYLOAD, measure_latency

_DEADLINE_S = 20
_ASKS, _WELL = b"\x10\x04", b"\x12"  # DLE EOT and its answer
_FENCE, _PAPER = b"\x1dr\x01", b"\0"  # GS r 1 and its answer


def scanner(bench: Bench) -> Iterator[Figure]:
    """From the last byte sent into the pty to the report in the parent process. Floor: the same bytes through a pty
    and a pipe, read by the one who wrote them."""
    found = measure_latency(bench.rounds(500))
    near, far = os.openpty()
    out, back = os.pipe()
    tty.setraw(far)
    data = PAYLOAD.format(0).encode()

    def through() -> None:
        os.write(near, data)
        os.write(back, os.read(far, 512))
        os.read(out, 512)

    floor = percentile([took_ms(through) for _ in range(bench.rounds(500))], 0.5)
    for end in (near, far, out, back):
        os.close(end)
    yield Figure("scanner: last byte -> report", "-", "ms", found.p50, found.p99, floor, (), found.scans)


def slip(bench: Bench) -> Iterator[Figure]:
    """A visit is closed and committed, until the last byte of its raster slip is in the printer's socket. Floor: the
    same bytes written to the same socket."""
    size = bench.sizes[0]
    desk, times, floor = bench.desk(size), list[float](), list[float]()
    with Sink() as sink:
        printer = Printer(name="slip", kind="tcp", address=sink.address)
        desk.settings = msgspec.structs.replace(desk.settings, printers=(printer,))
        spool = Spool(printer, StorePrintQueue(desk.store), desk.world)
        spool.start()
        try:
            for child_id, package in chairs(desk, bench.rounds(30), load.SEED + 3):
                visit = open_visit(desk, NURSE, child_id, {"fever": "no"}, True, "seen").value
                assert visit and record_dose(desk, NURSE, check(desk, child_id, package)).ok
                assert close_visit(desk, NURSE, visit.id).ok
                began = time.perf_counter()
                spool.wake()
                ended, data = sink.slips.get(timeout=_DEADLINE_S)
                times.append((ended - began) * 1000)
                floor.append(took_ms(sink.write, data))
        finally:
            spool.stop(_DEADLINE_S)
    note = f"{len(data):,} bytes"
    yield of_times("commit -> last receipt byte", "raster", times, floor, Target("p99", 400), note=note)


class Sink:
    """A printer's socket that swallows slips, answers for paper at once and notes when each was whole."""

    def __init__(self) -> None:
        self.slips: queue.Queue[tuple[float, bytes]] = queue.Queue()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="sink", daemon=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Sink:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(_DEADLINE_S)
        self._listener.close()

    def write(self, data: bytes) -> None:
        """The same slip without a queue, a picture or a question."""
        host, _, port = self.address.partition(":")
        with socket.create_connection((host, int(port)), _DEADLINE_S) as line:
            line.sendall(data)
            self.slips.get(timeout=_DEADLINE_S)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the end of the row
            while True:
                line, _ = self._listener.accept()
                with line, contextlib.suppress(ConnectionError):  # who wrote the floor does not wait for the answer
                    self._swallow(line)

    def _swallow(self, line: socket.socket) -> None:
        slip = bytearray()
        while data := line.recv(65536):
            if not slip and data.startswith(_ASKS):
                line.sendall(_WELL * data.count(_ASKS))
                continue
            slip += data
            if slip.endswith(_FENCE):
                self.slips.put((time.perf_counter(), bytes(slip)))
                slip.clear()
                line.sendall(_PAPER)
