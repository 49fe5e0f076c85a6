"""`python -m tests.bench`: measure, print the table; `make bench ARGS="--size clinic --rows scan,record --json"`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time

from tests.bench import calm, counter, devices, first_load, province, region, schedule, sealing, window
from tests.bench.bench import Bench, Row
from tests.bench.figures import Figure, table

ROWS: dict[str, Row] = {
    "scan": counter.scan,
    "record": counter.record,
    "search": counter.search,
    "engine": schedule.engine,
    "due": schedule.due,
    "recount": schedule.everyone,
    "day": sealing.seal_day,
    "backlog": sealing.seal_backlog,
    "wire": sealing.wire,
    "scanner": devices.scanner,
    "slip": devices.slip,
    "receive": region.receive,
    "apply": region.apply,
    "first_load": first_load.first_load,
    "start": window.start,
    "screen": window.screen,
    "calm": calm.calm,
    "bundle": window.bundle,
}
LONG: dict[str, Row] = {"province": province.night, "tenth": province.tenth}  # minutes: only when named
SIZES = {"clinic": ("clinic",), "district": ("district",), "both": ("clinic", "district"), "tiny": ("tiny",)}


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when every target is met, 1 when one is missed."""
    options = _parser().parse_args(arguments)
    figures: list[Figure] = []
    with Bench(SIZES[options.size], few=options.size == "tiny") as bench:
        for name in options.rows:
            began = time.monotonic()
            figures += (ROWS | LONG)[name](bench)
            sys.stderr.write(f"{name}: {time.monotonic() - began:.1f} s\n")
    if options.json:
        print(json.dumps({"machine": _machine(), "rows": [f.as_json() for f in figures]}, ensure_ascii=False))
    else:
        print(f"{_machine()}\n\n{table(figures)}")
    return int(any(f.met is False for f in figures))


def _machine() -> str:
    load = "/".join(f"{x:.1f}" for x in os.getloadavg())
    return f"{platform.machine()}, {os.cpu_count()} cores, load {load}, Python {platform.python_version()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="both", help="how large the register is")
    parser.add_argument("--rows", type=_rows, default=list(ROWS), help=f"some of: {','.join(ROWS | LONG)}")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    return parser


def _rows(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in ROWS | LONG]:
        raise argparse.ArgumentTypeError(f"no such row: {', '.join(unknown)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
