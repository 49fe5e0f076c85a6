"""Rows of the devices: a scan on its way in."""

from __future__ import annotations

import os
import tty
from collections.abc import Iterator

from tests.bench.bench import Bench
from tests.bench.figures import Figure, percentile, took_ms
from tests.fakes.scanner_latency import PAYLOAD, measure_latency


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
